package setting

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type colour string

// all has a field of each kind.
type all struct {
	Count  int
	Rate   float64
	Beta   float64
	Seed   uint64
	Widths []int
	Out    string
	Colour colour
	On     bool
}

var fields = []Field[all]{
	Int(Field[all]{Name: "count", Flag: "n", Arg: "N", Help: "how many"}, func(a *all) *int { return &a.Count }, -2, 9),
	Float(Field[all]{Name: "rate", Flag: "lr", Arg: "X", Help: "how fast", MayChange: true}, func(a *all) *float64 { return &a.Rate }, 1e-30, 2.5),
	Float(Field[all]{Name: "beta", Flag: "beta", Arg: "X", Help: "how much", MayChange: true}, func(a *all) *float64 { return &a.Beta }, 0, math.MaxFloat32),
	Uint(Field[all]{Name: "seed", Flag: "seed", Arg: "N", Help: "which", MayChange: true}, func(a *all) *uint64 { return &a.Seed }),
	Ints(Field[all]{Name: "widths", Flag: "hidden", Arg: "N,N,…", Help: "how wide", MayChange: true}, func(a *all) *[]int { return &a.Widths }, 3, 1, 100),
	Text(Field[all]{Name: "out", Flag: "out", Arg: "DIR", Help: "where"}, func(a *all) *string { return &a.Out }),
	Name(Field[all]{Name: "colour", Flag: "paint", Arg: "NAME", Help: "what", MayChange: true}, func(a *all) *colour { return &a.Colour },
		map[colour]int{"red": 1, "blue": 2, "green": 3}),
	Switch(Field[all]{Name: "on", Flag: "v", Help: "whether", MayChange: true}, func(a *all) *bool { return &a.On }),
}

// sound returns a value in which each field will do, and none is zero.
func sound() all {
	return all{Count: 3, Rate: 0.5, Beta: 4, Seed: 7, Widths: []int{20, 10}, Out: "runs/a b", Colour: "blue", On: true}
}

// parse returns what the flags make of a.
func parse(a all, args ...string) (all, *flag.FlagSet, error) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	AddFlags(flags, fields, &a)
	err := flags.Parse(args)
	return a, flags, err
}

func TestFlagsSetFields(t *testing.T) {
	for _, test := range []struct {
		args []string
		set  func(*all)
	}{
		{nil, func(*all) {}},
		{[]string{"-n", "-1"}, func(a *all) { a.Count = -1 }},
		{[]string{"-n=1000"}, func(a *all) { a.Count = 1000 }}, // it is Check that refuses it
		{[]string{"-lr", "1e-3"}, func(a *all) { a.Rate = 0.001 }},
		{[]string{"-lr", "NaN", "-beta", "-.5"}, func(a *all) { a.Rate, a.Beta = math.NaN(), -0.5 }},
		{[]string{"-seed", "18446744073709551615"}, func(a *all) { a.Seed = math.MaxUint64 }},
		{[]string{"-seed", "0x10"}, func(a *all) { a.Seed = 16 }},
		{[]string{"-hidden", "400"}, func(a *all) { a.Widths = []int{400} }},
		{[]string{"-hidden", "400, 200,-3"}, func(a *all) { a.Widths = []int{400, 200, -3} }},
		{[]string{"-out", ""}, func(a *all) { a.Out = "" }},
		{[]string{"-out", "x -y"}, func(a *all) { a.Out = "x -y" }},
		{[]string{"-paint", "purple"}, func(a *all) { a.Colour = "purple" }},
		{[]string{"-v=false"}, func(a *all) { a.On = false }},
		{[]string{"-n", "1", "-n", "2"}, func(a *all) { a.Count = 2 }},
	} {
		want := sound()
		test.set(&want)
		got, _, err := parse(sound(), test.args...)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) { // NaN is not equal to itself
			t.Errorf("%q: got %+v (%v), want %+v", test.args, got, err, want)
		}
	}
	if got, _, err := parse(all{}, "-v", "rest"); err != nil || !got.On {
		t.Errorf("-v alone: got %+v (%v)", got, err)
	}
}

func TestFlagsRefuseWhatIsNoValue(t *testing.T) {
	for _, test := range []struct{ arg, want string }{
		{"-n=three", `invalid value "three" for flag -n: invalid syntax`},
		{"-n=", "-n: invalid syntax"},
		{"-n=1.5", "-n: invalid syntax"},
		{"-n=9223372036854775808", "-n: value out of range"},
		{"-lr=fast", "-lr: invalid syntax"},
		{"-lr=1e999", "-lr: value out of range"},
		{"-seed=-1", "-seed: invalid syntax"},
		{"-seed=18446744073709551616", "-seed: value out of range"},
		{"-hidden=", "-hidden: want whole numbers with commas between them"},
		{"-hidden=400,", "-hidden: want whole numbers with commas between them"},
		{"-hidden=400;200", "-hidden: want whole numbers with commas between them"},
		{"-v=maybe", `invalid boolean value "maybe" for -v: invalid syntax`},
	} {
		got, _, err := parse(sound(), test.arg)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want one that says %q", test.arg, err, test.want)
		}
		if strings.Contains(fmt.Sprint(err), "strconv") {
			t.Errorf("%s: error %q names a Go function", test.arg, err)
		}
		if !reflect.DeepEqual(got, sound()) {
			t.Errorf("%s: changes the value to %+v", test.arg, got)
		}
	}
}

// TestZeroValues does what package flag does to find out whether a default is a zero, in PrintDefaults: it asks a Value that
// stands for no place.
func TestZeroValues(t *testing.T) {
	var a all
	for _, f := range fields {
		v := f.at(&a)
		if got := reflect.Zero(reflect.TypeOf(v)).Interface().(Value).String(); got != "" {
			t.Errorf("%s: the zero Value is %q, want nothing", f.Name, got)
		}
	}
	_, flags, _ := parse(sound())
	var printed strings.Builder
	flags.SetOutput(&printed)
	flags.PrintDefaults()
	if strings.Contains(printed.String(), "panic") {
		t.Errorf("package flag meets a panic:\n%s", printed.String())
	}
	if want := "how many (default 3)"; !strings.Contains(printed.String(), want) {
		t.Errorf("package flag prints\n%s\nwant %q in it", printed.String(), want)
	}
}

func TestGiven(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, nil},
		{[]string{"-lr", "0.5"}, []string{"rate"}}, // the value that it has anyway
		{[]string{"-v", "-hidden", "1", "-n=2", "-other=x"}, []string{"count", "on", "widths"}},
	} {
		a := sound()
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		AddFlags(flags, fields, &a)
		flags.String("other", "", "of another description")
		if err := flags.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		got := Given(flags, fields)
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: given are %q, want %q", test.args, got, test.want)
		}
	}
}

func TestFlagged(t *testing.T) {
	invalid := &Invalid{Name: "learning_rate", Flag: "lr", Value: "-1", Want: "a number from 0 on"}
	notTaken := fmt.Errorf("train: %w", &NotTaken{Name: "rate", Flag: "lr", Help: "speed", By: "a model of kind x"})
	if got, want := Flagged(notTaken).Error(), "-lr is given, but it is the speed, and a model of kind x has none: leave the flag out"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	changed := &Changed{Name: "batch", Flag: "n", Value: "3", Stored: "128"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{invalid, "-lr is -1, want a number from 0 on"},
		{fmt.Errorf("settings: %w", invalid), "-lr is -1, want a number from 0 on"},
		{changed, "-n is 3, but the run to resume was started with 128: leave the flag out, or start another run"},
		{fmt.Errorf("runs/vae/checkpoint.safetensors: %w", changed),
			"-n is 3, but the run to resume was started with 128: leave the flag out, or start another run"},
	} {
		if got := Flagged(test.err); got.Error() != test.want {
			t.Errorf("%q becomes %q, want %q", test.err, got, test.want)
		}
	}
	for _, err := range []error{nil, io.EOF, fmt.Errorf("read: %w", io.EOF), errors.New("learning_rate is -1, want more")} {
		if got := Flagged(err); got != err {
			t.Errorf("%v becomes %v, want it unchanged", err, got)
		}
	}
	if got, want := invalid.Error(), "learning_rate is -1, want a number from 0 on"; got != want {
		t.Errorf("the error says %q, want %q", got, want)
	}
	if got, want := changed.Error(), "batch is 3, but the run to resume was started with 128"; got != want {
		t.Errorf("the error says %q, want %q", got, want)
	}
}
