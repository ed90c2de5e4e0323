// Package kernels holds the CUDA kernels: their sources, in CUDA C++, and their arguments. Under the tag cuda it holds the images that
// the sources are compiled to, too.
//
// args.h says what each kernel computes, and this file has the same structs. So a struct's memory is what the kernel takes.
package kernels

// Threads are those of a block, in every kernel.
const Threads = 256

// Ptr is the address of a value on the device. 0: there is none.
type Ptr uint64

// The activations that the products know.
const (
	Identity int32 = iota
	ReLU
	Tanh
	Sigmoid
)

// Control is what the steps of a stretch share.
type Control struct {
	Step     uint64
	At       int32
	Stopped  int32
	Overflow int32
}

// BeginStepArgs are begin_step's.
type BeginStepArgs struct {
	Control Ptr
	Table   Ptr
	Scalars Ptr
	Columns int32
}

// GatherArgs are those of gather_pixels and gather_labels.
type GatherArgs struct {
	Control Ptr
	Indices Ptr
	From    Ptr
	X       Ptr
	Stride  int32
	Images  int32
	Repeat  int32
	Width   int32
}

// DrawArgs are those of draw_normal and draw_uniform.
type DrawArgs struct {
	Control Ptr
	Indices Ptr
	X       Ptr
	Seed    uint64
	Stream  uint32
	Stride  int32
	Images  int32
	Width   int32
}

// DenseForwardArgs are dense_forward's.
type DenseForwardArgs struct {
	X          Ptr
	W          Ptr
	B          Ptr
	Y          Ptr
	M          int32
	N          int32
	K          int32
	Activation int32
}

// DenseInputGradientArgs are dense_input_gradient's.
type DenseInputGradientArgs struct {
	DA         Ptr
	W          Ptr
	Y          Ptr
	DX         Ptr
	M          int32
	N          int32
	K          int32
	Activation int32
}

// Parameter is a parameter with Adam's two moments.
type Parameter struct {
	W Ptr
	M Ptr
	V Ptr
}

// AdamSettings is what an update takes besides.
type AdamSettings struct {
	Control Ptr
	Rates   Ptr
	Beta1   float32
	Beta2   float32
	Epsilon float32
}

// DenseUpdateArgs are dense_update's.
type DenseUpdateArgs struct {
	DA     Ptr
	X      Ptr
	DW     Ptr
	DB     Ptr
	Weight Parameter
	Bias   Parameter
	Adam   AdamSettings
	M      int32
	N      int32
	K      int32
}

// AdamArgs are adam's.
type AdamArgs struct {
	P    Parameter
	G    Ptr
	Adam AdamSettings
	N    int32
}

// RowsArgs are those of bernoulli_rows, kl_rows, categorical_rows and softmax_rows.
type RowsArgs struct {
	A    Ptr
	B    Ptr
	Y    Ptr
	Rows int32
	Cols int32
}

// ColumnsArgs are those of columns.
type ColumnsArgs struct {
	A     Ptr
	B     Ptr
	Y     Ptr
	Rows  int32
	Cols  int32
	Width int32
}

// The operations of a list.
const (
	Add int32 = iota + 1
	Scale
	Multiply
	AddScaled
	ActivateIdentity
	ActivateReLU
	ActivateTanh
	ActivateSigmoid
	ReLUGradient
	TanhGradient
	SigmoidGradient
	Reparameterize
	ReparameterizeLogVar
	BernoulliLogits
	KLMean
	KLLogVar
	CategoricalLogits
	Mean
	Broadcast
	Record
	Check
)

// Instruction is one operation of a list.
type Instruction struct {
	Op    int32
	Scale float32
	Y     Ptr
	A     Ptr
	B     Ptr
	C     Ptr
	N     int32
	Cols  int32
}

// ListLength is how many instructions a list has room for.
const ListLength = 16

// ListArgs are those of each and in_order.
type ListArgs struct {
	Control Ptr
	Count   int32
	List    [ListLength]Instruction
}
