package main

import (
	"os"
	"strings"
	"testing"

	"govae/cuda/kernels"
	"govae/cuda/plan"
)

// TestDocs checks that docs/gpu.md has what the program prints.
func TestDocs(t *testing.T) {
	docs, err := os.ReadFile("../../../docs/gpu.md")
	if err != nil {
		t.Fatal(err)
	}
	has := func(flags, text string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(docs), text) {
			t.Errorf("docs/gpu.md lacks what go run ./cuda/gpucheck/launches%s prints:\n%s", flags, text)
		}
	}
	text, err := table()
	has("", "\n"+text+"\n", err)
	text, err = list("a")
	has(" -list a", "```\n"+text+"```\n", err)
	if _, err := list("e"); err == nil {
		t.Error("there is a network e")
	}
}

// TestCount counts by hand a layer's forward product, the gradients with the updates of weight and bias, and a list.
func TestCount(t *testing.T) {
	const m, n, k = 3, 5, 7
	p := &plan.Plan{
		Buffers: []plan.Buffer{{Bytes: 40}, {Name: plan.Control}, {Bytes: 4}},
		Launches: []plan.Launch{
			{Kernel: "dense_forward", X: 2, Y: 3, Args: &kernels.DenseForwardArgs{M: m, N: n, K: k}},
			{Kernel: "dense_update", X: 1, Y: 4, Args: &kernels.DenseUpdateArgs{M: m, N: n, K: k, DB: 4, Weight: kernels.Parameter{W: 1, M: 2, V: 3}}},
			{Kernel: "each", Args: &kernels.ListArgs{Count: 2, List: [kernels.ListLength]kernels.Instruction{
				{Op: kernels.Add, Y: 1, A: 2, B: 3, N: 10, Cols: 5},
				{Op: kernels.KLMean, Y: 1, A: 2, C: 3, N: 10, Cols: 5},
			}}},
		},
	}
	want := counts{
		products: 2, leastBlocks: 4, mostBlocks: 6, operations: 2 * 2 * m * n * k, memory: 44,
		moved: 4 * ((21 + 35 + 5 + 15) + (21 + 35 + 6*15 + 3) + 30 + 22),
	}
	if got, err := count(p); got != want || err != nil {
		t.Errorf("counts are %+v, %v, want %+v", got, err, want)
	}
	p.Launches[0].Args = 7
	if _, err := count(p); err == nil {
		t.Error("a launch whose arguments are unknown is counted")
	}
}
