package model

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestImageInJSON(t *testing.T) {
	text, err := json.Marshal(Image{Height: 2, Width: 5, Channels: 3})
	if want := `{"height":2,"width":5,"channels":3}`; err != nil || string(text) != want {
		t.Errorf("got %s (%v), want %s", text, err, want)
	}
}

// TestFill fills with one image and with several, of values that include every byte.
func TestFill(t *testing.T) {
	images := Images{Shape: Image{Height: 4, Width: 8, Channels: 3}, Values: make([]byte, 3*96)}
	for j := range images.Values {
		images.Values[j] = byte(j)
	}
	if n := images.Len(); n != 3 {
		t.Fatalf("%d images, want 3", n)
	}
	for first := range 3 {
		for n := 0; first+n <= 3; n++ {
			got := make([]float32, n*96)
			images.Fill(got, first)
			for j, v := range got {
				// A quotient in float64, rounded to float32, is the correctly rounded one.
				if want := float32(float64(images.Values[first*96+j]) / 255); v != want {
					t.Fatalf("%d images from %d on: value %d is %v, want %v", n, first, j, v, want)
				}
			}
		}
	}
}

// TestFillEndsWithTheImages asks for images that are not there, with values of somebody else behind the last.
func TestFillEndsWithTheImages(t *testing.T) {
	images := Images{Shape: Image{Height: 1, Width: 2, Channels: 1}, Values: make([]byte, 8)[:4]}
	for _, c := range []struct{ first, n int }{{2, 1}, {1, 2}, {0, 3}, {-1, 1}, {5, 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d from image %d on are filled, and there are 2", c.n, c.first)
				}
			}()
			images.Fill(make([]float32, 2*c.n), c.first)
		}()
	}
}

func TestLenWithoutAShape(t *testing.T) {
	for _, shape := range []Image{{}, {Height: 2, Width: 0, Channels: 1}, {Height: -1, Width: 1, Channels: 1}} {
		images := Images{Shape: shape, Values: make([]byte, 4)}
		if n := images.Len(); n != 0 {
			t.Errorf("%d images of %v, want 0", n, shape)
		}
	}
}

func TestImagesCheck(t *testing.T) {
	grey := Image{Height: 4, Width: 5, Channels: 1}
	for _, c := range []struct {
		shape          Image
		values, labels int
		want           string // empty: no error
	}{
		{grey, 20, 0, ""},
		{grey, 80, 4, ""},
		{Image{Height: 4, Width: 5, Channels: 3}, 120, 2, ""},
		{Image{Height: MaxSide, Width: 1, Channels: 1}, MaxSide, 1, ""},
		{Image{Height: 1, Width: MaxSide, Channels: 1}, MaxSide, 1, ""},
		{Image{Height: MaxSide + 1, Width: 1, Channels: 1}, MaxSide + 1, 0, "images.shape.height is 4097, want 1 to 4096"},
		{Image{Height: 1, Width: MaxSide + 1, Channels: 1}, MaxSide + 1, 0, "images.shape.width is 4097, want 1 to 4096"},
		{Image{Height: 0, Width: 5, Channels: 1}, 20, 0, "images.shape.height is 0, want 1 to 4096"},
		{Image{Height: -4, Width: -5, Channels: 1}, 20, 0, "images.shape.height is -4, want 1 to 4096"},
		{Image{Height: 4, Width: 5, Channels: 2}, 40, 0, "images.shape.channels is 2, want 1 (grey) or 3 (RGB)"},
		{grey, 17, 0, "images.values has 17 bytes, want a whole number of images of 4×5×1"},
		{grey, 41, 2, "images.values has 41 bytes, want a whole number of images of 4×5×1"},
		{grey, 0, 0, "images.values has 0 bytes, want at least one image of 4×5×1"},
		{grey, 80, 3, "images.labels has 3, want 4, one for each image, or none"},
		{grey, 80, 5, "images.labels has 5, want 4, one for each image, or none"},
	} {
		images := Images{Shape: c.shape, Values: make([]byte, c.values), Labels: make([]byte, c.labels)}
		err := images.Check()
		if c.want == "" && err != nil {
			t.Errorf("%d bytes and %d labels for %v: %v", c.values, c.labels, c.shape, err)
		}
		if c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "model: "+c.want)) {
			t.Errorf("%d bytes and %d labels for %v: error is %v, want %q", c.values, c.labels, c.shape, err, c.want)
		}
	}
}
