package train

import (
	"os"

	"govae/internal/picture"
	"govae/model"
	"govae/train/checkpoint"
	"govae/train/generate"
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
	state, err := r.toWrite()
	if err != nil {
		return err
	}
	if err := r.writePictures(state.Weights); err != nil {
		return err
	}
	if err := writeMetrics(r.out.path(metricsFile), r.history); err != nil {
		return err
	}
	if err := writeCurves(r.out.path(curvesFile), r.history); err != nil {
		return err
	}
	last := r.history[len(r.history)-1]
	if r.at.BestEpoch == 0 || last.Test.Loss < r.at.BestLoss {
		r.at.BestEpoch, r.at.BestLoss = last.Epoch, last.Test.Loss
		if err := r.saveAs(bestFile, state); err != nil {
			return err
		}
	}
	return r.saveAs(checkpointFile, state)
}

// save writes the checkpoint of this moment.
func (r *run) save() error {
	state, err := r.toWrite()
	if err != nil {
		return err
	}
	return r.saveAs(checkpointFile, state)
}

// toWrite returns the state that is to be written, and makes room for it where it replaces another run's.
func (r *run) toWrite() (State, error) {
	state, err := r.machine.State()
	if err != nil {
		return State{}, err
	}
	return state, r.out.discardReplaced()
}

func (r *run) saveAs(name string, state State) error {
	return checkpoint.Save(r.out.path(name), &checkpoint.Checkpoint{
		Config:       r.Model,
		Weights:      state.Weights,
		FirstMoment:  state.FirstMoment,
		SecondMoment: state.SecondMoment,
		Run:          r.at,
	})
}

// writePictures draws what the model generates, from the same latents after every epoch, and test images above what
// it makes of them.
func (r *run) writePictures(weights model.Tensors) error {
	generator, err := generate.New(r.Model, weights)
	if err != nil {
		return err
	}
	samples, err := generator.Sample(sampleCount, r.Model.Seed)
	if err != nil {
		return err
	}
	if err := r.writeGrid(samplesDir, samples, sampleColumns); err != nil {
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
	return r.writeGrid(reconstructionsDir, pairs, columns)
}

// writeGrid writes images as the picture of the last epoch in one of the folders of pictures.
func (r *run) writeGrid(folder string, images []float32, columns int) error {
	if err := os.MkdirAll(r.out.path(folder), 0o777); err != nil {
		return err
	}
	grid, err := picture.Grid(images, picture.Shape(r.Model.Image), columns, pictureScale)
	if err != nil {
		return err
	}
	return picture.Write(r.out.picture(folder, r.at.Epoch), grid)
}
