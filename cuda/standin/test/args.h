// The arguments of the test kernels, for kernels.cu and for those that launch them.
#ifndef TEST_ARGS_H
#define TEST_ARGS_H

#ifndef DEV
#define DEV(T) T *
#endif

// What is wrong with a kernel. Most have a right way, too.
enum Plant {
    RIGHT,
    NO_BARRIER,         // between a write and another thread's read
    SHUFFLE_AS_BARRIER, // in a warp, where a __syncwarp should be
    TOO_FAR,            // an index
    TOO_EARLY,          // an index
    PART_OF_A_BLOCK,    // reaches a barrier
    RETURN_BEFORE,      // a barrier that the others wait at
    TWO_BARRIERS,       // for one
    PART_OF_A_WARP,     // reaches a warp operation
    PARTIAL_MASK,       // of a shuffle
    NOT_WRITTEN,        // a shared variable
    MISALIGNED,         // an address
    NOT_ROUNDED,        // to TF32
    SAME_PLACE,         // is written by all blocks
    READ_BY_OTHERS      // what another block writes
};

typedef struct {
    DEV(const float) x;
    DEV(float) y;
    int n;
    int plant;
} vector_args;

typedef struct {
    DEV(const float) a;
    DEV(const float) b;
    DEV(float) c;
    int plant;
} product_args;

typedef struct {
    DEV(int) value;
    int from; // atomic_swap: what is replaced
    int to;
} swap_args;

#endif
