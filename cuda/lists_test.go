package cuda

import (
	"math"
	"testing"

	"govae/cuda/kernels"
)

// TestInstructions checks what no graph of package op shows: instructions whose values by row, c, differ, and a mean that float32 would
// get wrong.
func TestInstructions(t *testing.T) {
	const rows, cols = 3, 5
	c := []float32{1, -2, 3}
	a, b := make([]float32, rows*cols), make([]float32, rows*cols)
	for i := range a {
		a[i], b[i] = float32(i)/8-1, float32(i%4)/3
	}
	cancels := make([]float32, 600) // 2²⁴ + 1 − 2²⁴, of one thread
	cancels[0], cancels[256], cancels[512] = 1<<24, 1, -1<<24
	for name, open := range devices {
		t.Run(name, func(t *testing.T) {
			d, multiprocessors := open(t)
			m := opened(t, d, multiprocessors, tinyJob())
			run := func(kernel string, in kernels.Instruction, a, b, c []float32, outputs int) []float32 {
				for _, operand := range []struct {
					at     *kernels.Ptr
					values []float32
				}{{&in.A, a}, {&in.B, b}, {&in.C, c}, {&in.Y, make([]float32, outputs)}} {
					*operand.at = must[kernels.Ptr](t)(d.Alloc(4 * len(operand.values)))
					if err := d.Write(*operand.at, memory(operand.values)); err != nil {
						t.Fatal(err)
					}
				}
				list := []kernels.ListArgs{{Control: m.shared["control"], Count: 1, List: [kernels.ListLength]kernels.Instruction{in}}}
				run := must[func(int) error](t)(d.Capture([]launch{{kernel, 1, 1, memory(list)}}))
				if err := run(1); err != nil {
					t.Fatal(err)
				}
				y := make([]float32, outputs)
				if err := d.Read(memory(y), in.Y); err != nil {
					t.Fatal(err)
				}
				return y
			}
			for code, formula := range map[int32]func(a, b, c float64) float64{
				kernels.BernoulliLogits: func(a, b, c float64) float64 { return c * (b - 1/(1+math.Exp(-a))) },
				kernels.KLMean:          func(a, _, c float64) float64 { return c * a },
				kernels.KLLogVar:        func(a, _, c float64) float64 { return c * (math.Exp(a) - 1) / 2 },
			} {
				for i, y := range run("each", kernels.Instruction{Op: code, N: rows * cols, Cols: cols}, a, b, c, rows*cols) {
					want := formula(float64(a[i]), float64(b[i]), float64(c[i/cols]))
					if !(math.Abs(float64(y)-want) <= 1e-6*(1+math.Abs(want))) {
						t.Errorf("operation %d is %v at %d, want %v", code, y, i, want)
					}
				}
			}
			in := kernels.Instruction{Op: kernels.Mean, Scale: 3, N: int32(len(cancels))}
			if y := run("in_order", in, cancels, b, c, 1)[0]; y != 3./600 {
				t.Errorf("the mean is %v, want %v", y, 3./600)
			}
		})
	}
}
