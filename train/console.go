package train

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	barThrottle  = 100 * time.Millisecond // between two pictures of the bar
	lineThrottle = 10 * time.Second       // between two lines of progress where there is no terminal
	verboseSteps = 100                    // between two lines of progress with -v
)

// english prints whole numbers with commas: 60,000.
var english = message.NewPrinter(language.English)

// console prints how a run goes: lines, and below them a progress bar if it writes to a terminal.
type console struct {
	w        io.Writer
	terminal bool
	verbose  bool
	bar      *progressbar.ProgressBar // counts images; without a terminal it is not shown
	lastLine time.Time
}

func newConsole(w io.Writer, verbose bool) *console {
	file, ok := w.(*os.File)
	return &console{w: w, verbose: verbose, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// line prints one line above the progress bar.
func (c *console) line(format string, values ...any) {
	if c.terminal && c.bar != nil {
		c.bar.Clear()
	}
	fmt.Fprintf(c.w, format+"\n", values...)
}

// start prints what is trained, on what data and device, and into which folder.
func (c *console) start(r *run) {
	train, test := &r.set.Train, &r.set.Test
	c.line("data     %s, %s training and %s test images of %d×%d", r.set.Name, english.Sprint(train.Len()), english.Sprint(test.Len()), train.Shape.Height, train.Shape.Width)
	if c.verbose {
		c.line("         from %s, fingerprint %s", r.set.Dir, r.at.Data.Fingerprint)
	}
	c.line("model    %s, %s parameters", r.Model, english.Sprint(r.Model.ParameterCount()))
	c.line("device   %s", r.device)
	c.line("out      %s", r.out.name)
	c.line("run      %s of %s, batch %d, learning rate %v, β %v, seed %d",
		counted(r.Epochs, "epoch"), counted(r.steps(), "step"), r.Batch, r.LearningRate, r.Beta, r.Model.Seed)
	if r.Resume {
		c.line("resumed  after %s, at step %s", counted(r.at.Epoch, "epoch"), english.Sprint(r.at.Step))
	}
	for _, note := range r.notes {
		c.line("note     %s", note)
	}
}

// nothingLeft says why a resumed run does not train.
func (c *console) nothingLeft(r *run) {
	c.line("\nnothing is left to do: %s done, and -epochs is %d", counted(r.at.Epoch, "epoch"), r.Epochs)
}

// startTable prints the head of the table of epochs and starts the progress bar.
func (c *console) startTable(r *run) {
	c.line("\n%7s  loss = reconstruction + β·KL, in nats per image", "")
	c.line("%7s  train %s  test %s", "", strings.Repeat("─", 18), strings.Repeat("─", 19))
	c.line("%7s  %8s %8s %6s  %8s %8s %6s  %7s %8s", "epoch", "loss", "reconst.", "KL", "loss", "reconst.", "KL", "seconds", "images/s")
	c.startBar(r)
}

// startBar starts a progress bar over the images that the run still has to take. It also keeps the time
// for the lines of progress, so it is there, unseen, without a terminal.
func (c *console) startBar(r *run) {
	images := (r.Epochs-r.at.Epoch)*r.set.Train.Len() - r.at.Partial.Images
	shown := io.Discard
	if c.terminal {
		shown = c.w
	}
	c.bar = progressbar.NewOptions(images,
		progressbar.OptionSetWriter(shown),
		progressbar.OptionThrottle(barThrottle),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("images"),
		progressbar.OptionSetDescription(r.underWay()),
		progressbar.OptionSetRenderBlankState(true), // starts its clock
		progressbar.OptionClearOnFinish(),
	)
	c.lastLine = time.Now()
}

// step moves the progress bar on by the images of a step, and prints a line of progress when one is due.
func (c *console) step(r *run, images int) {
	c.bar.Describe(r.underWay())
	c.bar.Add(images)
	due := !c.terminal && time.Since(c.lastLine) >= lineThrottle
	if c.verbose && r.at.Step%verboseSteps == 0 {
		due = true
	}
	if !due {
		return
	}
	c.lastLine = time.Now()
	bar, terms := c.bar.State(), mean(r.at.Partial, r.Beta)
	c.line("%7s  %8.2f %8.2f %6.2f  step %s, %s images/s, %v left", r.numbered(r.at.Epoch+1),
		terms.Loss, terms.Reconstruction, terms.KL, english.Sprint(r.at.Step),
		english.Sprintf("%.0f", float64(bar.CurrentNum)/bar.SecondsSince),
		time.Duration(bar.SecondsLeft*float64(time.Second)).Round(time.Second))
}

// numbered returns an epoch as a part of the run: 3/10.
func (r *run) numbered(epoch int) string { return fmt.Sprintf("%d/%d", epoch, r.Epochs) }

// underWay names the epoch at hand.
func (r *run) underWay() string { return "epoch " + r.numbered(r.at.Epoch+1) }

// epochDone prints the row of an epoch.
func (c *console) epochDone(r *run, e record) {
	c.line("%7s  %8.2f %8.2f %6.2f  %8.2f %8.2f %6.2f  %7.1f %8s", r.numbered(e.Epoch),
		e.Train.Loss, e.Train.Reconstruction, e.Train.KL, e.Test.Loss, e.Test.Reconstruction, e.Test.KL,
		e.Seconds, english.Sprintf("%.0f", e.ImagesPerSecond))
}

// done says where the best of the run is.
func (c *console) done(r *run) {
	c.line("\nlowest test loss %.2f, after epoch %d: %s", r.at.BestLoss, r.at.BestEpoch, r.out.path(bestFile))
}

// interrupted says what is saved and how to go on.
func (c *console) interrupted(r *run) {
	where := fmt.Sprintf("after step %s, in %s", english.Sprint(r.at.Step), r.underWay())
	if r.position() == 0 {
		where = "after " + counted(r.at.Epoch, "epoch")
	}
	c.line("\nstopped %s, and saved %s", where, r.out.path(checkpointFile))
	c.line("to go on: %s", r.resumeCommand())
}

// resumeCommand returns the command line that continues the run.
func (r *run) resumeCommand() string {
	command := r.Program + " -resume -out " + quoted(r.out.name)
	if r.Data != "" {
		command += " -data " + quoted(r.Data)
	}
	if r.Epochs != DefaultOptions().Epochs {
		command += " -epochs " + strconv.Itoa(r.Epochs)
	}
	if r.Device != Auto {
		command += " -device " + string(r.Device)
	}
	return command
}

var plainWord = regexp.MustCompile(`^[\w./:=,@%+-]+$`)

// quoted returns s as one word of a shell's command line.
func quoted(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// counted returns a number of things in words: 1 epoch, 2,000 steps.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return english.Sprintf("%d %ss", n, thing)
}
