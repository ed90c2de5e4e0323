package gmm_test

import (
	"bytes"
	"fmt"
	"log"
	"math"

	"gonum.org/v1/gonum/mat"

	"govae/model/gmm"
)

// Eight measurements of two kinds, told apart without being told how.
func ExampleFit() {
	x := mat.NewDense(8, 1, []float64{1.0, 1.2, 0.8, 1.1, 5.0, 5.3, 4.9, 5.1})
	o := gmm.DefaultOptions()
	o.Components = 2
	m, err := gmm.Fit(x, o)
	if err != nil {
		log.Fatal(err)
	}
	first := m.Assign(mat.NewDense(1, 1, []float64{1}))[0]
	fmt.Printf("weight %.2f, mean %.3f, variance %.4f\n", m.Weights()[first], m.Means().At(first, 0), m.Covariance(first).At(0, 0))
	fmt.Println("converged:", m.Converged())
	// Output:
	// weight 0.50, mean 1.025, variance 0.0219
	// converged: true
}

// How many components there are is what the lowest BIC says.
func ExampleMixture_BIC() {
	x := gmmOfThree().Sample(500, 1)
	o := gmm.DefaultOptions()
	least, best := math.Inf(1), 0
	for o.Components = 1; o.Components <= 5; o.Components++ {
		m, err := gmm.Fit(x, o)
		if err != nil {
			log.Fatal(err)
		}
		if bic := m.BIC(x); bic < least {
			least, best = bic, o.Components
		}
	}
	fmt.Println(best, "components")
	// Output: 3 components
}

// gmmOfThree returns the mixture of three groups of rows.
func gmmOfThree() *gmm.Mixture {
	x := mat.NewDense(9, 1, []float64{-9, -10, -11, -1, 0, 1, 9, 10, 11})
	o := gmm.DefaultOptions()
	o.Components = 3
	m, err := gmm.Fit(x, o)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// The probabilities of where a row has come from.
func ExampleMixture_Responsibilities() {
	m := gmmOfThree()
	r := m.Responsibilities(mat.NewDense(2, 1, []float64{-10, 5}))
	for i := range 2 {
		fmt.Printf("the largest of row %d is %.3f\n", i, mat.Max(r.RowView(i)))
	}
	// Output:
	// the largest of row 0 is 1.000
	// the largest of row 1 is 0.500
}

func ExampleRead() {
	m := gmmOfThree()
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		log.Fatal(err)
	}
	read, err := gmm.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.Components(), read.Kind(), read.Dim())
	// Output: 3 full 1
}
