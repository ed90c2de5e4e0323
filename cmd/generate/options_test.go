package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"govae/cmd/internal/trained"
	"govae/internal/picture"
)

func TestUsageErrors(t *testing.T) {
	inWorkshop(t)
	tests := []struct{ args, want string }{
		{"-mode sample", `-mode is "sample", want samples, reconstruct, interpolate, manifold, traverse, analogy`},
		{"samples", `unexpected argument "samples"`},
		{"-n 8 -seed 2 more", `unexpected argument "more"`},
		{"-n 0", "-n is 0, want 1 to 65536"},
		{"-n -3", "-n is -3, want 1 to 65536"},
		{"-n 1000000000", "-n is 1000000000, want 1 to 65536"},
		{"-n ten", `invalid value "ten" for flag -n`},
		{"-n", "flag needs an argument: -n"},
		{"-seed -1", `invalid value "-1" for flag -seed`},
		{"-scale 0", "-scale is 0, want 1 to 64"},
		{"-scale 65", "-scale is 65, want 1 to 64"},
		{"-mode traverse -steps 1", "-steps is 1, want 2 to 256"},
		{"-mode traverse -steps 257", "-steps is 257, want 2 to 256"},
		{"-mode traverse -n 5", "-n does not apply to -mode traverse"},
		{"-steps 5", "-steps does not apply to -mode samples"},
		{"-dims 0,1", "-dims does not apply to -mode samples"},
		{"-data tiny", "-data does not apply to -mode samples, which takes no images"},
		{"-mode manifold -size 8x8", "-size does not apply to -mode manifold"},
		{"-mode manifold -grey", "-grey does not apply to -mode manifold"},
		{"-holdout 0.5", "-holdout does not apply to -mode samples"},
		{"-skip-bad", "-skip-bad does not apply to -mode samples"},
		{"-mode manifold -dims 3", `invalid value "3" for flag -dims`},
		{"-mode manifold -dims 1,1", `invalid value "1,1" for flag -dims: want two different dimensions`},
		{"-mode manifold -dims 0,-1", `invalid value "0,-1" for flag -dims`},
		{"-mode manifold -dims 0,1,2", `invalid value "0,1,2" for flag -dims`},
		{"-mode manifold -dims 0,x", `invalid value "0,x" for flag -dims`},
		{"-mode manifold -dims 0,3 -checkpoint latent3.safetensors", "-dims is 0,3, and this model's latent has the dimensions 0 to 2"},
		{"-mode manifold -checkpoint latent1.safetensors", "needs a latent of at least 2 dimensions, and this model's has 1"},
		{"-out samples.jpg", `-out is "samples.jpg", want a name that ends in .png`},
		{"-size 0x5", `-size is 0x5, want sides of 1 to 4096 pixels`},
		{"-holdout 2", "-holdout is 2, want 0.0001 to 0.9"},
		{"-holdout 0", "-holdout is 0, want 0.0001 to 0.9"},
		{"-activation step", `-activation is "step", want relu, sigmoid, tanh`},
		{"-model gan", `-model is "gan", want `},
		{"-likelihood cauchy", `-likelihood is "cauchy", want `},
		{"-image 28", `invalid value "28" for flag -image: want height x width`},
		{"-image 28x0", `invalid value "28x0" for flag -image: want height x width`},
		{"-image -28x28", `invalid value "-28x28" for flag -image: want height x width`},
		{"-image 28xwide", `invalid value "28xwide" for flag -image: want height x width`},
		{"-image 28x28x1x1", `invalid value "28x28x1x1" for flag -image: want height x width`},
		{"-checkpoint latent2.safetensors -activation tanh", "-activation is for weights that another program has written, and latent2.safetensors says itself what model it holds: leave it out"},
		{"-checkpoint latent2.safetensors -image 3x2 -model vae", "-model -image is for weights that another program has written"},
		{"-device gpu", `-device is "gpu", want auto, cpu, cuda, or cuda:N for card N, from 0 on`},
		{"-precision fp16", `-precision is "fp16", want float32, tf32`},
		{"-colour", "flag provided but not defined: -colour"},
		{"-mode reconstruct -n 41 -data tiny -checkpoint latent2.safetensors", "-n is 41, which takes 41 test images, and tiny has 40"},
		{"-mode interpolate -n 21 -data tiny -checkpoint latent2.safetensors", "-n is 21, which takes 42 test images, and tiny has 40"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) { wantFailure(t, test.args, trained.ExitUsage, test.want) })
	}
}

// TestEmptyPaths checks that what a shell makes of a variable that is not set means nothing, and not the default.
func TestEmptyPaths(t *testing.T) {
	inWorkshop(t)
	for _, flag := range []string{"-data", "-checkpoint", "-out", "-dir"} {
		var stdout, stderr bytes.Buffer
		code := run([]string{flag, ""}, &stdout, &stderr)
		if want := "for flag " + flag + ": it is empty: name a path, or leave the flag out"; code != trained.ExitUsage || stdout.Len() > 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %d and %q", flag, code, stdout.String(), stderr.String(), trained.ExitUsage, want)
		}
	}
}

func TestOtherErrors(t *testing.T) {
	inWorkshop(t)
	if err := os.WriteFile("broken.safetensors", []byte("not a checkpoint"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir("folder.png", 0o755), os.Mkdir("sizes", 0o755), os.Mkdir("bad", 0o755), os.WriteFile("bad/1.png", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for side, path := range map[int]string{2: "sizes/1.png", 3: "sizes/2.png"} {
		if err := picture.Write(path, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ args, want string }{
		{"", "no folder in runs holds a checkpoint.safetensors: file does not exist: train a model with go run ./cmd/train, or name a checkpoint with -checkpoint FILE"},
		{"-checkpoint missing.safetensors", "no checkpoint at missing.safetensors"},
		{"-checkpoint broken.safetensors", "broken.safetensors"},
		{"-checkpoint tiny", "tiny"},
		{"-checkpoint latent2.safetensors -mode reconstruct -data nowhere", ": name with -data a folder of PNG, JPEG or GIF files, "},
		{"-checkpoint latent2.safetensors -mode reconstruct -data wide", "the images of wide are 3×4×1 and the model takes 3×2×1: give -size 3x2, or name others with -data PATH"},
		{"-checkpoint latent2.safetensors -mode reconstruct -data sizes", ": give -size HxW\n"},
		{"-checkpoint latent2.safetensors -mode reconstruct -data bad", ": give -skip-bad to leave out what cannot be read\n"},
		{"-checkpoint latent2.safetensors -mode interpolate -data wide", "3×4×1"},
		{"-checkpoint latent2.safetensors -out file/samples.png", "-out: file is a file: want a folder"},
		{"-checkpoint latent2.safetensors -out file/deep/samples.png", "-out: "},
		{"-checkpoint latent2.safetensors -out folder.png", "-out: folder.png is a folder: want a file"},
		{"-checkpoint latent2.safetensors -dir file", "-dir: file is a file: want a folder"},
		{"-checkpoint latent2.safetensors -dir file/deep", "-dir: "},
		{"-checkpoint latent2.safetensors -device cuda:99", "the device is not available: no CUDA machine"},
		{"-checkpoint latent2.safetensors -device cuda:99", ": use -device cpu, or auto to take what there is"},
		{"-checkpoint latent2.safetensors -device cpu -precision tf32", "and tf32 is asked for: leave out -precision, or name a device that has it"},
		{"-checkpoint latent2.safetensors -n 16384 -scale 64", "take fewer images or a smaller scale"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) { wantFailure(t, test.args, trained.ExitFailure, test.want) })
	}
	if found, _ := filepath.Glob("*.png*"); len(found) != 1 {
		t.Errorf("failures left %v beside the folder", found)
	}
}

func wantFailure(t *testing.T, args string, want int, message string) {
	t.Helper()
	code, stdout, stderr := command(args)
	if code != want || stdout != "" {
		t.Errorf("exit code %d and stdout %q, want %d and nothing", code, stdout, want)
	}
	if !strings.HasPrefix(stderr, "generate: ") || !strings.Contains(stderr, message) {
		t.Errorf("stderr is %q, want it to contain %q", stderr, message)
	}
	if hint := strings.Contains(stderr, "with -h for help"); hint != (want == trained.ExitUsage) {
		t.Errorf("stderr is %q, want the hint at -h for wrong flags alone", stderr)
	}
}

func TestHelpNamesEveryFlagAndMode(t *testing.T) {
	for _, args := range []string{"-h", "--help", "-n 3 -h"} {
		if code, stdout, stderr := command(args); code != 0 || stdout != usage() || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want the usage on stdout", args, code, stdout, stderr)
		}
	}
	newFlagSet(new(options), new(string)).VisitAll(func(f *flag.Flag) {
		text := entry("-" + f.Name)
		if text == "" {
			t.Errorf("the usage does not list -%s", f.Name)
		}
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && !strings.Contains(text, "(default "+f.DefValue) {
			t.Errorf("the usage does not give -%s the default %s: %s", f.Name, f.DefValue, text)
		}
	})
	for _, m := range modes {
		if entry("    "+m.name) == "" {
			t.Errorf("the usage does not list -mode %s", m.name)
		}
		for flag, initial := range map[string]int{"n": m.n, "steps": m.steps} {
			if text := entry("-" + flag); initial != 0 && !strings.Contains(text, fmt.Sprintf("(default %d)", initial)) {
				t.Errorf("the usage does not give -%s the default %d of %s: %s", flag, initial, m.name, text)
			}
		}
	}
}

// entry returns what the usage says of a flag or a mode: the line that begins with its name, and those that continue it.
func entry(name string) string {
	_, after, found := strings.Cut(usage(), "\n    "+name+" ")
	if !found {
		return ""
	}
	lines := strings.Split(after, "\n")
	text := lines[0]
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, strings.Repeat(" ", 21)) {
			break
		}
		text += " " + strings.TrimSpace(line)
	}
	return text
}

// TestNewestRun checks that without -checkpoint the run that was saved last is drawn, and its best state if it has one.
func TestNewestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := command(""); code != trained.ExitFailure || !strings.Contains(stderr, "go run ./cmd/train") {
		t.Errorf("without runs: exit code %d, stderr %q, want it to say how to train a model", code, stderr)
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for minutes, run := range []string{"vae", "vae-3", "vae-2"} { // saved in this order
		last := filepath.Join("runs", run, "checkpoint.safetensors")
		writeCheckpoint(t, last, 2)
		when := start.Add(time.Duration(minutes) * time.Minute)
		if err := os.Chtimes(last, when, when); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{last, filepath.Join("runs", run, "best.safetensors")} {
			if want != last {
				writeCheckpoint(t, want, 2)
			}
			if code, stdout, stderr := command(""); code != 0 || !strings.Contains(stdout, want) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want a picture made with %s", code, stdout, stderr, want)
			}
		}
	}
}
