package train

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/internal/picture"
	"govae/model"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// readPicture returns the picture that a run has written under the given name.
func readPicture(t *testing.T, o Options, name string) image.Image {
	t.Helper()
	file, err := os.Open(filepath.Join(o.Out, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return img
}

// checkPlace checks that the image in a row and a column of a picture's grid is the given one, of values in [0, 1], or that there is
// none if it is nil, but the ground with hatching. Each of its pixels is a square of 2×2 in the picture, and 2 pixels are between two
// images. A level may be one off: values are rounded where they are drawn.
func checkPlace(t *testing.T, img image.Image, row, column int, want []float32) {
	t.Helper()
	for y := range 2 * height {
		for x := range 2 * width {
			level := 64.0
			if want != nil {
				level = 255 * float64(want[y/2*width+x/2])
			} else if (x+y)%6 == 0 {
				level = 104
			}
			got := color.GrayModel.Convert(img.At((2*width+2)*column+x, (2*height+2)*row+y)).(color.Gray).Y
			if math.Abs(float64(got)-level) > 1 {
				t.Fatalf("row %d, column %d of the grid: pixel (%d, %d) is %d, want %.1f", row, column, x/2, y/2, got, level)
			}
		}
	}
}

// TestPicturesShowTheModel checks each picture of a run against what package generate makes of the checkpoint of that epoch and
// of the data set: 64 samples in 8 columns, from the model's seed, and in 16 columns the 19 test images, each above what it
// becomes.
func TestPicturesShowTheModel(t *testing.T) {
	o := testOptions(t)
	o.Settings.Seed = 5
	set, err := dataset.Open(o.Data.Path)
	if err != nil {
		t.Fatal(err)
	}
	const pixels = height * width
	inputs := make([]float32, testImages*pixels)
	for i, level := range set.Test.Values {
		inputs[i] = float32(level) / 255
	}

	for _, o.Epochs = range []int{1, 2} {
		mustRun(t, o)
		o.Resume = true
		o.Settings = machine.DefaultSettings() // of which none is given: the run has its own
		generator, err := generate.Open(filepath.Join(o.Out, "checkpoint.safetensors"), device.CPU)
		if err != nil {
			t.Fatal(err)
		}

		samples, err := generator.Sample(64, 5)
		if err != nil {
			t.Fatal(err)
		}
		img := readPicture(t, o, fmt.Sprintf("samples/epoch-%04d.png", o.Epochs))
		for i := range 64 {
			checkPlace(t, img, i/8, i%8, samples[i*pixels:][:pixels])
		}

		outputs, err := generator.Reconstruct(inputs)
		if err != nil {
			t.Fatal(err)
		}
		img = readPicture(t, o, fmt.Sprintf("reconstructions/epoch-%04d.png", o.Epochs))
		for i := range 32 {
			row, column := 2*(i/16), i%16
			if i >= testImages {
				checkPlace(t, img, row, column, nil)
				checkPlace(t, img, row+1, column, nil)
				continue
			}
			checkPlace(t, img, row, column, inputs[i*pixels:][:pixels])
			checkPlace(t, img, row+1, column, outputs[i*pixels:][:pixels])
		}
	}
}

// undrawn is a machine of images that are not drawn, for an error that says why.
type undrawn struct {
	machine.Machine
	err error
}

func (u undrawn) Forward(model.Part, ...[]float32) ([][]float32, error) { return nil, u.err }

// TestPicturesThatAreTooLarge checks that no epoch is lost where the images are so large that a picture of them, or the images themselves,
// would be more than package picture or package generate makes. Both errors come from the machine here, for want of gigabytes.
func TestPicturesThatAreTooLarge(t *testing.T) {
	for _, tooLarge := range []error{picture.ErrTooLarge, generate.ErrInput} {
		o := testOptions(t)
		o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
			m, words, err := device.Open(name, j)
			return undrawn{m, tooLarge}, words, err
		}
		mustRun(t, o)
		if c := load(t, o, "checkpoint.safetensors"); c.Run.Epoch != 2 {
			t.Errorf("%v: the checkpoint is of epoch %d, want the last", tooLarge, c.Run.Epoch)
		}
		if n := strings.Count(printed(o), "note     not all pictures are drawn: "); n != 1 || !strings.Contains(printed(o), tooLarge.Error()) {
			t.Errorf("%v: told %d times:\n%s", tooLarge, n, printed(o))
		}
	}
}
