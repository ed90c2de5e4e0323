package train

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestGraph(t *testing.T) {
	o := testOptions(t)
	o.Graph = filepath.Join(t.TempDir(), "model.dot")
	mustRun(t, o)
	dot, err := os.ReadFile(o.Graph)
	if err != nil || !bytes.Contains(dot, []byte("digraph")) {
		t.Errorf("wrote %q, %v", dot, err)
	}
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("it trained as well")
	}
}

func TestGraphAsSVG(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script on the PATH")
	}
	o := testOptions(t)
	o.Graph = filepath.Join(t.TempDir(), "model.svg")

	bin := t.TempDir()
	t.Setenv("PATH", bin)
	err := Run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "Graphviz") || !strings.Contains(err.Error(), "model.dot") {
		t.Errorf("without Graphviz, error is %v", err)
	}

	for _, test := range []struct{ script, want, wantErr string }{
		{`read line; echo "<svg>$1 $line</svg>"`, "<svg>-Tsvg ", ""},
		{`echo "syntax error" >&2; exit 1`, "", "syntax error"},
	} {
		os.Remove(o.Graph)
		if err := os.WriteFile(filepath.Join(bin, "dot"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		err := Run(context.Background(), o)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error is %v, want %q", err, test.wantErr)
			}
			if _, err := os.Stat(o.Graph); err == nil {
				t.Error("a failed drawing left a file")
			}
			continue
		}
		if svg, _ := os.ReadFile(o.Graph); err != nil || !strings.HasPrefix(string(svg), test.want) {
			t.Errorf("wrote %q, %v", svg, err)
		}
	}
}
