// Lists of small operations, so that many take one launch. An operation is a number, and what it does stands in one switch, which all
// threads of a warp take alike. each is for matrices: a thread follows the whole list for one place in them. in_order is for vectors
// and scalars: one block does an instruction for all places before the next, so those can be sums.
#include "activation.cuh"
#include "adam.cuh"

// value returns what an instruction puts at place i.
__device__ __forceinline__ float value(const instruction &in, int i) {
    switch (in.op) {
    case ADD:
        return in.a[i] + in.b[i];
    case SCALE:
        return in.scale * in.a[i];
    case MULTIPLY:
        return in.a[i] * in.b[i];
    case ADD_SCALED:
        return in.a[i] + in.b[i] * in.c[i];
    case ACTIVATE_IDENTITY:
        return in.a[i];
    case ACTIVATE_RELU:
        return activate(RELU, in.a[i]);
    case ACTIVATE_TANH:
        return activate(TANH, in.a[i]);
    case ACTIVATE_SIGMOID:
        return activate(SIGMOID, in.a[i]);
    case RELU_GRADIENT:
        return gradient(RELU, in.a[i], in.b[i]);
    case TANH_GRADIENT:
        return gradient(TANH, in.a[i], in.b[i]);
    case SIGMOID_GRADIENT:
        return gradient(SIGMOID, in.a[i], in.b[i]);
    case REPARAMETERIZE:
        return in.a[i] + expf(0.5f * in.b[i]) * in.c[i];
    case REPARAMETERIZE_LOGVAR:
        return in.c[i] * (0.5f * expf(0.5f * in.a[i])) * in.b[i];
    case BERNOULLI_LOGITS:
        return in.c[i / in.cols] * (in.b[i] - sigmoid(in.a[i]));
    case KL_MEAN:
        return in.c[i / in.cols] * in.a[i];
    case KL_LOGVAR:
        return in.c[i / in.cols] * (0.5f * (expf(in.a[i]) - 1.f));
    case CATEGORICAL_LOGITS:
        return in.c[i / in.cols] * (in.b[i] - in.a[i]);
    case BROADCAST:
        return in.a[0] * in.scale / (float)in.n;
    }
    return 0.f;
}

KERNEL(each, list_args) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    NO_UNROLL
    for (int k = 0; k < a.count; k++)
        if (i < a.list[k].n)
            a.list[k].y[i] = value(a.list[k], i);
}

struct partial_sums {
    double of[THREADS];
};

// mean is an instruction's scale·Σ a/n, to thread 0: in float64, as the CPU has it, and in a fixed order.
__device__ __forceinline__ float mean(const instruction &in, partial_sums &sums) {
    double sum = 0.;
    for (int i = threadIdx.x; i < in.n; i += THREADS)
        sum += (double)in.a[i];
    sums.of[threadIdx.x] = sum;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < (unsigned)half)
            sums.of[threadIdx.x] += sums.of[threadIdx.x + half];
        __syncthreads();
    }
    return (float)((double)in.scale * sums.of[0] / in.n);
}

KERNEL(in_order, list_args) {
    SHARED(partial_sums, sums);
    NO_UNROLL
    for (int k = 0; k < a.count; k++) {
        const instruction &in = a.list[k];
        if (in.op == MEAN) {
            const float m = mean(in, sums);
            if (threadIdx.x == 0)
                in.y[0] = m;
        } else if (in.op == RECORD) {
            if (threadIdx.x == 0)
                in.y[(size_t)a.control->at * in.cols + in.n] = in.a[0];
        } else if (in.op == CHECK) {
            if (threadIdx.x == 0 && !is_finite(in.a[0]) && !a.control->stopped)
                a.control->stopped = a.control->at + 1;
        } else {
            NO_UNROLL
            for (int i = threadIdx.x; i < in.n; i += THREADS)
                in.y[i] = value(in, i);
        }
        __syncthreads();
    }
}
