package plan

import "govae/cuda/kernels"

// schedule puts the operations in order, and gathers instructions in lists, so that there are few launches.
//
// It goes from launch to launch, in the order of the graph. What a launch needs of instructions is made right before it, and with
// them all others of their sort that can be made by then: they cost next to nothing there.
func (c *compiler) schedule() {
	var instructions []*operation // not made yet, in the order of the graph
	for _, node := range c.order {
		if o := c.operations[node]; o != nil && o.launch == nil {
			instructions = append(instructions, o)
		}
	}
	instructions = append(instructions, c.record()...)
	for _, node := range c.order {
		if o := c.operations[node]; o != nil && o.launch != nil {
			c.need(c.missing(o), instructions)
			c.launchFor(o.launch, []string{o.what})
			o.done = true
		}
	}
	c.need(instructions, instructions)
	if c.options.Use == Train {
		c.update()
	}
}

// missing returns the instructions that an operation needs, and that are not made yet.
func (c *compiler) missing(o *operation) (missing []*operation) {
	for _, input := range o.inputs {
		if from := c.operations[input]; from != nil && !from.done {
			missing = append(missing, from)
		}
	}
	return missing
}

// need makes instructions, and what they need of others, in lists that take whatever else of all is ready.
func (c *compiler) need(wanted, all []*operation) {
	for {
		left := c.pending(wanted)
		if len(left) == 0 {
			return
		}
		small := false
		for _, o := range left {
			small = small || o.small && c.ready(o, nil)
		}
		c.list(all, small)
	}
}

// pending returns the operations that are still to be made for those that are wanted, these among them, each once.
func (c *compiler) pending(wanted []*operation) (pending []*operation) {
	seen := make(map[*operation]bool)
	var add func(wanted []*operation)
	add = func(wanted []*operation) {
		for _, o := range wanted {
			if !o.done && !seen[o] {
				seen[o] = true
				pending = append(pending, o)
				add(c.missing(o))
			}
		}
	}
	add(wanted)
	return pending
}

// list launches a list with all the instructions that are ready, or become so by it: those of vectors and scalars, or those of
// matrices.
func (c *compiler) list(all []*operation, small bool) {
	args := &kernels.ListArgs{Control: c.sharedBuffer(Control)}
	listed := make(map[*operation]bool)
	var nodes []string
	n := int32(0)
	for _, o := range all {
		if o.done || o.small != small || !c.ready(o, listed) || int(args.Count)+len(o.instructions) > kernels.ListLength {
			continue
		}
		for _, in := range o.instructions {
			args.List[args.Count] = in
			args.Count++
			n = max(n, in.N)
		}
		listed[o] = true
		nodes = append(nodes, o.what)
	}
	for o := range listed {
		o.done = true
	}
	l := &Launch{Kernel: "each", X: blocks(int(n), kernels.Threads), Y: 1, Args: args}
	if small {
		l.Kernel, l.X = "in_order", 1
	}
	c.launchFor(l, nodes)
}

// ready says whether all that an operation needs is made, or is in the same list before it. In a list of matrices it then reads what
// was made for the same place: what is read by row or as a whole is a vector or a scalar, which is never in such a list.
func (c *compiler) ready(o *operation, listed map[*operation]bool) bool {
	for _, input := range o.inputs {
		from := c.operations[input]
		if from == nil || from.done {
			continue
		}
		if !listed[from] {
			return false
		}
	}
	return true
}

// launchFor adds a launch that computes the nodes of these names.
func (c *compiler) launchFor(l *Launch, nodes []string) {
	l.Nodes = nodes
	c.Launches = append(c.Launches, *l)
}
