// Package device chooses the machine that a model runs on. Nowhere else is one chosen. failure.go tells the failures of a CUDA
// device from other errors.
package device

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"govae/cuda"
	"govae/internal/setting"
	"govae/model/machine"
)

// Name names a device: auto, cpu, cuda, or cuda:1 for another card than the first, which is cuda:0.
type Name string

// Choice is a device, and the precision in which it is to multiply.
type Choice struct {
	Name      Name              // "": auto
	Precision machine.Precision // "": machine.Float32
}

// The devices, in the precision that all of them have. Choice{Name: "cuda:1", Precision: machine.TF32} is another choice.
var (
	Auto = Choice{"auto", machine.Float32} // CUDA where it can be had, else the CPU
	CPU  = Choice{"cpu", machine.Float32}
	CUDA = Choice{"cuda", machine.Float32}
)

// Fields describes a choice.
var Fields = []setting.Field[Choice]{
	setting.Word(setting.Field[Choice]{Name: "device", Flag: "device", Arg: "NAME", Help: "where to compute; auto takes CUDA where it can be had, else the CPU, and says why"},
		func(c *Choice) *Name { return &c.Name }, Name.known, "auto, cpu, cuda, or cuda:N for card N, from 0 on"),
	setting.Word(setting.Field[Choice]{Name: "precision", Flag: "precision", Arg: "NAME", Help: "how exact the factors of matrix products are; tf32, coarser and faster, " +
		"is for NVIDIA cards from Ampere on"},
		func(c *Choice) *machine.Precision { return &c.Precision }, func(p machine.Precision) bool { return p.Check() == nil }, machine.PrecisionNames()),
}

// known says whether there may be a device of that name somewhere.
func (n Name) known() bool {
	_, cuda := n.card()
	return cuda || n == "" || n == Auto.Name || n == CPU.Name
}

// card returns the number of the card that the name of a CUDA device means.
func (n Name) card() (card int, ok bool) {
	if n == CUDA.Name {
		return 0, true
	}
	number, ok := strings.CutPrefix(string(n), "cuda:")
	card, err := strconv.Atoi(number)
	return card, ok && err == nil && strconv.Itoa(card) == number && card >= 0 // one way to write each: neither cuda:+1 nor cuda:01
}

// ErrUnavailable says that the device that was named cannot be had.
var ErrUnavailable = errors.New("the device is not available")

// openCUDA is a variable for tests, which run where there is no CUDA machine.
var openCUDA = cuda.Open

// Open returns a machine for the job on the named device, safe for concurrent use, and what it is in words: cpu, 2 cores. With
// Auto's name, the words say why it is no other, and they name a precision that is not float32.
//
// It returns ErrUnavailable, with the reason, where the device that was named cannot be had, and machine.ErrPrecision where it
// lacks the job's precision; other errors are about the job. What fails later on a CUDA device is ErrFailed.
func Open(name Name, j machine.Job) (machine.Machine, string, error) {
	if err := setting.Check(Fields, &Choice{name, j.Precision}); err != nil {
		return nil, "", fmt.Errorf("device: %w", err)
	}
	if name == CPU.Name {
		return openCPU(j)
	}
	card, named := name.card()
	m, words, err := openCUDA(card, j)
	switch {
	case err == nil:
		if j.Precision != "" && j.Precision != machine.Float32 {
			words += ", in " + string(j.Precision)
		}
		return machine.InTurns(watched{m, words}), words, nil
	case !errors.Is(err, cuda.ErrUnavailable):
		return nil, "", err
	case named:
		return nil, "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m, words, errCPU := openCPU(j)
	if errors.Is(errCPU, machine.ErrPrecision) {
		return nil, "", fmt.Errorf("%w (%w)", errCPU, err)
	}
	if errCPU != nil {
		return nil, "", errCPU
	}
	return m, fmt.Sprintf("%s (%v)", words, err), nil
}

func openCPU(j machine.Job) (machine.Machine, string, error) {
	m, err := machine.NewCPU(j)
	if err != nil {
		return nil, "", err
	}
	return machine.InTurns(m), fmt.Sprintf("cpu, %d cores", runtime.GOMAXPROCS(0)), nil
}
