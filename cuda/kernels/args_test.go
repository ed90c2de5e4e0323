package kernels

import (
	_ "embed"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

//go:embed args.h
var header string

// comments are taken out of the header before it is read.
var comments = regexp.MustCompile(`//[^\n]*`)

// structs are all of those that args.h has, by their names there.
var structs = map[string]any{
	"control_block":             Control{},
	"begin_step_args":           BeginStepArgs{},
	"gather_args":               GatherArgs{},
	"draw_args":                 DrawArgs{},
	"dense_forward_args":        DenseForwardArgs{},
	"dense_input_gradient_args": DenseInputGradientArgs{},
	"parameter":                 Parameter{},
	"adam_settings":             AdamSettings{},
	"dense_update_args":         DenseUpdateArgs{},
	"adam_args":                 AdamArgs{},
	"rows_args":                 RowsArgs{},
	"columns_args":              ColumnsArgs{},
	"instruction":               Instruction{},
	"list_args":                 ListArgs{},
}

// TestStructsAreThoseOfTheHeader checks that the fields of each struct are those of args.h: in the same order, with the same
// names, but for case and underscores, and with types of the same size and alignment. So their memory is the same.
func TestStructsAreThoseOfTheHeader(t *testing.T) {
	plain := comments.ReplaceAllString(header, "")
	types := map[string]string{
		"unsigned long long": "uint64", "unsigned": "uint32", "int": "int32", "float": "float32", "parameter": "kernels.Parameter",
		"adam_settings": "kernels.AdamSettings", "instruction": fmt.Sprintf("[%d]kernels.Instruction", ListLength),
	}
	found := regexp.MustCompile(`typedef struct \{([^}]*)\} (\w+);`).FindAllStringSubmatch(plain, -1)
	if len(found) != len(structs) {
		t.Errorf("args.h has %d structs, want %d", len(found), len(structs))
	}
	for _, s := range found {
		if structs[s[2]] == nil {
			t.Errorf("%s has no struct here", s[2])
			continue
		}
		here := reflect.TypeOf(structs[s[2]])
		fields := regexp.MustCompile(`(DEV\([^)]*\)|[\w ]+) (\w+)(\[LIST_LENGTH\])?;`).FindAllStringSubmatch(s[1], -1)
		if len(fields) != here.NumField() {
			t.Errorf("%s has %d fields, want %d as args.h", here, here.NumField(), len(fields))
			continue
		}
		for i, f := range fields {
			want := types[strings.TrimSpace(f[1])]
			if strings.HasPrefix(strings.TrimSpace(f[1]), "DEV(") {
				want = "kernels.Ptr"
			}
			field := here.Field(i)
			if !strings.EqualFold(field.Name, strings.ReplaceAll(f[2], "_", "")) || field.Type.String() != want {
				t.Errorf("field %d of %s is %s %s, want %s %s", i, here, field.Name, field.Type, f[2], want)
			}
		}
	}
	if want := fmt.Sprintf("#define LIST_LENGTH %d\n", ListLength); !strings.Contains(header, want) {
		t.Errorf("args.h has not %q", want)
	}
}

// TestNumbersAreThoseOfTheHeader checks the numbers that stand for activations and operations.
func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	want := map[string]int32{
		"IDENTITY": Identity, "RELU": ReLU, "TANH": Tanh, "SIGMOID": Sigmoid,
		"ADD": Add, "SCALE": Scale, "MULTIPLY": Multiply, "ADD_SCALED": AddScaled, "ACTIVATE_IDENTITY": ActivateIdentity,
		"ACTIVATE_RELU": ActivateReLU, "ACTIVATE_TANH": ActivateTanh, "ACTIVATE_SIGMOID": ActivateSigmoid, "RELU_GRADIENT": ReLUGradient,
		"TANH_GRADIENT": TanhGradient, "SIGMOID_GRADIENT": SigmoidGradient, "REPARAMETERIZE": Reparameterize,
		"REPARAMETERIZE_LOGVAR": ReparameterizeLogVar, "BERNOULLI_LOGITS": BernoulliLogits, "KL_MEAN": KLMean, "KL_LOGVAR": KLLogVar,
		"CATEGORICAL_LOGITS": CategoricalLogits,
		"MEAN":               Mean, "BROADCAST": Broadcast, "RECORD": Record, "CHECK": Check,
	}
	count := 0
	for _, list := range regexp.MustCompile(`(?s)enum \{(.*?)\};`).FindAllStringSubmatch(comments.ReplaceAllString(header, ""), -1) {
		next := int32(0)
		for entry := range strings.SplitSeq(list[1], ",") {
			name, value, given := strings.Cut(strings.TrimSpace(entry), " = ")
			if name == "" {
				continue
			}
			if given {
				fmt.Sscan(value, &next)
			}
			if got, ok := want[name]; !ok || got != next {
				t.Errorf("%s is %d here, want %d", name, got, next)
			}
			next++
			count++
		}
	}
	if count != len(want) {
		t.Errorf("args.h has %d numbers, want %d", count, len(want))
	}
}
