package main

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"govae/internal/philox"
	"govae/model"
	"govae/model/gmm"
)

// components of the mixture that is fitted to the codes.
const components = 10

const (
	pictured = 20 // samples of each kind that are drawn
	steps    = 11 // of an interpolation
)

// samples are what the judge says of images that a model decoded.
type samples struct {
	Kind model.Kind
	From string // what the latents were drawn from
	quality
	shown []float32 // some of the images
}

// sampleAll draws as many samples as there are test images from all models on all images, with latents from several distributions.
func (s *study) sampleAll(r *results) error {
	n := s.set.Test.Len()
	r.Components = components
	for _, kind := range kinds {
		a := s.models[name{kind, s.set.Train.Len(), wide}]
		codes, _, err := a.Encode(values(&s.set.Train, 0, s.set.Train.Len()))
		if err != nil {
			return err
		}
		x := matrix(codes, s.set.Train.Len())
		normal := make([]float32, n*wide)
		for i := range n {
			philox.New(seed, philox.Latent, uint64(i)).Normal(normal[i*wide:][:wide])
		}
		test, _, err := a.Encode(s.test)
		if err != nil {
			return err
		}
		one, err := fitted(x, 1, n)
		if err != nil {
			return err
		}
		mixture, err := fitted(x, components, n)
		if err != nil {
			return err
		}
		for _, from := range []struct {
			name string
			z    []float32
		}{
			{"N(0, I)", normal}, {"one Gaussian", one}, {fmt.Sprintf("%d Gaussians", components), mixture}, {"codes of test images", test},
		} {
			images, err := a.Decode(from.z)
			if err != nil {
				return err
			}
			q, err := s.judge.of(images)
			if err != nil {
				return err
			}
			r.Samples = append(r.Samples, samples{kind, from.name, q, images[:pictured*a.Config().Image.Pixels()]})
		}
		r.Spreads = append(r.Spreads, spread{kind, deviation(x)})
		s.note("samples of %s", kind)
	}
	return nil
}

// fitted draws n latents from a mixture of k Gaussians fitted to the codes, the rows of x.
func fitted(x *mat.Dense, k, n int) ([]float32, error) {
	o := gmm.DefaultOptions()
	o.Components, o.Seed, o.Starts = k, seed, 1
	m, err := gmm.Fit(x, o)
	if err != nil {
		return nil, err
	}
	z := make([]float32, 0, n*wide)
	for _, v := range m.Sample(n, seed).RawMatrix().Data {
		z = append(z, float32(v))
	}
	return z, nil
}

// spread says how far apart the codes of a kind are.
type spread struct {
	Kind      model.Kind
	Deviation float64
}

// deviation returns the square root of the mean over the dimensions of the codes' variance: of N(0, I) it is 1.
func deviation(codes *mat.Dense) float64 {
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, codes, nil)
	return math.Sqrt(mat.Trace(&covariance) / float64(covariance.SymmetricDim()))
}

// interpolation is what the judge says of what is half-way between two images.
type interpolation struct {
	Kind model.Kind
	quality
	shown []float32 // walks, a row each
}

// walks are between the test images of these classes, the first of each.
var walks = [][2]byte{{0, 6}, {7, 2}, {3, 8}, {4, 9}, {1, 5}}

// interpolateAll walks from some images to others in a straight line of codes, and looks at the middle of the way from each image in the
// first half of the test images to one of another class in the second.
func (s *study) interpolateAll(r *results) error {
	pixels := s.set.Test.Shape.Pixels()
	firsts := func(end int) (x []float32) {
		for _, w := range walks {
			x = append(x, s.test[s.firstOf(w[end])*pixels:][:pixels]...)
		}
		return x
	}
	from, to := s.pairs()
	for _, kind := range kinds {
		a := s.models[name{kind, s.set.Train.Len(), wide}]
		shown, err := a.Interpolate(firsts(0), firsts(1), steps)
		if err != nil {
			return err
		}
		ways, err := a.Interpolate(from, to, 3) // the start, the middle and the end
		if err != nil {
			return err
		}
		var middles []float32
		for i := pixels; i < len(ways); i += 3 * pixels {
			middles = append(middles, ways[i:][:pixels]...)
		}
		q, err := s.judge.of(middles)
		if err != nil {
			return err
		}
		r.Interpolations = append(r.Interpolations, interpolation{kind, q, shown})
	}
	return nil
}

// firstOf returns the place of the first test image of a class.
func (s *study) firstOf(class byte) int {
	for i, label := range s.set.Test.Labels {
		if label == class {
			return i
		}
	}
	return 0
}

// pairs returns the images of the first half of the test images, and for each the first image of another class at its place in the second
// half or after it.
func (s *study) pairs() (from, to []float32) {
	labels, pixels := s.set.Test.Labels, s.set.Test.Shape.Pixels()
	half := len(labels) / 2
	for i := range half {
		other := half + i
		for labels[other] == labels[i] {
			other = half + (other-half+1)%half
		}
		from = append(from, s.test[i*pixels:][:pixels]...)
		to = append(to, s.test[other*pixels:][:pixels]...)
	}
	return from, to
}
