// The three products of a dense layer, each with what follows it done on the way out: the bias and the activation; the derivative of
// the activation before the layer; Adam's update of the weight, whose gradient then never goes through memory, and of the bias,
// whose gradient the blocks of the first column make. product.cuh has the product.
#include "activation.cuh"
#include "adam.cuh"
#include "product.cuh"

// Without a card of compute capability 8.0 or more there are no tensor cores for TF32, and no kernels for them in the image.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#include "tensorcores.cuh"
#define TENSOR_CORES 1
#endif

struct nothing {
    __device__ __forceinline__ void operator()(int, float) const {}
};

// y[m, n] = f(x[m, k]·w[n, k]ᵀ + b[n])
template <int BM, int BN, class MULTIPLIER> __device__ __forceinline__ void dense_forward(const dense_forward_args &a) {
    const operand<true> x = {a.x, a.m, a.k}, w = {a.w, a.n, a.k};
    product<BM, BN, MULTIPLIER, false>(x, w, [&](int i, int j, float c) {
        a.y[(size_t)i * a.n + j] = activate(a.activation, c + a.b[j]);
    }, nothing());
}

// dx[m, n] = da[m, k]·w[k, n] · f′(y[m, n])
template <int BM, int BN, class MULTIPLIER> __device__ __forceinline__ void dense_input_gradient(const dense_input_gradient_args &a) {
    const operand<true> da = {a.da, a.m, a.k};
    const operand<false> w = {a.w, a.n, a.k};
    product<BM, BN, MULTIPLIER, false>(da, w, [&](int i, int j, float c) {
        const size_t at = (size_t)i * a.n + j;
        a.dx[at] = a.y ? gradient(a.activation, a.y[at], c) : c;
    }, nothing());
}

// dw[m, n] = da[k, m]ᵀ·x[k, n], db[m] = Σ_k da[k, m]
template <int BM, int BN, class MULTIPLIER> __device__ __forceinline__ void dense_update(const dense_update_args &a) {
    const operand<false> da = {a.da, a.m, a.k}, x = {a.x, a.n, a.k};
    product<BM, BN, MULTIPLIER, true>(da, x, [&](int i, int j, float c) {
        const size_t at = (size_t)i * a.n + j;
        if (a.dw)
            a.dw[at] = c;
        if (a.weight.w)
            update(a.weight, at, c, a.adam);
    }, [&](int i, float sum) {
        if (a.db)
            a.db[i] = sum;
        if (a.bias.w)
            update(a.bias, i, sum, a.adam);
    });
}

// A kernel for each product, size of tiles and multiplier, and how many blocks of it a multiprocessor is to hold.
#define PRODUCTS(suffix, BM, BN, blocks, ...)                                                                               \
    KERNEL_FOR(blocks, dense_forward_##suffix, dense_forward_args) { dense_forward<BM, BN, __VA_ARGS__>(a); }               \
    KERNEL_FOR(blocks, dense_input_gradient_##suffix, dense_input_gradient_args) {                                          \
        dense_input_gradient<BM, BN, __VA_ARGS__>(a);                                                                       \
    }                                                                                                                       \
    KERNEL_FOR(blocks, dense_update_##suffix, dense_update_args) { dense_update<BM, BN, __VA_ARGS__>(a); }

PRODUCTS(16x32, 16, 32, 4, fmaf_multiplier<16, 32, 2, 4>)
PRODUCTS(32x32, 32, 32, 4, fmaf_multiplier<32, 32, 4, 4>)
PRODUCTS(64x64, 64, 64, 2, fmaf_multiplier<64, 64, 8, 8>)
#ifdef TENSOR_CORES
PRODUCTS(tf32_32x32, 32, 32, 3, tensor_multiplier<32, 32>)
PRODUCTS(tf32_64x64, 64, 64, 1, tensor_multiplier<64, 64>)
#endif
