package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/parallel"
	"govae/internal/sgemm"
	"govae/internal/vec"
)

// Dense returns a fully connected layer, y = f(x·Wᵀ + b), [batch, out], in one operation.
//
// x is [batch, in], w is [out, in], b is [out].
func Dense(x, w, b *gorgonia.Node, f Activation) (*gorgonia.Node, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return gorgonia.ApplyOp(&dense{
		signature: signature{spec: Spec{Kind: "Dense", Activation: f}, inputs: []rank{2, 2, 1}, output: 2},
	}, x, w, b)
}

type dense struct {
	signature
	y buffer
}

func (o *dense) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	x, w, b := shapes[0], shapes[1], shapes[2]
	if x[1] != w[1] {
		return nil, fmt.Errorf("%s: x is %v and w %v, want [batch, in] and [out, in]", o.spec, x, w)
	}
	if b[0] != w[0] {
		return nil, fmt.Errorf("%s: b is %v and w %v, want [out] and [out, in]", o.spec, b, w)
	}
	return tensor.Shape{x[0], w[0]}, nil
}

func (o *dense) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	x, w, b := matrix(in[0]), matrix(in[1]), floats(in[2])
	y := o.y.shaped(x.Rows, w.Rows)
	sgemm.MulBias(matrix(y), x, w.T(), b, o.spec.Activation == ReLU)
	if f := o.spec.Activation; f != ReLU {
		a := floats(y)
		eachPart(len(a), func(start, end int) { f.apply(a[start:end], a[start:end]) })
	}
	return y, nil
}

func (o *dense) DiffWRT(int) []bool { return []bool{true, true, true} }

// SymDiff returns, with a = x·Wᵀ + b and da = dy · f′(a),
//
//	dx = da·W,  dW = daᵀ·x,  db = Σ_batch da.
func (o *dense) SymDiff(inputs gorgonia.Nodes, y, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	x, w := inputs[0], inputs[1]
	da, err := activationGradient(o.spec.Activation, y, dy)
	if err != nil {
		return nil, err
	}
	dx, err := gorgonia.ApplyOp(newDenseInputGradient(), da, w)
	if err != nil {
		return nil, err
	}
	dw, err := gorgonia.ApplyOp(newDenseWeightGradient(), da, x)
	if err != nil {
		return nil, err
	}
	db, err := gorgonia.ApplyOp(newDenseBiasGradient(), da)
	return gorgonia.Nodes{dx, dw, db}, err
}

// denseInputGradient computes dx = da·W, [batch, in].
type denseInputGradient struct {
	signature
	dx buffer
}

func newDenseInputGradient() *denseInputGradient {
	return &denseInputGradient{signature: signature{spec: Spec{Kind: "∂Dense/∂x"}, inputs: []rank{2, 2}, output: 2}}
}

func (o *denseInputGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	da, w := shapes[0], shapes[1]
	if da[1] != w[0] {
		return nil, fmt.Errorf("%s: da is %v and w %v, want [batch, out] and [out, in]", o.spec, da, w)
	}
	return tensor.Shape{da[0], w[1]}, nil
}

func (o *denseInputGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	da, w := matrix(in[0]), matrix(in[1])
	dx := o.dx.shaped(da.Rows, w.Cols)
	sgemm.Mul(matrix(dx), da, w)
	return dx, nil
}

// denseWeightGradient computes dW = daᵀ·x, [out, in].
type denseWeightGradient struct {
	signature
	dw buffer
}

func newDenseWeightGradient() *denseWeightGradient {
	return &denseWeightGradient{signature: signature{spec: Spec{Kind: "∂Dense/∂W"}, inputs: []rank{2, 2}, output: 2}}
}

func (o *denseWeightGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	da, x := shapes[0], shapes[1]
	if da[0] != x[0] {
		return nil, fmt.Errorf("%s: da is %v and x %v, want [batch, out] and [batch, in]", o.spec, da, x)
	}
	return tensor.Shape{da[1], x[1]}, nil
}

func (o *denseWeightGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	da, x := matrix(in[0]), matrix(in[1])
	dw := o.dw.shaped(da.Cols, x.Cols)
	sgemm.Mul(matrix(dw), da.T(), x)
	return dw, nil
}

// denseBiasGradient computes db = Σ_batch da, [out].
type denseBiasGradient struct {
	signature
	db buffer
}

func newDenseBiasGradient() *denseBiasGradient {
	return &denseBiasGradient{signature: signature{spec: Spec{Kind: "∂Dense/∂b"}, inputs: []rank{2}, output: 1}}
}

func (o *denseBiasGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{shapes[0][1]}, nil
}

// leastColumns is how many columns of a sum over rows are handed to a core at a time at least; where there are few rows, it is
// more.
const leastColumns = 128

func (o *denseBiasGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	rows, cols := size(in[0])
	da := floats(in[0])
	db := o.db.shaped(cols)
	sum := floats(db)
	parallel.For(cols, max(leastColumns, partSize/rows+1), func(start, end int) {
		vec.SumRows(sum[start:end], da[start:], cols, rows)
	})
	return db, nil
}

// matrix views a [rows, cols] value as a matrix.
func matrix(v gorgonia.Value) sgemm.Matrix {
	rows, cols := size(v)
	return sgemm.RowMajor(floats(v), rows, cols)
}
