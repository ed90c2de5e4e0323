package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"govae/internal/words"
)

const (
	throttle = 100 * time.Millisecond // between two pictures of the bar
	longest  = 9999 * time.Hour       // that is shown of the time left

	// Of the bar alone, without what stands around it.
	widest, narrowest = 30, 8
)

// Bar is a progress bar over images, on the last line of a terminal: how many are done, how many a second, and how long the rest will
// take. It takes one line at most, however narrow the terminal is. Where Obeys says no, it shows nothing, and only keeps the time.
type Bar struct {
	w     io.Writer
	shows bool
	now   func() time.Time
	width func() int // of the terminal

	began, shown time.Time // the first call of Show, and the last picture
	first        int       // images that were done by then
	done, of     int
	drawn        int // characters that stand on the line
}

// NewBar returns a bar that writes to w, which may be an Output.
func NewBar(w io.Writer) *Bar {
	return &Bar{w: w, shows: Obeys(w), now: time.Now, width: func() int { return Width(w) }}
}

// Show shows that so many of the images are done, after a text that says what is done with them. Its first call starts the clock. It may be
// called as often as one likes.
func (b *Bar) Show(done, of int, text string) {
	now := b.now()
	if b.began.IsZero() {
		b.began, b.first = now, done
	}
	b.done, b.of = done, of
	if !b.shows || now.Sub(b.shown) < throttle {
		return
	}
	b.shown = now
	b.replace(b.line(text, b.width()-1)) // some terminals begin another line once the last place of one is taken
}

// Clear takes the bar away, for something else to be printed in its place. The next Show brings it back.
func (b *Bar) Clear() {
	if b.drawn > 0 {
		b.replace("")
		io.WriteString(b.w, "\r")
		b.shown = time.Time{}
	}
}

// Pace says how many images there are a second, and how long the rest will take, as far as that can be known yet.
func (b *Bar) Pace() string {
	rate, left := b.pace()
	if left != "" {
		rate += ", " + left
	}
	return rate
}

func (b *Bar) pace() (rate, left string) {
	done, seconds := float64(b.done-b.first), b.now().Sub(b.began).Seconds()
	if done <= 0 || seconds <= 0 {
		return "", ""
	}
	if rate = words.Rounded(done / seconds); done < 10*seconds {
		rate = fmt.Sprintf("%.2g", done/seconds)
	}
	rest := min(float64(max(0, b.of-b.done))/done*seconds, longest.Seconds())
	return rate + " images/s", fmt.Sprintf("%v left", time.Duration(rest*float64(time.Second)).Round(time.Second))
}

// replace writes a line over the one that is there. The cursor stays behind it.
func (b *Bar) replace(line string) {
	length := utf8.RuneCountInString(line)
	rest := max(0, min(b.drawn, b.width()-1)-length)
	fmt.Fprintf(b.w, "\r%s%s", line, strings.Repeat(" ", rest))
	b.drawn = length
}

// line returns what goes on a line of so many characters: all of it, or what matters most.
func (b *Bar) line(text string, room int) string {
	rate, left := b.pace()
	percent := b.percent()
	around := utf8.RuneCountInString(joined(text, "100% []", b.Pace()))
	if width := min(widest, room-around); width >= narrowest {
		return joined(text, b.picture(width), b.Pace())
	}
	for _, parts := range [][]string{
		{text, percent, b.Pace()},
		{text, percent, rate},
		{text, percent, left},
		{text, percent},
	} {
		if line := joined(parts...); utf8.RuneCountInString(line) <= room {
			return line
		}
	}
	return percent[:min(len(percent), max(0, room))]
}

// picture draws the bar alone, so many characters wide, and how much of it is done: 31% [===>......].
func (b *Bar) picture(width int) string {
	filled := int(b.share() * float64(width))
	bar := strings.Repeat("=", filled)
	if filled > 0 && filled < width {
		bar = bar[1:] + ">"
	}
	return fmt.Sprintf("%s [%s%s]", b.percent(), bar, strings.Repeat(".", width-filled))
}

func (b *Bar) percent() string { return fmt.Sprintf("%d%%", int(100*b.share())) }

// share returns how much is done, from 0 to 1.
func (b *Bar) share() float64 { return min(1, float64(b.done)/float64(max(1, b.of))) }

// joined joins those of the parts that there are.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "  ")
}
