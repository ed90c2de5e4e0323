package checkpoint

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"govae/model"
)

//go:embed testdata/tiny.safetensors
var embedded embed.FS

// TestEmbeddedFile holds the file that is kept in the repository against the one written by hand, of which it is a copy.
func TestEmbeddedFile(t *testing.T) {
	got, err := embedded.ReadFile("testdata/tiny.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, tinyFile(tinyHeader(), tinyValues())) {
		t.Error("testdata/tiny.safetensors is not the smallest checkpoint")
	}
}

// TestRead reads one checkpoint from readers of all kinds.
func TestRead(t *testing.T) {
	file := tinyFile(tinyHeader(), tinyValues())
	want, err := loadBytes(t, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		open func(t *testing.T) io.Reader
	}{
		{"memory", func(*testing.T) io.Reader { return bytes.NewReader(file) }},
		{"a byte at a time", func(*testing.T) io.Reader { return iotest.OneByteReader(bytes.NewReader(file)) }},
		{"the end with the last bytes", func(*testing.T) io.Reader { return iotest.DataErrReader(bytes.NewReader(file)) }},
		{"io.Pipe", func(t *testing.T) io.Reader {
			r, w := io.Pipe()
			t.Cleanup(func() { r.Close() }) // ends the writer if the reader gave up
			go func() {
				_, err := w.Write(file)
				w.CloseWithError(err)
			}()
			return r
		}},
		{"os.Pipe", func(t *testing.T) io.Reader {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() })
			go func() {
				w.Write(file) // what is missing, Read reports
				w.Close()
			}()
			return r
		}},
		{"embed.FS", func(t *testing.T) io.Reader {
			f, err := embedded.Open("testdata/tiny.safetensors")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		}},
		{"the middle of a stream", func(t *testing.T) io.Reader {
			r := bytes.NewReader(append([]byte("what stands before"), file...))
			if _, err := r.Seek(int64(len("what stands before")), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			return r
		}},
		{"the middle of a file", func(t *testing.T) io.Reader {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, append([]byte("what stands before"), file...), 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			if _, err := f.Seek(int64(len("what stands before")), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			return f
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Read(test.open(t))
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, want)
		})
	}
}

// TestReadInChunks reads a tensor that does not fit the room which Read makes for a start.
func TestReadInChunks(t *testing.T) {
	want := (&Checkpoint{Config: model.DefaultConfig()}).Weights() // encoder.0.weight is 400×784
	want.State.Weights = model.InitialWeights(want.Config, 1)
	roundTrip(t, want)
}

// TestReadRefusesEveryStreamThatIsCutShort cuts the stream off after each of its bytes.
func TestReadRefusesEveryStreamThatIsCutShort(t *testing.T) {
	file := tinyFile(tinyHeader(), tinyValues())
	for n := range file {
		_, err := Read(bytes.NewReader(file[:n]))
		if err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Fatalf("after %d of %d bytes the error is %v, want one that says that they are cut short", n, len(file), err)
		}
	}
	_, err := Read(bytes.NewReader(file[:len(file)-1]))
	wantError(t, err, `tensor "adam.v.decoder.2.bias"`, "cut short")
}

func TestReadRefusesBytesLeftOver(t *testing.T) {
	_, err := Read(bytes.NewReader(append(tinyFile(tinyHeader(), tinyValues()), 0)))
	wantError(t, err, "checkpoint: ", "bytes after the last tensor belong to none")
}

// TestReadReportsTheReadersError lets the reader fail at the beginning, in the header, in the values, and after the last one,
// where a decompressor finds that its checksum is wrong.
func TestReadReportsTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	file := tinyFile(tinyHeader(), tinyValues())
	for _, n := range []int{0, 5, 8, 100, len(file) - 120, len(file) - 1, len(file)} {
		_, err := Read(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d of %d bytes the error is %v, want %v", n, len(file), err, broken)
		}
	}
}

// TestReadBelievesNoSize gives headers of networks of up to 4 GiB, with next to no values behind them.
func TestReadBelievesNoSize(t *testing.T) {
	for _, hidden := range [][]int{{65536}, {16384, 16384}, {65536, 1, 65536}} {
		cfg := model.DefaultConfig()
		cfg.Hidden = hidden
		file := append(claim(t, cfg), make([]byte, 1000)...)
		before := allocated()
		_, err := Read(bytes.NewReader(file))
		if got := allocated() - before; got > 4<<20 {
			t.Errorf("hidden %v: reading %d bytes allocated %d", hidden, len(file), got)
		}
		wantError(t, err, "tensor ", "cut short")
	}
}

// TestReadBoundsWhatAHeaderTakes gives headers of a hundred thousand bytes that take the most memory to understand.
func TestReadBoundsWhatAHeaderTakes(t *testing.T) {
	for _, list := range []string{
		"[" + strings.Repeat("1,", 50_000) + "1]",
		"[" + strings.Repeat("{},", 33_000) + "{}]",
		strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), // encoding/json takes a nesting of 10,000
	} {
		for _, old := range []string{`[1,1]`, `[1]`, `[{\"step\":2,\"name\":\"beta\",\"from\":\"2\",\"to\":\"1\"}]`, `{\"loss\":5.25,\"reconstruction\":4.5,\"kl\":0.5}`} {
			file := tinyFile(strings.Replace(tinyHeader(), old, list, 1), tinyValues())
			if len(file) < len(list) {
				t.Fatalf("the header has no %s", old)
			}
			wantAllocated(t, file, func() {
				if _, err := Read(bytes.NewReader(file)); err == nil {
					t.Errorf("a list of %.9s … in the place of %s is accepted", list, old)
				}
			})
		}
	}
}

// claim returns a file of weights alone up to where its values begin.
func claim(t *testing.T, cfg model.Config) []byte {
	t.Helper()
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"format":"govae","version":"2","config":` + strconv.Quote(string(config)) + `}`
	at := 0
	for _, p := range cfg.Parameters() {
		shape, err := json.Marshal([]int(p.Shape))
		if err != nil {
			t.Fatal(err)
		}
		end := at + 4*p.Shape.TotalSize()
		header += fmt.Sprintf(`,%q:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, p.Name, shape, at, end)
		at = end
	}
	return tinyFile(header+"}", nil)
}

// failing is a writer on which so many bytes find room.
type failing struct{ room int }

var errFull = errors.New("no room left")

func (f *failing) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriteReportsTheWritersError(t *testing.T) {
	var whole bytes.Buffer
	if err := Write(&whole, example()); err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 7, 8, 100, whole.Len() - 1} {
		err := Write(&failing{room}, example())
		wantError(t, err, "write checkpoint: ", "no room left")
		if !errors.Is(err, errFull) {
			t.Errorf("error %q does not wrap the writer's", err)
		}
	}
	if err := Write(&failing{whole.Len()}, example()); err != nil {
		t.Errorf("on a writer with room for all: %v", err)
	}
}

func TestWriteAndSaveWriteTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	var written bytes.Buffer
	if err := errors.Join(Save(path, example()), Write(&written, example())); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written.Bytes(), readFile(t, path)) {
		t.Error("Write and Save differ")
	}
}
