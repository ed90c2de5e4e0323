package plan

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/model"
	"govae/model/op"
)

// Use is what a plan is made for.
type Use int

// The uses.
const (
	Train    Use = iota // steps over training images, with updates
	Evaluate            // the terms over test images
	Forward             // outputs from rows that the host writes
)

// Options are what a plan depends on besides its graph.
type Options struct {
	Use             Use
	Seed            uint64 // of what is drawn
	Batch           int    // images of a whole batch; the graph's may be a last, short one
	TF32            bool   // products on tensor cores
	Multiprocessors int    // of the card: what the work should be divided among
	Beta1           float32
	Beta2           float32
	Epsilon         float32
}

// operation is a piece of work that is not divided: a launch, or some instructions of a list.
type operation struct {
	what         string
	inputs       gorgonia.Nodes
	launch       *Launch               // nil: it is instructions
	instructions []kernels.Instruction // in their order, for one i after the other or for all
	small        bool                  // they are for in_order, else for each
	done         bool
}

// compiler makes a plan.
type compiler struct {
	Plan
	options    Options
	network    *model.Network
	gradients  gorgonia.Nodes
	shared     map[string]int                      // places of the shared buffers
	values     map[*gorgonia.Node]kernels.Ptr      // of what has a buffer
	operations map[*gorgonia.Node]*operation       // that compute the nodes
	readers    map[*gorgonia.Node][]*gorgonia.Node // of each node, those that it is an input of
	order      []*gorgonia.Node                    // each after its inputs
	fused      map[*gorgonia.Node]bool             // done by the operation of another node
}

// maxValues is how many values a node may have: kernels count them in 32 bits with a sign, and up to a whole block more.
const maxValues = 1<<31 - kernels.Threads

// Compile returns the plan of a network, and with Train of the updates by its gradients, which are in the order of its parameters.
// An error names the operation that has no kernel, or that is too large for one.
func Compile(network *model.Network, gradients gorgonia.Nodes, o Options) (*Plan, error) {
	c := &compiler{
		options:    o,
		network:    network,
		gradients:  gradients,
		shared:     make(map[string]int),
		values:     make(map[*gorgonia.Node]kernels.Ptr),
		operations: make(map[*gorgonia.Node]*operation),
		readers:    make(map[*gorgonia.Node][]*gorgonia.Node),
		fused:      make(map[*gorgonia.Node]bool),
	}
	for _, in := range network.Inputs {
		if in.Source == model.Setting {
			c.Settings = append(c.Settings, in.Name())
		}
	}
	for _, root := range c.roots() {
		c.sort(root)
	}
	for _, node := range c.order {
		if n := node.Shape().TotalSize(); n > maxValues {
			return nil, fmt.Errorf("cuda: %s has %d values, want at most %d: the batch is too large", node.Name(), n, maxValues)
		}
	}
	c.fillInputs()
	c.fuse()
	for _, node := range c.order {
		if err := c.compile(node); err != nil {
			return nil, err
		}
	}
	c.schedule()
	for _, node := range network.Outputs {
		c.Outputs = append(c.Outputs, c.value(node))
	}
	return &c.Plan, nil
}

// roots returns the nodes that are wanted: the terms first.
func (c *compiler) roots() (roots gorgonia.Nodes) {
	for _, term := range c.network.Terms {
		roots = append(roots, term.Node)
	}
	roots = append(roots, c.network.Outputs...)
	return append(roots, c.gradients...)
}

// sort adds a node to the order, after all that it needs.
func (c *compiler) sort(node *gorgonia.Node) {
	if _, seen := c.readers[node]; seen {
		return
	}
	c.readers[node] = nil
	for _, input := range c.inputsOf(node) {
		c.sort(input)
		c.readers[input] = append(c.readers[input], node)
	}
	c.order = append(c.order, node)
}

func (c *compiler) inputsOf(node *gorgonia.Node) (inputs gorgonia.Nodes) {
	for children := c.network.Graph.From(node.ID()); children.Next(); {
		inputs = append(inputs, children.Node().(*gorgonia.Node))
	}
	return inputs
}

// compile makes the operation that computes a node, unless another does, or the node is an input.
func (c *compiler) compile(node *gorgonia.Node) error {
	if c.fused[node] {
		return nil
	}
	spec, ok := op.SpecOf(node)
	if !ok {
		return c.leaf(node)
	}
	kind, ok := kinds[spec.Kind]
	if _, known := activations[spec.Activation]; !ok || spec.Activation != "" && !known {
		return fmt.Errorf("cuda: operation %v has no kernel", spec)
	}
	inputs := c.inputsOf(node)
	o := kind(c, spec, node, inputs)
	o.what = node.Name()
	if len(o.instructions) > kernels.ListLength {
		return fmt.Errorf("cuda: operation %v of %d inputs takes %d instructions, and a list has %d", spec, len(inputs), len(o.instructions), kernels.ListLength)
	}
	if o.inputs == nil {
		o.inputs = inputs
	}
	c.operations[node] = o
	return nil
}

// leaf gives a value to a node that is computed from nothing: an input, a parameter or a constant.
func (c *compiler) leaf(node *gorgonia.Node) error {
	if _, ok := c.values[node]; ok {
		return nil // an input
	}
	for _, p := range c.network.Parameters {
		if p == node {
			c.values[node] = c.sharedBuffer(node.Name())
			return nil
		}
	}
	if value, ok := node.Value().(*gorgonia.F32); ok && node.Op() != nil {
		c.values[node] = c.buffer(1, float32(*value))
		return nil
	}
	return fmt.Errorf("cuda: %v is neither an input nor an operation with a kernel", node)
}

// value returns where the value of a node is, which is as large as its shape, for one that has been compiled.
func (c *compiler) value(node *gorgonia.Node) kernels.Ptr {
	p, ok := c.values[node]
	if !ok {
		p = c.buffer(node.Shape().TotalSize(), 0)
		c.values[node] = p
	}
	return p
}

// buffer adds one that is the plan's own, of float32.
func (c *compiler) buffer(values int, fill float32) kernels.Ptr {
	c.Buffers = append(c.Buffers, Buffer{Bytes: 4 * values, Fill: fill})
	return reference(len(c.Buffers) - 1)
}

// sharedBuffer returns the shared one of that name.
func (c *compiler) sharedBuffer(name string) kernels.Ptr {
	place, ok := c.shared[name]
	if !ok {
		place = len(c.Buffers)
		c.shared[name] = place
		c.Buffers = append(c.Buffers, Buffer{Name: name})
	}
	return reference(place)
}
