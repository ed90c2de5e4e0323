// Package report tells how a run goes: lines, a table and a progress bar on the console, metrics.csv, and curves.png.
// It works from the list of a model's terms, and knows none of them by its name.
package report

import "govae/model/machine"

// Epoch is what one epoch gave: a row of the console's table and of metrics.csv, and a point of each curve.
type Epoch struct {
	Number          int           // counted from 1
	Step            uint64        // updates made since the start of the run
	Train           machine.Terms // mean over the training images, each seen as the weights were at its step
	Test            machine.Terms // mean over the test images, after the epoch
	Seconds         float64
	ImagesPerSecond float64 // both of the training steps alone, without evaluation and files
}

// Progress is where a run stands between two steps.
type Progress struct {
	Epoch  int           // the epoch at hand, counted from 1
	Step   uint64        // updates made since the start of the run
	Images int           // of the epoch at hand that are done
	Of     int           // images that an epoch has
	Terms  machine.Terms // mean over those that are done
}
