// Activations f, and their derivatives in terms of y = f(a). No activation hides NaN.
#ifndef ACTIVATION_CUH
#define ACTIVATION_CUH

#include "dev.h"

__device__ __forceinline__ float sigmoid(float a) { return 1.f / (1.f + expf(-a)); }

__device__ __forceinline__ float activate(int f, float a) {
    switch (f) {
    case RELU:
        return a < 0.f ? 0.f : a; // fmaxf(NaN, 0) would be 0
    case TANH:
        return tanhf(a);
    case SIGMOID:
        return sigmoid(a);
    }
    return a;
}

// gradient returns dy·f′(a).
__device__ __forceinline__ float gradient(int f, float y, float dy) {
    switch (f) {
    case RELU:
        return y > 0.f ? dy : 0.f;
    case TANH:
        return dy * (1.f - y * y);
    case SIGMOID:
        return dy * y * (1.f - y);
    }
    return dy;
}

#endif
