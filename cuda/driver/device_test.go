//go:build cuda

package driver

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"govae/cuda/kernels"
)

// TestWriteAndRead copies sizes about that of the staging memory, and into and out of the middle of an allocation.
func TestWriteAndRead(t *testing.T) {
	d := open(t)
	const most = 2*stagingSize + 5
	p, err := d.Alloc(most)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, stagingSize - 1, stagingSize, stagingSize + 1, most} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i*7 + i>>13 + size)
		}
		if err := d.Write(p, want); err != nil {
			t.Fatalf("Write of %d bytes: %v", size, err)
		}
		if got := fetch[byte](t, d, p, size); !slices.Equal(got, want) {
			t.Errorf("%d bytes come back as others", size)
		}
	}
	if err := d.Write(p+3, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if got := fetch[byte](t, d, p+4, 2); !slices.Equal(got, []byte{2, 3}) {
		t.Errorf("the middle is %v, want [2 3]", got)
	}
}

// TestGraph captures launches of which each needs the one before, and runs them.
func TestGraph(t *testing.T) {
	d := openWithKernels(t)
	const n, columns, steps = 1000, 3, 7
	control := place(t, d, []kernels.Control{{At: -1}})
	table := make([]float32, steps*columns)
	for i := range table {
		table[i] = float32(i)
	}
	scalars, step := place(t, d, make([]float32, columns)), place(t, d, table)
	x, y := place(t, d, make([]float32, n)), place(t, d, make([]float32, n))
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	one := place(t, d, ones)

	launches := []Launch{beginStep(control, step, scalars, columns), add(y, x, one, n), add(x, y, one, n)}
	g, err := d.Capture(launches)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range launches {
		clear(l.Args) // Capture has copied them
	}
	if at := fetch[kernels.Control](t, d, control, 1)[0].At; at != -1 {
		t.Errorf("after the capture, before any run, step is %d, want -1", at)
	}
	for _, times := range []int{1, 0, steps - 1} {
		if err := d.Run(g, times); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Wait(); err != nil {
		t.Fatal(err)
	}
	if at := fetch[kernels.Control](t, d, control, 1)[0].At; at != steps-1 {
		t.Errorf("step is %d, want %d", at, steps-1)
	}
	if got, want := fetch[float32](t, d, scalars, columns), table[(steps-1)*columns:]; !slices.Equal(got, want) {
		t.Errorf("scalars are %v, want %v", got, want)
	}
	for i, v := range fetch[float32](t, d, x, n) {
		if v != 2*steps {
			t.Fatalf("x[%d] is %v, want %d", i, v, 2*steps)
		}
	}
	if err := g.Free(); err != nil {
		t.Fatal(err)
	}
	if err := d.Run(g, 1); err == nil {
		t.Error("a freed graph can be run")
	}
	if err := g.Free(); err != nil {
		t.Errorf("freed again: %v", err)
	}
}

// TestRefusedCapture checks that an error names the kernel, and that the next capture is none the worse.
func TestRefusedCapture(t *testing.T) {
	d := openWithKernels(t)
	x := place(t, d, make([]float32, 4))
	good := add(x, x, x, 4)
	noGrid := good
	noGrid.X = 0
	size := len(good.Args)
	for _, c := range []struct {
		launch Launch
		want   string
	}{
		{Launch{Kernel: "no_such_kernel", X: 1, Y: 1}, "driver: kernel no_such_kernel: none of the 1 images loaded has it"},
		{noGrid, fmt.Sprintf("driver: launch 1, of each with a grid of 0 × 1 and %d bytes of arguments: cuLaunchKernel: ", size)},
	} {
		_, err := d.Capture([]Launch{good, c.launch, good})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("the error is %v, want %s…", err, c.want)
		}
		if _, err := d.Capture([]Launch{good}); err != nil {
			t.Errorf("the next capture: %v", err)
		}
	}
}

// TestOutOfMemory asks for more than any card has.
func TestOutOfMemory(t *testing.T) {
	d := open(t)
	_, err := d.Alloc(1 << 50)
	var failed *Error
	if !errors.Is(err, ErrMemory) || !errors.As(err, &failed) || failed.Name != "CUDA_ERROR_OUT_OF_MEMORY" {
		t.Fatalf("the error is %v, want ErrMemory", err)
	}
	for _, want := range []string{fmt.Sprint(1 << 50), d.Name, "bytes free", "cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q, want %q in it", err, want)
		}
	}
	if p, err := d.Alloc(64); err != nil || p == 0 {
		t.Errorf("a small allocation after it is at %v, %v", p, err)
	}
}

// TestBadImage loads what is none.
func TestBadImage(t *testing.T) {
	d := open(t)
	var failed *Error
	if err := d.Load([]byte("no image")); !errors.As(err, &failed) || failed.Call != "cuModuleLoadData" {
		t.Errorf("the error is %v, want one of cuModuleLoadData", err)
	}
}

// TestFreed checks that memory is freed once, and that what is closed says so.
func TestFreed(t *testing.T) {
	d := openWithKernels(t)
	p := place(t, d, []float32{1})
	g, err := d.Capture([]Launch{add(p, p, p, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Free(p); err != nil {
		t.Fatal(err)
	}
	if err := d.Free(p); err == nil {
		t.Error("memory is freed twice")
	}
	other := open(t)
	if err := other.Run(g, 1); err == nil {
		t.Error("a graph runs on another device")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Load": d.Load(nil), "Free": d.Free(p), "Write": d.Write(p, nil), "Read": d.Read(nil, p), "Run": d.Run(g, 1), "Wait": d.Wait(),
	} {
		if err != ErrClosed {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	if err := g.Free(); err != nil {
		t.Errorf("a graph freed after Close: %v", err)
	}
	q := place(t, other, []float32{2}) // the card is still the other's
	if got := fetch[float32](t, other, q, 1)[0]; got != 2 {
		t.Errorf("the other device holds %v, want 2", got)
	}
}

// TestGoroutines uses a device from many goroutines at once.
func TestGoroutines(t *testing.T) {
	d := openWithKernels(t)
	const n = 300
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			values := make([]float32, n)
			for j := range values {
				values[j] = float32(i + j)
			}
			x, err := d.Alloc(4 * n)
			if err != nil {
				t.Error(err)
				return
			}
			g, errG := d.Capture([]Launch{add(x, x, x, n)})
			if errG != nil {
				t.Error(errG)
				return
			}
			got := make([]float32, n)
			err = errors.Join(d.Write(x, bytesOf(values)), d.Run(g, 3), d.Read(bytesOf(got), x), g.Free(), d.Free(x))
			if err != nil {
				t.Error(err)
			}
			for j := range got {
				if got[j] != 8*values[j] {
					t.Errorf("value %d of goroutine %d is %v, want %v", j, i, got[j], 8*values[j])
					return
				}
			}
		})
	}
	group.Wait()
}

// TestNothingLeft closes a device with graphs and memory on it. The stand-in writes what is left then; a card does not know.
func TestNothingLeft(t *testing.T) {
	open(t)
	out := child(t, "close", os.Getenv("LD_LIBRARY_PATH"))
	standIn := strings.Contains(out, "standin: ")
	if !strings.HasSuffix(out, "closed: <nil>\n") || standIn && !strings.Contains(out, "nothing left") {
		t.Errorf("the child wrote\n%s", out)
	}
}

// runAndClose is the child of TestNothingLeft.
func runAndClose() {
	d, x := openWithMemory()
	for range 2 {
		g, err := d.Capture([]Launch{add(x, x, x, 1)})
		must(err)
		must(d.Run(g, 2))
	}
	fmt.Println("closed:", d.Close())
}

// openWithMemory opens the first card, with the kernels and a few bytes of memory.
func openWithMemory() (*Device, kernels.Ptr) {
	d, err := Open(0)
	must(err)
	image, err := kernels.Image(d.Capability)
	must(err)
	must(d.Load(image))
	x, err := d.Alloc(4)
	must(err)
	must(d.Write(x, make([]byte, 4)))
	return d, x
}

// TestFault checks that what a kernel does wrong is reported by the next call and all after that, as an error that says what.
func TestFault(t *testing.T) {
	open(t)
	out := child(t, "fault", os.Getenv("LD_LIBRARY_PATH"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "standin: ") })
	want := []string{"Run: <nil>", "Wait: cuStreamSynchronize: ", "Read: ", "Close: "}
	if len(lines) != len(want) {
		t.Fatalf("the child wrote\n%s", out)
	}
	for i, w := range want {
		if !strings.HasPrefix(lines[i], w) || i > 0 && !strings.Contains(lines[i], "CUDA_ERROR_") {
			t.Errorf("line %d is %q, want %q…", i, lines[i], w)
		}
	}
}

// runFault is the child of TestFault: a kernel that reads at an address where there is nothing.
func runFault() {
	d, x := openWithMemory()
	g, err := d.Capture([]Launch{add(x, 64, 64, 1)})
	must(err)
	fmt.Println("Run:", d.Run(g, 1))
	fmt.Println("Wait:", d.Wait())
	fmt.Println("Read:", d.Read(make([]byte, 4), x))
	fmt.Println("Close:", d.Close())
}

// must ends the child where what comes before the fault fails.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
