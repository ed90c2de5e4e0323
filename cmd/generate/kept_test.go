package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/cmd/internal/trained"
	"govae/model"
	"govae/train/checkpoint"
)

// ten is the mixture's file of -sampler gmm.
const ten = "vae.mixture-10-full.safetensors"

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestMixtureIsKept checks that the mixture is fitted once, and again where anything that it follows from is another: then it takes the
// place of the one before. What is drawn never depends on whether it was kept.
func TestMixtureIsKept(t *testing.T) {
	inTwoClusters(t)
	writeValues(t, "other", clusters()[30:])
	const (
		took  = "Took the mixture in "
		stale = ": it is of other weights, images or options, or was changed since.\nFitted "
	)
	first := readAfter(t, "", "Fitted 10 full Gaussians to the codes of 300 training images of two: ", "\nWrote "+ten+", to draw from it again.\n")
	file := readFile(t, ten)
	same := func(args string, printed ...string) {
		t.Helper()
		if again := readAfter(t, args, printed...); !bytes.Equal(again, first) || !bytes.Equal(readFile(t, ten), file) {
			t.Errorf("after %q, the samples or the mixture are others", printed)
		}
	}
	same("", took+ten+".\nWrote samples.png")
	same("-data two", took)

	readAfter(t, "-covariance tied", "Fitted 10 tied Gaussians", "Wrote vae.mixture-10-tied.safetensors")
	readAfter(t, "-components 3", "Fitted 3 full Gaussians", "Wrote vae.mixture-3-full.safetensors")
	same("", took)
	for _, args := range []string{"-starts 2", "-iterations 3", "-tolerance 0.1", "-regularization 0.001", "-data other"} {
		readAfter(t, args, "Note: the mixture is fitted anew: "+ten+stale)
		readAfter(t, args, took)
		same("", "Note: the mixture is fitted anew: "+ten+stale)
	}

	if err := os.Rename("two", "gone"); err != nil { // the images are not needed
		t.Fatal(err)
	}
	same("", took)
	if err := os.Rename("gone", "two"); err != nil {
		t.Fatal(err)
	}

	weights := readFile(t, "vae.safetensors")
	writeOpen(t, "vae.safetensors", model.AE, "two")
	readAfter(t, "", "fitted anew: "+ten+stale)
	if err := os.WriteFile("vae.safetensors", weights, 0o666); err != nil {
		t.Fatal(err)
	}
	same("", "fitted anew: "+ten+stale)
}

// readAfter draws samples from a mixture with these flags, makes sure that this is printed, and returns the picture.
func readAfter(t *testing.T, args string, want ...string) []byte {
	t.Helper()
	code, stdout, stderr := command("-checkpoint vae.safetensors -device cpu -sampler gmm " + args)
	if code != 0 || stderr != "" {
		t.Fatalf("%s: exit code %d, stderr %q", args, code, stderr)
	}
	for _, text := range want {
		if !strings.Contains(stdout, text) {
			t.Errorf("%s: stdout is %q, want %q", args, stdout, text)
		}
	}
	return readFile(t, "samples.png")
}

// TestDamagedMixture damages the file of a mixture, in one bit of each part for one, and finds it fitted anew.
func TestDamagedMixture(t *testing.T) {
	inTwoClusters(t)
	first := readAfter(t, "", "Wrote "+ten)
	file := readFile(t, ten)
	for name, damaged := range map[string][]byte{
		"empty":             {},
		"cut":               file[:len(file)-1],
		"longer":            append(bytes.Clone(file), 0),
		"no mixture":        bytes.Repeat([]byte("x"), 4000),
		"an escape":         bytes.Replace(file, []byte(`"govae mixture"`), []byte(`"\u001b mixtur"`), 1),
		"another origin":    bytes.Replace(file, []byte(`"origin":"`), []byte(`"origin":"0`), 1),
		"a covariance":      flipped(file, len(file)-8*29), // 10 of covariances, 10 of means and 10 weights, the lowest bits first
		"a mean":            flipped(file, len(file)-8*15),
		"a weight":          flipped(file, len(file)-8*2),
		"another program's": readFile(t, "vae.safetensors"),
	} {
		if bytes.Equal(damaged, file) {
			t.Fatalf("%s: that is the file", name)
		}
		if err := os.WriteFile(ten, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		again := readAfter(t, "", "Note: the mixture is fitted anew: "+ten, "\nFitted 10 full", "\nWrote "+ten)
		if !bytes.Equal(again, first) || !bytes.Equal(readFile(t, ten), file) {
			t.Errorf("%s: the samples or the mixture are others", name)
		}
	}
	if code, stdout, _ := command("-checkpoint vae.safetensors -sampler gmm"); strings.ContainsAny(stdout, "\x1b") || code != 0 {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
}

// flipped returns a file with the lowest bit of a byte flipped.
func flipped(file []byte, at int) []byte {
	changed := bytes.Clone(file)
	changed[at] ^= 1
	return changed
}

// TestMixtureThatCannotBeKept checks that it is drawn from all the same.
func TestMixtureThatCannotBeKept(t *testing.T) {
	inTwoClusters(t)
	want := readAfter(t, "")
	if err := os.Remove(ten); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(ten, 0o777); err != nil {
		t.Fatal(err)
	}
	got := readAfter(t, "", "Note: the mixture is fitted anew: "+ten+" is a folder: want a file.\n", "Note: the mixture is not kept for the next time: "+ten+" is a folder: want a file.\n")
	if !bytes.Equal(got, want) {
		t.Error("other samples are drawn")
	}
}

// TestMixtureOfWeightsAlone checks that weights that know of no images are given some, and that their mixture is kept, too.
func TestMixtureOfWeightsAlone(t *testing.T) {
	inTwoClusters(t)
	c, err := checkpoint.Load("vae.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	writeForeign(t, "weights.bin", c, nil)
	const args = "-checkpoint weights.bin -image 3x2 -sampler gmm -components 2"
	code, _, stderr := command(args)
	if want := "generate: weights.bin does not say what it was trained on: name images with -data PATH"; code != trained.ExitFailure || !strings.HasPrefix(stderr, want) {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
	for _, want := range []string{"Wrote weights.mixture-2-full.safetensors", "Took the mixture in weights.mixture-2-full.safetensors"} {
		if code, stdout, stderr := command(args + " -data two"); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, stdout, stderr, want)
		}
	}
}

// TestInterruptedBefore checks that after an interruption there is neither a mixture nor a file of one.
func TestInterruptedBefore(t *testing.T) {
	inTwoClusters(t)
	o, err := parse([]string{"-checkpoint", "vae.safetensors"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := o.Open(io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if mixture, err := mixtureOfCodes(ctx, &fitting{Model: m, mixture: o.mixture, stdout: io.Discard, stderr: io.Discard}); mixture != nil || err == nil {
		t.Errorf("there is %v (%v)", mixture, err)
	}
	if left, _ := filepath.Glob("*mixture*"); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}
