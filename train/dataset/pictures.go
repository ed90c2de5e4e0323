package dataset

import (
	"context"
	"errors"
	"fmt"

	"govae/model"
)

// readPictures reads a folder of picture files.
func (s Source) readPictures(_ context.Context, dir string, _ Progress) (*Set, error) {
	return nil, fmt.Errorf("dataset: %w: %s", ErrNoData, dir)
}

// fit makes of images, which are read from arrays, what the source wants: their size, and grey.
func (s Source) fit(_ *model.Images) error {
	if s.Size != (Size{}) || s.Grey {
		return errors.New("dataset: not yet")
	}
	return nil
}
