// Package atomicfile writes files whole or not at all.
package atomicfile

import "io"

// Write replaces the file at path by what write writes: into a temporary file beside it, which is synced and
// renamed, and the folder is synced. On an error, path is as it was and no temporary file stays.
func Write(path string, write func(io.Writer) error) error { panic("being written") }
