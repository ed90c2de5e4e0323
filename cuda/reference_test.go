package cuda

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"govae/cuda/kernels"
	"govae/internal/philox"
)

// reference is a device that does by plain loops, in float64 where it can, what args.h says that the kernels do.
type reference struct {
	blocks   [][]byte // of memory; the address of one is 1<<32 times its number from 1 on
	captured []launch // so far
	launches int      // made so far
	fail     int      // the call that fails, counted from 1; 0: none
	calls    int
	closed   bool
}

var errFails = errors.New("the device fails, as asked")

func (d *reference) call() error {
	d.calls++
	if d.closed {
		return errors.New("used after its end")
	}
	if d.fail != 0 && d.calls >= d.fail {
		return errFails
	}
	return nil
}

// Alloc returns memory that is NaN.
func (d *reference) Alloc(bytes int) (kernels.Ptr, error) {
	if bytes < 1 {
		return 0, fmt.Errorf("%d bytes are asked for", bytes)
	}
	block := make([]byte, bytes)
	for i := range block {
		block[i] = 0xff
	}
	d.blocks = append(d.blocks, block)
	return kernels.Ptr(len(d.blocks)) << 32, d.call()
}

// at returns the memory from p on. It panics where there is none.
func (d *reference) at(p kernels.Ptr) []byte { return d.blocks[p>>32-1][p&(1<<32-1):] }

func (d *reference) Write(to kernels.Ptr, from []byte) error {
	copy(d.at(to)[:len(from)], from)
	return d.call()
}

func (d *reference) Read(to []byte, from kernels.Ptr) error {
	copy(to, d.at(from)[:len(to)])
	return d.call()
}

func (d *reference) Capture(launches []launch) (func(int) error, error) {
	for _, l := range launches {
		if l.x < 1 || l.y < 1 || l.y > 65535 {
			return nil, fmt.Errorf("launch of %s with %d×%d blocks", l.kernel, l.x, l.y)
		}
	}
	d.captured = append(d.captured, launches...)
	return func(times int) error {
		for range times {
			for _, l := range launches {
				d.launches++
				d.do(l)
			}
		}
		return d.call()
	}, d.call()
}

func (d *reference) Close() error {
	d.closed = true
	return nil
}

// view returns n values from p on.
func view[T any](d *reference, p kernels.Ptr, n int) []T {
	if p == 0 {
		return nil
	}
	var zero T
	block := d.at(p)[:n*int(unsafe.Sizeof(zero))]
	return unsafe.Slice((*T)(unsafe.Pointer(&block[0])), n)
}

func (d *reference) floats(p kernels.Ptr, n int32) []float32 { return view[float32](d, p, int(n)) }

func (d *reference) control(p kernels.Ptr) *kernels.Control {
	return &view[kernels.Control](d, p, 1)[0]
}

func argsOf[T any](l launch) *T { return (*T)(unsafe.Pointer(&l.args[0])) }

// do makes a launch.
func (d *reference) do(l launch) {
	kernel := l.kernel
	for _, form := range []string{"dense_forward", "dense_input_gradient", "dense_update"} {
		if strings.HasPrefix(kernel, form) {
			kernel = form
		}
	}
	switch kernel {
	case "begin_step":
		d.beginStep(argsOf[kernels.BeginStepArgs](l))
	case "gather_pixels", "gather_labels":
		d.gather(argsOf[kernels.GatherArgs](l), kernel == "gather_labels")
	case "draw_normal", "draw_uniform":
		d.draw(argsOf[kernels.DrawArgs](l), kernel == "draw_uniform")
	case "dense_forward":
		a := argsOf[kernels.DenseForwardArgs](l)
		x, w, b, y := d.floats(a.X, a.M*a.K), d.floats(a.W, a.N*a.K), d.floats(a.B, a.N), d.floats(a.Y, a.M*a.N)
		product(y, a.M, a.N, a.K, func(i, j, k int32) float64 { return float64(x[i*a.K+k]) * float64(w[j*a.K+k]) })
		for i := range y {
			y[i] = float32(activated(a.Activation, float64(y[i]+b[i%int(a.N)])))
		}
	case "dense_input_gradient":
		a := argsOf[kernels.DenseInputGradientArgs](l)
		da, w, y, dx := d.floats(a.DA, a.M*a.K), d.floats(a.W, a.K*a.N), d.floats(a.Y, a.M*a.N), d.floats(a.DX, a.M*a.N)
		product(dx, a.M, a.N, a.K, func(i, j, k int32) float64 { return float64(da[i*a.K+k]) * float64(w[k*a.N+j]) })
		for i := range y {
			dx[i] = float32(float64(dx[i]) * derivative(a.Activation, float64(y[i])))
		}
	case "dense_update":
		d.denseUpdate(argsOf[kernels.DenseUpdateArgs](l))
	case "adam":
		a := argsOf[kernels.AdamArgs](l)
		d.adam(a.P, a.Adam, d.floats(a.G, a.N))
	case "bernoulli_rows", "kl_rows", "categorical_rows", "softmax_rows":
		d.rows(argsOf[kernels.RowsArgs](l), kernel)
	case "columns":
		a := argsOf[kernels.ColumnsArgs](l)
		for row := range a.Rows {
			side := append([]float32(nil), d.floats(a.A, a.Rows*a.Width)[row*a.Width:][:a.Width]...)
			if beside := a.Cols - a.Width; beside > 0 {
				side = append(side, d.floats(a.B, a.Rows*beside)[row*beside:][:beside]...)
			}
			copy(d.floats(a.Y, a.Rows*a.Cols)[row*a.Cols:][:a.Cols], side)
		}
	case "each", "in_order":
		a := argsOf[kernels.ListArgs](l)
		for _, in := range a.List[:a.Count] {
			d.instruct(a, in)
		}
	default:
		panic("no kernel " + kernel)
	}
}

func (d *reference) beginStep(a *kernels.BeginStepArgs) {
	c := d.control(a.Control)
	c.At++
	copy(d.floats(a.Scalars, a.Columns), d.floats(a.Table, a.Columns*(c.At+1))[a.Columns*c.At:])
	if c.Overflow != 0 && c.Stopped == 0 {
		c.Stopped = c.At + 1
	}
}

func (d *reference) gather(a *kernels.GatherArgs, labels bool) {
	at := d.control(a.Control).At * a.Stride
	indices := view[int32](d, a.Indices, int(at+a.Images))[at:]
	x := d.floats(a.X, a.Images*a.Repeat*a.Width)
	for i := range x {
		row, column := int32(i)/a.Width, int32(i)%a.Width
		image := indices[row/a.Repeat]
		switch {
		case !labels:
			x[i] = float32(d.at(a.From)[image*a.Width+column]) / 255
		case int32(d.at(a.From)[image]) == column:
			x[i] = 1
		default:
			x[i] = 0
		}
	}
}

func (d *reference) draw(a *kernels.DrawArgs, uniform bool) {
	c := d.control(a.Control)
	x := d.floats(a.X, a.Images*a.Width)
	draw := func(dst []float32, step uint64) {
		source := philox.New(a.Seed, philox.Stream(a.Stream), step)
		if uniform {
			source.Uniform(dst, 0, 1)
		} else {
			source.Normal(dst)
		}
	}
	if a.Indices == 0 {
		draw(x, c.Step+uint64(c.At))
		return
	}
	for i, image := range view[int32](d, a.Indices, int(c.At*a.Stride+a.Images))[c.At*a.Stride:] {
		draw(x[i*int(a.Width):][:a.Width], uint64(image))
	}
}

// product sets y[m, n] to the sums over k of what term returns.
func product(y []float32, m, n, k int32, term func(i, j, k int32) float64) {
	for i := range m {
		for j := range n {
			var sum float64
			for l := range k {
				sum += term(i, j, l)
			}
			y[i*n+j] = float32(sum)
		}
	}
}

func activated(f int32, a float64) float64 {
	switch f {
	case kernels.ReLU:
		return max(a, 0)
	case kernels.Tanh:
		return math.Tanh(a)
	case kernels.Sigmoid:
		return 1 / (1 + math.Exp(-a))
	}
	return a
}

// derivative is f′ in terms of y = f(a).
func derivative(f int32, y float64) float64 {
	switch {
	case f == kernels.ReLU && !(y > 0):
		return 0
	case f == kernels.Tanh:
		return 1 - y*y
	case f == kernels.Sigmoid:
		return y * (1 - y)
	}
	return 1
}

func (d *reference) denseUpdate(a *kernels.DenseUpdateArgs) {
	da, x := d.floats(a.DA, a.K*a.M), d.floats(a.X, a.K*a.N)
	dw, db := make([]float32, a.M*a.N), make([]float32, a.M)
	product(dw, a.M, a.N, a.K, func(i, j, k int32) float64 { return float64(da[k*a.M+i]) * float64(x[k*a.N+j]) })
	product(db, a.M, 1, a.K, func(i, _, k int32) float64 { return float64(da[k*a.M+i]) })
	copy(d.floats(a.DW, a.M*a.N), dw)
	copy(d.floats(a.DB, a.M), db)
	if a.Weight.W != 0 {
		d.adam(a.Weight, a.Adam, dw)
	}
	if a.Bias.W != 0 {
		d.adam(a.Bias, a.Adam, db)
	}
}

func (d *reference) adam(p kernels.Parameter, s kernels.AdamSettings, g []float32) {
	c := d.control(s.Control)
	if c.Stopped != 0 {
		return
	}
	n := int32(len(g))
	w, m, v, rates := d.floats(p.W, n), d.floats(p.M, n), d.floats(p.V, n), d.floats(s.Rates, 2)
	for i, gi := range g {
		m[i] = flush(s.Beta1*m[i] + (1-s.Beta1)*gi)
		v[i] = flush(s.Beta2*v[i] + (1-s.Beta2)*gi*gi)
		w[i] -= rates[0] * m[i] / (float32(math.Sqrt(float64(v[i])))*rates[1] + s.Epsilon)
		if !finite(v[i]) || !finite(w[i]) {
			if c.Overflow == 0 {
				c.Overflow = c.At + 1
			}
		}
	}
}

// flush returns x, or 0 where x is subnormal.
func flush(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return 0
	}
	return x
}

func finite(x float32) bool { return x-x == 0 }

func (d *reference) rows(a *kernels.RowsArgs, kernel string) {
	row := func(p kernels.Ptr, i int32) []float32 {
		if p == 0 {
			return nil
		}
		return d.floats(p, (i+1)*a.Cols)[i*a.Cols:]
	}
	for i := range a.Rows {
		u, v := row(a.A, i), row(a.B, i)
		if kernel == "softmax_rows" {
			for k := range u {
				row(a.Y, i)[k] = float32(math.Exp(float64(u[k]) - logSumExp(u)))
			}
			continue
		}
		var sum float64
		for k := range u {
			u, v := float64(u[k]), float64(v[k])
			switch kernel {
			case "kl_rows":
				sum += 0.5 * (u*u + math.Exp(v) - 1 - v)
			case "bernoulli_rows":
				sum += v*u - max(u, 0) - math.Log1p(math.Exp(-math.Abs(u)))
			case "categorical_rows":
				sum += v * u
			}
		}
		if kernel == "categorical_rows" {
			sum -= logSumExp(u)
		}
		d.floats(a.Y, a.Rows)[i] = float32(sum)
	}
}

// logSumExp returns log Σ exp(l), of logits of which none is large.
func logSumExp(l []float32) float64 {
	var sum float64
	for _, v := range l {
		sum += math.Exp(float64(v))
	}
	return math.Log(sum)
}

// instruct does one instruction of a list.
func (d *reference) instruct(l *kernels.ListArgs, in kernels.Instruction) {
	switch in.Op {
	case kernels.Record:
		at := d.control(l.Control).At*in.Cols + in.N
		d.floats(in.Y, at+1)[at] = d.floats(in.A, 1)[0]
		return
	case kernels.Check:
		if c := d.control(l.Control); !finite(d.floats(in.A, 1)[0]) && c.Stopped == 0 {
			c.Stopped = c.At + 1
		}
		return
	case kernels.Mean:
		var sum float64
		for _, v := range d.floats(in.A, in.N) {
			sum += float64(v)
		}
		d.floats(in.Y, 1)[0] = float32(float64(in.Scale) * sum / float64(in.N))
		return
	}
	for i := range in.N {
		value := func(p kernels.Ptr, i int32) float64 {
			if p == 0 {
				return 0
			}
			return float64(d.floats(p, i+1)[i])
		}
		byRow := func() float64 { return value(in.C, i/in.Cols) }
		a, b := value(in.A, 0), value(in.B, i)
		if in.Op != kernels.Broadcast {
			a = value(in.A, i)
		}
		var y float64
		switch in.Op {
		case kernels.Add:
			y = a + b
		case kernels.Scale:
			y = float64(in.Scale) * a
		case kernels.Multiply:
			y = a * b
		case kernels.AddScaled:
			y = a + b*value(in.C, i)
		case kernels.ActivateIdentity, kernels.ActivateReLU, kernels.ActivateTanh, kernels.ActivateSigmoid:
			y = activated(in.Op-kernels.ActivateIdentity, a)
		case kernels.ReLUGradient, kernels.TanhGradient, kernels.SigmoidGradient:
			y = b * derivative(in.Op-kernels.ReLUGradient+kernels.ReLU, a)
		case kernels.Reparameterize:
			y = a + math.Exp(b/2)*value(in.C, i)
		case kernels.ReparameterizeLogVar:
			y = value(in.C, i) * math.Exp(a/2) / 2 * b
		case kernels.BernoulliLogits:
			y = byRow() * (b - 1/(1+math.Exp(-a)))
		case kernels.KLMean:
			y = byRow() * a
		case kernels.KLLogVar:
			y = byRow() * (math.Exp(a) - 1) / 2
		case kernels.CategoricalLogits:
			y = byRow() * (b - a)
		case kernels.Broadcast:
			y = float64(in.Scale) * a / float64(in.N)
		default:
			panic(fmt.Sprintf("no operation %d", in.Op))
		}
		d.floats(in.Y, i+1)[i] = float32(y)
	}
}
