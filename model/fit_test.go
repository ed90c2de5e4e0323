package model

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/model/op"
)

// linear adds the shapes of a layer's weight and bias, as torch.nn.Linear has them.
func linear(shapes map[string]tensor.Shape, name string, in, out int) {
	shapes[name+".weight"], shapes[name+".bias"] = tensor.Shape{out, in}, tensor.Shape{out}
}

// shapesOf returns the shapes of a network by its layers' widths, written down without Config.Parameters.
func shapesOf(pixels int, hidden []int, latent int) map[string]tensor.Shape {
	shapes := make(map[string]tensor.Shape)
	width, n := pixels, len(hidden)
	for i, next := range hidden {
		linear(shapes, fmt.Sprintf("encoder.%d", 2*i), width, next)
		width = next
	}
	linear(shapes, "mean", width, latent)
	linear(shapes, "logVar", width, latent)
	width = latent
	for i := range hidden {
		next := hidden[n-1-i]
		linear(shapes, fmt.Sprintf("decoder.%d", 2*i), width, next)
		width = next
	}
	linear(shapes, fmt.Sprintf("decoder.%d", 2*n), width, pixels)
	return shapes
}

func TestFit(t *testing.T) {
	like := DefaultConfig()
	like.Activation, like.Classes = op.Sigmoid, 7
	for _, test := range []struct {
		pixels int
		hidden []int
		latent int
		image  Image
	}{
		{784, []int{400}, 20, Image{28, 28, 1}},
		{784, []int{1}, 1, Image{28, 28, 1}},
		{784, []int{300, 100}, 16, Image{28, 28, 1}},
		{784, []int{300, 200, 100}, 784, Image{28, 28, 1}},
		{784, []int{20, 20, 20}, 20, Image{28, 28, 1}},
		{1, []int{2, 3}, 4, Image{1, 1, 1}},
		{1024, []int{50}, 2, Image{32, 32, 1}},
		{3072, []int{50}, 2, Image{32, 32, 3}},
		{3, []int{50}, 2, Image{1, 1, 3}},
		{16777216, []int{1}, 1, Image{4096, 4096, 1}},
	} {
		got, err := like.Fit(shapesOf(test.pixels, test.hidden, test.latent))
		want := like
		want.Image, want.Hidden, want.Latent = test.image, test.hidden, test.latent
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d-%v-%d: got %+v (%v), want %+v", test.pixels, test.hidden, test.latent, got, err, want)
		}
	}
	if !reflect.DeepEqual(like.Hidden, []int{400}) || like.Latent != 20 {
		t.Errorf("the config to be like has become %+v", like)
	}
}

// TestFitKeepsTheShapeOfTheImages checks that a shape of as many pixels is taken before a square one.
func TestFitKeepsTheShapeOfTheImages(t *testing.T) {
	for _, image := range []Image{{6, 6, 1}, {4, 9, 1}, {3, 4, 3}, {1, 36, 1}} {
		like := DefaultConfig()
		like.Image = image
		got, err := like.Fit(shapesOf(36, []int{5}, 2))
		if err != nil || got.Image != image {
			t.Errorf("images are %v (%v), want %v", got.Image, err, image)
		}
	}
}

func TestFitRefuses(t *testing.T) {
	layers := func(n int) (hidden []int) {
		for range n {
			hidden = append(hidden, 9)
		}
		return hidden
	}
	for _, test := range []struct {
		shapes map[string]tensor.Shape
		spoil  func(map[string]tensor.Shape)
		want   string
	}{
		{nil, nil, "parameter encoder.0.weight is missing"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["encoder.0.weight"] = tensor.Shape{45} }, "encoder.0.weight has shape (45), want two dimensions"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["encoder.0.weight"] = tensor.Shape{5, 1, 3, 3} }, "encoder.0.weight has shape (5, 1, 3, 3), want two"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["encoder.0.weight"] = tensor.Shape{} }, "encoder.0.weight has shape (), want two"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["decoder.0.weight"] = tensor.Shape{10} }, "decoder.0.weight has shape (10), want two"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { delete(s, "decoder.0.weight") }, "parameter decoder.0.weight is missing"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { delete(s, "decoder.2.bias") }, "parameter decoder.2.bias is missing"},
		{shapesOf(9, []int{5, 4}, 2), func(s map[string]tensor.Shape) { delete(s, "encoder.2.weight") }, "parameter encoder.2.weight is missing"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["mean.bias"] = tensor.Shape{2, 1} }, "mean.bias has shape (2, 1), want (2)"},
		{shapesOf(9, []int{5}, 1), func(s map[string]tensor.Shape) { s["mean.weight"] = tensor.Shape{5} }, "mean.weight has shape (5), want (1, 5)"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["decoder.2.weight"] = tensor.Shape{8, 5} }, "decoder.2.weight has shape (8, 5), want (9, 5)"},
		{shapesOf(9, []int{5}, 2), func(s map[string]tensor.Shape) { s["head.bias"] = tensor.Shape{2} }, "unknown parameter head.bias"},
		{shapesOf(9, []int{0}, 2), nil, "hidden is 0, want 1 to 64 numbers"},
		{shapesOf(9, []int{65537}, 2), nil, "hidden is 65537, want 1 to 64 numbers"},
		{shapesOf(9, []int{5}, 0), nil, "latent is 0"},
		{shapesOf(9, layers(65), 9), nil, "want 1 to 64 numbers"},
		{shapesOf(9, layers(200), 9), nil, "want 1 to 64 numbers"},
		{shapesOf(10, []int{5}, 2), nil, "images of 10 values are neither 28×28×1 nor square: say of what shape they are"},
		{shapesOf(0, []int{5}, 2), nil, "image.height is 0"},
		{shapesOf(4097*4097, []int{1}, 1), nil, "image.height is 4097"},
		{shapesOf(4096*4096, []int{65536}, 1), nil, "parameters, want at most"},
		{shapesOf(1<<60, []int{1}, 1), nil, "image.height is 1073741824"},
	} {
		if test.spoil != nil {
			test.spoil(test.shapes)
		}
		if _, err := DefaultConfig().Fit(test.shapes); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want one that says %q", err, test.want)
		}
	}
	if _, err := DefaultConfig().Fit(shapesOf(784, layers(64), 9)); err != nil {
		t.Errorf("64 layers: %v", err)
	}
}
