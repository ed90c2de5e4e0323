// Package dataset reads image data sets and checks them before they are trusted.
package dataset

// Split is a set of images with their labels.
type Split struct {
	Height, Width, Channels int
	Images                  []byte // [n, height, width, channels]
	Labels                  []byte // [n]
}

// Len returns the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// Pixels returns how many values one image has.
func (s *Split) Pixels() int { return s.Height * s.Width * s.Channels }

// Fill writes the images at the given indices to dst, [len(indices), pixels], each value divided by 255.
func (s *Split) Fill(dst []float32, indices []int) { panic("being written") }

// Fingerprint returns a hash of the images and their shape.
func (s *Split) Fingerprint() string { panic("being written") }

// Set is a data set: what is trained on and what is tested on.
type Set struct {
	Name        string // the folder's name, or MNIST
	Dir         string // where it was read from
	Train, Test Split
}

// Open reads the four gzipped IDX files in dir. Without a dir it reads the MNIST files that the GoMNIST module carries, from the module cache.
func Open(dir string) (*Set, error) { panic("being written") }

// Order returns the numbers 0 to n−1 in an order that (seed, epoch) fixes.
func Order(n int, seed uint64, epoch int) []int { panic("being written") }
