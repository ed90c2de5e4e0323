#include "cases.h"
#include "driver.h"

#include <math.h>

namespace test {

namespace {

// fails runs a kernel of two blocks on 512 values, which must end in an error, and then each call must answer the same.
template <Plant plant, CUresult want> void fails(const char *name) {
    Device d;
    CODE(run(d, name, 2, vector_of(place(counting(512)), place(counting(512)), 512, plant)), want);
    CUdeviceptr p;
    CODE(cuMemAlloc(&p, 4), want);
    CODE(cuCtxSynchronize(), want);
    OK(cuDevicePrimaryCtxRelease(0));
    Device again; // the context is another one
    EQUAL(fetch(place(counting(3)), 3), counting(3));
    release(again);
}

void right_kernels() {
    Device d;
    const int n = 4 * 256;
    const std::vector<float> x = counting(n);
    std::vector<float> reversed(n), warps(n), sums(4), fours = x;
    for (int i = 0; i < n; i++) {
        reversed[i] = x[i / 256 * 256 + 255 - i % 256];
        warps[i] = x[i / 32 * 32 + 31 - i % 32];
        sums[i / 256] += x[i];
    }
    const struct {
        const char *name;
        std::vector<float> want;
    } kernels[] = {{"reverse", reversed}, {"reverse_in_warps", warps}, {"sum", sums}, {"copy_fours", fours}};
    for (const auto &k : kernels) {
        CUdeviceptr in = place(x), out = allocate(k.want.size());
        OK(run(d, k.name, 4, vector_of(in, out, n)));
        EQUAL(fetch(out, k.want.size()), k.want);
        OK(cuMemFree(in));
        OK(cuMemFree(out));
    }
    release(d);
}

// An end that is no multiple of anything, in blocks that are not full.
void odd_length() {
    Device d;
    CUdeviceptr x = place(counting(301)), y = allocate(301);
    OK(run(d, "twice", 2, vector_of(x, y, 301)));
    std::vector<float> want = counting(301);
    for (float &v : want)
        v *= 2;
    EQUAL(fetch(y, 301), want);
    OK(cuMemFree(x));
    OK(cuMemFree(y));
    release(d);
}

// The same product as sums in order, by fmaf.
void tensor_cores() {
    Device d;
    std::vector<float> a(16 * 8), b(8 * 16), want(16 * 16);
    for (int i = 0; i < 128; i++) {
        a[i] = (i * 37 % 64 - 31) / 16.0f;
        b[i] = (i * 29 % 64 - 33) / 32.0f;
    }
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++)
            for (int k = 0; k < 8; k++)
                want[m * 16 + n] = fmaf(a[m * 8 + k], b[k * 16 + n], want[m * 16 + n]);
    CUdeviceptr at_a = place(a), at_b = place(b), at_c = allocate(256);
    product_args args = {(const float *)at_a, (const float *)at_b, (float *)at_c, RIGHT};
    OK(launch(d, d.stream, "tensor_product", 1, args));
    OK(cuStreamSynchronize(d.stream));
    EQUAL(fetch(at_c, 256), want);
    for (CUdeviceptr p : {at_a, at_b, at_c})
        OK(cuMemFree(p));
    release(d);
}

void tensor_cores_unrounded() {
    Device d;
    product_args args = {(const float *)place(std::vector<float>(128, 0.1f)), (const float *)place(std::vector<float>(128, 1)),
                         (float *)allocate(256), NOT_ROUNDED};
    OK(launch(d, d.stream, "tensor_product", 1, args));
    CODE(cuStreamSynchronize(d.stream), CUDA_ERROR_LAUNCH_FAILED);
}

// Of all threads of all blocks, the first wins, and the others change nothing.
void atomics() {
    Device d;
    CUdeviceptr value = place({0});
    OK(cuMemsetD32(value, 5, 1));
    OK(cuCtxSynchronize()); // the stream does not wait for it
    swap_args args = {(int *)value, 5, 7};
    OK(launch(d, d.stream, "atomic_swap", 3, args));
    OK(cuStreamSynchronize(d.stream));
    int got;
    OK(cuMemcpyDtoH(&got, value, sizeof got));
    REQUIRE(got == 7);
    OK(cuMemFree(value));
    release(d);
}

// Without the barrier the plain build has wrong values. What a thread reads before the other writes is NaN.
void no_barrier() {
    Device d;
    const int n = 8 * 256;
    CUdeviceptr y = allocate(n);
    OK(run(d, "reverse", 8, vector_of(place(counting(n)), y, n, NO_BARRIER)));
    int wrong = 0;
    for (float v : fetch(y, n))
        wrong += isnan(v);
    REQUIRE(wrong > n / 4);
}
void no_barrier_checked() { fails<NO_BARRIER, CUDA_ERROR_LAUNCH_FAILED>("reverse"); }
void shuffle_as_barrier() { fails<SHUFFLE_AS_BARRIER, CUDA_ERROR_LAUNCH_FAILED>("reverse_in_warps"); }
void part_of_a_block() { fails<PART_OF_A_BLOCK, CUDA_ERROR_LAUNCH_FAILED>("reverse"); }
void return_before() { fails<RETURN_BEFORE, CUDA_ERROR_LAUNCH_FAILED>("reverse"); }
void two_barriers() { fails<TWO_BARRIERS, CUDA_ERROR_LAUNCH_FAILED>("reverse"); }
void part_of_a_warp() { fails<PART_OF_A_WARP, CUDA_ERROR_LAUNCH_FAILED>("reverse_in_warps"); }
void partial_mask() { fails<PARTIAL_MASK, CUDA_ERROR_LAUNCH_FAILED>("sum"); }
void shared_too_far() { fails<TOO_FAR, CUDA_ERROR_ILLEGAL_ADDRESS>("reverse"); }
void same_place() { fails<SAME_PLACE, CUDA_ERROR_LAUNCH_FAILED>("sum"); }
void read_by_others() { fails<READ_BY_OTHERS, CUDA_ERROR_LAUNCH_FAILED>("sum"); }
void misaligned() { fails<MISALIGNED, CUDA_ERROR_MISALIGNED_ADDRESS>("copy_fours"); }

void shared_not_written() {
    Device d;
    CUdeviceptr y = allocate(256);
    OK(run(d, "reverse", 1, vector_of(place(counting(256)), y, 256, NOT_WRITTEN)));
    for (float v : fetch(y, 256))
        REQUIRE(isnan(v));
}

void not_written() {
    Device d;
    CUdeviceptr y = allocate(256);
    OK(run(d, "twice", 1, vector_of(allocate(256), y, 256)));
    for (float v : fetch(y, 256))
        REQUIRE(isnan(v));
}

// One too far, and what comes behind is the page that must not be touched, or the bytes up to it.
template <int n> void write_too_far() {
    Device d;
    CUdeviceptr x = place(counting(n + 1)), y = allocate(n);
    CODE(run(d, "twice", n / 256 + 1, vector_of(x, y, n, TOO_FAR)), CUDA_ERROR_ILLEGAL_ADDRESS);
}
template <int n> void read_too_far() {
    Device d;
    CUdeviceptr x = place(counting(n)), y = allocate(n);
    CODE(run(d, "after", (n + 255) / 256, vector_of(x, y, n)), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void write_too_early() {
    Device d;
    CUdeviceptr x = place(counting(300)), y = allocate(300);
    CODE(run(d, "twice", 2, vector_of(x, y, 300, TOO_EARLY)), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void full_stack() { fails<RIGHT, CUDA_ERROR_ILLEGAL_ADDRESS>("recursion"); }

void read_after_free() {
    Device d;
    CUdeviceptr x = place(counting(64));
    OK(cuMemFree(x));
    CODE(run(d, "twice", 1, vector_of(x, allocate(64), 64)), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void read_host_memory() {
    Device d;
    static float x[64];
    CODE(run(d, "twice", 1, vector_of((CUdeviceptr)x, allocate(64), 64)), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void null_pointer() {
    Device d;
    CODE(run(d, "twice", 1, vector_of(0, allocate(64), 64)), CUDA_ERROR_ILLEGAL_ADDRESS);
}

} // namespace

std::vector<Case> kernel_cases() {
    return {
        {"right kernels", BOTH, "strict", right_kernels, {"nothing left"}},
        {"an odd length", BOTH, "strict", odd_length, {"nothing left"}},
        {"tensor cores", BOTH, "strict", tensor_cores, {"nothing left"}},
        {"tensor cores, not rounded", BOTH, "", tensor_cores_unrounded, {"tensor_product", "not rounded to TF32"}},
        {"atomics", BOTH, "strict", atomics, {"nothing left"}},
        {"no barrier", PLAIN, "", no_barrier, {}},
        {"no barrier, checked", CHECKED, "", no_barrier_checked, {"kernel reverse, block (", "a race: it ", " what thread ", "kernels.cu:2"}},
        {"a shuffle for a barrier", CHECKED, "", shuffle_as_barrier, {"kernel reverse_in_warps", "a race: it ", " what thread "}},
        {"a barrier for part of a block", BOTH, "", part_of_a_block, {"kernel reverse", "barrier"}},
        {"a return before a barrier", BOTH, "", return_before, {"kernel reverse", "barrier"}},
        {"two barriers for one", BOTH, "", two_barriers, {"threads of a block wait at different barriers", "kernels.cu"}},
        {"a warp operation for part of a warp", PLAIN, "", part_of_a_warp, {"a warp operation that some lanes never reach"}},
        {"a warp operation for part of a warp, checked", CHECKED, "", part_of_a_warp, {"kernel reverse_in_warps, block ("}},
        {"a partial mask", BOTH, "", partial_mask, {"a shuffle without all 32 lanes"}},
        {"past a shared variable", BOTH, "", shared_too_far, {"0 bytes past the end of a shared variable of 1024 bytes"}},
        {"a shared variable not written", BOTH, "", shared_not_written, {}},
        {"memory not written", BOTH, "", not_written, {}},
        {"blocks that write one place", CHECKED, "", same_place, {"a race: it writes", "of block ", "wrote", "kernels.cu"}},
        {"blocks that read another's", CHECKED, "", read_by_others, {"a race: it ", "of block "}},
        {"a misaligned address", CHECKED, "", misaligned, {"kernel copy_fours", "a misaligned address"}},
        {"a write past whole pages", BOTH, "", write_too_far<1024>, {"write", "0 bytes past the end of allocation 2 of 4096 bytes"}},
        {"a write past an odd end", PLAIN, "", write_too_far<301>, {"a write past the end of allocation 2 of 1204 bytes"}},
        {"a write past an odd end, checked", CHECKED, "", write_too_far<301>, {"write of 4 bytes", "ends.cu:", "0 bytes past the end"}},
        {"a read past whole pages", BOTH, "", read_too_far<1024>, {"read", "0 bytes past the end of allocation 1 of 4096 bytes"}},
        {"a read past an odd end", CHECKED, "", read_too_far<301>, {"read of 4 bytes", "ends.cu:", "0 bytes past the end"}},
        {"a write before the first element", PLAIN, "", write_too_early, {"a write before allocation 2 of 1200 bytes"}},
        {"a write before the first element, checked", CHECKED, "", write_too_early, {"ends.cu:", "4 bytes before allocation 2 of 1200 bytes"}},
        {"a full stack", BOTH, "", full_stack, {"kernel recursion", "the thread's stack is full"}},
        {"a read of freed memory", BOTH, "", read_after_free, {"allocation 1 of 256 bytes, which was freed"}},
        {"a read of the host's memory", CHECKED, "", read_host_memory, {"no allocation is near"}},
        {"a null pointer", BOTH, "", null_pointer, {"an illegal read"}},
    };
}

} // namespace test
