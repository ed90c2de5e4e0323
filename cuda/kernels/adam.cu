// adam: a thread for each value of a parameter. It is for gradients that are sums; those of a dense layer are not written to memory,
// but used where they are made: see dense.cu.
#include "adam.cuh"

KERNEL(adam, adam_args) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < a.n)
        update(a.p, i, a.g[i], a.adam);
}
