package machine

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"govae/internal/setting"
	"govae/internal/words"
)

// Precision is that of the factors in products of matrices. Whatever it is, products are summed up in float32, and all else is
// computed in it.
type Precision string

// The precisions.
const (
	Float32 Precision = "float32" // no precision at all means the same
	TF32    Precision = "tf32"    // float32 with 10 bits of mantissa, for the tensor cores of NVIDIA's cards from Ampere on
)

// Precisions lists them.
var Precisions = map[Precision]bool{Float32: true, TF32: true}

// ErrPrecision says that a machine lacks the precision that a job asks for.
var ErrPrecision = errors.New("the device lacks the precision")

// Check reports a precision that there is not, as a *setting.Invalid.
func (p Precision) Check() error {
	if p == "" || Precisions[p] {
		return nil
	}
	return &setting.Invalid{Name: "precision", Flag: "precision", Value: words.Quoted(string(p)), Want: PrecisionNames()}
}

// PrecisionNames returns the precisions as a help lists them.
func PrecisionNames() string {
	var names []string
	for _, p := range slices.Sorted(maps.Keys(Precisions)) {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}
