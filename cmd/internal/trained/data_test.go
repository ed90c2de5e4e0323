package trained

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"govae/internal/idxtest"
	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/generate"
)

// What the commands print is in their own tests, through them.

// parsed returns what a command line comes to.
func parsed(t *testing.T, args string) *Flags {
	t.Helper()
	f, flags := new(Flags), flag.NewFlagSet("", flag.ContinueOnError)
	f.Add(flags)
	if err := errors.Join(f.Parse(flags, strings.Fields(args)), f.Check()); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestGivenImagesAreMadeAsTheRunsWere: another path alone does not change what is made of what is there.
func TestGivenImagesAreMadeAsTheRunsWere(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, split := range []string{"train", "t10k"} {
		idxtest.Write(t, ".", split, 3, 2, make([]byte, 12), []byte{0, 1})
	}
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 3, Width: 2, Channels: 1}
	m := &Model{Generator: generate.On(nil, cfg), flags: parsed(t, "-data . -skip-bad"), stdout: io.Discard, stderr: io.Discard,
		Run: &checkpoint.Run{Data: checkpoint.Data{Source: map[string]string{"data": "elsewhere", "holdout": "0.25"}}}}
	set, err := m.Images(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := (dataset.Source{Path: ".", Holdout: 0.25, SkipBad: true}); set.Source != want {
		t.Errorf("read %+v, want %+v", set.Source, want)
	}
	if set, err = m.Others(context.Background(), "./.", "against"); err != nil || set.Source.Path != "./." || set.Source.Holdout != 0.25 {
		t.Errorf("read %+v (%v), want ./. as the run would", set, err)
	}
}

// TestAdviceNamesTheFlag: of two sets, the one that cannot be read is known by its flag.
func TestAdviceNamesTheFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	m := &Model{Generator: generate.On(nil, model.DefaultConfig()), flags: parsed(t, ""), stdout: io.Discard, stderr: io.Discard}
	if _, err := m.Others(context.Background(), "gone", "against"); !errors.Is(err, dataset.ErrNoData) || !strings.Contains(fmt.Sprint(err), ": name with -against a folder") {
		t.Errorf("got error %v", err)
	}
}

func TestFitting(t *testing.T) {
	grey, small, colour := model.Image{Height: 4, Width: 5, Channels: 1}, model.Image{Height: 3, Width: 2, Channels: 1}, model.Image{Height: 4, Width: 5, Channels: 3}
	tests := []struct {
		got, want model.Image
		greyGiven bool
		text      string
	}{
		{grey, small, false, "give -size 3x2, or name others with -against PATH"},
		{grey, small, true, "give -size 3x2, or"},
		{colour, grey, false, "give -grey, or"},
		{colour, small, false, "give -size 3x2 -grey, or"},
		{grey, colour, false, "name images in colour with -against PATH"},
		{small, colour, false, "name images in colour with -against PATH"},
		{grey, colour, true, "leave out -grey, or name images in colour with -against PATH"},
	}
	for _, test := range tests {
		if got := fitting(test.got, test.want, "against", test.greyGiven); !strings.HasPrefix(got, test.text) {
			t.Errorf("for %v to be %v: got %q, want %q", test.got, test.want, got, test.text)
		}
	}
}

func TestNotesArePrinted(t *testing.T) {
	var stdout bytes.Buffer
	printNotes([]string{"2 pictures are left out", "the labels are passed over"}, &stdout)
	if want := "Note: 2 pictures are left out.\nNote: the labels are passed over.\n"; stdout.String() != want {
		t.Errorf("printed %q, want %q", stdout.String(), want)
	}
}

// TestOfImagesThatNobodyWasTrainedOn: all of them are there to be looked at, but for a set of which the model has seen some.
func TestOfImagesThatNobodyWasTrainedOn(t *testing.T) {
	t.Chdir(t.TempDir())
	idxtest.Write(t, ".", "train", 3, 2, bytes.Repeat([]byte{7}, 20*6), make([]byte, 20))
	own, err := dataset.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	cfg := model.DefaultConfig()
	cfg.Image = own.Train.Shape
	for _, test := range []struct {
		args, fingerprint string
		want              int
	}{
		{"-data .", "another", 20},
		{"-data .", own.Fingerprint(), 2},
		{"-data . -holdout 0.5", "another", 10},
	} {
		m := &Model{Generator: generate.On(nil, cfg), flags: parsed(t, test.args), stdout: io.Discard, stderr: io.Discard,
			Run: &checkpoint.Run{Data: checkpoint.Data{Fingerprint: test.fingerprint}}}
		if set, err := m.Images(context.Background()); err != nil || set.Test.Len() != test.want {
			t.Errorf("%s: %d images, want %d; %v", test.args, set.Test.Len(), test.want, err)
		}
	}
}
