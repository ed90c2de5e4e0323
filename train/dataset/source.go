package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"govae/internal/setting"
	"govae/model"
)

// MNIST is the Path of the MNIST that the GoMNIST module carries. A file or folder of that name goes before it.
const MNIST = "mnist"

// Source says where images are and what is made of them. Start from DefaultSource.
type Source struct {
	Path    string  // of a folder or a file; empty: MNIST
	Size    Size    // to which images are scaled and cropped; zero: as they are
	Grey    bool    // drop colour
	Holdout float64 // share of the training images that become the test set, where there is none
	SkipBad bool    // leave out pictures that cannot be read
}

// DefaultSource returns MNIST as it is. It is the one place for defaults.
func DefaultSource() Source { return Source{Path: MNIST, Holdout: 0.1} }

// Size is the size of an image in pixels.
type Size struct{ Height, Width int }

func (s Size) String() string {
	if s == (Size{}) {
		return ""
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

// parseSize reads a size such as 64x48, or one number for both sides.
func parseSize(text string) (Size, error) {
	height, width, both := strings.Cut(text, "x")
	if !both {
		width = height
	}
	h, errHeight := strconv.Atoi(height)
	w, errWidth := strconv.Atoi(width)
	if errHeight != nil || errWidth != nil {
		return Size{}, errors.New("want height x width, as in 64x48, or one number for both")
	}
	return Size{h, w}, nil
}

// Fields describes a Source.
var Fields = []setting.Field[Source]{
	setting.Path(setting.Field[Source]{Name: "data", Flag: "data", Arg: "PATH", Help: "the images: a folder of PNG, JPEG or GIF files, whose subfolders, if there are any, " +
		"are their labels, or one that holds such folders named train and test; a folder with MNIST's files, or others in their format; a .npy or .npz file; or mnist, which comes with the GoMNIST module"},
		func(s *Source) *string { return &s.Path }),
	setting.Parsed(setting.Field[Source]{Name: "size", Flag: "size", Arg: "HxW", Help: "scale images until they cover so many pixels, 64x48 or 64 for both sides, and crop what is left over on two sides (default: as they are, which must be all of one size)"},
		func(s *Source) *Size { return &s.Size }, Size.String, parseSize,
		func(s Size) bool {
			return s == Size{} || min(s.Height, s.Width) >= 1 && max(s.Height, s.Width) <= model.MaxSide
		}, fmt.Sprintf("sides of 1 to %d pixels", model.MaxSide)),
	setting.Switch(setting.Field[Source]{Name: "grey", Flag: "grey", Help: "drop colour"},
		func(s *Source) *bool { return &s.Grey }),
	setting.Float(setting.Field[Source]{Name: "holdout", Flag: "holdout", Arg: "X", Help: "share of the images that are tested on and not trained on, where there is no test set"},
		func(s *Source) *float64 { return &s.Holdout }, 0.0001, 0.9),
	setting.Switch(setting.Field[Source]{Name: "skip_bad", Flag: "skip-bad", Help: "leave out pictures that cannot be read, and say which"},
		func(s *Source) *bool { return &s.SkipBad }),
}

// Validate reports the first field whose value will not do.
func (s Source) Validate() error {
	if err := setting.Check(Fields, &s); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// Progress is told how many of the pictures are decoded.
type Progress func(done, of int)

// Open reads the images of the source, as the package's comment says. It calls progress, which may be nil, now and then where there is
// much to decode, on the goroutine that has called Open, and ends with the cause of ctx where that is done.
func (s Source) Open(ctx context.Context, progress Progress) (*Set, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s.open(ctx, progress)
}

// Open reads the images at a path, with all else as DefaultSource has it. An empty path is MNIST.
func Open(path string) (*Set, error) {
	s := DefaultSource()
	s.Path = path
	return s.Open(context.Background(), nil)
}

// name returns what a set is called that was read from path.
func name(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("dataset: %s: %w", path, err)
	}
	return filepath.Base(absolute), nil
}
