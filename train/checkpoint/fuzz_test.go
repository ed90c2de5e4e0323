package checkpoint

import (
	"bytes"
	"io"
	"maps"
	"runtime/metrics"
	"strings"
	"testing"

	"govae/model"
)

// FuzzLoad feeds the reader any bytes, with their number and without. It must not panic, must not allocate much more than the
// file has, must come to the same result either way, and what it accepts must come back the same when it is written and read again. What it says must be fit for a terminal.
func FuzzLoad(f *testing.F) {
	for _, version := range []struct {
		header string
		edits  []struct{ name, old, new, want string }
	}{{tinyHeader(), corruptHeaders}, {tinyHeader1(), corruptHeaders1}} {
		f.Add(tinyFile(version.header, tinyValues()))
		for _, c := range version.edits {
			f.Add(tinyFile(strings.Replace(version.header, c.old, c.new, 1), tinyValues()))
		}
	}
	for _, c := range corruptFiles() {
		if len(c.file) < 1<<16 {
			f.Add(c.file)
		}
	}
	var alone bytes.Buffer
	if err := Write(&alone, example().Weights()); err != nil {
		f.Fatal(err)
	}
	f.Add(alone.Bytes())
	f.Add(tinyFile(`{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1,2],"data_offsets":[0,16]}}  `, tinyValues()[:16]))

	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzTensors(t, file)
		fuzzCheckpoint(t, file)
	})
}

// fuzzTensors reads the file as any safetensors file.
func fuzzTensors(t *testing.T, file []byte) {
	var metadata map[string]string
	var tensors model.Tensors
	var err, unsizedErr error
	wantAllocated(t, file, func() { metadata, tensors, err = decodeFile(bytes.NewReader(file), int64(len(file))) })

	var unsizedTensors model.Tensors
	wantAllocated(t, file, func() { _, unsizedTensors, unsizedErr = decodeFile(bytes.NewReader(file), unknownSize) })
	wantBoth(t, err, unsizedErr)
	wantPlain(t, file, err, unsizedErr)
	_, err = readWeights(bytes.NewReader(file), int64(len(file)), model.DefaultConfig())
	wantPlain(t, file, err)
	if unsizedErr != nil {
		return
	}
	wantSameBits(t, "tensors, without the size", unsizedTensors, tensors)

	var again bytes.Buffer
	if err := encodeTo(&again, metadata, tensors); err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	metadataAgain, tensorsAgain, err := decodeFile(&again, int64(again.Len()))
	if err != nil {
		t.Fatalf("what was written again cannot be read: %v", err)
	}
	if !maps.Equal(metadataAgain, metadata) {
		t.Errorf("the metadata come back as %v, want %v", metadataAgain, metadata)
	}
	wantSameBits(t, "tensors", tensorsAgain, tensors)
}

// fuzzCheckpoint reads the file as a checkpoint.
func fuzzCheckpoint(t *testing.T, file []byte) {
	var c, unsized *Checkpoint
	var err, unsizedErr error
	wantAllocated(t, file, func() { c, err = read(bytes.NewReader(file), int64(len(file))) })
	wantAllocated(t, file, func() { unsized, unsizedErr = Read(bytes.NewReader(file)) })
	wantBoth(t, err, unsizedErr)
	wantPlain(t, file, err, unsizedErr)
	if err != nil {
		return
	}
	wantSame(t, unsized, c)

	var again bytes.Buffer
	if err := Write(&again, c); err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	cAgain, err := Read(&again)
	if err != nil {
		t.Fatalf("what was written again cannot be read: %v", err)
	}
	wantSame(t, cAgain, c)
}

// wantAllocated checks that f, which reads the file, allocates no more than a multiple of what the file has.
func wantAllocated(t *testing.T, file []byte, f func()) {
	t.Helper()
	before := allocated()
	f()
	if got, most := allocated()-before, uint64(4<<20+500*len(file)); got > most {
		t.Errorf("reading %d bytes allocated %d, want at most %d", len(file), got, most)
	}
}

// wantBoth checks that there are two errors or none.
func wantBoth(t *testing.T, err, unsizedErr error) {
	t.Helper()
	if (err == nil) != (unsizedErr == nil) {
		t.Errorf("with the size the error is %v, without %v", err, unsizedErr)
	}
}

// encodeTo writes any safetensors file of float32 tensors.
func encodeTo(w io.Writer, metadata map[string]string, tensors model.Tensors) error {
	file, err := encode(metadata, tensors)
	if err != nil {
		return err
	}
	return file.write(w)
}

// decodeFile reads any safetensors file of float32 tensors.
func decodeFile(r io.Reader, size int64) (map[string]string, model.Tensors, error) {
	l, err := readLayout(r, size)
	if err != nil {
		return nil, nil, err
	}
	tensors, err := l.readTensors(r)
	return l.metadata, tensors, err
}

// allocated returns how many bytes the process has allocated so far.
// Unlike runtime.ReadMemStats it does not stop the world, and the counts of small objects may lag a little.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
