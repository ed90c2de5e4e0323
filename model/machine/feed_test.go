package machine

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"govae/internal/parallel"
	"govae/internal/philox"
	"govae/model"
)

// spend lets some time pass in which the cores may make the next batch.
func spend() {
	for range 100 {
		parallel.For(2, 1, func(int, int) {})
	}
}

// forImages runs a test with machines for images of which one or two make a block, on several numbers of cores. The 13 images
// make batches of 5, 5 and 3.
func forImages(t *testing.T, test func(t *testing.T, m *CPU)) {
	for _, side := range []int{56, 100} {
		j := tinyJob()
		j.Model.Image, j.Model.Hidden, j.Model.Latent = model.Image{Height: side, Width: side, Channels: 1}, []int{1}, 3
		j.Train, j.Test = randomImages(j.Model.Image, 13, 1), randomImages(j.Model.Image, 13, 2)
		j.Settings.Batch = 5
		j.State.Step = 40
		m := open(t, j)
		onCores(func(cores int) {
			t.Run(fmt.Sprintf("%d×%d pixels, GOMAXPROCS=%d", side, side, cores), func(t *testing.T) { test(t, m) })
		})
	}
}

var errLeave = errors.New("enough")

// TestBatchIsMadeAhead leaves a sequence of batches after one, after two, after the last, and when it ends, and checks what
// each was fed, in training and in a test. After each of them the machine goes on with the next.
func TestBatchIsMadeAhead(t *testing.T) {
	order := []int{12, 3, 0, 7, 7, 1, 11, 2, 4, 10, 9, 5, 6}
	forImages(t, func(t *testing.T, m *CPU) {
		for _, test := range []bool{false, true} {
			var terms []Terms // of each batch, the same every time
			for most := 1; most <= 4; most++ {
				var sizes []int
				err := m.each(order, test, func(p *program) error {
					if len(terms) == len(sizes) {
						terms = append(terms, p.terms())
					} else if got := p.terms(); !slices.Equal(got, terms[len(sizes)]) {
						t.Errorf("test %v, batch %d: terms are %v, were %v", test, len(sizes), got, terms[len(sizes)])
					}
					spend()
					n, step := p.network.Batch, m.state.Step+uint64(len(sizes))
					want := fedTo(m.job, order[len(sizes)*5:][:n], step, test)
					for i, in := range p.network.Inputs {
						if in.Source == model.Setting {
							if float32(*p.scalars[i]) != want[in.Name()] {
								t.Errorf("%s is %v, want %v", in.Name(), *p.scalars[i], want[in.Name()])
							}
						} else if !sameBits(p.matrices[i].Float32s(), want[in.Name()].([]float32)) {
							t.Errorf("test %v, batch %d: %s is not that of the images", test, len(sizes), in.Name())
						}
					}
					if sizes = append(sizes, n); len(sizes) == most {
						return errLeave
					}
					return nil
				})
				if want := []int{5, 5, 3}[:min(most, 3)]; !slices.Equal(sizes, want) || errors.Is(err, errLeave) != (most < 4) {
					t.Errorf("batches of %v images and the error %v, want %v", sizes, err, want)
				}
			}
		}
	})
}

// inputOf returns an input of its own graph.
func inputOf(s model.Source, stream, testStream philox.Stream, rows, columns int) model.Input {
	node := gorgonia.NewMatrix(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(rows, columns), gorgonia.WithName("in"))
	return model.Input{Node: node, Source: s, Stream: stream, TestStream: testStream}
}

// The streams of TestSources are those that no other use of the input's source has.
const (
	normalStream, normalTest   = philox.Shuffle, philox.Latent
	uniformStream, uniformTest = philox.Weights, philox.Epsilon
)

// allSources returns inputs with k rows for each image of 4×3 pixels and of 6 classes, from every source that a feeder knows.
func allSources(batch, k int) []model.Input {
	return []model.Input{
		inputOf(model.Labels, 0, 0, batch*k, 6),
		{Node: gorgonia.NewScalar(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithName("setting")), Source: model.Setting},
		inputOf(model.Pixels, 0, 0, batch*k, 12),
		inputOf(model.Normal, normalStream, normalTest, batch*k, 5),
		inputOf(model.Uniform, uniformStream, uniformTest, batch*k, 3),
	}
}

// fromSources returns what allSources are fed, worked out a value at a time.
func fromSources(seed uint64, b batch, k int) [][]float32 {
	n := len(b.indices)
	values := [][]float32{make([]float32, n*k*6), nil, make([]float32, n*k*12), make([]float32, n*k*5), make([]float32, n*k*3)}
	for row := range n * k {
		image := b.indices[row/k]
		values[0][row*6+int(b.images.Labels[image])] = 1
		for p := range 12 {
			values[2][row*12+p] = float32(float64(b.images.Values[image*12+p]) / 255)
		}
	}
	if !b.test {
		philox.New(seed, normalStream, b.step).Normal(values[3])
		philox.New(seed, uniformStream, b.step).Uniform(values[4], 0, 1)
		return values
	}
	for row, image := range b.indices {
		philox.New(seed, normalTest, uint64(image)).Normal(values[3][row*k*5:][:k*5])
		philox.New(seed, uniformTest, uint64(image)).Uniform(values[4][row*k*3:][:k*3], 0, 1)
	}
	return values
}

// TestSources checks what comes from every source, for batches of which each is of another size than the last and that are made
// in one or more blocks, and with one and with three rows for each image.
func TestSources(t *testing.T) {
	const seed = 3
	images := randomImages(model.Image{Height: 4, Width: 3, Channels: 1}, 2000, 1)
	random := philox.New(2, philox.Latent, 0)
	for range 2000 {
		images.Labels = append(images.Labels, byte(random.Below(6)))
	}
	indices := make([]int, 2000)
	for i := range indices {
		indices[i] = i * 37 % 2000
	}
	onCores(func(cores int) {
		for _, k := range []int{1, 3} {
			for _, test := range []bool{false, true} {
				f := feeder{seed: seed}
				for step, n := range []int{5, 2000, 1, 700} {
					b := batch{images, indices[step:][:min(n, 2000-step)], uint64(step), test}
					f.start(allSources(len(b.indices), k), b)
					got := f.wait()
					for i, want := range fromSources(seed, b, k) {
						if !sameBits(got[i], want) {
							t.Errorf("%d cores, %d rows an image, test %v, %d images: input %d is not what it should be", cores, k, test, n, i)
						}
					}
				}
			}
		}
	})
}

// TestBatchIsGoodUntilTheNextButOne checks that what a feeder has returned stays while it makes the next batch, and that the
// batch after that takes its memory.
func TestBatchIsGoodUntilTheNextButOne(t *testing.T) {
	j := tinyJob()
	var f feeder
	var batches, copies [][][]float32
	for step, n := range []int{6, 6, 4, 5, 6, 2} {
		inputs := []model.Input{inputOf(model.Pixels, 0, 0, n, 15), inputOf(model.Normal, philox.Epsilon, 0, n, 2)}
		f.start(inputs, batch{j.Train, counted(23)[step:][:n], uint64(step), false})
		spend()
		now := slices.Clone(f.wait())
		batches, copies = append(batches, now), append(copies, [][]float32{slices.Clone(now[0]), slices.Clone(now[1])})
		for i := range inputs {
			if step > 0 && !sameBits(batches[step-1][i], copies[step-1][i]) {
				t.Errorf("step %d: input %d of the batch before was overwritten", step, i)
			}
			if step > 1 && (&now[i][0] != &batches[step-2][i][0] || &now[i][0] == &batches[step-1][i][0]) {
				t.Errorf("step %d: input %d is not in the memory of the batch before the last", step, i)
			}
		}
	}
}
