package dataset

import "testing"

// BenchmarkOpenMNIST reads the real MNIST, as every run that names no data does at its start.
func BenchmarkOpenMNIST(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(""); err != nil {
			b.Fatal(err)
		}
	}
}
