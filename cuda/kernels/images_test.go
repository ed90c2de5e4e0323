//go:build cuda

package kernels

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImageNames checks which image a card gets: the cubin of its major with the highest minor that is not above its own, or PTX.
func TestImageNames(t *testing.T) {
	for capability, want := range map[int]string{
		70: "sm_70.cubin.gz", 72: "sm_70.cubin.gz", 75: "sm_75.cubin.gz", 80: "sm_80.cubin.gz", 86: "sm_86.cubin.gz",
		87: "sm_86.cubin.gz", 89: "sm_89.cubin.gz", 90: "sm_90.cubin.gz", 100: "compute_90.ptx.gz", 120: "compute_90.ptx.gz",
	} {
		if got := imageName(capability); got != want {
			t.Errorf("capability %d gets %q, want %q", capability, got, want)
		}
	}
	for _, capability := range []int{0, 35, 61, 62} {
		image, err := Image(capability)
		want := fmt.Sprintf("capability %d.%d, but from 7.0 on", capability/10, capability%10)
		if image != nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("capability %d: error is %v, want one that says %q", capability, err, want)
		}
	}
}

// kernelName is where a kernel is named in the table of what each takes, with the cells of the capabilities in their order.
var kernelName = regexp.MustCompile(`(?m)^\| (\w+) \| \d+ \|(.*)\|$`)

// TestImagesHaveTheirKernels checks that each image is for the card that its name says, and has the kernels that table.md lists for it.
func TestImagesHaveTheirKernels(t *testing.T) {
	table, err := os.ReadFile("images/table.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := kernelName.FindAllStringSubmatch(string(table), -1)
	if len(listed) == 0 {
		t.Fatal("table.md lists no kernels")
	}
	for place, capability := range cubins {
		var want []string
		for _, row := range listed {
			if strings.TrimSpace(strings.Split(row[2], "|")[place]) != "" {
				want = append(want, row[1])
			}
		}
		image, err := Image(capability)
		if err != nil {
			t.Fatal(err)
		}
		if got := flags(image) & 0xff; got != uint32(capability) {
			t.Errorf("the cubin for %d is one for %d", capability, got)
		}
		if got := kernelsOfCubin(t, image); !slices.Equal(got, want) {
			t.Errorf("the cubin for %d has the kernels %v, want %v", capability, got, want)
		}
		if capability == later {
			checkPTX(t, want)
		}
	}
}

// flags returns a cubin's flags as an ELF file, which package elf does not read.
func flags(cubin []byte) uint32 { return binary.LittleEndian.Uint32(cubin[48:]) }

func kernelsOfCubin(t *testing.T, cubin []byte) (names []string) {
	t.Helper()
	cubin = slices.Clone(cubin)
	binary.LittleEndian.PutUint32(cubin[20:], uint32(elf.EV_CURRENT)) // there, the compiler has put CUDA's version
	file, err := elf.NewFile(bytes.NewReader(cubin))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Sections {
		if name, ok := strings.CutPrefix(s.Name, ".text."); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkPTX checks the image for later cards. PTX 8.0 is what the drivers for CUDA 12.0 read.
func checkPTX(t *testing.T, want []string) {
	t.Helper()
	image, err := Image(later + 10)
	if err != nil {
		t.Fatal(err)
	}
	text := string(image)
	for _, line := range []string{".version 8.0\n", fmt.Sprintf(".target sm_%d\n", later)} {
		if !strings.Contains(text, line) {
			t.Errorf("the PTX has not %q", line)
		}
	}
	var got []string
	for _, entry := range regexp.MustCompile(`\.entry (\w+)`).FindAllStringSubmatch(text, -1) {
		got = append(got, entry[1])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the PTX has the kernels %v, want %v", got, want)
	}
}
