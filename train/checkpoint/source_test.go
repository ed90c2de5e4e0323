package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSourceRoundTrips checks that whatever text a source has comes back as it was, and that none leaves nothing in the file.
func TestSourceRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.MapOfN(rapid.StringN(0, 9, maxSourceName), rapid.String(), 0, maxSourceFields).Draw(t, "source")
		want := example()
		if want.Run.Data.Source = source; len(source) == 0 {
			want.Run.Data.Source = nil
		}
		var file bytes.Buffer
		if err := Write(&file, want); err != nil {
			t.Fatal(err)
		}
		if has := bytes.Contains(file.Bytes(), []byte(`\"source\":{`)); has != (len(source) > 0) {
			t.Errorf("a file has a source: %t, of %d fields", has, len(source))
		}
		got, err := Read(&file)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%q", got.Run.Data.Source) != fmt.Sprintf("%q", want.Run.Data.Source) {
			t.Errorf("%q comes back as %q", source, got.Run.Data.Source)
		}
	})
}

// TestSourceIsBounded checks what is refused of a source, in reading as in writing, and that what is just short enough is not.
func TestSourceIsBounded(t *testing.T) {
	many := func(n int) map[string]string {
		source := make(map[string]string)
		for i := range n {
			source[fmt.Sprint(i)] = "x"
		}
		return source
	}
	for _, test := range []struct {
		source map[string]string
		want   string // empty: it will do
	}{
		{many(16), ""},
		{many(17), "run: data.source has 17 fields, want at most 16"},
		{map[string]string{strings.Repeat("n", 64): ""}, ""},
		{map[string]string{strings.Repeat("n", 65): ""}, "run: data.source has a field whose name has 65 bytes, want at most 64"},
		{map[string]string{"data": strings.Repeat("a", 1<<15)}, ""},
		{map[string]string{"data": strings.Repeat("a", 1<<15+1)}, "run: data.source.data has 32769 bytes, want at most 32768"},
		{map[string]string{"\x1b": strings.Repeat("a", 1<<15+1)}, `run: data.source."\x1b" has 32769 bytes`},
		{map[string]string{"data": "caf\xe9"}, `run: data.source.data is "caf\xe9", which is not UTF-8`}, // JSON would make another path of it
		{map[string]string{"\xe9": ""}, `run: data.source."\xe9" is "", which is not UTF-8`},
	} {
		c := example()
		c.Run.Data.Source = test.source
		if test.want == "" {
			roundTrip(t, c)
			continue
		}
		var file bytes.Buffer
		wantError(t, Write(&file, c), "write checkpoint", test.want)

		if strings.Contains(test.want, "UTF-8") { // which no JSON is
			continue
		}
		text, err := json.Marshal(test.source)
		if err != nil {
			t.Fatal(err)
		}
		data := `"fingerprint":"abc"`
		run := strings.Replace(tinyRun, data, data+`,"source":`+string(text), 1)
		header := headerOf(`"version":"2","config":` + strconv.Quote(tinyConfig) + `,"run":` + strconv.Quote(run))
		_, err = Read(bytes.NewReader(tinyFile(header, tinyValues())))
		wantError(t, err, "checkpoint: ", test.want)
	}
}
