package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"govae/model"
)

// goWords are what only a programmer of this package understands.
var goWords = regexp.MustCompile(`json:|strconv|\bGo\b|%!|tensorInfo|storedRun|map\[|\[\]|u?int64|float64|\b(Run|Change|Data|Settings|Config|Sums)\.`)

// wantPlain checks that each of the errors of a file may be printed: that it is short, holds nothing that a terminal obeys, and, but for
// what is in the file, no word of Go's.
func wantPlain(t interface {
	Helper()
	Errorf(string, ...any)
}, file []byte, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			continue
		}
		said := err.Error()
		if len(said) > 2000 {
			t.Errorf("an error has %d bytes: %.200s …", len(said), said)
		}
		if i := strings.IndexFunc(said, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }); i >= 0 && !bytes.ContainsRune(file, unicode.ReplacementChar) {
			t.Errorf("error %q holds %q", said, said[i:])
		}
		if word := goWords.FindString(said); word != "" && !bytes.Contains(file, []byte(word)) {
			t.Errorf("error %q says %q", said, word)
		}
	}
}

// hostile are texts that a terminal obeys, or that are no texts, some of them long.
var hostile = rapid.Custom(func(t *rapid.T) string {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"\x1b[2J", "\x1b]0;title\x07", "\u009b31m", "a\r\nb", "\u202e", "\x00", "\u2028", "x", "\ufeff", "字", `"`, `\`}),
		rapid.String(),
	).Draw(t, "text")
	return strings.Repeat(text, rapid.SampledFrom([]int{1, 1, 3, 1 << 13}).Draw(t, "times"))
})

// hostileValue draws any JSON value.
func hostileValue(t *rapid.T) any {
	digits := strings.Repeat("9", rapid.SampledFrom([]int{1, 19, 400, 1 << 15}).Draw(t, "digits"))
	return rapid.SampledFrom([]any{
		hostile.Draw(t, "value"), nil, true, json.Number(digits), json.Number("-" + digits), json.Number("1." + digits), json.Number("1e" + digits),
		[]any{}, slices.Repeat([]any{1}, 1<<14), slices.Repeat([]any{"\x1b"}, 100), map[string]any{}, map[string]any{hostile.Draw(t, "key"): nil}, map[string]any{hostile.Draw(t, "key"): "\x1b"},
	}).Draw(t, "json")
}

// spoil changes one place in the objects and lists below v: what is there, or, of an object, under which name.
func spoil(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(keys) == 0 {
			break
		}
		key := rapid.SampledFrom(keys).Draw(t, "place")
		switch rapid.SampledFrom([]string{"below", "below", "below", "rename", "add", "replace"}).Draw(t, "act") {
		case "below":
			v[key] = spoil(t, v[key])
		case "rename":
			value := v[key]
			delete(v, key)
			v[hostile.Draw(t, "name")] = value
		case "add":
			v[hostile.Draw(t, "name")] = rapid.SampledFrom([]any{v[key], hostileValue(t)}).Draw(t, "added")
		case "replace":
			v[key] = hostileValue(t)
		}
		return v
	case []any:
		if len(v) > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "place")
			v[i] = spoil(t, v[i])
			return v
		}
	}
	return hostileValue(t)
}

// TestWhateverAFileSaysItIsPlain spoils a checkpoint of each version, at any place of its header, of its Config and of its run, in such ways
// as somebody might who wants a terminal to obey, and checks what is said of it.
func TestWhateverAFileSaysItIsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config, run, version := tinyConfig, tinyRun, "2"
		if rapid.Bool().Draw(t, "old") {
			config, run, version = tinyConfig1, tinyRun1, "1"
		}
		object := func(text string) (o map[string]any) {
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			if err := decoder.Decode(&o); err != nil {
				t.Fatal(err)
			}
			return o
		}
		text := func(v any) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		whole := object(headerOf(fmt.Sprintf(`"version":%q`, version)))
		parts := map[string]any{"config": object(config), "run": object(run)}
		where := rapid.SampledFrom([]string{"header", "metadata", "config", "run"}).Draw(t, "where")
		if part, ok := parts[where]; ok {
			parts[where] = spoil(t, part)
		}
		metadata := whole["__metadata__"].(map[string]any)
		for name, part := range parts {
			metadata[name] = text(part)
		}
		switch where {
		case "header":
			spoil(t, whole)
		case "metadata":
			whole["__metadata__"] = spoil(t, metadata)
		}
		file := tinyFile(text(whole), tinyValues())
		c, err := Read(bytes.NewReader(file))
		wantPlain(t, file, err)
		_, err = ReadWeights(bytes.NewReader(file), model.DefaultConfig())
		wantPlain(t, file, err)
		if c != nil {
			wantPlain(t, file, fmt.Errorf("%s", c.Config))
		}
	})
}

// TestWhatAFileSaysIsPlain puts a text that a terminal obeys, and one of a quarter of a megabyte, at each place whose text an error shows.
func TestWhatAFileSaysIsPlain(t *testing.T) {
	const tensor = `,"%s":{"dtype":"F32","shape":[1],"data_offsets":[120,124]}}`
	for _, test := range []struct{ name, old, new, want string }{
		{"tensor that is left over", `}}`, "}" + tensor, "weights: model: unknown parameter "},
		{"tensor of another name", `"mean.weight"`, `"%s"`, "model: parameter mean.weight is missing, and "},
		{"tensor twice", `{"__metadata__"`, `{"%[1]s":1,"%[1]s":1,"__metadata__"`, "the key "},
		{"tensor that is no object", `{"__metadata__"`, `{"%s":1,"__metadata__"`, "header: tensor "},
		{"tensor that is null", `{"__metadata__"`, `{"%s":null,"__metadata__"`, "header: tensor "},
		{"tensor of no shape", `}}`, strings.Replace("}"+tensor, "[1]", "[]", 1), "tensor "},
		{"tensor before another's end", `}}`, strings.Replace("}"+tensor, "120,124", "98,102", 1), "tensor "},
		{"tensor behind the end", `}}`, strings.Replace("}"+tensor, "120,124", "124,128", 1), "tensor "},
		{"dtype", `"F32"`, `"%s"`, "dtype is "},
		{"field of a tensor", `"dtype":"F32"`, `"dtype":"F32","%s":1`, "unknown field "},
		{"metadata that are null", `"format"`, `"%s":null,"format"`, "header: __metadata__: "},
		{"format", `"govae"`, `"%s"`, "format is "},
		{"version", `"version":"2"`, `"version":"%s"`, "version is "},
		{"kind", `\"vae\"`, `\"%s\"`, "kind is "},
		{"likelihood", `\"bernoulli\"`, `\"%s\"`, "likelihood is "},
		{"activation", `\"relu\"`, `\"%s\"`, "activation is "},
		{"precision", `\"epoch\":2`, `\"precision\":\"%s\",\"epoch\":2`, "precision is "},
		{"field of the config", `\"latent\"`, `\"%s\":1,\"latent\"`, "unknown field "},
		{"field of the run", `\"epoch\"`, `\"%s\":1,\"epoch\"`, "unknown field "},
		{"term", `\"kl\"`, `\"%s\"`, "partial.terms has "},
		{"term that is null", `\"kl\":0.5`, `\"%s\":null`, "run: partial: terms: "},
		{"field of the source", `\"fingerprint\":\"abc\"`, `\"fingerprint\":\"abc\",\"source\":{\"%s\":null}`, "run: data: source: "},
	} {
		for shown, text := range map[string]string{`"a\x1b[2J\u202e"`: `a\u001b[2J\u202e`, " bytes)": strings.Repeat("name", 1<<16)} {
			if strings.Contains(test.old, `\"`) {
				text = strings.ReplaceAll(text, `\`, `\\`)
			}
			file := tinyFile(strings.Replace(tinyHeader(), test.old, fmt.Sprintf(test.new, text), 1), append(tinyValues(), 0, 0, 0, 0))
			if !strings.Contains(test.new, "120,124") {
				file = file[:len(file)-4]
			}
			_, err := Read(bytes.NewReader(file))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), shown) {
				t.Errorf("%s: error is %.600v, want %s and %s", test.name, err, test.want, shown)
			}
			wantPlain(t, file, err)
		}
	}
}

// TestLongListsAreCut gives numbers that fill most of a header.
func TestLongListsAreCut(t *testing.T) {
	digits, list := strings.Repeat("9", 1<<19), strings.Repeat("1,", 1<<18)+"1"
	for _, test := range []struct{ old, new, want string }{
		{`[1,1],"data_offsets":[0,4]`, `[` + list + `],"data_offsets":[0,4]`, "shape has 262145 dimensions, want at most 8"},
		{`"data_offsets":[0,4]`, `"data_offsets":[` + list + `]`, "data_offsets has 262145 numbers"},
		{`"shape":[1,1]`, `"shape":[` + digits + `]`, "(524,288 bytes), want a whole number"},
		{`\"hidden\":[1]`, `\"hidden\":[` + list + `]`, "(524,289 bytes), want 1 to 64 numbers"},
		{`\"latent\":1`, `\"latent\":` + digits, "(524,288 bytes), want a whole number"},
		{`\"best_loss\":105.5`, `\"best_loss\":1e` + digits, "(524,290 bytes), want a number"},
	} {
		file := tinyFile(strings.Replace(tinyHeader(), test.old, test.new, 1), tinyValues())
		_, err := Read(bytes.NewReader(file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %.600v, want %s", err, test.want)
		}
		wantPlain(t, file, err)
	}
	beta := `{\"step\":18446744073709551614,\"epoch\":2,\"batch\":3,\"learning_rate\":0.001,\"beta\":`
	file := tinyFile(strings.Replace(tinyHeader1(), beta+"4", beta+"1e"+digits, 1), tinyValues())
	_, err := Read(bytes.NewReader(file))
	wantError(t, err, "run", "(524,290 bytes), which is too large")
	wantPlain(t, file, err)
}

// TestNamesOfFilesArePlain opens what has a name that a terminal obeys: nothing, a link to nothing, and a file that is no checkpoint.
func TestNamesOfFilesArePlain(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load("no\x1b[2J")
	wantError(t, err, `no\x1b[2J`, "no checkpoint at")
	if n := strings.Count(err.Error(), `no\x1b[2J`); n != 1 {
		t.Errorf("error %q names the file %d times", err, n)
	}
	wantPlain(t, nil, err)

	if os.Symlink("gone\x1b[2J", "link\x1b[2J") != nil || os.WriteFile("a\x1b[2J", nil, 0o666) != nil {
		t.Skip("the system has no such names, or no links")
	}
	_, err = Load("link\x1b[2J")
	wantError(t, err, `no checkpoint at link\x1b[2J`, `is a link to gone\x1b[2J`)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %q is not fs.ErrNotExist", err)
	}
	wantPlain(t, nil, err)
	_, err = Load("a\x1b[2J")
	wantError(t, err, `checkpoint a\x1b[2J: `, "it has 0 bytes")
	wantPlain(t, nil, err)
}
