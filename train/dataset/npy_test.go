package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/model"
)

// rampAt returns the value that testdata/arrays.py puts at a place, in C order, of an array of that shape.
func rampAt(shape []int, place ...int) byte {
	i := 0
	for axis, p := range place {
		i = i*shape[axis] + p
	}
	return byte(251 * i)
}

// openFile opens what is in testdata.
func openFile(t *testing.T, name string, holdout float64) *Set {
	t.Helper()
	source := DefaultSource()
	source.Path, source.Holdout = filepath.Join("testdata", name), holdout
	set, err := source.Open(t.Context(), nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := set.Check(); err != nil || set.Name != name {
		t.Errorf("%s: name %q, %v", name, set.Name, err)
	}
	return set
}

// together returns the images of a set that was divided, as if it were not.
func together(set *Set) map[string]bool {
	found := map[string]bool{}
	for _, images := range []*model.Images{&set.Train, &set.Test} {
		for image := range slices.Chunk(images.Values, images.Shape.Pixels()) {
			found[string(image)] = true
		}
	}
	return found
}

// The files were written by numpy: every layout, type and byte order holds the same images.
func TestNumPysFiles(t *testing.T) {
	grey, last, first := []int{3, 4, 5}, []int{2, 4, 5, 3}, []int{2, 3, 4, 5}
	greyAt := func(i, _, y, x int) byte { return rampAt(grey, i, y, x) }
	tests := []struct {
		shape model.Image
		n     int
		at    func(i, c, y, x int) byte
		files []string
	}{
		{model.Image{Height: 4, Width: 5, Channels: 1}, 3, greyAt, []string{"grey-uint8.npy", "grey-uint8-fortran.npy", "grey-float32.npy", "grey-float32-big.npy",
			"grey-float64-fortran.npy", "grey-one-channel.npy", "grey-version-2.npy", "alone.npz", "positional.npz"}},
		{model.Image{Height: 4, Width: 5, Channels: 3}, 2, func(i, c, y, x int) byte { return rampAt(last, i, y, x, c) },
			[]string{"rgb-last.npy", "rgb-last-fortran.npy"}},
		{model.Image{Height: 4, Width: 5, Channels: 3}, 2, func(i, c, y, x int) byte { return rampAt(first, i, c, y, x) },
			[]string{"rgb-first.npy", "rgb-first-float64-big.npy"}},
	}
	for _, test := range tests {
		for _, name := range test.files {
			set := openFile(t, name, 0.1)
			if set.Train.Shape != test.shape || set.Train.Len() != test.n-1 || set.Test.Len() != 1 {
				t.Errorf("%s: %d and %d images of %v, want %d in all of %v", name, set.Train.Len(), set.Test.Len(), set.Train.Shape, test.n, test.shape)
				continue
			}
			found := together(set)
			for i := range test.n {
				var image []byte
				for c := range test.shape.Channels {
					for y := range test.shape.Height {
						for x := range test.shape.Width {
							image = append(image, test.at(i, c, y, x))
						}
					}
				}
				if !found[string(image)] {
					t.Errorf("%s: image %d is not among those read: %v", name, i, image)
				}
			}
		}
	}
}

// Channels are last where both the second and the last side could be theirs.
func TestChannelsLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.npy")
	if err := os.WriteFile(path, npyFile("|u1", false, []int{2, 3, 5, 3}, ramp(90)), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := Open(path)
	if want := (model.Image{Height: 3, Width: 5, Channels: 3}); err != nil || set.Train.Shape != want {
		t.Errorf("images of %v, %v, want %v", set, err, want)
	}
}

func TestPixel(t *testing.T) {
	for v := range 256 {
		if got, ok := pixel(float64(float32(v) / 255)); !ok || got != byte(v) {
			t.Errorf("%d/255 becomes %d, %t", v, got, ok)
		}
	}
	for v, want := range map[float64]byte{0.5: 128, 0.499: 127, 1: 255, 0.9981: 255, 0.998: 254, 0.0019: 0, 0.002: 1, math.Copysign(0, -1): 0, 1e-300: 0} {
		if got, ok := pixel(v); !ok || got != want {
			t.Errorf("%v becomes %d, %t, want %d", v, got, ok, want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1e-9, math.Nextafter(1, 2)} {
		if got, ok := pixel(v); ok {
			t.Errorf("%v becomes %d, want nothing", v, got)
		}
	}
}

// npyFile returns a .npy file of version 1, as numpy writes it.
func npyFile(descr string, fortran bool, shape []int, values []byte) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	sides := strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", ", ")
	if len(shape) == 1 {
		sides += ","
	}
	return npyText(fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", descr, order, sides), values)
}

func npyText(header string, values []byte) []byte {
	file := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(file, header...), values...)
}

// floats returns numbers as an array's file holds them.
func floats[F float32 | float64](values ...F) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, values)
	return b.Bytes()
}

func TestNPYNamesTheFault(t *testing.T) {
	good := npyFile("|u1", false, []int{3, 4, 5}, ramp(60))
	long := npyFile("|u1", false, []int{3, 4, 5}, ramp(60))
	long[6] = 2 // the length of the header is of 32 bits then, and two of the text's letters are in it
	padded := append(binary.LittleEndian.AppendUint32([]byte("\x93NUMPY\x02\x00"), maxNPYHeader+1), bytes.Repeat([]byte(" "), maxNPYHeader+1)...)
	nan := float32(math.NaN())
	tests := []struct {
		fault   string
		content []byte
		want    string
	}{
		{"empty", nil, "ends within its header"},
		{"another kind", []byte("P5 4 5 255 and so on"), "not an array that numpy.save has written"},
		{"cut in the magic number", good[:5], "ends within its header"},
		{"cut in the length", good[:9], "ends within its header"},
		{"cut in the header", good[:20], "ends within its header"},
		{"a header of 2 GB", long, "header has"},
		{"a header of 64 KiB and a byte", padded, "header has 65537 bytes, want at most 65536"},
		{"version 3", append([]byte("\x93NUMPY\x03\x00"), good[8:]...), "version 3 of NumPy's format, want 1 or 2"},
		{"values end early", good[:len(good)-1], "has 59 bytes of values, want 60 for uint8 [3, 4, 5]"},
		{"values go on", append(slices.Clone(good), 0), "has 61 bytes of values, want 60"},
		{"no header", npyText("", nil), "header is not as numpy writes it"},
		{"no end of line", npyText("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5), }", ramp(60)), "header is not as numpy writes it"},
		{"another order of keys", npyText("{'shape': (3, 4, 5), 'fortran_order': False, 'descr': '|u1', }\n", ramp(60)), "header is not as numpy writes it"},
		{"a shape that would be cut", npyText("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5, 1)}\n", ramp(60)), "header is not as numpy writes it"},
		{"a shape of words", npyText("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, five), }\n", ramp(60)), "header is not as numpy writes it"},
		{"escape sequences", npyText("{'descr': '|u1', \x1b[2J }\n", nil), `\x1b[2J`},
		{"escape sequences as the type", npyText("{'descr': '\x1b[2J', 'fortran_order': False, 'shape': (3, 4, 5), }\n", nil), `"\x1b[2J"`},
		{"a negative side", npyFile("|u1", false, []int{3, -4, -5}, ramp(60)), "shape [3, -4, -5] has a negative side"},
		{"a side of -1", npyFile("|u1", false, []int{-1, 4, 5}, ramp(60)), "shape [-1, 4, 5] has a negative side"},
		{"a value more than 1 GiB", npyFile("|u1", false, []int{1<<18 + 1, 64, 64}, nil), "asks for more than 1,073,741,824 values"},
		{"10¹² images", npyFile("|u1", false, []int{1e12, 28, 28}, ramp(60)), "asks for more than 1,073,741,824 values"},
		{"a product of 2⁶⁴", npyFile("|u1", false, []int{1 << 32, 1 << 32, 1}, nil), "asks for more than 1,073,741,824 values"},
		{"a product of 0", npyFile("|u1", false, []int{3, 0, 5}, nil), "shape [3, 0, 5] has no values"},
		{"wide images", npyFile("|u1", false, []int{1, 1, 4097}, ramp(4097)), "want at most 4,194,304 images of 4096×4096"},
		{"many images", npyFile("|u1", false, []int{4194305, 1, 1}, nil), "want at most 4,194,304 images of 4096×4096"},
		{"many axes", npyFile("|u1", false, make([]int, 65), nil), "has 65 axes, want at most 64"},
		{"a number", npyText("{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", []byte{1}), "shape is [], want [n, height, width]"},
		{"one axis", npyFile("|u1", false, []int{60}, ramp(60)), "shape is [60], want [n, height, width]"},
		{"rows", npyFile("|u1", false, []int{2, 784}, ramp(2*784)), "shape is [2, 784], one row for each image: x.reshape(-1, 28, 28)"},
		{"rows of colour", npyFile("|u1", false, []int{1, 3072}, ramp(3072)), "x.reshape(-1, 3, 32, 32), or x.reshape(-1, 32, 32, 3)"},
		{"rows of no square", npyFile("|u1", false, []int{3, 20}, ramp(60)), "x.reshape(-1, height, width)"},
		{"transparency", npyFile("|u1", false, []int{1, 4, 5, 4}, ramp(80)), "has 4 channels, want 1 or 3: x[..., :3] drops"},
		{"transparency first", npyFile("|u1", false, []int{1, 4, 5, 5}, ramp(100)), "has 4 channels, want 1 or 3: x[:, :3] drops"},
		{"grey and transparency", npyFile("|u1", false, []int{1, 4, 5, 2}, ramp(40)), "has 2 channels, want 1 or 3: x[..., :1] drops"},
		{"hyperspectral", npyFile("|u1", false, []int{1, 6, 6, 7}, ramp(252)), "with 1 or 3 channels"},
		{"five axes", npyFile("|u1", false, []int{1, 1, 3, 4, 5}, ramp(60)), "shape is [1, 1, 3, 4, 5], want [n, height, width]"},
		{"bool", npyFile("|b1", false, []int{3, 4, 5}, ramp(60)), "values are bool, want uint8, or float32 or float64 from 0 to 1: x.astype('uint8') * 255"},
		{"int64", npyFile("<i8", false, []int{3, 4, 5}, make([]byte, 480)), "values are int64, want uint8"},
		{"float16", npyFile("<f2", false, []int{3, 4, 5}, make([]byte, 120)), "values are float16, want uint8, or float32 or float64 from 0 to 1: x.astype('float32')"},
		{"8 bits, once 8 times the size is more than 64 bits hold", npyFile("<u2305843009213693953", false, []int{3, 4, 5}, ramp(60)), "values are <u2305843009213693953, want uint8"},
		{"objects", npyFile("|O", false, []int{3, 4, 5}, ramp(60)), "values are object, want uint8"},
		{"records", npyText("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2, 2), }\n", make([]byte, 16)), "values are records, want uint8"},
		{"above 1", npyFile("<f4", false, []int{1, 2, 3}, floats[float32](0, 1, 0.5, 0, 1.5, -1)), "the value at [0, 1, 1] is 1.5, want float32 from 0 to 1"},
		{"above 1, Fortran", npyFile("<f8", true, []int{2, 2, 3}, floats(0, 1, 0.5, 0, 1, 0, 0, 1.5, 0, 0, 0, 0)), "the value at [1, 1, 1] is 1.5, want float64 from 0 to 1"},
		{"not a number", npyFile("<f4", false, []int{1, 2, 3}, floats(0, 0, nan, 0, 0, 0)), "the value at [0, 0, 2] is NaN"},
		{"infinite", npyFile("<f4", false, []int{1, 2, 2}, floats(0, float32(math.Inf(-1)), 0, 0)), "the value at [0, 0, 1] is -Inf"},
		{"NaN far on", npyFile("<f4", false, []int{2, 50, 60}, floats(append(make([]float32, 5000), append([]float32{nan}, make([]float32, 999)...)...)...)), "the value at [1, 33, 20] is NaN"},
		{"0 to 255", npyFile("<f8", false, []int{1, 2, 2}, floats[float64](0, 1, 254, 255)), "the value at [0, 1, 0] is 254, want float64 from 0 to 1: if they go up to 255, x.astype('uint8')"},
		{"-1 to 1", npyFile("<f4", false, []int{1, 2, 2}, floats[float32](0, -0.5, 1, 1)), "is -0.5, want float32 from 0 to 1: if they go from -1 to 1, (x + 1) / 2"},
		{"one image", npyFile("|u1", false, []int{1, 4, 5}, ramp(20)), "there is no test set, and 1 image to make one of"},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "my.npy")
			if err := os.WriteFile(path, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			want := []string{test.want}
			if test.fault != "one image" {
				want = append(want, path)
			}
			checkError(t, path, want...)
		})
	}
}
