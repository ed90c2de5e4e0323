package cuda

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
)

type programKey struct {
	part  model.Part
	batch int
	use   plan.Use
}

// program is a graph on the device, ready to run.
type program struct {
	network *model.Network
	run     func(times int) error
	inputs  []kernels.Ptr // where a Forward's rows are written
	outputs []kernels.Ptr // and its outputs read
}

// forwardBatch is how many images one run of a graph takes in Forward.
const forwardBatch = 64

// program returns the program for key, which it compiles at its first use.
func (m *gpu) program(key programKey) (*program, error) {
	if p, ok := m.programs[key]; ok {
		return p, nil
	}
	network, err := model.New(m.job.Model, key.part, key.batch, nil)
	if err != nil {
		return nil, err
	}
	var gradients gorgonia.Nodes
	if key.use == plan.Train {
		if gradients, err = network.Gradients(); err != nil {
			return nil, err
		}
	}
	compiled, err := plan.Compile(network, gradients, m.options(key.use))
	if err != nil {
		return nil, err
	}
	p, err := m.load(network, compiled)
	if err != nil {
		return nil, m.fail(err)
	}
	m.programs[key] = p
	return p, nil
}

// trainingPrograms returns the programs of the training graph that so many images take: that of the whole batches, and that of the
// short last one. One that is not needed is nil.
func (m *gpu) trainingPrograms(images int, use plan.Use) (whole, last *program, err error) {
	batch := m.job.Settings.Batch
	if images >= batch {
		if whole, err = m.program(programKey{model.Train, batch, use}); err != nil {
			return nil, nil, err
		}
	}
	if left := images % batch; left > 0 {
		last, err = m.program(programKey{model.Train, left, use})
	}
	return whole, last, err
}

func (m *gpu) options(use plan.Use) plan.Options {
	return plan.Options{
		Use:             use,
		Seed:            m.job.Settings.Seed,
		Batch:           m.job.Settings.Batch,
		TF32:            m.job.Precision == machine.TF32,
		Multiprocessors: m.multiprocessors,
		Beta1:           machine.AdamBeta1,
		Beta2:           machine.AdamBeta2,
		Epsilon:         machine.AdamEpsilon,
	}
}

// load makes memory for a plan, and captures its launches.
func (m *gpu) load(network *model.Network, from *plan.Plan) (*program, error) {
	addresses := make([]kernels.Ptr, len(from.Buffers))
	for i, b := range from.Buffers {
		if b.Name != "" {
			address, ok := m.shared[b.Name]
			if !ok {
				return nil, fmt.Errorf("cuda: the graph to %s needs %s, which this machine was opened without", network.Part, b.Name)
			}
			addresses[i] = address
			continue
		}
		var err error
		if addresses[i], err = m.device.Alloc(b.Bytes); err != nil {
			return nil, err
		}
		if b.Fill != 0 {
			if err := m.device.Write(addresses[i], memory(slices.Repeat([]float32{b.Fill}, b.Bytes/4))); err != nil {
				return nil, err
			}
		}
	}
	var launches []launch
	for _, l := range from.Launches {
		launches = append(launches, launch{l.Kernel, l.X, l.Y, l.Bind(addresses)})
	}
	p := &program{network: network}
	for _, in := range from.Inputs {
		p.inputs = append(p.inputs, plan.Address(in, addresses))
	}
	for _, out := range from.Outputs {
		p.outputs = append(p.outputs, plan.Address(out, addresses))
	}
	var err error
	p.run, err = m.device.Capture(launches)
	return p, err
}
