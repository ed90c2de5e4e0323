//go:build cuda

package driver

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func isUnavailable(err error) bool { return errors.Is(err, ErrUnavailable) }

// library builds testdata/driver.c with macros, and returns the folder that it is in.
func library(t *testing.T, macros ...string) string {
	t.Helper()
	folder := t.TempDir()
	args := []string{"-shared", "-fPIC", "-o", filepath.Join(folder, "libcuda.so.1"), "testdata/driver.c"}
	for _, m := range macros {
		args = append(args, "-D"+m)
	}
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return folder
}

// TestUnavailable checks the reasons for which a card cannot be had: one line each, of an error that is ErrUnavailable. In the last
// ones something was opened before: it is released.
func TestUnavailable(t *testing.T) {
	for _, c := range []struct {
		name   string
		index  string
		macros []string
		want   string
	}{
		{"no cuInit", "0", []string{"NO_INIT"}, "no NVIDIA driver: "},
		{"cuInit finds none", "0", []string{"INIT=100"}, "no card: the NVIDIA driver finds none\n"},
		{"cuInit fails", "0", []string{"INIT=999"}, "cuInit: another error (CUDA_ERROR_OTHER, 999)\n"},
		{"cuInit fails, no texts", "0", []string{"INIT=803", "NO_TEXT"}, "cuInit: CUDA error 803\n"},
		{"old driver", "0", []string{"VERSION=11040"}, "the NVIDIA driver is for CUDA 11.4, older than 12.0\n"},
		{"no card", "0", []string{"COUNT=0"}, "no card: the NVIDIA driver finds none\n"},
		{"too few cards", "2", nil, "no card 2: the last is card 1\n"},
		{"negative", "-1", nil, "no card -1: the last is card 1\n"},
		{"old card", "1", []string{"CAPABILITY=61"}, "card 1, Card 1, has compute capability 6.1, less than 7.0\n"},
		{"refused", "1", []string{"RETAIN=2"}, "card 1, Card 1: cuDevicePrimaryCtxRetain: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)\n"},
		{"no stream", "0", []string{"STREAM=2"}, "card 0, Card 0: cuStreamCreate: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)\n"},
		{"no staging", "0", []string{"PINNED=2"}, "card 0, Card 0: cuMemHostAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := strings.TrimPrefix(child(t, c.index, library(t, c.macros...)), "loaded\n")
			if strings.HasPrefix(c.name, "no st") {
				var released bool
				if out, released = strings.CutPrefix(out, "released\n"); !released {
					t.Error("the context is not released")
				}
			}
			if !strings.HasPrefix(out, "true; "+c.want) || strings.Count(out, "\n") != 1 {
				t.Errorf("wrote %q, want %q", out, "true; "+c.want)
			}
		})
	}
}

// TestNoDriver checks the reason where no libcuda.so.1 is found.
func TestNoDriver(t *testing.T) {
	out := child(t, "0", t.TempDir())
	if !strings.HasPrefix(out, "true; ") {
		t.Skipf("there is a driver without LD_LIBRARY_PATH: %s", out)
	}
	if want := "true; no NVIDIA driver: libcuda.so.1: cannot open shared object file"; !strings.HasPrefix(out, want) {
		t.Errorf("wrote %q, want %q", out, want)
	}
}

// TestLoadedWhenWanted checks that a program that does not ask for a card does not load the driver, and one that does, does.
func TestLoadedWhenWanted(t *testing.T) {
	folder := library(t)
	if out := child(t, "idle", folder); out != "" {
		t.Errorf("a program that opens no card wrote %q", out)
	}
	if out := child(t, "9", folder); !strings.HasPrefix(out, "loaded\n") {
		t.Errorf("a program that opens a card wrote %q, want loaded", out)
	}
}

// TestLinkedWithoutDriver checks that the program needs no library of CUDA's to start, and shows libraries none of its functions.
func TestLinkedWithoutDriver(t *testing.T) {
	needed, err := exec.Command("ldd", os.Args[0]).CombinedOutput()
	if err != nil {
		t.Fatalf("ldd: %v\n%s", err, needed)
	}
	list := string(needed)
	if !strings.Contains(list, "libc.so") || strings.Contains(list, "cuda") || strings.Contains(list, "nv") {
		t.Errorf("the program needs\n%s", needed)
	}
	shown, err := exec.Command("nm", "--dynamic", "--defined-only", os.Args[0]).CombinedOutput()
	if err != nil {
		t.Fatalf("nm: %v\n%s", err, shown)
	}
	for line := range strings.Lines(string(shown)) {
		if name := line[strings.LastIndexByte(line, ' ')+1:]; strings.HasPrefix(name, "cuInit") || strings.HasPrefix(name, "cuMem") {
			t.Errorf("the program shows %s", line)
		}
	}
}
