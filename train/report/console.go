package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
)

const (
	barThrottle  = 100 * time.Millisecond // between two pictures of the bar
	lineThrottle = 10 * time.Second       // between two lines of progress where there is no terminal
	verboseSteps = 100                    // at least, between two lines of progress of a verbose console
)

// Console prints how a run goes: lines, a row of a table for each epoch, and below them a progress bar if it writes to a terminal.
type Console struct {
	w        io.Writer
	terminal bool
	verbose  bool

	terms    []model.Term
	epochs   int                      // of the whole run
	start    int                      // images that were done before the table was begun
	bar      *progressbar.ProgressBar // counts images from there; without a terminal it is not shown
	lastLine time.Time
	lastStep uint64 // of a line of progress
}

// NewConsole returns a console that writes to w. A verbose one prints more lines of progress.
func NewConsole(w io.Writer, verbose bool) *Console {
	file, ok := w.(*os.File)
	return &Console{w: w, verbose: verbose, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// Line prints one line above the progress bar.
func (c *Console) Line(format string, values ...any) {
	if c.terminal && c.bar != nil {
		c.bar.Clear()
	}
	fmt.Fprintf(c.w, format+"\n", values...)
}

// Table prints the head of the table of epochs and starts the progress bar, for a run of so many epochs that stands at p.
func (c *Console) Table(terms []model.Term, epochs int, p Progress) {
	c.terms, c.epochs, c.start, c.lastStep = terms, epochs, p.done(), p.Step
	c.Line("")
	if loss := terms[0]; loss.Formula != "" {
		c.Line("%7s  %s = %s, in nats per image", "", loss.Name, loss.Formula)
	} else {
		c.Line("%7s  %s, in nats per image", "", loss.Name)
	}
	var heads []string
	for _, term := range terms {
		heads = append(heads, term.Column)
	}
	columns := strings.Join(heads, " ")
	rule := func(split string) string {
		return split + " " + strings.Repeat("─", max(0, len([]rune(columns))-len(split)-1))
	}
	c.Line("%7s  %s  %s", "", rule("train"), rule("test"))
	c.Line("%7s  %s  %s  %7s %8s", "epoch", columns, columns, "seconds", "images/s")
	c.startBar(p)
}

// startBar starts a progress bar over the images that the run still has to take. It also keeps the time
// for the lines of progress, so it is there, unseen, without a terminal.
func (c *Console) startBar(p Progress) {
	shown := io.Discard
	if c.terminal {
		shown = c.w
	}
	c.bar = progressbar.NewOptions(c.epochs*p.Of-c.start,
		progressbar.OptionSetWriter(shown),
		progressbar.OptionThrottle(barThrottle),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("images"),
		progressbar.OptionSetDescription(c.underWay(p)),
		progressbar.OptionSetRenderBlankState(true), // starts its clock
		progressbar.OptionClearOnFinish(),
	)
	c.lastLine = time.Now()
}

// Progress moves the progress bar on to p, and prints a line of progress when one is due.
func (c *Console) Progress(p Progress) {
	c.bar.Describe(c.underWay(p))
	c.bar.Set(p.done() - c.start)
	due := !c.terminal && time.Since(c.lastLine) >= lineThrottle
	if c.verbose && p.Step/verboseSteps > c.lastStep/verboseSteps {
		due = true
	}
	if !due {
		return
	}
	c.lastLine, c.lastStep = time.Now(), p.Step
	bar := c.bar.State()
	c.Line("%7s  %s  step %s, %s images/s, %v left", c.numbered(p.Epoch), c.row(p.Terms), words.Thousands(p.Step),
		words.Rounded(float64(bar.CurrentNum)/bar.SecondsSince),
		time.Duration(bar.SecondsLeft*float64(time.Second)).Round(time.Second))
}

// Row prints the row of an epoch.
func (c *Console) Row(e Epoch) {
	c.Line("%7s  %s  %s  %7.1f %8s", c.numbered(e.Number), c.row(e.Train), c.row(e.Test), e.Seconds, words.Rounded(e.ImagesPerSecond))
}

// row prints terms under the columns' heads.
func (c *Console) row(terms machine.Terms) string {
	var row []string
	for i, value := range terms {
		row = append(row, fmt.Sprintf("%*.2f", len([]rune(c.terms[i].Column)), value))
	}
	return strings.Join(row, " ")
}

// numbered returns an epoch as a part of the run: 3/10.
func (c *Console) numbered(epoch int) string { return fmt.Sprintf("%d/%d", epoch, c.epochs) }

// underWay names the epoch at hand.
func (c *Console) underWay(p Progress) string { return "epoch " + c.numbered(p.Epoch) }

// done returns how many images the run has taken since its start.
func (p Progress) done() int { return (p.Epoch-1)*p.Of + p.Images }
