package main

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/mat"

	"govae/model"
	"govae/train/device"
	"govae/train/evaluate"
	"govae/train/generate"
)

const (
	judgeEpochs = 5   // that the classifier is trained for
	sureAbove   = 0.9 // probability of a class, above which the classifier is sure of an image
)

// judge measures images by a classifier: how far its features of them are from those of the test images, and how many it is sure of.
type judge struct {
	classifier *generate.Generator
	test       *mat.Dense // the features of the test images
}

// quality is what the judge says of images.
type quality struct {
	Images   int
	Distance float64 // the Fréchet distance of their features from those of the test images
	Sure     float64 // the share of which the classifier is sure
}

// openJudge trains the classifier and measures it, and what no set of images could do better than.
func (s *study) openJudge(r *results) error {
	cfg := model.DefaultConfig()
	cfg.Kind = model.Classifier
	t, err := s.trainer(cfg, s.set.Train.Len())
	if err != nil {
		return err
	}
	defer t.Close()
	for range judgeEpochs {
		if _, err := t.Epoch(context.Background(), nil); err != nil {
			return err
		}
	}
	c, err := t.Checkpoint()
	if err != nil {
		return err
	}
	s.judge = new(judge)
	if s.judge.classifier, err = generate.New(c, device.CPU); err != nil {
		return err
	}
	if s.judge.test, err = s.judge.features(s.test); err != nil {
		return err
	}
	r.Judge, r.JudgeEpochs, r.SureAbove = t.Config().String(), judgeEpochs, sureAbove
	if r.Right, err = s.right(); err != nil {
		return err
	}
	if r.Halves, err = s.judge.halves(); err != nil {
		return err
	}
	if r.TestQuality, err = s.judge.of(s.test); err != nil {
		return err
	}
	r.TrainQuality, err = s.judge.of(values(&s.set.Train, 0, s.set.Test.Len()))
	return err
}

// right returns the share of the test images that the classifier reads as their label says.
func (s *study) right() (float64, error) {
	p, err := s.judge.classifier.Classify(s.test)
	if err != nil {
		return 0, err
	}
	right, labels := 0, s.set.Test.Labels
	for i, row := range rows(p, len(labels)) {
		if slices.Index(row, slices.Max(row)) == int(labels[i]) {
			right++
		}
	}
	return float64(right) / float64(len(labels)), nil
}

// rows splits values into n rows.
func rows(values []float32, n int) [][]float32 {
	return slices.Collect(slices.Chunk(values, len(values)/n))
}

// features returns what the classifier's last hidden layer makes of images.
func (j *judge) features(images []float32) (*mat.Dense, error) {
	f, _, err := j.classifier.Encode(images)
	if err != nil {
		return nil, err
	}
	return matrix(f, len(images)/j.classifier.Config().Image.Pixels()), nil
}

// matrix returns values as n rows.
func matrix(values []float32, n int) *mat.Dense {
	m := mat.NewDense(n, len(values)/n, nil)
	for i, v := range values {
		m.RawMatrix().Data[i] = float64(v)
	}
	return m
}

// halves returns the distance between the test images at even places and those at odd ones. (The first half and the second are
// of different writers.)
func (j *judge) halves() (float64, error) {
	n, d := j.test.Dims()
	halves := [2]*mat.Dense{mat.NewDense(n/2, d, nil), mat.NewDense(n/2, d, nil)}
	for i := range n / 2 * 2 {
		halves[i%2].SetRow(i/2, j.test.RawRowView(i))
	}
	return evaluate.Frechet(halves[0], halves[1])
}

func (j *judge) of(images []float32) (q quality, err error) {
	features, err := j.features(images)
	if err != nil {
		return q, err
	}
	if q.Distance, err = evaluate.Frechet(features, j.test); err != nil {
		return q, err
	}
	q.Images, _ = features.Dims()
	p, err := j.classifier.Classify(images)
	if err != nil {
		return q, err
	}
	for _, row := range rows(p, q.Images) {
		if slices.Max(row) > sureAbove {
			q.Sure += 1 / float64(q.Images)
		}
	}
	return q, nil
}
