package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
)

const (
	verboseSteps = 100 // at least, between two lines of progress
	lossWidth    = 8   // characters of a loss
)

// Console prints how a run goes: lines, a row of a table for each epoch, and below them a progress bar if it writes to a terminal.
type Console struct {
	w       io.Writer
	bar     *terminal.Bar // over the images from the table's beginning on
	verbose bool

	terms    []model.Term
	epochs   int    // of the whole run
	start    int    // images that were done before the table was begun
	lastStep uint64 // of a line of progress
}

// NewConsole returns a console that writes to w. A verbose one prints lines of progress between the rows, where any other has the bar alone:
// a table that goes to a file is one without breaks.
func NewConsole(w io.Writer, verbose bool) *Console {
	return &Console{w: w, verbose: verbose, bar: terminal.NewBar(w)}
}

// Line prints one line above the progress bar.
func (c *Console) Line(format string, values ...any) {
	c.bar.Clear()
	fmt.Fprintf(c.w, format+"\n", values...)
}

// Clear takes the progress bar away.
func (c *Console) Clear() { c.bar.Clear() }

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
	c.showBar(p)
}

// Progress moves the progress bar on to p, and prints a line of progress when one is due.
func (c *Console) Progress(p Progress) {
	c.showBar(p)
	if !c.verbose || p.Step/verboseSteps == c.lastStep/verboseSteps {
		return
	}
	c.lastStep = p.Step
	c.Line("%7s  %s  step %s, %s", c.numbered(p.Epoch), c.row(p.Terms), words.Thousands(p.Step), c.bar.Pace())
}

func (c *Console) showBar(p Progress) {
	c.bar.Show(p.done()-c.start, c.epochs*p.Of-c.start, "epoch "+c.numbered(p.Epoch))
}

// Row prints the row of an epoch.
func (c *Console) Row(e Epoch) {
	c.Line("%7s  %s  %s  %7.1f %8s", c.numbered(e.Number), c.row(e.Train), c.row(e.Test), e.Seconds, words.Rounded(e.ImagesPerSecond))
}

// row prints terms under the columns' heads.
func (c *Console) row(terms machine.Terms) string {
	var row []string
	for i, value := range terms {
		width := len([]rune(c.terms[i].Column))
		row = append(row, fmt.Sprintf("%*s", width, fitting(value, width)))
	}
	return strings.Join(row, " ")
}

// Loss returns a loss as the rows of the table have it.
func Loss(v float64) string { return fitting(v, lossWidth) }

// fitting returns a value with two decimals, or four where it is below 1, as the loss of a classifier soon is, and they go into its
// column. What is wider than the column with two has as many digits as go there.
func fitting(value float64, width int) string {
	if text := strconv.FormatFloat(value, 'f', 4, 64); math.Abs(value) < 1 && len(text) <= width {
		return text
	}
	text := strconv.FormatFloat(value, 'f', 2, 64)
	for digits := width; len(text) > width && digits > 0; digits-- {
		text = strconv.FormatFloat(value, 'g', digits, 64)
	}
	return text
}

// numbered returns an epoch as a part of the run: 3/10.
func (c *Console) numbered(epoch int) string { return fmt.Sprintf("%d/%d", epoch, c.epochs) }

// done returns how many images the run has taken since its start.
func (p Progress) done() int { return (p.Epoch-1)*p.Of + p.Images }
