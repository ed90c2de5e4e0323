package model

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/model/op"
)

func TestValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default config: %v", err)
	}
	for _, c := range []struct {
		change func(*Config)
		want   string // the field and the value
	}{
		{func(c *Config) { c.Kind = "gan" }, `kind is "gan"`},
		{func(c *Config) { c.Kind = CVAE }, "kind is cvae, which is told the class of each image, and the data have no labels"},
		{func(c *Config) { c.Kind = Classifier }, "kind is classifier, which learns the class of each image, and the data have no labels"},
		{func(c *Config) { c.Image.Height = 0 }, "image.height is 0"},
		{func(c *Config) { c.Image.Width = 5000 }, "image.width is 5000"},
		{func(c *Config) { c.Image.Channels = 2 }, "image.channels is 2"},
		{func(c *Config) { c.Hidden = nil }, "hidden is none, want 1 to 64 numbers"},
		{func(c *Config) { c.Hidden = make([]int, 65) }, "want 1 to 64 numbers from 1 to 65536"},
		{func(c *Config) { c.Hidden = []int{400, -3} }, "hidden is 400,-3"},
		{func(c *Config) { c.Latent = 0 }, "latent is 0"},
		{func(c *Config) { c.Latent = 1 << 30 }, "latent is 1073741824"},
		{func(c *Config) { c.Likelihood = "poisson" }, `likelihood is "poisson"`},
		{func(c *Config) { c.Activation = "" }, `activation is ""`},
		{func(c *Config) { c.Activation = op.Identity }, `activation is "identity"`},
		{func(c *Config) { c.Image = Image{4096, 4096, 3}; c.Hidden = []int{65536} }, "hidden [65536]"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
		if _, err := New(cfg, Train, 2, nil); err == nil {
			t.Errorf("New builds a network although %s", c.want)
		}
	}
}

func TestConfigString(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Hidden, cfg.Classes = []int{300, 100}, 7
	for kind, want := range map[Kind]string{
		Classifier: "classifier 784-300-100-7, relu",

		VAE:   "vae 784-300-100-(20+20)-100-300-784, relu, bernoulli",
		AE:    "ae 784-300-100-20-100-300-784, relu, bernoulli",
		CVAE:  "cvae 784-300-100-(20+20)-100-300-784, relu, bernoulli, 7 classes",
		"gan": "gan 784-300-100-20-100-300-784, relu, bernoulli",
	} {
		cfg.Kind = kind
		if got := cfg.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTermsCanBePrinted prints them as one does who looks what there is.
func TestTermsCanBePrinted(t *testing.T) {
	if got := fmt.Sprint(DefaultConfig().Terms()); strings.Contains(got, "PANIC") || !strings.Contains(got, "reconstruction") {
		t.Errorf("printed %s", got)
	}
}

func TestClone(t *testing.T) {
	cfg := DefaultConfig()
	clone := cfg.Clone()
	clone.Hidden[0] = 7
	if cfg.Hidden[0] != 400 || clone.Latent != cfg.Latent {
		t.Errorf("the original is %v after a change of its clone %v", cfg, clone)
	}
}

func TestConfigInJSON(t *testing.T) {
	want := DefaultConfig()
	want.Classes = 7
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

// TestParameters checks names and shapes against those of the same network written in PyTorch with torch.nn.Sequential.
func TestParameters(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Hidden = []int{200, 50}
	want := []struct {
		name  string
		shape tensor.Shape
		fanIn int
	}{
		{"encoder.0.weight", tensor.Shape{200, 784}, 784}, {"encoder.0.bias", tensor.Shape{200}, 784},
		{"encoder.2.weight", tensor.Shape{50, 200}, 200}, {"encoder.2.bias", tensor.Shape{50}, 200},
		{"mean.weight", tensor.Shape{20, 50}, 50}, {"mean.bias", tensor.Shape{20}, 50},
		{"logVar.weight", tensor.Shape{20, 50}, 50}, {"logVar.bias", tensor.Shape{20}, 50},
		{"decoder.0.weight", tensor.Shape{50, 20}, 20}, {"decoder.0.bias", tensor.Shape{50}, 20},
		{"decoder.2.weight", tensor.Shape{200, 50}, 50}, {"decoder.2.bias", tensor.Shape{200}, 50},
		{"decoder.4.weight", tensor.Shape{784, 200}, 200}, {"decoder.4.bias", tensor.Shape{784}, 200},
	}
	got := cfg.Parameters()
	if len(got) != len(want) {
		t.Fatalf("%d parameters, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Name != w.name || !got[i].Shape.Eq(w.shape) || got[i].FanIn != w.fanIn {
			t.Errorf("parameter %d is %+v, want %+v", i, got[i], w)
		}
	}
	if n := DefaultConfig().ParameterCount(); n != 652824 {
		t.Errorf("the default network has %d parameters, want 652824, as PyTorch's example has", n)
	}
}

// TestInitialWeights checks that each parameter is uniform in ±1/√fan_in, for a hundred seeds, and that the seed fixes it.
func TestInitialWeights(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Hidden = []int{100}
	for seed := range uint64(100) {
		weights := InitialWeights(cfg, seed)
		if err := weights.Check(cfg); err != nil {
			t.Fatal(err)
		}
		for _, p := range cfg.Parameters() {
			checkUniform(t, fmt.Sprintf("seed %d: %s", seed, p.Name), weights[p.Name].Float32s(), 1/math.Sqrt(float64(p.FanIn)))
		}
	}

	weights, again, reseeded := InitialWeights(cfg, 1), InitialWeights(cfg, 1), InitialWeights(cfg, 2)
	for _, p := range cfg.Parameters() {
		values := weights[p.Name].Float32s()
		if !reflect.DeepEqual(values, again[p.Name].Float32s()) {
			t.Errorf("%s is not fixed by the seed", p.Name)
		}
		if reflect.DeepEqual(values, reseeded[p.Name].Float32s()) {
			t.Errorf("%s is the same for another seed", p.Name)
		}
	}
	if reflect.DeepEqual(weights["mean.weight"].Float32s(), weights["logVar.weight"].Float32s()) {
		t.Error("the two heads start alike")
	}
}

// checkUniform checks that values may be uniform in ±bound. Each check fails for one list of good values in a million, or fewer.
func checkUniform(t *testing.T, name string, values []float32, bound float64) {
	t.Helper()
	low, high, sum, squares, n := values[0], values[0], 0.0, 0.0, float64(len(values))
	for _, v := range values {
		low, high = min(low, v), max(high, v)
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	// The values are float32, and so is what they are drawn between: it may be above the bound itself by its rounding.
	if most := float32(bound); low < -most || high > most || float64(high)-float64(low) < 2*bound*(1-20/n) {
		t.Errorf("%s lies between %v and %v, want ±%v", name, low, high, bound)
	}
	if mean := sum / n; math.Abs(mean) > 5*bound/math.Sqrt(3*n) {
		t.Errorf("%s has mean %v", name, mean)
	}
	if variance, want := squares/n, bound*bound/3; math.Abs(variance-want) > 5*want*math.Sqrt(0.8/n) {
		t.Errorf("%s has variance %v, want %v", name, variance, want)
	}
}

// TestInitialWeightsNeverChange checks the first values of each parameter of a small network.
//
// They come from another program: Philox4x32-10 in thirty lines of Python, which gave the known-answer vectors of package
// philox's TestBlock. Parameter i, counted from 0, takes the words of the counters (block, 1, i, 0) with the key (seed's low
// half, seed's high half). Each word makes low + (high-low)·((word>>8)·2⁻²⁴), rounded to float32 after every operation, with
// high = float32(1/√fan_in) and low = -high.
func TestInitialWeightsNeverChange(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Image = Image{Height: 2, Width: 3, Channels: 1}
	cfg.Hidden, cfg.Latent = []int{5, 4}, 3
	weights := InitialWeights(cfg, 0x0123456789abcdef)
	for _, want := range []struct {
		name  string
		first []float32
	}{
		{"encoder.0.weight", []float32{0.28467214, -0.12163171, 0.093373656, -0.111133754}},
		{"encoder.0.bias", []float32{-0.26429677, -0.0086197555, -0.063230485}},
		{"encoder.2.weight", []float32{0.3022071, -0.23289764, 0.26381224, 0.10102457}},
		{"encoder.2.bias", []float32{-0.32238096, 0.3553673, -0.37174493}},
		{"mean.weight", []float32{0.2995463, -0.17539454, 0.24557132, -0.08770883}},
		{"mean.bias", []float32{0.34537375, -0.18901145, 0.12325019}},
		{"logVar.weight", []float32{0.48628324, -0.024935603, -0.40838164, 0.47294277}},
		{"logVar.bias", []float32{0.2594174, -0.27879596, 0.317935}},
		{"decoder.0.weight", []float32{-0.35863426, 0.37368888, -0.4031531, -0.3020325}},
		{"decoder.0.bias", []float32{-0.38562363, -0.13163528, -0.31357393}},
		{"decoder.2.weight", []float32{0.036195993, -0.07163113, 0.40457523, -0.23910058}},
		{"decoder.2.bias", []float32{-0.32759064, 0.24776047, -0.40621036}},
		{"decoder.4.weight", []float32{-0.18343285, -0.34570804, 0.014003158, -0.28136343}},
		{"decoder.4.bias", []float32{0.011781484, -0.2693541, -0.11316195}},
	} {
		got := weights[want.name].Float32s()[:len(want.first)]
		for i, v := range want.first {
			// A processor that adds and multiplies in one operation rounds once less.
			if math.Abs(float64(got[i])-float64(v)) > 0x1p-23 {
				t.Errorf("%s begins with %v, want %v", want.name, got, want.first)
				break
			}
		}
	}
}

func TestCheck(t *testing.T) {
	cfg := DefaultConfig()
	for _, c := range []struct {
		change func(Tensors)
		want   string
	}{
		{func(w Tensors) { delete(w, "mean.bias") }, "mean.bias is missing"},
		{func(w Tensors) { w["mean.bias"] = nil }, "mean.bias is missing"},
		{func(w Tensors) { w["mean.bias"] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(21)) }, "mean.bias has shape (21), want (20)"},
		{func(w Tensors) { w["mean.bias"] = tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(20)) }, "mean.bias has type float64"},
		{func(w Tensors) { w["head.bias"] = w["mean.bias"] }, "unknown parameter head.bias"},
	} {
		weights := InitialWeights(cfg, 1)
		c.change(weights)
		if err := weights.Check(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
	}
}
