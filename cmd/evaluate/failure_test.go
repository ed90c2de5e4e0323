package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"govae/cmd/internal/trained"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dying is a context that is done after it was asked so many times.
type dying struct {
	context.Context
	left int
}

func (d *dying) Err() error {
	if d.left--; d.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestInterrupted checks what is said and written where the end comes at any of the places at which it is looked for.
func TestInterrupted(t *testing.T) {
	inWorkshop(t)
	writeArray(t, "large.npy", bytes.Repeat([]byte{9}, 2100*height*width)) // 2,100 test images: 1,024, 1,024 and 52
	var outcomes []string
	for left := 0; ; left++ {
		os.Remove("terms.csv")
		code, stdout, stderr := command(&dying{context.Background(), left}, "-checkpoint plain.safetensors -data large.npy -against large.npy -csv terms.csv")
		file, err := os.Stat("terms.csv")
		outcome := fmt.Sprintf("%d, %q, table %t, AUROC %t", code, stderr, err == nil && file.Size() > 2100*10, strings.Contains(stdout, "AUROC"))
		over := regexp.MustCompile(`over the first [\d,]+ of`)
		if got, want := over.FindString(stdout), over.FindString(stderr); want != "over the first 0 of" && got != want {
			t.Errorf("printed\n%s, want %q", stdout, want)
		}
		if len(outcomes) == 0 || outcomes[len(outcomes)-1] != outcome {
			outcomes = append(outcomes, outcome)
		}
		if code != trained.ExitInterrupted {
			break
		}
	}
	said := func(images string) string {
		return `evaluate: interrupted: over the first ` + images + ` of 2,100 images`
	}
	want := []string{
		`130, "evaluate: interrupted before the first image\n", table false, AUROC false`,
		`130, "` + said("0") + `, and nothing is written to terms.csv\n", table false, AUROC false`,
		`130, "` + said("1,024") + `, and nothing is written to terms.csv\n", table false, AUROC false`,
		`130, "` + said("2,048") + `, and nothing is written to terms.csv\n", table false, AUROC false`,
		`130, "` + said("0") + `\n", table true, AUROC false`,
		`130, "` + said("1,024") + `\n", table true, AUROC true`,
		`130, "` + said("2,048") + `\n", table true, AUROC true`,
		`0, "", table true, AUROC true`,
	}
	if !slices.Equal(outcomes, want) {
		t.Errorf("the outcomes are\n%s, want\n%s", strings.Join(outcomes, "\n"), strings.Join(want, "\n"))
	}
}

func TestErrors(t *testing.T) {
	inWorkshop(t)
	if err := os.Mkdir("folder.csv", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	writeArray(t, "tiny.npy", levels(9, 1))
	tests := []struct {
		args string
		code int
		want string
	}{
		{"-split validation", trained.ExitUsage, `-split is "validation", want test, train`},
		{"-csv terms.txt", trained.ExitUsage, `-csv is "terms.txt", want a name that ends in .csv`},
		{"-latents codes.npz", trained.ExitUsage, `-latents is "codes.npz", want a name that ends in .npy`},
		{"-clusters 1", trained.ExitUsage, "-clusters is 1, want 2 to 256"},
		{"-clusters 257", trained.ExitUsage, "-clusters is 257, want 2 to 256"},
		{"-checkpoint plain.safetensors -data others.npy -clusters 3", trained.ExitFailure, "others.npy has no labels, with which -clusters compares: leave it out, or name others with -data PATH"},
		{"-seed many", trained.ExitUsage, `invalid value "many" for flag -seed`},
		{"-holdout 2", trained.ExitUsage, "-holdout is 2, want 0.0001 to 0.9"},
		{"-device gpu", trained.ExitUsage, `-device is "gpu", want auto, cpu, cuda`},
		{"-precision fp16", trained.ExitUsage, `-precision is "fp16", want float32, tf32`},
		{"-colour", trained.ExitUsage, "flag provided but not defined: -colour"},
		{"usual", trained.ExitUsage, `unexpected argument "usual"`},
		{"-checkpoint plain.safetensors -activation tanh", trained.ExitUsage, "plain.safetensors says itself what model it holds"},
		{"", trained.ExitFailure, "no folder in runs holds a checkpoint.safetensors: file does not exist: train a model with go run ./cmd/train"},
		{"-checkpoint gone.safetensors", trained.ExitFailure, "no checkpoint at gone.safetensors"},
		{"-checkpoint plain.safetensors", trained.ExitFailure, "plain.safetensors does not say what it was trained on: name images with -data PATH"},
		{"-checkpoint plain.safetensors -data gone", trained.ExitFailure, ": name with -data a folder"},
		{"-checkpoint plain.safetensors -data usual -against gone", trained.ExitFailure, ": name with -against a folder"},
		{"-checkpoint plain.safetensors -data usual -against mnist", trained.ExitFailure, "the images of MNIST are 28×28×1 and the model takes 3×2×1: give -size 3x2, or name others with -against PATH"},
		{"-checkpoint plain.safetensors -data usual -csv folder.csv", trained.ExitFailure, "-csv: folder.csv is a folder: want a file"},
		{"-checkpoint plain.safetensors -data usual -latents file/codes.npy", trained.ExitFailure, "-latents: file is a file: want a folder"},
		{"-checkpoint plain.safetensors -data usual -device cuda:99", trained.ExitFailure, ": use -device cpu, or auto to take what there is"},
		{"-checkpoint plain.safetensors -data usual -device cpu -precision tf32", trained.ExitFailure, ": leave out -precision, or name a device that has it"},
	}
	for _, test := range tests {
		code, stdout, stderr := command(context.Background(), test.args)
		if code != test.code || strings.Contains(stdout, "model") || !strings.HasPrefix(stderr, "evaluate: ") || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %d and %q", test.args, code, stdout, stderr, test.code, test.want)
		}
		if hint := strings.Contains(stderr, "with -h for help"); hint != (code == trained.ExitUsage) {
			t.Errorf("%s: stderr is %q, want the hint at -h for wrong flags alone", test.args, stderr)
		}
	}
	for _, flag := range []string{"-data", "-checkpoint", "-csv", "-latents", "-against"} {
		var stderr bytes.Buffer
		if code := run(context.Background(), []string{flag, ""}, io.Discard, &stderr); code != trained.ExitUsage || !strings.Contains(stderr.String(), "for flag "+flag+": it is empty") {
			t.Errorf("%s: exit code %d, stderr %q", flag, code, stderr.String())
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	code, text, stderr := command(context.Background(), "-h")
	if code != 0 || text != usage() || stderr != "" || strings.Contains(text, "{") {
		t.Errorf("exit code %d, stdout %q, stderr %q, want the usage", code, text, stderr)
	}
	newFlagSet(new(options)).VisitAll(func(f *flag.Flag) {
		if !strings.Contains(text, "\n    -"+f.Name+" ") {
			t.Errorf("the usage does not list -%s", f.Name)
		}
	})
}

// full is a writer as /dev/full is one.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestWhatIsPrintedCounts: a script that reads it must learn that there is nothing. What is written to files is there all the same.
func TestWhatIsPrintedCounts(t *testing.T) {
	inWorkshop(t)
	for _, args := range []string{"-checkpoint plain.safetensors -data usual -csv terms.csv", "-h"} {
		var stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(args), full{}, &stderr)
		if code != trained.ExitFailure || !strings.HasSuffix(stderr.String(), os.ErrClosed.Error()+"\n") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, stderr %q, want %d and a line", args, code, stderr.String(), trained.ExitFailure)
		}
	}
	if _, err := os.Stat("terms.csv"); err != nil {
		t.Error(err)
	}
}
