package op

// Activation names the function that a dense layer applies to its sum.
type Activation string

// The activations that a dense layer knows.
const (
	Identity Activation = "identity" // a
	ReLU     Activation = "relu"     // max(a, 0)
	Tanh     Activation = "tanh"     // tanh a
	Sigmoid  Activation = "sigmoid"  // 1 / (1 + exp(−a))
)
