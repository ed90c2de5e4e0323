package train

import (
	"errors"
	"fmt"
	"os"

	"govae/internal/picture"
	"govae/model"
	"govae/train/checkpoint"
	"govae/train/report"
	"govae/train/rundir"
)

// What the pictures of an epoch show.
const (
	sampleCount           = 64
	sampleColumns         = 8
	reconstructionCount   = 32 // test images, from the first on
	reconstructionColumns = 16
	pictureScale          = 2
)

// writeFiles writes the files of the epoch just completed.
//
// checkpoint.safetensors comes last, because a resumed run believes it alone: what a crash before it leaves behind belongs
// to an epoch that is then trained again, with the same bits, and written over. Were it first, a crash after it
// would lose that epoch's metrics and pictures for good.
func (r *run) writeFiles() error {
	c, err := r.toWrite()
	if err != nil {
		return err
	}
	if err := r.writePictures(); errors.Is(err, model.ErrCannot) {
		r.noteOnce(fmt.Sprintf("not all pictures are drawn: %v", err)) // which is no reason to lose the epoch
	} else if err != nil {
		return err
	}
	terms := c.Config.Terms()
	if err := report.WriteMetrics(r.dir.Path(rundir.Metrics), terms, r.history); err != nil {
		return err
	}
	if err := report.WriteCurves(r.dir.Path(rundir.Curves), terms, r.history); err != nil {
		r.noteOnce(err.Error()) // which is no reason to lose the epoch
	}
	if c.Run.BestEpoch == c.Run.Epoch {
		if err := checkpoint.Save(r.dir.Path(rundir.Best), c); err != nil {
			return err
		}
	}
	return r.save(c)
}

// save writes the checkpoint to go on from.
func (r *run) save(c *checkpoint.Checkpoint) error {
	if err := checkpoint.Save(r.dir.Path(rundir.Checkpoint), c); err != nil {
		return err
	}
	r.saved = true
	return nil
}

// toWrite returns what is to be saved, and makes room for it where it replaces another run's.
func (r *run) toWrite() (*checkpoint.Checkpoint, error) {
	c, err := r.trainer.Checkpoint()
	if err != nil {
		return nil, err
	}
	return c, r.dir.DiscardReplaced()
}

// writePictures draws what the model generates, from the same latents after every epoch, and test images above what
// it makes of them.
func (r *run) writePictures() error {
	generator := r.trainer.Generator()
	samples, err := generator.Sample(sampleCount, r.Settings.Seed)
	if err != nil {
		return err
	}
	if err := r.writeGrid(rundir.Samples, samples, sampleColumns); err != nil {
		return err
	}

	n := min(reconstructionCount, r.set.Test.Len())
	columns := min(reconstructionColumns, n)
	pixels := r.set.Test.Shape.Pixels()
	inputs := make([]float32, n*pixels)
	r.set.Test.Fill(inputs, 0)
	outputs, err := generator.Reconstruct(inputs)
	if err != nil {
		return err
	}
	pairs, err := picture.Alternate(inputs, outputs, pixels, columns)
	if err != nil {
		return err
	}
	return r.writeGrid(rundir.Reconstructions, pairs, columns)
}

// writeGrid writes images as the picture of the last epoch in one of the folders of pictures.
func (r *run) writeGrid(folder string, images []float32, columns int) error {
	if err := os.MkdirAll(r.dir.Path(folder), 0o777); err != nil {
		return err
	}
	grid, err := picture.Grid(images, picture.Shape(r.trainer.Config().Image), columns, pictureScale)
	if err != nil {
		return err
	}
	return picture.Write(r.dir.Picture(folder, r.trainer.epoch), grid)
}
