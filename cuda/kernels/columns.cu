// columns: a thread for each value of y.
#include "dev.h"

KERNEL(columns, columns_args) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.rows * a.cols)
        return;
    const int row = i / a.cols, col = i % a.cols;
    a.y[i] = col < a.width ? a.a[(size_t)row * a.width + col] : a.b[(size_t)row * (a.cols - a.width) + col - a.width];
}
