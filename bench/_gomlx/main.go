// Command gomlx times training steps on MNIST by GoMLX, with its backend in pure Go, as bench/gostep times govae's.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"govae/bench"
	"govae/model"
	"govae/model/machine"
)

// vae is the model in GoMLX's terms.
type vae struct{ model.Config }

// dense returns x·W + b. With layers.Dense, a step takes nearly twice as long. Both differentiate a product by multiplying and
// summing over [batch, in, out], which the backend in pure Go carries out as it stands: that is most of a step's time.
func dense(ctx *context.Context, x *Node, width int) *Node {
	g, in := x.Graph(), x.Shape().Dim(1)
	bound := 1 / math.Sqrt(float64(in)) // as PyTorch and govae initialize a layer
	ctx = ctx.WithInitializer(initializers.RandomUniformFn(ctx, -bound, bound))
	weights := ctx.VariableWithShape("weights", shapes.Make(x.DType(), in, width)).ValueGraph(g)
	bias := ctx.VariableWithShape("bias", shapes.Make(x.DType(), 1, width)).ValueGraph(g)
	return Add(DotGeneral(x, []int{1}, nil, weights, []int{0}, nil), bias)
}

// build returns the logits of the images x, [batch, pixels], and adds the negative ELBO to the trainer's loss.
func (v vae) build(ctx *context.Context, _ any, inputs []*Node) []*Node {
	x := inputs[0]
	g, batch, pixels := x.Graph(), x.Shape().Dim(0), x.Shape().Dim(1)
	activation := activations.FromName(string(v.Activation))
	h := x
	for i, width := range v.Hidden {
		h = activations.Apply(activation, dense(ctx.In(fmt.Sprintf("encoder.%d", i)), h, width))
	}
	mean := dense(ctx.In("mean"), h, v.Latent)
	logVar := dense(ctx.In("logVar"), h, v.Latent)
	h = Add(mean, Mul(Exp(MulScalar(logVar, 0.5)), ctx.RandomNormal(g, mean.Shape())))
	for i := range v.Hidden {
		width := v.Hidden[len(v.Hidden)-1-i]
		h = activations.Apply(activation, dense(ctx.In(fmt.Sprintf("decoder.%d", i)), h, width))
	}
	logits := dense(ctx.In("pixels"), h, pixels)

	softplus := Add(Max(logits, ZerosLike(logits)), Log1P(Exp(Neg(Abs(logits)))))
	reconstruction := ReduceAllSum(Sub(softplus, Mul(x, logits)))
	kl := MulScalar(ReduceAllSum(Sub(Add(Square(mean), Exp(logVar)), AddScalar(logVar, 1))), 0.5)
	train.AddLoss(ctx, DivScalar(Add(reconstruction, kl), float64(batch)))
	return []*Node{logits}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gomlx: ")
	var w bench.Workload
	w.AddFlags(flag.CommandLine)
	flag.Parse()

	result, err := measure(&w)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func measure(w *bench.Workload) (bench.Result, error) {
	if err := w.Open(); err != nil {
		return bench.Result{}, err
	}
	backend, err := backends.NewWithConfig("go")
	if err != nil {
		return bench.Result{}, err
	}
	optimizer := optimizers.Adam().LearningRate(w.Settings.LearningRate).Done()
	trainer := train.NewTrainer(backend, context.New(), vae{w.Model}.build, nil, optimizer, nil, nil)
	return w.Measure(bench.StepByStep(w.Job, func(x []float32) (machine.Terms, error) {
		images := tensors.FromFlatDataAndDimensions(x, w.Settings.Batch, w.Model.Image.Pixels())
		metrics, err := trainer.TrainStep(nil, []*tensors.Tensor{images}, nil)
		if err != nil {
			return nil, err
		}
		return machine.Terms{float64(tensors.ToScalar[float32](metrics[0]))}, nil
	}))
}
