package gmm

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOrigin checks that a text comes back with a mixture as it was, and that nothing else of the file changes with it.
func TestOrigin(t *testing.T) {
	m := randomMixture(t, Tied, 2, 3, rand.New(rand.NewPCG(31, 32)))
	for _, text := range []string{"", "codes of 60,000 images", "\"quoted\"\n\x00 <&> \u2028 ü", strings.Repeat("\x01", maxOrigin)} {
		of := m.WithOrigin(text)
		got, err := Read(bytes.NewReader(written(t, of)))
		if err != nil {
			t.Fatal(err)
		}
		if got.Origin() != text || m.Origin() != "" {
			t.Errorf("%q comes back as %q, and the mixture that it was given has %q", text, got.Origin(), m.Origin())
		}
		if !bytes.Equal(written(t, got.WithOrigin("")), written(t, m)) {
			t.Errorf("%q: the file without it is another", text)
		}
	}
}

// TestBadOrigins checks that what cannot be read again is not written, and what nobody would have written not read.
func TestBadOrigins(t *testing.T) {
	m := randomMixture(t, Tied, 2, 3, rand.New(rand.NewPCG(33, 34)))
	for text, want := range map[string]string{
		strings.Repeat("x", maxOrigin+1): "origin has 1,025 bytes, want at most 1,024",
		"\xff":                           `origin is "\xff", which is not UTF-8`,
	} {
		if err := m.WithOrigin(text).Write(new(bytes.Buffer)); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	long := withHeader(written(t, m.WithOrigin("here")), func(header string) string {
		return strings.Replace(header, "here", strings.Repeat("x", maxOrigin+1), 1)
	})
	if _, err := Read(bytes.NewReader(long)); err == nil || err.Error() != "origin has 1,025 bytes, want at most 1,024" {
		t.Errorf("error is %v", err)
	}
}
