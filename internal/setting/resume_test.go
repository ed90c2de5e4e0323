package setting

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
)

// other returns a value that differs from sound's in each field.
func other() all {
	return all{Count: 4, Rate: 0.25, Beta: 1, Seed: 8, Widths: []int{30}, Out: "runs/c", Colour: "red"}
}

func names() (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

// resume is what a run does that was started with stored and is resumed with the given fields as s has them.
func resume(fields []Field[all], given []string, s, stored all) (all, []Change, error) {
	merged, err := Merge(fields, given, s, stored)
	if err != nil {
		return stored, nil, err
	}
	changes, _, err := Changes(fields, merged, stored)
	if err != nil {
		return stored, nil, err
	}
	return merged, changes, nil
}

// TestComparable checks that losses can be compared unless a field of the loss changes.
func TestComparable(t *testing.T) {
	described := slices.Clone(fields)
	for i := range described {
		described[i].MayChange = true
		described[i].OfLoss = described[i].Name == "beta"
	}
	for name, want := range map[string]bool{"rate": true, "seed": true, "beta": false} {
		merged, err := Merge(described, []string{name}, other(), sound())
		if err != nil {
			t.Fatal(err)
		}
		if changes, sameLoss, err := Changes(described, merged, sound()); err != nil || len(changes) != 1 || sameLoss != want {
			t.Errorf("%s: changes %v, the same loss %t (%v), want one and %t", name, changes, sameLoss, err, want)
		}
	}
	if _, sameLoss, _ := Changes(described, sound(), sound()); !sameLoss {
		t.Error("without a change, losses cannot be compared")
	}
}

func TestUnknownAndFlags(t *testing.T) {
	if got := Unknown(fields, []string{"beta", "lr", "rate", ""}); !slices.Equal(got, []string{"lr", ""}) {
		t.Errorf("unknown are %q, want lr and an empty name", got)
	}
	before := names()
	fixed := Choose(fields, func(f Field[all]) bool { return !f.MayChange })
	if got := Flags(fixed); !slices.Equal(got, []string{"-n", "-out"}) {
		t.Errorf("the flags of what may not change are %q", got)
	}
	if !slices.Equal(names(), before) {
		t.Errorf("after a choice the fields are %v, want %v", names(), before)
	}
}

func TestResumeTakesWhatIsStored(t *testing.T) {
	got, changes, err := resume(fields, nil, other(), sound())
	if err != nil || len(changes) != 0 || !reflect.DeepEqual(got, sound()) {
		t.Errorf("nothing given: got %+v, changes %v (%v), want what is stored", got, changes, err)
	}
	got, changes, err = resume(fields, names(), sound(), sound())
	if err != nil || len(changes) != 0 || !reflect.DeepEqual(got, sound()) {
		t.Errorf("all given as stored: got %+v, changes %v (%v), want what is stored", got, changes, err)
	}
	got, changes, err = resume(fields, []string{"of another description", "RATE", "lr"}, other(), sound())
	if err != nil || len(changes) != 0 || !reflect.DeepEqual(got, sound()) {
		t.Errorf("unknown names given: got %+v, changes %v (%v), want what is stored", got, changes, err)
	}
}

func TestResumeTakesWhatIsGiven(t *testing.T) {
	given := []string{"on", "colour", "widths", "seed", "beta", "rate"} // in no order
	got, changes, err := resume(fields, given, other(), sound())
	want := other()
	want.Count, want.Out = sound().Count, sound().Out
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if want := []Change{ // in the fields' order
		{"rate", "0.5", "0.25"}, {"beta", "4", "1"}, {"seed", "7", "8"}, {"widths", "20,10", "30"}, {"colour", "blue", "red"}, {"on", "true", "false"},
	}; !slices.Equal(changes, want) {
		t.Errorf("changes are %v, want %v", changes, want)
	}

	got, changes, err = resume(fields, []string{"beta", "seed"}, all{Beta: 3, Seed: sound().Seed}, sound())
	want = sound()
	want.Beta = 3
	if err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(changes, []Change{{"beta", "4", "3"}}) {
		t.Errorf("got %+v, changes %v (%v), want %+v and that of beta alone", got, changes, err, want)
	}
}

// TestResumeIsExact checks that a number goes through its text without loss.
func TestResumeIsExact(t *testing.T) {
	for text, value := range map[string]float64{
		"0.1": 0.1, "1e-300": 1e-300, "3.4028234663852886e+38": math.MaxFloat32, "0.3333333333333333": 1.0 / 3,
		"1.0000000000000002": math.Nextafter(1, 2), "5e-324": math.SmallestNonzeroFloat64, "0": 0, "-0": math.Copysign(0, -1), "1.23456789e+08": 123456789,
	} {
		got, changes, err := resume(fields, []string{"beta"}, all{Beta: value}, sound())
		if err != nil || math.Float64bits(got.Beta) != math.Float64bits(value) || !slices.Equal(changes, []Change{{"beta", "4", text}}) {
			t.Errorf("%s: got %v, changes %v (%v)", text, got.Beta, changes, err)
		}
	}
	got, changes, err := resume(fields, []string{"seed"}, all{Seed: math.MaxUint64}, sound())
	if err != nil || got.Seed != math.MaxUint64 || !slices.Equal(changes, []Change{{"seed", "7", "18446744073709551615"}}) {
		t.Errorf("the largest seed: got %d, changes %v (%v)", got.Seed, changes, err)
	}
}

func TestResumeRefuses(t *testing.T) {
	for _, test := range []struct {
		given  []string
		s      all
		stored all
		want   Changed
	}{
		{[]string{"count"}, all{Count: 4}, sound(), Changed{"count", "n", "4", "3"}},
		{[]string{"rate", "out"}, all{Rate: 0.25}, sound(), Changed{"out", "out", `""`, `"runs/a b"`}},
		{[]string{"out", "count"}, other(), sound(), Changed{"count", "n", "4", "3"}}, // the first field
	} {
		got, changes, err := resume(fields, test.given, test.s, test.stored)
		var changed *Changed
		if !errors.As(err, &changed) || *changed != test.want {
			t.Errorf("%v: error is %#v, want %#v", test.given, err, test.want)
		}
		if changes != nil || !reflect.DeepEqual(got, test.stored) {
			t.Errorf("%v: with the error come %+v and changes %v, want what is stored and none", test.given, got, changes)
		}
	}
	if _, _, err := resume(fields, []string{"count", "out"}, all{Count: 3, Out: "runs/a b"}, sound()); err != nil {
		t.Errorf("the stored value of what may not change: %v", err)
	}
}

// TestResumeSharesNoList checks that what is written to a list that was taken over changes neither side.
func TestResumeSharesNoList(t *testing.T) {
	s, stored := other(), sound()
	got, _, err := resume(fields, []string{"widths"}, s, stored)
	if err != nil {
		t.Fatal(err)
	}
	got.Widths[0] = 99
	if !reflect.DeepEqual(s, other()) || !reflect.DeepEqual(stored, sound()) {
		t.Errorf("what was given is now %+v, and what was stored %+v", s, stored)
	}
	s.Widths[0] = 98
	if got.Widths[0] != 99 {
		t.Error("the list that was given is that of the result")
	}
}
