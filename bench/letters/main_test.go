package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"govae/bench/internal/letters"
	"govae/train/dataset"
)

func TestCommandsReadWhatItWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "letters")
	shown := filepath.Join(t.TempDir(), "some.png")
	if err := run(dir, 3, shown); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := letters.Draw(trainLetters+testLetters, 3)
	if err != nil {
		t.Fatal(err)
	}
	if set.Train.Len() != trainLetters || set.Test.Len() != testLetters || set.Classes() != letters.Count {
		t.Errorf("%d and %d letters of %d classes", set.Train.Len(), set.Test.Len(), set.Classes())
	}
	if !bytes.Equal(append(set.Train.Values, set.Test.Values...), want.Values) {
		t.Error("the images read are not those drawn")
	}
	if !bytes.Equal(append(set.Train.Labels, set.Test.Labels...), want.Labels) {
		t.Error("the labels read are not those drawn")
	}
	if info, err := os.Stat(shown); err != nil || info.Size() == 0 {
		t.Errorf("the picture: %v", err)
	}
}

func TestErrorNamesWhatIsInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(filepath.Join(file, "letters"), 1, ""); err == nil || !bytes.Contains([]byte(err.Error()), []byte(file)) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
}
