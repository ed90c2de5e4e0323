// Kernels that step over the ends of their vectors.
#include "dev.h"

#include "test/args.h"

// y = 2·x. Planted is one element after the last, or before the first.
KERNEL(twice, vector_args) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x, end = a.plant == TOO_FAR ? a.n + 1 : a.n;
    if (i < end)
        a.y[a.plant == TOO_EARLY ? i - 1 : i] = 2 * a.x[i];
}

// y = x[i + 1], to the byte past the end.
KERNEL(after, vector_args) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < a.n)
        a.y[i] = a.x[i + 1];
}
