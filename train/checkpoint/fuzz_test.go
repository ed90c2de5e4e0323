package checkpoint

import (
	"bytes"
	"io"
	"runtime/metrics"
	"strings"
	"testing"

	"govae/model"
)

// FuzzLoad feeds the reader any bytes. It must not panic, must not allocate much more than the file has,
// and what it accepts must come back the same when it is written and read again.
func FuzzLoad(f *testing.F) {
	f.Add(tinyFile(tinyHeader(), tinyValues()))
	for _, c := range corruptHeaders {
		f.Add(tinyFile(strings.Replace(tinyHeader(), c.old, c.new, 1), tinyValues()))
	}
	for _, c := range corruptFiles() {
		if len(c.file) < 1<<16 {
			f.Add(c.file)
		}
	}
	f.Add(tinyFile(`{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1,2],"data_offsets":[0,16]}}  `, tinyValues()[:16]))

	f.Fuzz(func(t *testing.T, file []byte) {
		size := int64(len(file))
		before := allocated()
		metadata, tensors, err := decode(bytes.NewReader(file), size)
		if got, most := allocated()-before, uint64(4<<20+200*len(file)); got > most {
			t.Errorf("reading %d bytes allocated %d, want at most %d", len(file), got, most)
		}
		if _, checkpointErr := read(bytes.NewReader(file), size); err != nil && checkpointErr == nil {
			t.Errorf("a checkpoint was read from a file that is refused: %v", err)
		}
		if err != nil {
			return
		}

		var again bytes.Buffer
		if err := encode(&again, metadata, tensors); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		_, tensorsAgain, err := decode(&again, int64(again.Len()))
		if err != nil {
			t.Fatalf("what was written again cannot be read: %v", err)
		}
		wantSameBits(t, "tensors", tensorsAgain, tensors)
	})
}

// decode reads any safetensors file of float32 tensors.
func decode(r io.Reader, size int64) (map[string]string, model.Tensors, error) {
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
