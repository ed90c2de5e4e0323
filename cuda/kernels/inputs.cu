// What comes before a graph in a step. begin_step counts the step and takes its row of the table; the others fill an input each, from
// the images on the device or by Philox, whose counter has the step in it: nothing is handed over from one step to the next.
#include "philox.cuh"

// One block. All threads read at before one writes it.
KERNEL(begin_step, begin_step_args) {
    const int at = a.control->at + 1;
    __syncthreads();
    if (threadIdx.x == 0) {
        a.control->at = at;
        if (a.control->overflow && !a.control->stopped)
            a.control->stopped = at + 1;
    }
    for (int j = threadIdx.x; j < a.columns; j += THREADS)
        a.scalars[j] = a.table[(size_t)at * a.columns + j];
}

// image returns the image that row r of the batch is of.
__device__ __forceinline__ int image(const gather_args &a, int r) {
    return a.indices[(size_t)a.control->at * a.stride + r / a.repeat];
}

// A thread for each value.
KERNEL(gather_pixels, gather_args) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < a.images * a.repeat * a.width)
        a.x[i] = (float)a.from[(size_t)image(a, i / a.width) * a.width + i % a.width] / 255.f;
}

KERNEL(gather_labels, gather_args) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < a.images * a.repeat * a.width)
        a.x[i] = a.from[image(a, i / a.width)] == i % a.width ? 1.f : 0.f;
}

// Where a thread's four values lie, and what Philox makes them from.
struct place {
    unsigned block;          // of the sequence: its values are 4·block, …
    unsigned long long step; // of the sequence
    size_t first;            // of the sequence, in x
    int length;              // of the sequence; 0: the thread has nothing to do
};

__device__ __forceinline__ place place_of(const draw_args &a, int thread) {
    if (!a.indices)
        return {(unsigned)thread, a.control->step + a.control->at, 0, a.images * a.width};
    const int blocks = (a.width + 3) / 4, image = thread / blocks;
    if (image >= a.images)
        return {0, 0, 0, 0};
    return {(unsigned)(thread % blocks), (unsigned long long)a.indices[(size_t)a.control->at * a.stride + image],
            (size_t)image * a.width, a.width};
}

// A thread for each block of Philox, which is four words, and so four values.
KERNEL(draw_normal, draw_args) {
    const place p = place_of(a, blockIdx.x * THREADS + threadIdx.x);
    const words w = philox(p.block, a.stream, p.step, a.seed);
    UNROLL
    for (int pair = 0; pair < 4; pair += 2) {
        float x, y;
        box_muller(w.w[pair], w.w[pair + 1], &x, &y);
        const long long at = 4ll * p.block + pair;
        if (at < p.length)
            a.x[p.first + at] = x;
        if (at + 1 < p.length)
            a.x[p.first + at + 1] = y;
    }
}

KERNEL(draw_uniform, draw_args) {
    const place p = place_of(a, blockIdx.x * THREADS + threadIdx.x);
    const words w = philox(p.block, a.stream, p.step, a.seed);
    UNROLL
    for (int q = 0; q < 4; q++)
        if (4ll * p.block + q < p.length)
            a.x[p.first + 4ll * p.block + q] = (float)(w.w[q] >> 8) * 0x1p-24f;
}
