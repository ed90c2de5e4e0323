//go:build cuda

package cuda

import (
	"fmt"

	"govae/cuda/driver"
	"govae/cuda/kernels"
	"govae/model/machine"
)

// tensorCores is the compute capability from which on cards multiply in TF32.
const tensorCores = 80

// Open returns a CUDA machine for the job on the card of that number, from 0 on, and what it is in words: card, memory and driver.
// Where there is none to be had, the error is ErrUnavailable. Where the card lacks the job's precision, it is machine.ErrPrecision;
// others are about the job.
func Open(card int, j machine.Job) (machine.Machine, string, error) {
	if err := j.Validate(); err != nil {
		return nil, "", err
	}
	d, err := driver.Open(card)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m, err := open(d, j)
	if err != nil {
		return nil, "", err
	}
	words := fmt.Sprintf("cuda:%d, %s, %.1f GiB, driver for CUDA %d.%d", card, d.Name, float64(d.Memory)/(1<<30), d.Driver/1000, d.Driver%1000/10)
	return m, words, nil
}

// open returns a machine on an open card, which it closes if it fails.
func open(d *driver.Device, j machine.Job) (m *gpu, err error) {
	defer func() {
		if err != nil {
			d.Close() // what it may say follows from err
		}
	}()
	if j.Precision == machine.TF32 && d.Capability < tensorCores {
		return nil, fmt.Errorf("%w: %s, of compute capability %d.%d, has no %s, which begins with %d.%d",
			machine.ErrPrecision, d.Name, d.Capability/10, d.Capability%10, j.Precision, tensorCores/10, tensorCores%10)
	}
	image, err := kernels.Image(d.Capability)
	if err == nil {
		err = d.Load(image)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return newGPU(card{d}, d.Multiprocessors, j)
}

// card is the device that the driver opens.
type card struct{ *driver.Device }

// Capture implements device.
func (c card) Capture(launches []launch) (func(times int) error, error) {
	list := make([]driver.Launch, len(launches))
	for i, l := range launches {
		list[i] = driver.Launch{Kernel: l.kernel, X: l.x, Y: l.y, Args: l.args}
	}
	g, err := c.Device.Capture(list)
	if err != nil {
		return nil, err
	}
	return func(times int) error { return c.Run(g, times) }, nil
}
