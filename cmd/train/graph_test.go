package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// graph runs the command with -graph path and returns its exit code and what it printed, both streams together.
func graph(t *testing.T, path string, words ...string) (int, string) {
	t.Helper()
	var printed bytes.Buffer
	code := run(t.Context(), append([]string{"-graph", path, "-hidden", "7", "-latent", "3"}, words...), &printed, &printed)
	return code, printed.String()
}

func TestGraph(t *testing.T) {
	dir := t.TempDir()
	path, out := filepath.Join(dir, "model.dot"), filepath.Join(dir, "run")
	for _, test := range []struct{ data, kind, want string }{
		{"mnist", "vae", "vae 784-7-(3+3)-7-784"},
		{writeDataSet(t), "vae", "vae 4-7-(3+3)-7-4"},
		{writeDataSet(t), "cvae", "cvae 4-7-(3+3)-7-4, relu, bernoulli, "},
		{"mnist", "cvae", "cvae 784-7-(3+3)-7-784, relu, bernoulli, 10 classes"},
	} {
		code, printed := graph(t, path, "-data", test.data, "-model", test.kind, "-out", out)
		if code != exitOK || !strings.Contains(printed, "wrote the expression graph of "+test.want) || !strings.Contains(printed, path) {
			t.Errorf("exit code %d, printed %q, want %s", code, printed, test.want)
		}
		dot, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(dot, []byte("digraph")) || !bytes.Contains(dot, []byte("∂loss/∂mean.bias")) {
			t.Errorf("wrote %q, %v", dot, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it trained as well")
	}
}

func TestGraphAsSVG(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script on the PATH")
	}
	path := filepath.Join(t.TempDir(), "model.svg")

	bin := t.TempDir()
	t.Setenv("PATH", bin)
	if code, printed := graph(t, path); code != exitFailed || !strings.Contains(printed, "Graphviz") || !strings.Contains(printed, "model.dot") {
		t.Errorf("without Graphviz, exit code %d, printed %q", code, printed)
	}

	for _, test := range []struct{ script, want, wantErr string }{
		{`read line; echo "<svg>$1 $line</svg>"`, "<svg>-Tsvg ", ""},
		{`echo "syntax error" >&2; exit 1`, "", "syntax error"},
	} {
		os.Remove(path)
		if err := os.WriteFile(filepath.Join(bin, "dot"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		code, printed := graph(t, path)
		if test.wantErr != "" {
			if code != exitFailed || !strings.Contains(printed, test.wantErr) {
				t.Errorf("exit code %d, printed %q, want %q", code, printed, test.wantErr)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("a failed drawing left a file")
			}
			continue
		}
		if svg, _ := os.ReadFile(path); code != exitOK || !strings.HasPrefix(string(svg), test.want) {
			t.Errorf("exit code %d, wrote %q", code, svg)
		}
	}
}
