package terminal

import (
	"fmt"
	"io"
)

// Output is a writer for what a program prints. To write to it never fails, so that no work is lost where nobody reads along or a disk
// is full: Err tells of it in the end.
type Output struct {
	w   io.Writer
	err error
}

// NewOutput returns an output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Write writes p, and tries anew where it failed before: a disk may have room again.
func (o *Output) Write(p []byte) (int, error) {
	if _, err := o.w.Write(p); err != nil && o.err == nil {
		o.err = err
	}
	return len(p), nil
}

// Err returns the first error there was, in words for the one who has started the program.
func (o *Output) Err() error {
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("not all that was to be printed is: %w", o.err)
}
