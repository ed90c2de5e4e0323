package terminal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// failing is a writer that fails as long as it has errors to give.
type failing struct {
	strings.Builder
	errs []error
}

func (f *failing) Write(p []byte) (int, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return 0, err
	}
	return f.Builder.Write(p)
}

// TestOutputThatFails checks that a writer sees no error, that what can be written is written, and that the first error is told in the end.
func TestOutputThatFails(t *testing.T) {
	w := &failing{errs: []error{syscall.ENOSPC, syscall.EIO}}
	out := NewOutput(w)
	if err := out.Err(); err != nil {
		t.Errorf("before anything is written there is the error %v", err)
	}
	for i := range 4 {
		if n, err := fmt.Fprintf(out, "line %d\n", i); n != 7 || err != nil {
			t.Errorf("line %d: wrote %d bytes, error %v; want 7 and none", i, n, err)
		}
	}
	if got := w.String(); got != "line 2\nline 3\n" {
		t.Errorf("written is %q", got)
	}
	if err := out.Err(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v, want the first one", err)
	}
}
