//go:build cuda

package kernels

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

// images are what compile.py makes of the kernels.
//
//go:embed images/*.gz
var images embed.FS

// cubins are the compute capabilities, as ten times the major and the minor, that there is a cubin for. A card takes those of its
// major, and of no higher minor.
var cubins = []int{70, 75, 80, 86, 89, 90}

// later is the capability that the PTX is for, which the drivers of later cards compile.
const later = 90

// Image returns the kernels for a card of that compute capability, 86 for 8.6: a cubin or, for cards later than all of these, PTX.
// There are none for cards before 7.0.
func Image(capability int) ([]byte, error) {
	name := imageName(capability)
	if name == "" {
		return nil, fmt.Errorf("kernels: there are none for compute capability %d.%d, but from %d.%d on",
			capability/10, capability%10, cubins[0]/10, cubins[0]%10)
	}
	compressed, err := images.ReadFile("images/" + name)
	if err != nil {
		return nil, fmt.Errorf("kernels: %w", err)
	}
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("kernels: %s: %w", name, err)
	}
	image, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("kernels: %s: %w", name, err)
	}
	return image, nil
}

// imageName returns the name of the best image for a capability, or "".
func imageName(capability int) (name string) {
	for _, c := range cubins {
		if c/10 == capability/10 && c <= capability {
			name = fmt.Sprintf("sm_%d.cubin.gz", c)
		}
	}
	if name == "" && capability > later {
		name = fmt.Sprintf("compute_%d.ptx.gz", later)
	}
	return name
}
