// Sums over the columns of each row: a block for each row. A thread adds up every 256th value, then the threads of a warp are added
// in pairs, then the eight warps: the order is fixed, whatever the card.
#include "dev.h"

struct warp_values {
    float of[THREADS / 32];
};

// block_sum returns the sum of v over the block's threads, to all of them.
__device__ __forceinline__ float block_sum(float v, warp_values &sums) {
    for (int distance = 16; distance > 0; distance /= 2)
        v += __shfl_down_sync(0xffffffffu, v, distance);
    if (threadIdx.x % 32 == 0)
        sums.of[threadIdx.x / 32] = v;
    __syncthreads();
    v = sums.of[0];
    for (int w = 1; w < THREADS / 32; w++)
        v += sums.of[w];
    return v;
}

// block_max returns the largest v of the block's threads, to all of them.
__device__ __forceinline__ float block_max(float v, warp_values &most) {
    for (int distance = 16; distance > 0; distance /= 2)
        v = fmaxf(v, __shfl_down_sync(0xffffffffu, v, distance));
    if (threadIdx.x % 32 == 0)
        most.of[threadIdx.x / 32] = v;
    __syncthreads();
    v = most.of[0];
    for (int w = 1; w < THREADS / 32; w++)
        v = fmaxf(v, most.of[w]);
    return v;
}

// row_max returns the largest of a row's values, to all threads. It passes over what is not a number; the sums of exp do not.
__device__ __forceinline__ float row_max(const float *row, int cols, warp_values &most) {
    float v = row[0];
    for (int j = threadIdx.x; j < cols; j += THREADS)
        v = fmaxf(v, row[j]);
    return block_max(v, most);
}

// log p(x|z) of a Bernoulli's logits l: Σ x·l − max(l, 0) − log(1 + exp(−|l|)).
KERNEL(bernoulli_rows, rows_args) {
    SHARED(warp_values, sums);
    float v = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS) {
        const float l = a.a[(size_t)blockIdx.x * a.cols + j], x = a.b[(size_t)blockIdx.x * a.cols + j];
        v += x * l - (l < 0.f ? 0.f : l) - log1pf(expf(-fabsf(l)));
    }
    v = block_sum(v, sums);
    if (threadIdx.x == 0)
        a.y[blockIdx.x] = v;
}

// KL(N(mean, exp(logVar)) ‖ N(0, I)): ½·Σ mean² + exp(logVar) − 1 − logVar.
KERNEL(kl_rows, rows_args) {
    SHARED(warp_values, sums);
    float v = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS) {
        const float mean = a.a[(size_t)blockIdx.x * a.cols + j], log_var = a.b[(size_t)blockIdx.x * a.cols + j];
        v += mean * mean + expf(log_var) - 1.f - log_var;
    }
    v = block_sum(v, sums);
    if (threadIdx.x == 0)
        a.y[blockIdx.x] = 0.5f * v;
}

// log p(y|x) of a categorical's logits l: Σ y·l − m − log Σ exp(l − m), with m = max l.
KERNEL(categorical_rows, rows_args) {
    SHARED(warp_values, most);
    SHARED(warp_values, sums);
    SHARED(warp_values, chosen);
    const float *l = a.a + (size_t)blockIdx.x * a.cols, *y = a.b + (size_t)blockIdx.x * a.cols;
    const float m = row_max(l, a.cols, most);
    float sum = 0.f, of_y = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS) {
        sum += expf(l[j] - m);
        of_y += y[j] * l[j];
    }
    sum = block_sum(sum, sums);
    of_y = block_sum(of_y, chosen);
    if (threadIdx.x == 0)
        a.y[blockIdx.x] = of_y - m - logf(sum);
}

// The softmax of logits l: exp(l − m) / Σ exp(l − m), with m = max l.
KERNEL(softmax_rows, rows_args) {
    SHARED(warp_values, most);
    SHARED(warp_values, sums);
    const float *l = a.a + (size_t)blockIdx.x * a.cols;
    const float m = row_max(l, a.cols, most);
    float sum = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS)
        sum += expf(l[j] - m);
    sum = block_sum(sum, sums);
    for (int j = threadIdx.x; j < a.cols; j += THREADS)
        a.y[(size_t)blockIdx.x * a.cols + j] = expf(l[j] - m) / sum;
}
