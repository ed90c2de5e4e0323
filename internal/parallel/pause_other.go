//go:build !amd64

package parallel

// pause spends some tens of cycles, so that a waiting loop leaves the memory bus alone.
func pause() {
	for range 50 {
	}
}
