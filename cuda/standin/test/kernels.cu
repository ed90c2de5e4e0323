// Kernels for the tests of the stand-in driver: right ones, and the same with something wrong. As with the real ones, other files are
// part of this, and faults are to name those.
#include "test/ends.cu"

typedef float floats_of_block[256];
typedef float floats_of_warps[8];

// y[i] = x[n - 1 - i] in each 256, through shared memory.
KERNEL(reverse, vector_args) {
    SHARED(floats_of_block, s);
    const int t = threadIdx.x, first = blockIdx.x * 256;
    s[a.plant == TOO_FAR ? t + 1 : t] = a.plant == NOT_WRITTEN ? s[t] : a.x[first + t];
    if (a.plant == PART_OF_A_BLOCK && t >= 100) {
        a.y[first + t] = 0;
    } else {
        if (a.plant == RETURN_BEFORE && t == 17)
            return;
        if (a.plant == TWO_BARRIERS && t % 2)
            __syncthreads();
        else if (a.plant != NO_BARRIER)
            __syncthreads();
        a.y[first + t] = s[255 - t];
    }
}

// The same in each warp.
KERNEL(reverse_in_warps, vector_args) {
    SHARED(floats_of_block, s);
    const int t = threadIdx.x, first = blockIdx.x * 256;
    s[t] = a.x[first + t];
    if (a.plant == SHUFFLE_AS_BARRIER)
        __shfl_sync(0xffffffffu, 0, 0);
    else if (a.plant != PART_OF_A_WARP || t % 32 < 30)
        __syncwarp();
    a.y[first + t] = s[t / 32 * 32 + 31 - t % 32];
}

// y[block] = the sum of 256 of x, by shuffles in a fixed order.
KERNEL(sum, vector_args) {
    SHARED(floats_of_warps, of_warp);
    float v = a.x[blockIdx.x * 256 + threadIdx.x];
    for (int distance = 16; distance; distance /= 2)
        v += __shfl_down_sync(a.plant == PARTIAL_MASK ? 0xffffu : 0xffffffffu, v, distance);
    if (threadIdx.x % 32 == 0)
        of_warp[threadIdx.x / 32] = v;
    __syncthreads();
    float total = 0;
    for (int w = 0; w < 8; w++)
        total += of_warp[w];
    if (threadIdx.x == 0)
        a.y[a.plant == SAME_PLACE ? 0 : blockIdx.x] = total;
    if (a.plant == READ_BY_OTHERS && threadIdx.x == 1 && blockIdx.x > 0)
        a.y[gridDim.x + blockIdx.x] = a.y[blockIdx.x - 1];
}

// y = x by four values at once. x may be misaligned by one.
KERNEL(copy_fours, vector_args) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < a.n / 4)
        ((float4 *)a.y)[i] = *(const float4 *)(a.x + 4 * i + (a.plant == MISALIGNED));
}

// y[0] += 1.
KERNEL(increment, vector_args) {
    if (threadIdx.x == 0)
        a.y[0] += 1;
}

KERNEL(atomic_swap, swap_args) {
    atomicCAS(a.value, a.from, a.to);
}

// Takes a frame of more than a page for each level.
static float deep(int levels, float x) {
    volatile float frame[2048];
    frame[levels % 2048] = x;
    return levels ? deep(levels - 1, frame[levels % 2048]) + frame[levels % 2048] : x;
}

KERNEL(recursion, vector_args) {
    a.y[blockIdx.x * 256 + threadIdx.x] = deep(a.n, a.x[threadIdx.x]);
}

// c[16, 16] = a[16, 8]·b[8, 16], by the first warp.
KERNEL(tensor_product, product_args) {
    if (threadIdx.x < 32) {
        using namespace nvcuda::wmma;
        fragment<matrix_a, 16, 16, 8, precision::tf32, row_major> u;
        fragment<matrix_b, 16, 16, 8, precision::tf32, row_major> v;
        fragment<accumulator, 16, 16, 8, float> sum;
        load_matrix_sync(u, a.a, 8);
        load_matrix_sync(v, a.b, 16);
        fill_fragment(sum, 0.0f);
        if (a.plant != NOT_ROUNDED) {
            for (float &x : u.x)
                x = __float_to_tf32(x);
            for (float &x : v.x)
                x = __float_to_tf32(x);
        }
        mma_sync(sum, u, v, sum);
        store_matrix_sync(a.c, sum, 16, mem_row_major);
    }
}
