package cuda

import (
	"fmt"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model/machine"
)

// stretch runs the training graph over the images at indices, batch by batch, without waiting in between, and returns the terms of
// each. What is not the same in each step is written before: which images, the rates of Adam, and the settings.
func (m *gpu) stretch(indices []int, test bool) ([]machine.Terms, error) {
	batch := m.job.Settings.Batch
	use := plan.Train
	if test {
		use = plan.Evaluate
	}
	whole, last, err := m.trainingPrograms(len(indices), use)
	if err != nil {
		return nil, err
	}
	steps := machine.Steps(len(indices), batch)
	if err := m.prepare(indices, steps, test); err != nil {
		return nil, m.fail(err)
	}
	if whole != nil {
		if err := whole.run(len(indices) / batch); err != nil {
			return nil, m.fail(err)
		}
	}
	if last != nil {
		if err := last.run(1); err != nil {
			return nil, m.fail(err)
		}
	}
	terms, control, err := m.result(steps)
	if err != nil {
		return nil, m.fail(err)
	}
	if test {
		return terms, nil
	}
	return m.judge(terms, control)
}

// prepare writes what a stretch of steps is about.
func (m *gpu) prepare(indices []int, steps int, test bool) error {
	images := make([]int32, len(indices))
	for i, index := range indices {
		images[i] = int32(index)
	}
	var table []float32
	for i := range uint64(steps) {
		step := m.step + i
		rate, correction := machine.AdamRates(m.job.Settings.Rate(m.job.Epoch(step)), step+1)
		table = append(table, rate, correction)
		for _, name := range m.settings {
			value, _ := m.job.Scalar(name, step, test)
			table = append(table, value)
		}
	}
	if err := m.device.Write(m.shared[plan.Indices], memory(images)); err != nil {
		return err
	}
	if err := m.device.Write(m.shared[plan.Table], memory(table)); err != nil {
		return err
	}
	return m.device.Write(m.shared[plan.Control], memory([]kernels.Control{{Step: m.step, At: -1}}))
}

// result waits for a stretch, and returns the terms of its steps.
func (m *gpu) result(steps int) ([]machine.Terms, kernels.Control, error) {
	values := make([]float32, steps*m.terms)
	control := make([]kernels.Control, 1)
	if err := m.device.Read(memory(values), m.shared[plan.Terms]); err != nil {
		return nil, control[0], err
	}
	if err := m.device.Read(memory(control), m.shared[plan.Control]); err != nil {
		return nil, control[0], err
	}
	terms := make([]machine.Terms, steps)
	for i := range terms {
		terms[i] = make(machine.Terms, m.terms)
		for k := range terms[i] {
			terms[i][k] = float64(values[i*m.terms+k])
		}
	}
	return terms, control[0], nil
}

// judge counts the steps that were made, and says why they were not all.
func (m *gpu) judge(terms []machine.Terms, c kernels.Control) ([]machine.Terms, error) {
	switch {
	case c.Overflow != 0:
		m.lost = fmt.Errorf("%w after an update that overflows", machine.ErrNotFinite)
		return terms[:c.Overflow], m.lost
	case c.Stopped != 0:
		m.step += uint64(c.Stopped - 1)
		return terms[:c.Stopped], machine.ErrNotFinite
	}
	m.step += uint64(len(terms))
	return terms, nil
}
