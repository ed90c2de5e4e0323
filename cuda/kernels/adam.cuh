// Adam (Kingma and Ba, arXiv:1412.6980), for one value.
#ifndef ADAM_CUH
#define ADAM_CUH

#include "dev.h"

__device__ __forceinline__ bool is_finite(float x) { return fabsf(x) <= 3.402823466e38f; } // false for NaN

// flush returns x, or 0 where x is subnormal.
__device__ __forceinline__ float flush(float x) { return fabsf(x) < 0x1p-126f ? 0.f : x; }

// update changes value i of p by its gradient g, unless the step is stopped. It notes the step where what it makes is not finite.
__device__ __forceinline__ void update(const parameter &p, size_t i, float g, const adam_settings &s) {
    if (s.control->stopped)
        return;
    const float m = flush(s.beta1 * p.m[i] + (1.f - s.beta1) * g);
    const float v = flush(s.beta2 * p.v[i] + (1.f - s.beta2) * g * g);
    const float w = p.w[i] - s.rates[0] * m / (sqrtf(v) * s.rates[1] + s.epsilon);
    p.m[i] = m;
    p.v[i] = v;
    p.w[i] = w;
    if (!is_finite(v) || !is_finite(w))
        atomicCAS(&s.control->overflow, 0, s.control->at + 1);
}

#endif
