package stock_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
	"govae/model/stock"
)

// TestNetworksAgree checks the loss, its terms and every parameter's gradient of a whole network against those
// of the same network from stock operations.
func TestNetworksAgree(t *testing.T) {
	small := model.DefaultConfig()
	small.Image = model.Image{Height: 5, Width: 7, Channels: 1}
	small.Hidden, small.Latent, small.Activation = []int{13, 9}, 3, op.Tanh
	sigmoid := small
	sigmoid.Hidden, sigmoid.Activation = []int{11}, op.Sigmoid

	for name, c := range map[string]struct {
		config model.Config
		batch  int
	}{
		"default":     {model.DefaultConfig(), 17},
		"two layers":  {small, 6},
		"sigmoid":     {sigmoid, 1},
		"default, 96": {model.DefaultConfig(), 96},
	} {
		t.Run(name, func(t *testing.T) { compare(t, c.config, c.batch) })
	}
}

func compare(t *testing.T, cfg model.Config, batch int) {
	weights := model.InitialWeights(cfg, 1)
	ours, err := model.New(cfg, model.Train, batch, weights)
	if err != nil {
		t.Fatal(err)
	}
	reference := stock.New(cfg, batch, weights)

	x := make([]float32, batch*cfg.Image.Pixels())
	philox.New(7, philox.Latent, 0).Uniform(x, 0, 1)
	epsilon := make([]float32, batch*cfg.Latent)
	philox.New(7, philox.Epsilon, 0).Normal(epsilon)

	gradients, err := ours.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	feed := map[string]any{"x": x, "epsilon": epsilon, "beta": float32(0.7)} // both graphs' inputs have these names
	graphtest.Run(t, ours.Graph, feed)
	wantGradients, err := gorgonia.Grad(reference.Loss, reference.Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, reference.Graph, feed)

	for i, node := range []*gorgonia.Node{reference.Loss, reference.Reconstruction, reference.KL} {
		got, want := graphtest.Scalar(ours.Terms[i].Node), graphtest.Scalar(node)
		if !(math.Abs(got-want) <= 1e-4*math.Abs(want)) || want == 0 {
			t.Errorf("%s is %v, want %v", ours.Terms[i].Name, got, want)
		}
	}
	for i, p := range cfg.Parameters() {
		want := wantGradients[i].Value().(tensor.Tensor)
		if want.Dims() == 2 {
			transposed, err := tensor.T(want)
			if err != nil {
				t.Fatal(err)
			}
			want = tensor.Materialize(transposed)
		}
		distance, length := 0.0, 0.0
		got := graphtest.Floats(gradients[i])
		for j, w := range want.Data().([]float32) {
			distance += math.Pow(float64(got[j]-w), 2)
			length += math.Pow(float64(w), 2)
		}
		if !(math.Sqrt(distance) <= 1e-4*math.Sqrt(length)) || length == 0 {
			t.Errorf("gradient of %s is off by %g of its length %g", p.Name, math.Sqrt(distance/length), math.Sqrt(length))
		}
	}
}
