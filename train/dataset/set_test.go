package dataset

import (
	"testing"

	"govae/model"
)

// inMemory returns a data set that was read from nowhere: 3 and 1 images of 4×5 pixels.
func inMemory() *Set {
	shape := model.Image{Height: 4, Width: 5, Channels: 1}
	return &Set{
		Name:  "mine",
		Train: model.Images{Shape: shape, Values: ramp(60), Labels: []byte{7, 8, 9}},
		Test:  model.Images{Shape: shape, Values: ramp(20), Labels: []byte{1}},
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Set)
		want   string // empty: no error
	}{
		{"as it is", func(*Set) {}, ""},
		{"no labels", func(s *Set) { s.Train.Labels, s.Test.Labels = nil, nil }, ""},
		{"another test shape", func(s *Set) { s.Test.Shape = model.Image{Height: 5, Width: 4, Channels: 1} },
			"dataset: test.shape is 5×4×1, want 4×5×1, the shape of train"},
		{"training labels alone", func(s *Set) { s.Test.Labels = nil },
			"dataset: train has 3 labels and test has 0, want them in both or in neither"},
		{"test labels alone", func(s *Set) { s.Train.Labels = nil },
			"dataset: train has 0 labels and test has 1, want them in both or in neither"},
		{"half a training image", func(s *Set) { s.Train.Values = ramp(50) },
			"dataset: train: model: images.values has 50 bytes, want a whole number of images of 4×5×1"},
		{"no test images", func(s *Set) { s.Test.Values = nil },
			"dataset: test: model: images.values has 0 bytes, want at least one image of 4×5×1"},
	}
	for _, test := range tests {
		s := inMemory()
		test.change(s)
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: error is %q, want %q", test.name, got, test.want)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		train, test []byte
		want        int
	}{{nil, nil, 0}, {[]byte{0, 0, 0}, []byte{0}, 1}, {[]byte{3, 9, 0}, []byte{1}, 10}, {[]byte{0, 1, 2}, []byte{255}, 256}} {
		s := inMemory()
		s.Train.Labels, s.Test.Labels = test.train, test.test
		if got := s.Classes(); got != test.want {
			t.Errorf("labels %v and %v: %d classes, want %d", test.train, test.test, got, test.want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	// The start of SHA-256 of "3×4×5×1 ", images, labels, "1×4×5×1 ", images, label, computed with Python's hashlib.
	const want = "bfca924200d858cf"
	if got := inMemory().Fingerprint(); got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}

	// The start of SHA-256 of "2×2×5×3 ", images, labels, "1×2×5×3 ", images, label.
	const wantColour = "38ae14bd2860f621"
	shape := model.Image{Height: 2, Width: 5, Channels: 3}
	colour := Set{
		Train: model.Images{Shape: shape, Values: ramp(60), Labels: []byte{7, 8}},
		Test:  model.Images{Shape: shape, Values: ramp(30), Labels: []byte{1}},
	}
	if got := colour.Fingerprint(); got != wantColour {
		t.Errorf("fingerprint of colour images is %s, want %s", got, wantColour)
	}

	changes := map[string]func(*Set){
		"pixel":      func(s *Set) { s.Train.Values[59]++ },
		"label":      func(s *Set) { s.Train.Labels[2]++ },
		"shape":      func(s *Set) { s.Train.Shape.Height, s.Train.Shape.Width = 5, 4 },
		"count":      func(s *Set) { s.Train.Shape.Height = 2 },
		"channels":   func(s *Set) { s.Train.Shape = model.Image{Height: 1, Width: 10, Channels: 2} },
		"labels":     func(s *Set) { s.Train.Labels = nil },
		"test pixel": func(s *Set) { s.Test.Values[0]++ },
		"test label": func(s *Set) { s.Test.Labels[0]++ },
	}
	for name, change := range changes {
		s := inMemory()
		change(s)
		if s.Fingerprint() == want {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}
