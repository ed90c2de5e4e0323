// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC'11), with the CPU's words to the bit, and normals from them.
#ifndef PHILOX_CUH
#define PHILOX_CUH

#include "dev.h"

struct words {
    unsigned w[4];
};

// philox returns a block of the sequence of (seed, stream, step).
__device__ __forceinline__ words philox(unsigned block, unsigned stream, unsigned long long step, unsigned long long seed) {
    words c = {{block, stream, (unsigned)step, (unsigned)(step >> 32)}};
    unsigned key0 = (unsigned)seed, key1 = (unsigned)(seed >> 32);
    UNROLL
    for (int round = 0; round < 10; round++) {
        const unsigned high0 = __umulhi(0xD2511F53u, c.w[0]), low0 = 0xD2511F53u * c.w[0];
        const unsigned high1 = __umulhi(0xCD9E8D57u, c.w[2]), low1 = 0xCD9E8D57u * c.w[2];
        c = {{high1 ^ c.w[1] ^ key0, low1, high0 ^ c.w[3] ^ key1, low0}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

// box_muller makes two numbers from N(0, 1) of two words: with u = (w0 + ½)/2³² and an angle of w1/2³² turns, √(−2 log u) times the
// angle's cosine and its sine.
//
// Done plainly in float32 they would be off by 3e-5. So a u near 1 goes through log1p of 1 − u, and the angle is split into quarter
// turns and what is left of them, from −⅛ to ⅛ of a turn, while it is an integer. That leaves an error of 5e-7.
__device__ __forceinline__ void box_muller(unsigned w0, unsigned w1, float *x, float *y) {
    const float log_u = w0 < 0x80000000u ? logf((float)w0 * 0x1p-32f + 0x1p-33f) : log1pf(-((float)~w0 * 0x1p-32f + 0x1p-33f));
    const float radius = sqrtf(-2.f * log_u);
    const unsigned quarters = (w1 + 0x20000000u) >> 30;
    const int left = (int)(w1 - (quarters << 30));
    float sine, cosine;
    sincospif((float)left * 0x1p-31f, &sine, &cosine);
    switch (quarters & 3) {
    case 0:
        *x = radius * cosine, *y = radius * sine;
        break;
    case 1:
        *x = -(radius * sine), *y = radius * cosine;
        break;
    case 2:
        *x = -(radius * cosine), *y = -(radius * sine);
        break;
    case 3:
        *x = radius * sine, *y = -(radius * cosine);
    }
}

#endif
