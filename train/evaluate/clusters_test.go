package evaluate

import (
	"slices"
	"testing"

	"govae/internal/philox"
)

// TestClusters finds three groups again that are far apart, of which one is much longer than they are, which no nearest mean would find.
func TestClusters(t *testing.T) {
	const n, latent = 600, 3
	random := philox.New(5, philox.Latent, 0)
	codes, labels := make([]float32, n*latent), make([]byte, n)
	random.Normal(codes)
	for i := range n {
		code := codes[i*latent:][:latent]
		labels[i] = byte(i % 3)
		switch labels[i] {
		case 0:
			code[0] *= 8
		case 1:
			code[1] += 12
		case 2:
			code[1] -= 12
		}
	}
	clusters, err := Clusters(codes, latent, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Agree(clusters, labels); err != nil || got != (Agreement{1, 1, 1}) {
		t.Errorf("they agree by %+v (%v), want in full", got, err)
	}
	again, err := Clusters(codes, latent, 3, 2)
	if err != nil || !slices.Equal(clusters, again) {
		t.Errorf("the same seed gives other clusters (%v)", err)
	}
	if _, err := Clusters(codes[:2*latent], latent, 3, 2); err == nil {
		t.Error("two codes make three clusters")
	}
}
