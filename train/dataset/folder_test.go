package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// greyPNG returns a picture of one level.
func greyPNG(height, width int, level uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = level
	}
	var file bytes.Buffer
	png.Encode(&file, img)
	return file.Bytes()
}

// colourFile returns a picture of one colour in a format that its name ends in.
func colourFile(name string, height, width int, c color.RGBA) []byte {
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{c})
	var file bytes.Buffer
	switch filepath.Ext(name) {
	case ".jpg":
		jpeg.Encode(&file, img, &jpeg.Options{Quality: 100})
	case ".gif":
		gif.Encode(&file, img, nil)
	default:
		png.Encode(&file, img)
	}
	return file.Bytes()
}

// named returns files of these names, which are listed but never decoded.
func named(names ...string) map[string][]byte {
	files := make(map[string][]byte)
	for _, name := range names {
		files[name] = []byte("x")
	}
	return files
}

// listed returns a listing's files and their classes in short: the names below dir, each with =class.
func listed(dir string, files []pictureFile) []string {
	var names []string
	for _, f := range files {
		name, _ := filepath.Rel(dir, f.path)
		if f.class != "" {
			name += "=" + f.class
		}
		names = append(names, filepath.ToSlash(name))
	}
	return names
}

func TestListPictures(t *testing.T) {
	tests := []struct {
		name                 string
		files                []string
		train, test, classes []string
		note                 string // in the only note; empty: there is none
	}{
		{"one folder", []string{"b.png", "B.PNG", "a.JPG", "c.jpeg", "d.gif", "10.png", "9.png"},
			[]string{"10.png", "9.png", "B.PNG", "a.JPG", "b.png", "c.jpeg", "d.gif"}, nil, nil, ""},
		{"classes", []string{"dog/1.png", "cat/2.png", "cat/1.png", "cat/deep/er/3.png", "cat/deep/0.png"},
			[]string{"cat/1.png=cat", "cat/2.png=cat", "cat/deep/0.png=cat", "cat/deep/er/3.png=cat", "dog/1.png=dog"}, nil, []string{"cat", "dog"}, ""},
		{"classes in numbers are sorted as names", []string{"10/a.png", "9/a.png"},
			[]string{"10/a.png=10", "9/a.png=9"}, nil, []string{"10", "9"}, ""},
		{"splits", []string{"train/a.png", "test/b.png"}, []string{"train/a.png"}, []string{"test/b.png"}, nil, ""},
		{"splits in capitals", []string{"Train/a.png", "TEST/b.png"}, []string{"Train/a.png"}, []string{"TEST/b.png"}, nil, ""},
		{"val for test", []string{"train/a.png", "val/b.png"}, []string{"train/a.png"}, []string{"val/b.png"}, nil, ""},
		{"valid for test", []string{"train/a.png", "valid/b.png"}, []string{"train/a.png"}, []string{"valid/b.png"}, nil, ""},
		{"validation for test", []string{"train/a.png", "validation/b.png"}, []string{"train/a.png"}, []string{"validation/b.png"}, nil, ""},
		{"val beside test", []string{"train/a.png", "val/b.png", "test/c.png"}, []string{"train/a.png"}, []string{"test/c.png"}, nil, "val, which is neither"},
		{"classes in splits, by the union of their names", []string{"train/b/1.png", "train/c/1.png", "test/a/1.png", "test/c/1.png"},
			[]string{"train/b/1.png=b", "train/c/1.png=c"}, []string{"test/a/1.png=a", "test/c/1.png=c"}, []string{"a", "b", "c"}, ""},
		{"labels of one split alone", []string{"train/b/1.png", "train/c/1.png", "test/1.png"},
			[]string{"train/b/1.png=b", "train/c/1.png=c"}, []string{"test/1.png"}, nil, "labels are left out"},
		{"train without test", []string{"train/b/1.png", "train/c/1.png"}, []string{"train/b/1.png=b", "train/c/1.png=c"}, nil, []string{"b", "c"}, ""},
		{"train is a class", []string{"train/1.png", "plane/1.png"}, []string{"plane/1.png=plane", "train/1.png=train"}, nil, []string{"plane", "train"}, ""},
		{"test is empty", []string{"train/1.png", "test/read.me"}, []string{"train/1.png"}, nil, nil, ""},
		{"a folder around it", []string{"set/set/train/a.png", "set/set/val/b.png"}, []string{"set/set/train/a.png"}, []string{"set/set/val/b.png"}, nil, ""},
		{"one class tells nothing", []string{"all/1.png", "all/2.png"}, []string{"all/1.png", "all/2.png"}, nil, nil, ""},
		{"one class in both splits", []string{"train/all/1.png", "test/all/2.png"}, []string{"train/all/1.png=all"}, []string{"test/all/2.png=all"}, nil, ""},
		{"hidden", []string{"a.png", "._a.png", ".git/b.png", "__MACOSX/c.png", ".DS_Store", ".x.webp"}, []string{"a.png"}, nil, nil, ""},
		{"other files", []string{"a.png", "labels.csv", "read.me", "x/notes.txt", "png", "Makefile"}, []string{"a.png"}, nil, nil, ""},
		{"other pictures", []string{"a.png", "b.webp", "c.HEIC", "x/d.tiff"}, []string{"a.png"}, nil, nil, "passed over 3 pictures of a kind that is not read, the first"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := writeTree(t, named(test.files...))
			list, err := listPictures(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := listed(dir, list.train); !slices.Equal(got, test.train) {
				t.Errorf("train is %v, want %v", got, test.train)
			}
			if got := listed(dir, list.test); !slices.Equal(got, test.test) {
				t.Errorf("test is %v, want %v", got, test.test)
			}
			if !slices.Equal(list.classes, test.classes) {
				t.Errorf("classes are %v, want %v", list.classes, test.classes)
			}
			if notes := strings.Join(list.notes, "; "); (notes == "") != (test.note == "") || !strings.Contains(notes, test.note) {
				t.Errorf("notes are %q, want %q", notes, test.note)
			}
		})
	}
}

func TestListPicturesWithManyClasses(t *testing.T) {
	for _, n := range []int{256, 257} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%03d/a.png", i))
		}
		dir := writeTree(t, named(names...))
		list, err := listPictures(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if n == 256 && (len(list.classes) != 256 || list.label(list.train[255]) != 255 || len(list.notes) > 0) {
			t.Errorf("256 folders: %d classes, the last labelled %d, notes %q", len(list.classes), list.label(list.train[255]), list.notes)
		}
		if n == 257 && (list.classes != nil || len(list.notes) != 1 || !strings.Contains(list.notes[0], "257 folders are more than the 256")) {
			t.Errorf("257 folders: %d classes, notes %q", len(list.classes), list.notes)
		}
	}
}

func TestListPicturesRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		files  []string
		noData bool
		want   []string
	}{
		{"nothing", nil, true, []string{"no picture in", ".png, .jpg, .jpeg, .gif"}},
		{"no picture", []string{"a.txt", "x/b.csv"}, true, []string{"no picture in"}},
		{"pictures that are not read", []string{"a.webp", "b.webp"}, true, []string{"passed over 2 pictures", "a.webp"}},
		{"pictures beside folders", []string{"a.png", "x/b.png"}, false, []string{"(a.png)", "(x)", "want one or the other"}},
		{"pictures beside folders in a split", []string{"train/a.png", "train/x/b.png", "test/c.png"}, false, []string{"train has pictures (a.png)"}},
		{"an escape in a name", []string{"a\x1b[31m.png", "x/b.png"}, false, []string{`a\x1b[31m.png`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(test.name, "escape") {
				t.Skip("no file has such a name there")
			}
			_, err := listPictures(t.Context(), writeTree(t, named(test.files...)))
			if err == nil || errors.Is(err, ErrNoData) != test.noData || strings.Contains(err.Error(), "\x1b") {
				t.Fatalf("error is %q, want ErrNoData: %t", err, test.noData)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %q, want %q in it", err, want)
				}
			}
		})
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skip("links cannot be made here: ", err)
	}
}

func TestListPicturesFollowsLinks(t *testing.T) {
	elsewhere := writeTree(t, named("1.png", "2.png"))
	dir := writeTree(t, named("b/3.png"))
	link(t, elsewhere, filepath.Join(dir, "a"))
	link(t, filepath.Join(elsewhere, "2.png"), filepath.Join(dir, "b", "4.png"))
	link(t, dir, filepath.Join(dir, "b", "loop"))
	link(t, "b", filepath.Join(dir, "b", "self"))
	link(t, filepath.Join(dir, "nowhere"), filepath.Join(dir, "read.me"))
	list, err := listPictures(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := listed(dir, list.train), []string{"a/1.png=a", "a/2.png=a", "b/3.png=b", "b/4.png=b"}; !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}
}

// TestListPicturesRefusesManyLinks checks that folders with links to one another, which no link closes to a circle, are refused while
// there is time: two links in each of 40 folders make 2⁴⁰ ways.
func TestListPicturesRefusesManyLinks(t *testing.T) {
	const folders = 40
	names := []string{fmt.Sprintf("%d/a.png", folders)}
	for i := range folders {
		names = append(names, fmt.Sprintf("%d/read.me", i))
	}
	dir := writeTree(t, named(names...))
	for i := range folders {
		for _, name := range []string{"x", "y"} {
			link(t, filepath.Join(dir, fmt.Sprint(i+1)), filepath.Join(dir, fmt.Sprint(i), name))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // where it is not refused
	defer cancel()
	if _, err := listPictures(ctx, filepath.Join(dir, "0")); err == nil || !strings.Contains(err.Error(), "want at most 16,384") {
		t.Errorf("error is %v, want one of too many links", err)
	}
}

func TestListPicturesStops(t *testing.T) {
	dir := writeTree(t, named("a.png"))
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := listPictures(ctx, dir); !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
}
