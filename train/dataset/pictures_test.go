package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/internal/setting"
	"govae/model"
)

// readHere reads the pictures in dir with a cache that keeps nothing.
func (s Source) readHere(t *testing.T, dir string) (*Set, error) {
	t.Helper()
	return s.readPicturesOnce(t.Context(), dir, nil, cache{least: 1 << 62})
}

func mustRead(t *testing.T, s Source, dir string) *Set {
	t.Helper()
	set, err := s.readHere(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var orange = color.RGBA{200, 100, 50, 255}

func TestReadPicturesInGrey(t *testing.T) {
	dir := writeTree(t, map[string][]byte{
		"train/a/1.png": greyPNG(2, 3, 10), "train/b/1.png": greyPNG(2, 3, 20), "train/b/2.gif": colourFile(".gif", 2, 3, color.RGBA{30, 30, 30, 255}),
		"test/b/1.jpg": colourFile(".jpg", 2, 3, color.RGBA{40, 40, 40, 255}),
	})
	set := mustRead(t, Source{}, dir)
	shape := model.Image{Height: 2, Width: 3, Channels: 1}
	if set.Train.Shape != shape || set.Test.Shape != shape {
		t.Errorf("shapes are %v and %v, want %v: all are grey", set.Train.Shape, set.Test.Shape, shape)
	}
	if want := slices.Concat(bytes.Repeat([]byte{10}, 6), bytes.Repeat([]byte{20}, 6), bytes.Repeat([]byte{30}, 6)); !bytes.Equal(set.Train.Values, want) {
		t.Errorf("values are %v, want %v", set.Train.Values, want)
	}
	if !bytes.Equal(set.Train.Labels, []byte{0, 1, 1}) || !bytes.Equal(set.Test.Labels, []byte{1}) {
		t.Errorf("labels are %v and %v, want 0, 1, 1 and 1", set.Train.Labels, set.Test.Labels)
	}
	if len(set.Notes) > 0 {
		t.Errorf("notes are %q, want none", set.Notes)
	}
	if err := set.Check(); err != nil {
		t.Error(err)
	}
}

// One pixel of colour makes all images have three channels, channels first.
func TestReadPicturesInColour(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 2, 1))
	copy(img.Pix, []byte{9, 9, 9, 255, 1, 2, 3, 255})
	var file bytes.Buffer
	png.Encode(&file, img)
	dir := writeTree(t, map[string][]byte{"a.png": greyPNG(1, 2, 10), "b.png": file.Bytes()})
	set := mustRead(t, Source{}, dir)
	if want := (model.Image{Height: 1, Width: 2, Channels: 3}); set.Train.Shape != want {
		t.Errorf("shape is %v, want %v", set.Train.Shape, want)
	}
	if want := []byte{10, 10, 10, 10, 10, 10, 9, 1, 9, 2, 9, 3}; !bytes.Equal(set.Train.Values, want) {
		t.Errorf("values are %v, want %v", set.Train.Values, want)
	}
	if set.Train.Labels != nil || set.Test.Len() != 0 {
		t.Errorf("labels %v, %d test images: want none", set.Train.Labels, set.Test.Len())
	}
}

func TestReadPicturesOfSizesAndGrey(t *testing.T) {
	files := map[string][]byte{"1.png": greyPNG(4, 4, 9), "2.png": colourFile(".png", 4, 4, orange), "3.png": colourFile(".png", 6, 4, orange), "4.png": greyPNG(8, 8, 9)}
	dir := writeTree(t, files)
	_, err := Source{}.readHere(t, dir)
	want := fmt.Sprintf("dataset: the size will not do: %s is 6×4 (height × width), but %s is 4×4", filepath.Join(dir, "3.png"), filepath.Join(dir, "1.png"))
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}

	set := mustRead(t, Source{Size: Size{3, 2}}, dir)
	if want := (model.Image{Height: 3, Width: 2, Channels: 3}); set.Train.Shape != want || set.Train.Len() != 4 {
		t.Errorf("%d images of %v, want 4 of %v", set.Train.Len(), set.Train.Shape, want)
	}
	if got, want := set.Train.Values[18:36], slices.Concat(bytes.Repeat([]byte{200}, 6), bytes.Repeat([]byte{100}, 6), bytes.Repeat([]byte{50}, 6)); !bytes.Equal(got, want) {
		t.Errorf("the second is %v, want %v", got, want)
	}

	set = mustRead(t, Source{Size: Size{3, 2}, Grey: true}, dir)
	if want := bytes.Repeat([]byte{124}, 6); set.Train.Shape.Channels != 1 || !bytes.Equal(set.Train.Values[6:12], want) { // 0.299·200 + 0.587·100 + 0.114·50
		t.Errorf("in grey the second is %v of %v, want %v", set.Train.Values[6:12], set.Train.Shape, want)
	}
}

func TestReadPicturesNamesABadOne(t *testing.T) {
	whole := greyPNG(4, 4, 1)
	bad := map[string]struct {
		make func(path string) error
		want string
	}{
		"empty.png":  {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "it is empty"},
		"cut.png":    {func(path string) error { return os.WriteFile(path, whole[:len(whole)-20], 0o600) }, "its end is missing"},
		"text.jpg":   {func(path string) error { return os.WriteFile(path, []byte("<html>"), 0o600) }, "no PNG, JPEG or GIF"},
		"folder.gif": {func(path string) error { return os.Mkdir(path, 0o700) }, "a folder, a pipe or a device"},
		"link.png":   {func(path string) error { return os.Symlink(path+"-not", path) }, "no such file"},
	}
	if runtime.GOOS == "windows" {
		delete(bad, "link.png")
	}
	all := t.TempDir()
	for name, test := range bad {
		dir := writeTree(t, map[string][]byte{"a.png": whole, "z.png": whole, "zz.txt": nil})
		path := filepath.Join(dir, name)
		if err := errors.Join(test.make(path), test.make(filepath.Join(all, name))); err != nil {
			t.Fatal(err)
		}
		_, err := Source{}.readHere(t, dir)
		if err == nil || !errors.Is(err, ErrBadPicture) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) || strings.Count(err.Error(), path) > 1 {
			t.Errorf("%s: error is %v, want one that names it and says %q", name, err, test.want)
		}
		set := mustRead(t, Source{SkipBad: true}, dir)
		if set.Train.Len() != 2 || len(set.Notes) != 1 || !strings.Contains(set.Notes[0], "left out 1 picture that cannot be read: "+path+" (") {
			t.Errorf("%s: left with %d pictures, notes %q", name, set.Train.Len(), set.Notes)
		}
	}
	if _, err := (Source{SkipBad: true}).readHere(t, all); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "cut.png") {
		t.Errorf("bad pictures alone: error is %v, want ErrNoData and the first", err)
	}
}

// Labels stay with their pictures, and a size that only a bad one has is none.
func TestReadPicturesSkipsBadOnes(t *testing.T) {
	files := make(map[string][]byte)
	for i := range 40 {
		files[fmt.Sprintf("%d/%02d.png", i%4, i)] = greyPNG(1, 1, byte(i))
		if i%3 == 0 {
			files[fmt.Sprintf("%d/%02d.png", i%4, i)] = nil
		}
	}
	set := mustRead(t, Source{SkipBad: true}, writeTree(t, files))
	if set.Train.Len() != 26 {
		t.Fatalf("%d images, want 26", set.Train.Len())
	}
	for i, v := range set.Train.Values {
		if v%3 == 0 || v%4 != set.Train.Labels[i] {
			t.Errorf("image %d of level %d is labelled %d", i, v, set.Train.Labels[i])
		}
	}
	if len(set.Notes) != 1 || !strings.HasPrefix(set.Notes[0], "left out 14 pictures") || !strings.HasSuffix(set.Notes[0], " and 4 more") {
		t.Errorf("notes are %q, want one on 14 pictures, ten of which are named", set.Notes)
	}

	files = map[string][]byte{"whole.png": greyPNG(1, 1, 1)}
	for i := range mostNamed {
		files[fmt.Sprintf("%d.png", i)] = nil
	}
	set = mustRead(t, Source{SkipBad: true}, writeTree(t, files))
	if len(set.Notes) != 1 || !strings.Contains(set.Notes[0], "9.png (") || strings.Contains(set.Notes[0], "more") {
		t.Errorf("notes are %q, want one that names all ten", set.Notes)
	}
}

// Whichever core is first, the error is about the first of the files that are bad, or of another size.
func TestReadPicturesReportsTheFirst(t *testing.T) {
	files := make(map[string][]byte)
	for i := range 200 {
		files[fmt.Sprintf("%03d.png", i)] = greyPNG(2, 2, 1)
	}
	files["100.png"] = greyPNG(900, 900, 1) // takes longer than those behind it
	for i := 101; i < 200; i++ {
		files[fmt.Sprintf("%03d.png", i)] = greyPNG(3, 3, 1)
	}
	dir := writeTree(t, files)
	for range 10 {
		if _, err := (Source{}).readHere(t, dir); err == nil || !strings.Contains(err.Error(), "100.png is 900×900") {
			t.Fatalf("error is %v, want one on 100.png", err)
		}
	}
}

func TestReadPicturesTooLarge(t *testing.T) {
	dir := writeTree(t, map[string][]byte{"0000.png": greyPNG(1024, 1024, 0)})
	for i := 1; i <= 1024; i++ { // of 1 MiB each
		if err := os.Link(filepath.Join(dir, "0000.png"), filepath.Join(dir, fmt.Sprintf("%04d.png", i))); err != nil {
			t.Skip("no links can be made here: ", err)
		}
	}
	const want = "1,025 images of 1024×1024×1 are 1.0 GiB, more than the 1 GiB that are read: sets larger than memory are not read yet; want a size of 1023x1023 or less"
	told := 0
	_, err := Source{}.readPicturesOnce(t.Context(), dir, func(int, int) { told++ }, cache{least: 1 << 62})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q in it", err, want)
	}
	if told > 0 {
		t.Errorf("goes on after the first picture, to %d", told)
	}

	// One that cannot be read takes no place.
	w := watch{n: 1025, skipBad: true}
	if !w.sees(decoded{err: errors.New("bad")}) || !w.sees(decoded{shape: model.Image{Height: 1024, Width: 1024, Channels: 1}}) {
		t.Errorf("%d images of 1 MiB are more than %d bytes", w.n, maxBytes)
	}

	wide := writeTree(t, map[string][]byte{"a.png": greyPNG(1, model.MaxSide+1, 0), "b.png": greyPNG(1, model.MaxSide+1, 0)})
	if _, err := (Source{}).readHere(t, wide); err == nil || !strings.Contains(err.Error(), "a.png is 1×4097, want at most 4096 pixels on a side") {
		t.Errorf("error is %v, want one on a.png's width", err)
	}
	if set := mustRead(t, Source{Size: Size{1, 8}}, wide); set.Train.Len() != 2 {
		t.Errorf("%d images, want 2", set.Train.Len())
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"64x48": {64, 48}, "28": {28, 28}, "1x4096": {1, 4096}} {
		if s, err := setting.SetTexts(Fields, map[string]string{"size": text}, DefaultSource()); err != nil || s.Size != want {
			t.Errorf("%s is %v (%v), want %v", text, s.Size, err, want)
		}
	}
	for _, text := range []string{"", "x", "64x", "x48", "64x48x3", "64X48", "0x4", "4097", "-1x2", "a"} {
		if s, err := setting.SetTexts(Fields, map[string]string{"size": text}, DefaultSource()); err == nil {
			t.Errorf("%q is %v, want an error", text, s.Size)
		}
	}
}

func TestReadPicturesTellsOfProgress(t *testing.T) {
	files := make(map[string][]byte)
	for i := range 30 {
		files[fmt.Sprintf("%d.png", i)] = greyPNG(1, 1, 1)
	}
	dir := writeTree(t, files)
	var told []int
	_, err := Source{}.readPicturesOnce(t.Context(), dir, func(done, of int) {
		if told = append(told, done); of != 30 {
			t.Errorf("%d of %d, want 30", done, of)
		}
	}, cache{least: 1 << 62})
	if err != nil || !slices.Equal(told, Sequence(31)[1:]) {
		t.Errorf("error %v, told of %v", err, told)
	}

	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	last := 0
	_, err = Source{}.readPicturesOnce(ctx, dir, func(done, _ int) {
		if last = done; done == 3 {
			cancel(cause)
		}
	}, cache{least: 1 << 62})
	if !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
	if most := 3 + runtime.GOMAXPROCS(0); last > most { // each core ends the picture that it is at
		t.Errorf("called off at 3, it goes on to %d, want %d at most", last, most)
	}

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the first picture is the first that is done
	if err := os.WriteFile(filepath.Join(dir, "0.png"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Source{}.readPicturesOnce(t.Context(), dir, func(done, _ int) { t.Errorf("after a bad one it tells of %d", done) }, cache{least: 1 << 62})
	if !errors.Is(err, ErrBadPicture) {
		t.Errorf("error is %v, want ErrBadPicture", err)
	}
}

func TestReadPicturesNamesAFolder(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	if _, err := (Source{}).readHere(t, nowhere); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), nowhere) != 1 {
		t.Errorf("error is %v, want one that names %s", err, nowhere)
	}
}

func TestFit(t *testing.T) {
	ofColour := slices.Concat(bytes.Repeat([]byte{200}, 4), bytes.Repeat([]byte{100}, 4), bytes.Repeat([]byte{50}, 4))
	for _, test := range []struct {
		name     string
		source   Source
		channels int
		values   []byte
		shape    model.Image
		want     []byte
	}{
		{"as it is", Source{}, 3, ofColour, model.Image{Height: 2, Width: 2, Channels: 3}, ofColour},
		{"to grey", Source{Grey: true}, 3, ofColour, model.Image{Height: 2, Width: 2, Channels: 1}, []byte{124, 124, 124, 124}},
		{"grey to grey", Source{Grey: true}, 1, []byte{1, 2, 3, 4}, model.Image{Height: 2, Width: 2, Channels: 1}, []byte{1, 2, 3, 4}},
		{"to a size", Source{Size: Size{1, 3}}, 3, ofColour, model.Image{Height: 1, Width: 3, Channels: 3}, []byte{200, 200, 200, 100, 100, 100, 50, 50, 50}},
		{"grey to a size", Source{Size: Size{1, 1}}, 1, []byte{10, 20, 30, 40, 7, 7, 7, 7}, model.Image{Height: 1, Width: 1, Channels: 1}, []byte{25, 7}},
		{"to a size in grey", Source{Size: Size{1, 1}, Grey: true}, 3, ofColour, model.Image{Height: 1, Width: 1, Channels: 1}, []byte{124}},
	} {
		images := model.Images{Shape: model.Image{Height: 2, Width: 2, Channels: test.channels}, Values: slices.Clone(test.values)}
		if err := test.source.fit(&images); err != nil || images.Shape != test.shape || !bytes.Equal(images.Values, test.want) {
			t.Errorf("%s: %v of %v, error %v; want %v of %v", test.name, images.Values, images.Shape, err, test.want, test.shape)
		}
	}

	if err := (Source{Size: Size{3, 3}}).fit(new(model.Images)); err != nil {
		t.Errorf("no images: %v", err)
	}
	tiny := model.Images{Shape: model.Image{Height: 1, Width: 1, Channels: 3}, Values: make([]byte, 3*22)}
	err := Source{Size: Size{model.MaxSide, model.MaxSide}}.fit(&tiny)
	if err == nil || !strings.Contains(err.Error(), "sets larger than memory are not read yet") || tiny.Shape.Height != 1 {
		t.Errorf("22 images made large: error is %v", err)
	}
}
