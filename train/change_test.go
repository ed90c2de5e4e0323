package train

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"govae/internal/setting"
	"govae/train/checkpoint"
	"govae/train/rundir"
)

// TestChangeOfACompleteRunIsNotTold checks that a note is only printed where something comes of it.
func TestChangeOfACompleteRunIsNotTold(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	o.Resume, o.Output = true, new(bytes.Buffer)
	o.Settings.LearningRate, o.Given = 0.002, []string{"learning_rate"}
	mustRun(t, o)
	if strings.Contains(printed(o), "note") || load(t, o, rundir.Checkpoint).Run.Settings.LearningRate != 0.01 {
		t.Errorf("printed:\n%s", printed(o))
	}
}

// TestResumeMayChangeRateAndBeta checks that a run goes on with what was given, and remembers from which step on.
func TestResumeMayChangeRateAndBeta(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	o.Resume, o.Epochs = true, 2
	o.Settings.LearningRate, o.Settings.Beta, o.Given = 0.002, 1, []string{"learning_rate", "beta"} // β as it was
	mustRun(t, o)
	c := load(t, o, rundir.Checkpoint)
	want := []checkpoint.Change{{Step: epochSteps, Change: setting.Change{Name: "learning_rate", From: "0.01", To: "0.002"}}}
	if c.Run.Settings.LearningRate != 0.002 || !reflect.DeepEqual(c.Run.Changes, want) {
		t.Errorf("settings are %+v after the changes %+v, want %+v", c.Run.Settings, c.Run.Changes, want)
	}
	if note := "note     learning_rate was 0.01, and is 0.002 from here on\n"; !strings.Contains(printed(o), note) {
		t.Errorf("printed:\n%s, want it to say %q", printed(o), note)
	}

	o.Epochs, o.Given = 3, []string{"beta"} // of which the rate is not: it stays what it was last
	o.Settings.LearningRate, o.Settings.Beta = 5, 0.25
	mustRun(t, o)
	c = load(t, o, rundir.Checkpoint)
	want = append(want, checkpoint.Change{Step: 2 * epochSteps, Change: setting.Change{Name: "beta", From: "1", To: "0.25"}})
	if s := c.Run.Settings; s.LearningRate != 0.002 || s.Beta != 0.25 || !reflect.DeepEqual(c.Run.Changes, want) {
		t.Errorf("settings are %+v after the changes %+v, want %+v", s, c.Run.Changes, want)
	}
	if best := c.Run.BestEpoch; best != 3 || !strings.Contains(printed(o), "the lowest is looked for anew") {
		t.Errorf("after a change of β the best is epoch %d, want 3, which is the first with it:\n%s", best, printed(o))
	}
	row := metricsRows(t, o)[3]
	if loss, want := number(t, row[2]), number(t, row[3])+0.25*number(t, row[4]); math.Abs(loss-want) > 1e-5*want {
		t.Errorf("the loss after the change is %v, want %v", loss, want)
	}
}
