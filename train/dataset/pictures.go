package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"govae/internal/files"
	"govae/internal/parallel"
	"govae/internal/picture"
	"govae/internal/words"
	"govae/model"
)

// What is wrong with a picture.
var (
	ErrBadPicture = errors.New("a picture cannot be read")
	ErrSize       = errors.New("the size will not do")
)

// mostNamed is how many of the pictures that are left out a note names.
const mostNamed = 10

// readPictures reads a folder of picture files, as listPictures finds them. The images have one channel where all are grey in all
// pixels, or are to be, and else three.
func (s Source) readPictures(ctx context.Context, dir string, progress Progress) (*Set, error) {
	return s.readPicturesOnce(ctx, dir, progress, userCache())
}

// readPicturesOnce is readPictures with what the cache keeps.
func (s Source) readPicturesOnce(ctx context.Context, dir string, progress Progress, c cache) (*Set, error) {
	then := time.Now()
	list, err := listPictures(ctx, dir)
	if err != nil {
		return nil, err
	}
	key, err := s.cacheKey(list)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	keeps := c.keeps(list, then)
	if keeps {
		if set, ok := c.load(key); ok {
			set.Notes = append(list.notes, set.Notes...)
			return set, nil
		}
	}
	set, transient, err := s.decodeListed(ctx, dir, list, progress)
	if err != nil {
		return nil, err
	}
	notes := slices.Concat(list.notes, set.Notes)
	if keeps && !transient {
		if err := c.save(key, set); err != nil {
			notes = append(notes, "the pictures are decoded anew the next time, since they cannot be kept: "+printable(err))
		}
	}
	set.Notes = notes
	return set, nil
}

// printable returns what an error says, which may hold a path, for a terminal.
func printable(err error) string { return words.Printable(err.Error()) }

// decoded is what is made of a picture's file.
type decoded struct {
	values []byte
	shape  model.Image
	err    error
}

// decodeListed reads the pictures of a list. The set's notes are those on pictures that are left out; where one of them may be read
// at another time as it is, transient is true.
func (s Source) decodeListed(ctx context.Context, dir string, list *listing, progress Progress) (set *Set, transient bool, err error) {
	all := slices.Concat(list.train, list.test)
	pictures, err := s.decodeAll(ctx, all, progress)
	if err != nil {
		return nil, false, err
	}
	set = new(Set)
	var left []string // out
	channels := 1
	for i, p := range pictures {
		if p.err != nil {
			left = append(left, fmt.Sprintf("%s (%s)", words.Printable(all[i].path), printable(files.Cause(p.err))))
			transient = transient || errors.As(p.err, new(*fs.PathError))
		}
		channels = max(channels, p.shape.Channels)
	}
	if n := len(left); n > 0 {
		note := fmt.Sprintf("left out %s that cannot be read: %s", words.Counted(n, "picture"), strings.Join(left[:min(n, mostNamed)], ", "))
		if n > mostNamed {
			note += fmt.Sprintf(" and %s more", words.Thousands(n-mostNamed))
		}
		set.Notes = append(set.Notes, note)
	}
	n := len(list.train)
	set.Train = list.join(list.train, pictures[:n], channels)
	set.Test = list.join(list.test, pictures[n:], channels)
	if set.Train.Len() == 0 {
		return nil, false, fmt.Errorf("dataset: %w: no training picture in %s can be read: %s", ErrNoData, words.Printable(dir), left[0])
	}
	return set, transient, nil
}

// join returns the pictures of a split that could be read as images, and lets go of them one by one.
func (l *listing) join(split []pictureFile, pictures []decoded, channels int) (images model.Images) {
	size := 0
	for _, p := range pictures {
		if p.err == nil {
			images.Shape = model.Image{Height: p.shape.Height, Width: p.shape.Width, Channels: channels}
			size += images.Shape.Pixels()
		}
	}
	if size == 0 {
		return images
	}
	images.Values = make([]byte, 0, size)
	for i := range pictures {
		p := &pictures[i]
		if p.err != nil {
			continue
		}
		for range channels / p.shape.Channels { // grey is the same in all three
			images.Values = append(images.Values, p.values...)
		}
		p.values = nil
		if l.classes != nil {
			images.Labels = append(images.Labels, l.label(split[i]))
		}
	}
	return images
}

// decodeAll decodes files on all cores. The order of the pictures is that of the files, and an error is about the first file that has one,
// whichever core came first. Only where bad ones are to be skipped do pictures hold errors.
func (s Source) decodeAll(ctx context.Context, all []pictureFile, progress Progress) ([]decoded, error) {
	pictures := make([]decoded, len(all))
	var next atomic.Int64 // files are taken in order, so all before one that was taken are, too
	var stop atomic.Bool
	finished := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all) && ctx.Err() == nil && !stop.Load(); i = int(next.Add(1)) - 1 {
				pictures[i] = s.decode(all[i])
				finished <- i
			}
		})
	}
	go func() {
		workers.Wait()
		close(finished)
	}()

	w := watch{n: len(all), size: s.Size, skipBad: s.SkipBad}
	done := 0
	for i := range finished {
		done++
		if !w.sees(pictures[i]) {
			stop.Store(true)
		} else if progress != nil && !stop.Load() {
			progress(done, len(all))
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if stop.Load() {
		return nil, w.fault(all, pictures)
	}
	return pictures, nil
}

// decode reads one picture.
func (s Source) decode(f pictureFile) decoded {
	if f.err != nil {
		return decoded{err: f.err}
	}
	file, err := files.Open(f.path)
	if err != nil {
		return decoded{err: err}
	}
	defer file.Close()
	img, err := picture.Decode(file)
	if err != nil {
		return decoded{err: err}
	}
	size := Size{img.Rect.Dy(), img.Rect.Dx()}
	if s.Size != (Size{}) {
		img, size = picture.Fit(img, s.Size.Height, s.Size.Width), s.Size
	} else if max(size.Height, size.Width) > model.MaxSide {
		return decoded{shape: model.Image{Height: size.Height, Width: size.Width}} // which is none that a set can have
	}
	channels := 3
	if s.Grey || picture.IsGrey(img) {
		channels = 1
	}
	return decoded{values: picture.Levels(img, channels), shape: model.Image{Height: size.Height, Width: size.Width, Channels: channels}}
}

// watch looks at decoded pictures, in whatever order they come, for the first sign that no set can be made of them.
type watch struct {
	n       int // pictures, but for those found bad
	size    Size
	skipBad bool
	shape   model.Image // of those seen, and three channels once one is of colour
}

// sees reports whether a set can be made of the picture and those before it.
func (w *watch) sees(p decoded) bool {
	if p.err != nil {
		w.n--
		return w.skipBad
	}
	if w.shape.Height == 0 {
		w.shape = p.shape
	}
	w.shape.Channels = max(w.shape.Channels, p.shape.Channels)
	return sameSize(p.shape, w.shape) && p.shape.Channels > 0 && w.bytes() <= maxBytes
}

// bytes returns what all pictures take if those to come are like those seen.
func (w *watch) bytes() int64 { return int64(w.n) * int64(w.shape.Pixels()) }

func sameSize(a, b model.Image) bool { return a.Height == b.Height && a.Width == b.Width }

// fault says what is wrong with the first picture with which something is. pictures are as far as they have been decoded.
func (w *watch) fault(all []pictureFile, pictures []decoded) error {
	first := -1 // of those that can be read
	for i, p := range pictures {
		path := words.Printable(all[i].path)
		switch {
		case p.err != nil && !w.skipBad:
			return fmt.Errorf("dataset: %w: %s: %w", ErrBadPicture, path, files.Cause(p.err))
		case p.err != nil || p.shape.Height == 0:
			continue
		case first < 0:
			first = i
		case !sameSize(p.shape, pictures[first].shape):
			return fmt.Errorf("dataset: %w: %s is %d×%d (height × width), but %s is %d×%d",
				ErrSize, path, p.shape.Height, p.shape.Width, words.Printable(all[first].path), pictures[first].shape.Height, pictures[first].shape.Width)
		}
		if p.shape.Channels == 0 {
			return fmt.Errorf("dataset: %w: %s is %d×%d, want at most %d pixels on a side", ErrSize, path, p.shape.Height, p.shape.Width, model.MaxSide)
		}
	}
	return tooLarge(w.n, w.shape)
}

// tooLarge is the error that so many images of a shape are more than a set may be.
func tooLarge(n int, shape model.Image) error {
	const gib = 1 << 30
	factor := math.Sqrt(maxBytes / (float64(n) * float64(shape.Pixels())))
	fitting := Size{int(factor * float64(shape.Height)), int(factor * float64(shape.Width))}
	advice := "want fewer images"
	if fitting.Height > 0 && fitting.Width > 0 {
		advice = fmt.Sprintf("want a size of %v or less, or fewer images", fitting)
	}
	return fmt.Errorf("dataset: %w: %s of %v are %.1f GiB, more than the %d GiB that are read: sets larger than memory are not read yet; %s",
		ErrSize, words.Counted(n, "image"), shape, float64(n)*float64(shape.Pixels())/gib, maxBytes/gib, advice)
}

// fit makes of images, which are read from arrays, what the source wants: their size, and grey.
func (s Source) fit(images *model.Images) error {
	shape := images.Shape
	if s.Size != (Size{}) {
		shape.Height, shape.Width = s.Size.Height, s.Size.Width
	}
	if s.Grey {
		shape.Channels = 1
	}
	n := images.Len()
	if n == 0 || shape == images.Shape {
		return nil
	}
	if int64(n)*int64(shape.Pixels()) > maxBytes {
		return tooLarge(n, shape)
	}
	from, to := images.Shape, shape
	values := make([]byte, n*to.Pixels())
	parallel.For(n, 16, func(start, end int) {
		for i := start; i < end; i++ {
			img := picture.FromLevels(images.Values[i*from.Pixels():], from.Height, from.Width, from.Channels)
			copy(values[i*to.Pixels():], picture.Levels(picture.Fit(img, to.Height, to.Width), to.Channels))
		}
	})
	images.Shape, images.Values = to, values
	return nil
}
