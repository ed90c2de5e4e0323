package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/cuda/kernels"
	"govae/model"
	"govae/model/op"
)

// network returns a part of the default model, and of its training graph the gradients.
func network(t *testing.T, part model.Part, change func(*model.Config)) (*model.Network, gorgonia.Nodes) {
	t.Helper()
	cfg := model.DefaultConfig()
	change(&cfg)
	n, err := model.New(cfg, part, 128, nil)
	if err != nil {
		t.Fatal(err)
	}
	if part != model.Train {
		return n, nil
	}
	gradients, err := n.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	return n, gradients
}

func unchanged(*model.Config) {}

func mustCompile(t *testing.T, n *model.Network, gradients gorgonia.Nodes, o Options) *Plan {
	t.Helper()
	o.Batch = 128
	p, err := Compile(n, gradients, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryGraphHasKernels compiles every graph that the tables of kinds, likelihoods and activations can make.
func TestEveryGraphHasKernels(t *testing.T) {
	cfg := model.DefaultConfig()
	cfg.Classes, cfg.Hidden = 10, []int{200, 100}
	for _, cfg.Kind = range model.Kinds() {
		for _, cfg.Likelihood = range model.Likelihoods() {
			for _, cfg.Activation = range model.Activations() {
				for _, part := range []model.Part{model.Train, model.Score, model.Encode, model.Decode, model.Classify} {
					n, err := model.New(cfg, part, 3, nil)
					if errors.Is(err, model.ErrCannot) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					uses, gradients := []Use{Forward}, gorgonia.Nodes(nil)
					if part == model.Train {
						if gradients, err = n.Gradients(); err != nil {
							t.Fatal(err)
						}
						uses = []Use{Train, Evaluate}
					}
					for _, use := range uses {
						if _, err := Compile(n, gradients, Options{Use: use, Batch: 3}); err != nil {
							t.Errorf("%v to %s: %v", cfg, part, err)
						}
					}
				}
			}
		}
	}
}

// foreign is an operation that no kernel does.
type foreign struct {
	gorgonia.Op
	spec op.Spec
}

func (f foreign) Spec() op.Spec { return f.spec }
func (foreign) Type() hm.Type   { return hm.NewFnType(tensor.Float32, tensor.Float32) }
func (foreign) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (foreign) Do(...gorgonia.Value) (gorgonia.Value, error) { return nil, nil }
func (foreign) Arity() int                                   { return 1 }
func (foreign) String() string                               { return "foreign" }

// applyForeign returns what applies an operation of that Spec.
func applyForeign(spec op.Spec) func(*gorgonia.Node) (*gorgonia.Node, error) {
	return func(x *gorgonia.Node) (*gorgonia.Node, error) {
		scaled, err := op.AddScaled(x, x, x)
		if err != nil {
			return nil, err
		}
		return gorgonia.ApplyOp(foreign{scaled.Op(), spec}, scaled)
	}
}

// TestOperationWithoutAKernel checks that it is named, one of package op as well as one of another package.
func TestOperationWithoutAKernel(t *testing.T) {
	for want, apply := range map[string]func(*gorgonia.Node) (*gorgonia.Node, error){
		"operation Foreign ·2 has no kernel":              applyForeign(op.Spec{Kind: "Foreign", Scale: 2}),
		"operation Activate gelu has no kernel":           applyForeign(op.Spec{Kind: "Activate", Activation: "gelu"}),
		"neither an input nor an operation with a kernel": gorgonia.Exp,
	} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("x"))
		y, err := apply(x)
		if err != nil {
			t.Fatal(err)
		}
		n := &model.Network{Graph: g, Batch: 1, Inputs: []model.Input{{Node: x}}, Outputs: gorgonia.Nodes{y}}
		if p, err := Compile(n, nil, Options{Use: Forward}); p != nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error is %v, want one that says %q", err, want)
		}
	}
}

// TestLaunchesOfAStep counts them: more would be slower.
func TestLaunchesOfAStep(t *testing.T) {
	n, gradients := network(t, model.Train, unchanged)
	p := mustCompile(t, n, gradients, Options{Use: Train, Multiprocessors: 132})
	counts := make(map[string]int)
	for _, l := range p.Launches {
		kernel, _, _ := strings.Cut(l.Kernel, "_16")
		kernel, _, _ = strings.Cut(kernel, "_32")
		counts[kernel]++
	}
	want := map[string]int{
		"begin_step": 1, "gather_pixels": 1, "draw_normal": 1, "dense_forward": 5, "each": 4, "kl_rows": 1, "bernoulli_rows": 1,
		"in_order": 1, "dense_input_gradient": 4, "dense_update": 5,
	}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("launches are %v, want %v:\n%v", counts, want, p)
	}
}

// TestUpdatesComeLast checks that no weight is changed before all that reads it, nor before the loss is looked at.
func TestUpdatesComeLast(t *testing.T) {
	n, gradients := network(t, model.Train, func(c *model.Config) { c.Hidden = []int{60, 50, 40} })
	p := mustCompile(t, n, gradients, Options{Use: Train})
	updates := 0
	for _, l := range p.Launches {
		if strings.HasPrefix(l.Kernel, "dense_update") {
			updates++
		} else if updates > 0 {
			t.Errorf("after %d updates comes %s of %v", updates, l.Kernel, l.Nodes)
		}
	}
	if updates != 9 {
		t.Errorf("%d updates, want 9", updates)
	}
}

// TestEvaluationUpdatesNothing checks that, whatever gradients it is given.
func TestEvaluationUpdatesNothing(t *testing.T) {
	n, gradients := network(t, model.Train, unchanged)
	for _, l := range mustCompile(t, n, gradients, Options{Use: Evaluate}).Launches {
		args, product := l.Args.(*kernels.DenseUpdateArgs)
		if l.Kernel == "adam" || product && (args.Weight.W != 0 || args.Bias.W != 0) {
			t.Errorf("%s updates %v", l.Kernel, l.Nodes)
		}
	}
}

// TestLongLists checks that instructions are divided among as many lists as they need, in their order, and in a time that does not
// double with each that reads another twice.
func TestLongLists(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(300), gorgonia.WithName("x"))
	y := x
	for range 2*kernels.ListLength + 3 {
		var err error
		if y, err = op.Add(y, y); err != nil {
			t.Fatal(err)
		}
	}
	var lengths []int32
	var last kernels.Ptr
	n := &model.Network{Graph: g, Batch: 1, Inputs: []model.Input{{Node: x}}, Outputs: gorgonia.Nodes{y}}
	for i, l := range mustCompile(t, n, nil, Options{Use: Forward}).Launches {
		args := l.Args.(*kernels.ListArgs)
		if l.Kernel != "in_order" || l.X != 1 || l.Y != 1 {
			t.Errorf("list %d is for %s in %d × %d blocks, want in_order in one", i, l.Kernel, l.X, l.Y)
		}
		lengths = append(lengths, args.Count)
		for k, in := range args.List[:args.Count] {
			if (i > 0 || k > 0) && (in.A != last || in.B != last) {
				t.Errorf("instruction %d of list %d reads another value than that before it makes", k, i)
			}
			last = in.Y
		}
	}
	if !slices.Equal(lengths, []int32{kernels.ListLength, kernels.ListLength, 3}) {
		t.Errorf("the lists have %d instructions", lengths)
	}
}

// TestWorkIsDivided checks that a product's tiles are as many as there are multiprocessors, or as small as they can be.
func TestWorkIsDivided(t *testing.T) {
	n, gradients := network(t, model.Train, unchanged)
	for _, c := range []struct {
		tf32       bool
		processors int
		want       string
	}{
		{false, 1, "64x64"}, {false, 14, "64x64"}, {false, 15, "32x32"}, {false, 52, "32x32"}, {false, 53, "16x32"}, {false, 1000, "16x32"},
		{true, 1, "tf32_64x64"}, {true, 14, "tf32_64x64"}, {true, 15, "tf32_32x32"}, {true, 1000, "tf32_32x32"},
	} {
		for _, l := range mustCompile(t, n, gradients, Options{Use: Train, TF32: c.tf32, Multiprocessors: c.processors}).Launches {
			if slices.Equal(l.Nodes, []string{"encoder.0"}) && l.Kernel != "dense_forward_"+c.want {
				t.Errorf("%d multiprocessors: %s, want %s", c.processors, l.Kernel, c.want)
			}
			if strings.HasPrefix(l.Kernel, "dense_") && strings.Contains(l.Kernel, "_tf32_") != c.tf32 {
				t.Errorf("TF32 is %v: %s", c.tf32, l.Kernel)
			}
		}
	}
}

// TestSettings checks that the table has a column for each setting, behind the rates, and that each is read from its own.
func TestSettings(t *testing.T) {
	g := gorgonia.NewGraph()
	n := &model.Network{Graph: g, Batch: 1}
	for _, name := range []string{"a", "b", "c"} {
		n.Inputs = append(n.Inputs, model.Input{Node: gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName(name)), Source: model.Setting})
	}
	y, err := op.AddScaled(n.Inputs[2].Node, n.Inputs[0].Node, n.Inputs[1].Node)
	if err != nil {
		t.Fatal(err)
	}
	n.Terms = []model.Reported{{Node: y}}
	p := mustCompile(t, n, nil, Options{Use: Evaluate})
	begin := p.Launches[0].Args.(*kernels.BeginStepArgs)
	if !slices.Equal(p.Settings, []string{"a", "b", "c"}) || begin.Columns != 5 {
		t.Errorf("the table has %d columns for the settings %v, want 5", begin.Columns, p.Settings)
	}
	in := p.Launches[1].Args.(*kernels.ListArgs).List[0]
	for i, at := range []kernels.Ptr{in.B, in.C, in.A} {
		if want := begin.Scalars + kernels.Ptr(4*(Rates+i)); at != want {
			t.Errorf("setting %d is read at %#x, want %#x", i, at, want)
		}
	}
}

// TestDrawsInEvaluation checks that there are threads for every image's own sequence: each begins with a thread's four values.
func TestDrawsInEvaluation(t *testing.T) {
	const images = 300
	for width, want := range map[int]int{4: 2, 5: 3} { // of 256 threads
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(images, width), gorgonia.WithName("x"))
		n := &model.Network{Graph: g, Batch: images, Inputs: []model.Input{{Node: x, Source: model.Normal}}}
		if l := mustCompile(t, n, nil, Options{Use: Evaluate}).Launches[1]; l.Kernel != "draw_normal" || l.X != want {
			t.Errorf("%d blocks of %s draw %d sequences of %d values, want %d", l.X, l.Kernel, images, width, want)
		}
	}
}

// TestTheLossIsChecked checks that a training step looks whether its loss, and nothing else, is finite, and an evaluation does not.
func TestTheLossIsChecked(t *testing.T) {
	n, gradients := network(t, model.Train, unchanged)
	for use, want := range map[Use]int{Train: 1, Evaluate: 0} {
		checks, loss := 0, kernels.Ptr(0)
		for _, l := range mustCompile(t, n, gradients, Options{Use: use}).Launches {
			args, ok := l.Args.(*kernels.ListArgs)
			if !ok {
				continue
			}
			for _, in := range args.List[:args.Count] {
				if in.Op == kernels.Record && in.N == 0 {
					loss = in.A
				}
				if in.Op == kernels.Check {
					if checks++; in.A != loss || args.Control == 0 {
						t.Errorf("use %d: what is at %#x is checked, want the loss at %#x", use, in.A, loss)
					}
				}
			}
		}
		if checks != want {
			t.Errorf("use %d: %d values are checked, want %d", use, checks, want)
		}
	}
}

// TestBind checks that addresses are put for references and nothing else is changed, in structs and arrays within the arguments.
func TestBind(t *testing.T) {
	args := &kernels.ListArgs{Control: reference(1), Count: 2}
	args.List[1] = kernels.Instruction{Op: kernels.Add, Scale: 3, Y: reference(0), A: reference(1) + 8, N: 5}
	was := *args
	bound := *args
	bound.Control = 2000
	bound.List[1].Y, bound.List[1].A = 1000, 2008
	memory := Launch{Args: args}.Bind([]kernels.Ptr{1000, 2000})
	if got := (*kernels.ListArgs)(unsafe.Pointer(&memory[0])); len(memory) != int(unsafe.Sizeof(bound)) || *got != bound {
		t.Errorf("the arguments are %v, want %v", *got, bound)
	}
	if *args != was {
		t.Error("the plan's own arguments are changed")
	}
}

// TestTooLarge checks that what the kernels cannot count, and a sum that no list holds, are errors, and what is just as large as can
// be is not.
func TestTooLarge(t *testing.T) {
	for _, c := range []struct {
		rows, cols, terms int
		want              string // in the error; "": there is none
	}{
		{1<<23 - 1, 256, 2, ""},
		{1 << 23, 256, 2, "x has 2147483648 values, want at most 2147483392"},
		{1 << 16, 1 << 16, 2, "x has 4294967296 values"},
		{2, 3, 17, ""},
		{2, 3, 18, "operation Add of 18 inputs takes 17 instructions, and a list has 16"},
	} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(c.rows, c.cols), gorgonia.WithName("x"))
		y, err := op.Add(slices.Repeat(gorgonia.Nodes{x}, c.terms)...)
		if err != nil {
			t.Fatal(err)
		}
		n := &model.Network{Graph: g, Batch: 1, Inputs: []model.Input{{Node: x}}, Outputs: gorgonia.Nodes{y}}
		_, err = Compile(n, nil, Options{Use: Forward})
		if c.want == "" && err != nil || c.want != "" && !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%d terms of %d × %d: error is %v, want one that says %q", c.terms, c.rows, c.cols, err, c.want)
		}
	}
}
