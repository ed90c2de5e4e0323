package machine

import (
	"math"
	"slices"
	"testing"

	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
)

// forwardJob is a job whose layers are wide enough to be divided between cores.
func forwardJob() Job {
	j := tinyJob()
	j.Model.Image, j.Model.Hidden, j.Model.Latent = model.Image{Height: 9, Width: 7, Channels: 1}, []int{80, 70}, 3
	j.Train, j.Test = randomImages(j.Model.Image, 12, 1), nil
	return j
}

// drawn returns n images and their ε, a row each.
func drawn(c model.Config, n int) (x, epsilon []float32) {
	x, epsilon = make([]float32, n*c.Image.Pixels()), make([]float32, n*c.Latent)
	philox.New(1, philox.Latent, 0).Uniform(x, 0, 1)
	philox.New(1, philox.Epsilon, 0).Normal(epsilon)
	return x, epsilon
}

func mustForward(t *testing.T, m Machine, part model.Part, rows ...[]float32) [][]float32 {
	t.Helper()
	outputs, err := m.Forward(part, rows...)
	if err != nil {
		t.Fatalf("Forward to %s: %v", part, err)
	}
	return outputs
}

// near reports the first of the values that is not as wanted, but for rounding.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i, v := range got {
		if w := float64(want[i]); !(math.Abs(float64(v)-w) <= 1e-5*(1+math.Abs(w))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, v, w)
			return
		}
	}
}

// TestForward checks every part, for numbers of images that do and do not fill whole runs of a graph, against the nodes of the
// graph that is trained, after some steps.
func TestForward(t *testing.T) {
	j := forwardJob()
	m := open(t, j)
	for _, n := range []int{1, 63, 64, 65, 131} {
		mustTrain(t, m, counted(12))
		network, err := model.New(j.Model, model.Train, n, mustState(t, m).Weights)
		if err != nil {
			t.Fatal(err)
		}
		x, epsilon := drawn(j.Model, n)
		graphtest.Run(t, network.Graph, map[string]any{"x": x, "epsilon": epsilon, "beta": float32(1)})
		of := func(name string) []float32 { return graphtest.Floats(graphtest.Node(t, network.Graph, name)) }

		encoded := mustForward(t, m, model.Encode, x)
		near(t, "mean", encoded[0], of("mean"))
		near(t, "logVar", encoded[1], of("logVar"))

		pixels := slices.Clone(of("decoder.4"))
		for i, logit := range pixels {
			pixels[i] = float32(1 / (1 + math.Exp(-float64(logit))))
		}
		near(t, "pixels", mustForward(t, m, model.Decode, of("z"))[0], pixels)

		reconstruction, kl := slices.Clone(of("log p(x|z)")), of("KL(q‖p)")
		loss := slices.Clone(kl)
		for i, logP := range reconstruction {
			reconstruction[i] = -logP
			loss[i] -= logP
		}
		scored := mustForward(t, m, model.Score, x, epsilon)
		for i, want := range [][]float32{loss, reconstruction, kl} {
			near(t, network.Terms[i].Name, scored[i], want)
		}
		if len(encoded) != 2 || len(scored) != 3 {
			t.Errorf("%d outputs of the encoder and %d terms, want 2 and 3", len(encoded), len(scored))
		}
	}
}

// TestForwardOfARow checks that what becomes of a row has the same bits wherever the row is, on any number of cores.
func TestForwardOfARow(t *testing.T) {
	j := forwardJob()
	m := open(t, j)
	const n = 70
	x, epsilon := drawn(j.Model, n)
	z := epsilon // a latent is as long
	row := func(values []float32, i int) []float32 {
		width := len(values) / n
		return values[i*width:][:width]
	}
	var first [][]float32
	onCores(func(cores int) {
		all := slices.Concat(mustForward(t, m, model.Encode, x), mustForward(t, m, model.Decode, z), mustForward(t, m, model.Score, x, epsilon))
		if first == nil {
			first = all
		}
		for i := range n {
			x, e, z := row(x, i), row(epsilon, i), row(z, i)
			alone := slices.Concat(mustForward(t, m, model.Encode, x), mustForward(t, m, model.Decode, z), mustForward(t, m, model.Score, x, e))
			for k, got := range alone {
				if !sameBits(got, row(all[k], i)) || !sameBits(got, row(first[k], i)) {
					t.Fatalf("%d cores: output %d of row %d alone is %v, among others %v, at first %v", cores, k, i, got, row(all[k], i), row(first[k], i))
				}
			}
		}
	})
}

// TestForwardIsApart checks that it neither changes the rows it is given, nor the steps before and after it.
func TestForwardIsApart(t *testing.T) {
	j := forwardJob()
	m, other := open(t, j), open(t, j)
	x, epsilon := drawn(j.Model, 70)
	givenX, givenEpsilon := slices.Clone(x), slices.Clone(epsilon)
	for range 3 {
		mustForward(t, m, model.Score, x, epsilon)
		out := mustForward(t, m, model.Decode, epsilon)
		kept := slices.Clone(out[0])
		mustTrain(t, m, counted(12))
		mustTrain(t, other, counted(12))
		if mustForward(t, m, model.Decode, epsilon); !sameBits(out[0], kept) {
			t.Error("a later call changed the outputs of an earlier one")
		}
	}
	if d := differs(mustState(t, m), mustState(t, other)); d != "" {
		t.Errorf("%s differs from that of a machine that only trained", d)
	}
	if !sameBits(x, givenX) || !sameBits(epsilon, givenEpsilon) {
		t.Error("the rows that were given changed")
	}
}

func TestForwardErrors(t *testing.T) {
	j := forwardJob()
	m := open(t, j)
	x, epsilon := drawn(j.Model, 4)
	for _, c := range []struct {
		part model.Part
		rows [][]float32
		want string
	}{
		{model.Train, [][]float32{x, epsilon}, "machine: the graph to train has no outputs"},
		{"dream", [][]float32{x}, `kind "vae" has no graph to dream`},
		{model.Encode, nil, "the graph to encode takes x, and is given 0 of them"},
		{model.Encode, [][]float32{x, epsilon}, "the graph to encode takes x, and is given 2 of them"},
		{model.Score, [][]float32{x}, "the graph to score takes x, epsilon, and is given 1 of them"},
		{model.Encode, [][]float32{x[1:]}, "251 values are given for x, of which an image takes 63"},
		{model.Decode, [][]float32{epsilon[:7]}, "7 values are given for z, of which an image takes 3"},
		{model.Score, [][]float32{x, epsilon[:9]}, "9 values are given for epsilon, of which an image takes 3, and 252 for x"},
		{model.Score, [][]float32{x[:63], epsilon}, "12 values are given for epsilon, of which an image takes 3, and 63 for x"},
		{model.Score, [][]float32{nil, epsilon}, "12 values are given for epsilon, of which an image takes 3, and 0 for x"},
	} {
		outputs, err := m.Forward(c.part, c.rows...)
		if mentions(t, err, c.want); outputs != nil {
			t.Errorf("%s: outputs are %v, want none", c.want, outputs)
		}
	}
	for i, output := range mustForward(t, m, model.Encode, nil) {
		if len(output) != 0 {
			t.Errorf("output %d of no rows is %v", i, output)
		}
	}
}
