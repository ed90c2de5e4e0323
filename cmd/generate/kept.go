package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"govae/internal/setting"
	"govae/internal/words"
	"govae/model/gmm"
)

// kept is the file in which a mixture is kept beside a checkpoint.
type kept struct {
	path string
	key  string // of all that the mixture follows from
}

// keptBeside returns the file of the mixture that these options give with weights and images of these fingerprints. Its name, such as
// best.mixture-10-full.safetensors, has the checkpoint's, so that other weights under that name take its place.
func keptBeside(checkpoint, weights, images string, o gmm.Options) kept {
	stem := strings.TrimSuffix(checkpoint, filepath.Ext(checkpoint))
	return kept{
		path: fmt.Sprintf("%s.mixture-%d-%s.safetensors", stem, o.Components, o.Covariance),
		key:  fmt.Sprintf("%q %q %d %q", weights, images, mostCodes, setting.Texts(gmm.Fields, o, gmm.Options{})), // maps are printed in order
	}
}

// seal returns a hash of the key and of the mixture: 64 hex digits. It is kept with the mixture, and fits no other, nor one of which a
// bit has changed.
func (k kept) seal(m *gmm.Mixture) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "mixture of codes %s\n", k.key)
	if err := m.WithOrigin("").Write(hash); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// load returns the mixture in the file. Where that is another, or none, it returns nil, and says why unless there is no file.
func (k kept) load(stdout io.Writer) *gmm.Mixture {
	m, err := gmm.Load(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var seal string
		if seal, err = k.seal(m); err == nil && seal != m.Origin() {
			err = fmt.Errorf("%s: it is of other weights, images or options, or was changed since", k.path)
		}
	}
	if err != nil {
		fmt.Fprintf(stdout, "Note: the mixture is fitted anew: %v.\n", words.Plain(err))
		return nil
	}
	return m
}

// save keeps the mixture in the file, and says where. That it cannot be kept is no error: it is there to be used.
func (k kept) save(m *gmm.Mixture, stdout io.Writer) {
	seal, err := k.seal(m)
	if err == nil {
		err = m.WithOrigin(seal).Save(k.path)
	}
	if err != nil {
		fmt.Fprintf(stdout, "Note: the mixture is not kept for the next time: %v.\n", words.Plain(err))
		return
	}
	fmt.Fprintf(stdout, "Wrote %s, to draw from it again.\n", words.Printable(k.path))
}
