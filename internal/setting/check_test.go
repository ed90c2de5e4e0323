package setting

import (
	"errors"
	"math"
	"testing"
)

// TestCheck goes over the limits of each kind of field: both are allowed, and what is next to them outside is not.
func TestCheck(t *testing.T) {
	const (
		rates  = "1e-30 to 2.5"
		widths = "1 to 3 numbers from 1 to 100"
		names  = "blue, green, red"
	)
	for _, test := range []struct {
		set  func(*all)
		want Invalid // Name "": it will do
	}{
		{func(*all) {}, Invalid{}},

		{func(a *all) { a.Count = -2 }, Invalid{}},
		{func(a *all) { a.Count = 9 }, Invalid{}},
		{func(a *all) { a.Count = -3 }, Invalid{"count", "n", "-3", "-2 to 9"}},
		{func(a *all) { a.Count = 10 }, Invalid{"count", "n", "10", "-2 to 9"}},

		{func(a *all) { a.Rate = 1e-30 }, Invalid{}},
		{func(a *all) { a.Rate = 2.5 }, Invalid{}},
		{func(a *all) { a.Rate = math.Nextafter(1e-30, 0) }, Invalid{"rate", "lr", "9.999999999999999e-31", rates}},
		{func(a *all) { a.Rate = math.Nextafter(2.5, 3) }, Invalid{"rate", "lr", "2.5000000000000004", rates}},
		{func(a *all) { a.Rate = math.NaN() }, Invalid{"rate", "lr", "NaN", rates}},
		{func(a *all) { a.Rate = math.Inf(1) }, Invalid{"rate", "lr", "+Inf", rates}},
		{func(a *all) { a.Rate = math.Inf(-1) }, Invalid{"rate", "lr", "-Inf", rates}},

		{func(a *all) { a.Beta = 0 }, Invalid{}},
		{func(a *all) { a.Beta = math.Copysign(0, -1) }, Invalid{}},
		{func(a *all) { a.Beta = math.MaxFloat32 }, Invalid{}},
		{func(a *all) { a.Beta = -0.5 }, Invalid{"beta", "beta", "-0.5", "a number from 0 on"}},
		{func(a *all) { a.Beta = math.NaN() }, Invalid{"beta", "beta", "NaN", "a number from 0 on"}},
		{func(a *all) { a.Beta = 1e39 }, Invalid{"beta", "beta", "1e+39", "a number from 0 on"}},
		{func(a *all) { a.Beta = math.Inf(1) }, Invalid{"beta", "beta", "+Inf", "a number from 0 on"}},

		{func(a *all) { a.Seed = 0 }, Invalid{}},
		{func(a *all) { a.Seed = math.MaxUint64 }, Invalid{}},

		{func(a *all) { a.Widths = []int{1} }, Invalid{}},
		{func(a *all) { a.Widths = []int{100, 1, 100} }, Invalid{}},
		{func(a *all) { a.Widths = nil }, Invalid{"widths", "hidden", "none", widths}},
		{func(a *all) { a.Widths = []int{} }, Invalid{"widths", "hidden", "none", widths}},
		{func(a *all) { a.Widths = []int{1, 1, 1, 1} }, Invalid{"widths", "hidden", "1,1,1,1", widths}},
		{func(a *all) { a.Widths = []int{1, 0} }, Invalid{"widths", "hidden", "1,0", widths}},
		{func(a *all) { a.Widths = []int{101, 1} }, Invalid{"widths", "hidden", "101,1", widths}},

		{func(a *all) { a.Out = "" }, Invalid{}},

		{func(a *all) { a.Colour = "red" }, Invalid{}},
		{func(a *all) { a.Colour = "" }, Invalid{"colour", "paint", `""`, names}},
		{func(a *all) { a.Colour = "Red" }, Invalid{"colour", "paint", `"Red"`, names}},
		{func(a *all) { a.Colour = "blue, green" }, Invalid{"colour", "paint", `"blue, green"`, names}},

		{func(a *all) { a.On = false }, Invalid{}},

		{func(a *all) { a.Colour, a.Count = "pink", 99 }, Invalid{"count", "n", "99", "-2 to 9"}}, // the first
	} {
		a := sound()
		test.set(&a)
		err := Check(fields, &a)
		if test.want.Name == "" {
			if err != nil {
				t.Errorf("%+v: %v", a, err)
			}
			continue
		}
		var invalid *Invalid
		if !errors.As(err, &invalid) || *invalid != test.want {
			t.Errorf("%+v: error is %#v, want %#v", a, err, test.want)
		}
	}
}
