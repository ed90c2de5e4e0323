package evaluate

import "math"

// moments are the mean and the sum of squared deviations of each of several quantities, brought up to date value by value in the order
// in which they come (Welford, Technometrics 4, 1962): no large sums are subtracted from each other.
type moments struct {
	n             int
	mean, squares []float64
}

func newMoments(width int) *moments {
	return &moments{mean: make([]float64, width), squares: make([]float64, width)}
}

// add adds a value of each.
func (m *moments) add(values []float64) {
	m.n++
	for i, v := range values {
		m.addTo(i, v)
	}
}

func (m *moments) addFloat32(values []float32) {
	m.n++
	for i, v := range values {
		m.addTo(i, float64(v))
	}
}

func (m *moments) addTo(i int, v float64) {
	deviation := v - m.mean[i]
	m.mean[i] += deviation / float64(m.n)
	m.squares[i] += deviation * (v - m.mean[i])
}

// variance returns the sample variances, of n−1 degrees of freedom. Of fewer than two values there are none: NaN.
func (m *moments) variance() []float64 {
	variance := make([]float64, len(m.squares))
	for i, s := range m.squares {
		variance[i] = math.NaN()
		if m.n > 1 {
			variance[i] = s / float64(m.n-1)
		}
	}
	return variance
}
