package train

import (
	"cmp"
	"errors"
	"fmt"

	"govae/internal/files"
	"govae/internal/picture"
	"govae/model"
	"govae/train/checkpoint"
	"govae/train/generate"
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
	c, err := r.trainer.Checkpoint()
	if err != nil {
		return err
	}
	if err := r.writePictures(); err != nil {
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

// save writes the checkpoint to go on from, and puts it in place with all that was written before it.
func (r *run) save(c *checkpoint.Checkpoint) error {
	if err := checkpoint.Save(r.dir.Path(rundir.Checkpoint), c); err != nil {
		return err
	}
	if err := r.dir.Commit(); err != nil {
		return err
	}
	r.saved = true
	return nil
}

// writePictures draws what the model generates, from the same latents after every epoch, and test images above what
// it makes of them. What the model cannot draw, and images of which a picture would be too large, are no reason to lose the epoch.
func (r *run) writePictures() error {
	var missing error // why the first that is not drawn is not
	for _, write := range []func() error{r.writeSamples, r.writeReconstructions} {
		err := write()
		if err == nil {
			continue
		}
		if !errors.Is(err, model.ErrCannot) && !errors.Is(err, picture.ErrTooLarge) && !errors.Is(err, generate.ErrInput) {
			return err
		}
		missing = cmp.Or(missing, err)
	}
	if missing != nil {
		r.noteOnce(fmt.Sprintf("not all pictures are drawn: %v", missing))
	}
	return nil
}

// writeSamples draws samples, and of a model that is told classes a row for each class, with the same latent down a column.
func (r *run) writeSamples() error {
	g, n := r.trainer.Generator(), sampleCount
	draw := g.Sample
	if g.Config().Kind.TakesLabels() {
		draw, n = g.SampleEveryClass, sampleColumns
	}
	samples, err := draw(n, r.Settings.Seed)
	if err != nil {
		return err
	}
	return r.writeGrid(rundir.Samples, picture.Grid{Images: samples, Columns: sampleColumns})
}

func (r *run) writeReconstructions() error {
	n := min(reconstructionCount, r.set.Test.Len())
	inputs := make([]float32, n*r.set.Test.Shape.Pixels())
	r.set.Test.Fill(inputs, 0)
	labels := r.set.Test.Labels
	outputs, err := r.trainer.Generator().OfClasses(labels[:min(n, len(labels))]...).Reconstruct(inputs)
	if err != nil {
		return err
	}
	return r.writeGrid(rundir.Reconstructions, picture.Grid{Images: inputs, Below: outputs, Columns: min(reconstructionColumns, n)})
}

// writeGrid writes a grid of the model's images as the picture of the last epoch in one of the folders of pictures.
func (r *run) writeGrid(folder string, grid picture.Grid) error {
	if err := files.MakeFolder(r.dir.Path(folder)); err != nil {
		return err
	}
	grid.Shape, grid.Scale = picture.Shape(r.trainer.Config().Image), pictureScale
	img, err := grid.DrawToFit()
	if err != nil {
		return err
	}
	return picture.Write(r.dir.Picture(folder, r.trainer.epoch), img)
}
