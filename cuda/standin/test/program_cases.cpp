#include "cases.h"
#include "driver.h"

#include <signal.h>

#include <thread>

namespace test {

namespace {

const int TURNS = 40; // of what goes wrong by chance alone

struct Pinned {
    float *values;
    explicit Pinned(size_t n) { OK(cuMemHostAlloc(reinterpret_cast<void **>(&values), n * sizeof(float), 0)); }
    ~Pinned() { OK(cuMemFreeHost(values)); }
};

// Without a wait for the stream, page-locked memory does not have the values, and a synchronous copy reads those of before, unless the
// other stream happens to come first. With one, both have them.
void missing_synchronization() {
    Device d;
    {
        Pinned out(256);
        CUdeviceptr x = place(counting(256)), y = allocate(256);
        int early = 0;
        for (int i = 0; i < TURNS; i++) {
            const std::vector<float> none(256, -1);
            OK(cuMemcpyHtoD(y, none.data(), 1024));
            out.values[9] = -1;
            OK(launch(d, d.stream, "twice", 1, vector_of(x, y, 256)));
            OK(cuMemcpyDtoHAsync(out.values, y, 1024, d.stream));
            REQUIRE(out.values[9] == -1);
            early += fetch(y, 256)[9] == -1;
            OK(cuStreamSynchronize(d.stream));
            REQUIRE(out.values[9] == 20);
            REQUIRE(fetch(y, 256)[9] == 20);
        }
        REQUIRE(early > TURNS / 2);
        OK(cuMemFree(x));
        OK(cuMemFree(y));
    }
    release(d);
}

// right_turns counts how often a stream reads what another one wrote before, in turns.
int right_turns(const Device &d, bool with_event) {
    CUstream other;
    CUevent event;
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&event, 0));
    int right = 0;
    CUdeviceptr x = place({1}), y = allocate(1);
    for (int i = 0; i < TURNS; i++) {
        const float none = -1;
        OK(cuMemcpyHtoD(y, &none, sizeof none));
        OK(launch(d, d.stream, "twice", 1, vector_of(x, y, 1)));
        OK(cuEventRecord(event, d.stream));
        if (with_event)
            OK(cuStreamWaitEvent(other, event, 0));
        OK(launch(d, other, "increment", 1, vector_of(0, y, 1)));
        OK(cuCtxSynchronize());
        right += fetch(y, 1)[0] == 3;
    }
    OK(cuMemFree(x));
    OK(cuMemFree(y));
    OK(cuEventDestroy(event));
    OK(cuStreamDestroy(other));
    return right;
}

void missing_event() {
    Device d;
    const int without = right_turns(d, false);
    REQUIRE(without > 0 && without < TURNS);
    REQUIRE(right_turns(d, true) == TURNS);
    release(d);
}

void events() {
    Device d;
    CUevent a, b;
    float ms = -1;
    OK(cuEventCreate(&a, 0));
    OK(cuEventCreate(&b, 0));
    CODE(cuEventElapsedTime(&ms, a, b), CUDA_ERROR_INVALID_HANDLE);
    CUdeviceptr y = place({0});
    OK(cuEventRecord(a, d.stream));
    OK(launch(d, d.stream, "increment", 1, vector_of(0, y, 1)));
    OK(cuEventRecord(b, d.stream));
    CODE(cuEventQuery(b), CUDA_ERROR_NOT_READY);
    OK(cuEventSynchronize(b));
    OK(cuEventQuery(b));
    OK(cuEventElapsedTime(&ms, a, b));
    REQUIRE(ms >= 0);
    EQUAL(fetch(y, 1), {1});
    OK(launch(d, d.stream, "increment", 1, vector_of(0, y, 1)));
    while (cuStreamQuery(d.stream) == CUDA_ERROR_NOT_READY) {
    }
    EQUAL(fetch(y, 1), {2});
    OK(cuMemFree(y));
    OK(cuEventDestroy(a));
    OK(cuEventDestroy(b));
    CODE(cuEventRecord(a, d.stream), CUDA_ERROR_INVALID_HANDLE);
    release(d);
}

// fork captures y = 2·x in the stream, and y += 1 in another one: after that if there is an edge, or else at any time.
CUgraphExec fork(const Device &d, CUdeviceptr x, CUdeviceptr y, bool edge) {
    CUstream other;
    CUevent first, second;
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&first, 0));
    OK(cuEventCreate(&second, 0));
    OK(cuStreamBeginCapture(d.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    if (!edge)
        OK(cuEventRecord(first, d.stream));
    OK(launch(d, d.stream, "twice", 1, vector_of(x, y, 1)));
    if (edge)
        OK(cuEventRecord(first, d.stream));
    OK(cuStreamWaitEvent(other, first, 0));
    OK(launch(d, other, "increment", 1, vector_of(0, y, 1)));
    OK(cuEventRecord(second, other));
    OK(cuStreamWaitEvent(d.stream, second, 0));
    CUgraph graph;
    CUgraphExec executable;
    OK(cuStreamEndCapture(d.stream, &graph));
    OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
    OK(cuGraphDestroy(graph));
    OK(cuEventDestroy(first));
    OK(cuEventDestroy(second));
    OK(cuStreamDestroy(other));
    return executable;
}

// A graph keeps its edges, and has no others: what is not ordered comes in both orders.
void graphs() {
    Device d;
    CUdeviceptr x = place({1}), y = place({0});
    for (bool edge : {true, false}) {
        CUgraphExec graph = fork(d, x, y, edge);
        int right = 0;
        for (int i = 0; i < TURNS; i++) {
            OK(cuGraphLaunch(graph, d.stream));
            OK(cuStreamSynchronize(d.stream));
            right += fetch(y, 1)[0] == 3;
        }
        REQUIRE(edge ? right == TURNS : right > 0 && right < TURNS);
        OK(cuGraphExecDestroy(graph));
        CODE(cuGraphLaunch(graph, d.stream), CUDA_ERROR_INVALID_VALUE);
    }
    OK(cuMemFree(x));
    OK(cuMemFree(y));
    release(d);
}

void host_reads_device_memory() {
    Device d;
    volatile float *p = reinterpret_cast<float *>(place({1}));
    REQUIRE(p[0] == 1 && false);
}

void host_reads_between_calls() {
    Device d;
    CUdeviceptr y = place({1});
    OK(run(d, "increment", 1, vector_of(0, y, 1)));
    volatile float *p = reinterpret_cast<float *>(y);
    REQUIRE(p[0] == 2 && false);
}

void allocation_in_a_capture() {
    Device d;
    CUdeviceptr y = place({0}), p;
    OK(cuStreamBeginCapture(d.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    OK(launch(d, d.stream, "increment", 1, vector_of(0, y, 1)));
    CODE(cuMemAlloc(&p, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUgraph graph;
    CODE(cuStreamEndCapture(d.stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    REQUIRE(graph == nullptr);
    EQUAL(fetch(y, 1), {0}); // what is captured is not done
}

void synchronization_in_a_capture() {
    Device d;
    OK(cuStreamBeginCapture(d.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CODE(cuStreamSynchronize(d.stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CODE(cuStreamDestroy(d.stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

void other_thread() {
    Device d;
    OK(cuStreamBeginCapture(d.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    std::thread([&] {
        CUdeviceptr p;
        CODE(cuMemAlloc(&p, 4), CUDA_ERROR_INVALID_CONTEXT);
        OK(cuCtxSetCurrent(d.context));
        CUgraph graph;
        CODE(cuStreamEndCapture(d.stream, &graph), CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
    }).join();
}

void dead_handles() {
    Device d;
    CUstream s;
    OK(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
    CUdeviceptr y = place({0});
    OK(cuStreamDestroy(s));
    CODE(launch(d, s, "increment", 1, vector_of(0, y, 1)), CUDA_ERROR_INVALID_HANDLE);
    CODE(cuStreamSynchronize(s), CUDA_ERROR_INVALID_HANDLE);
    CUfunction f = kernel(d, "increment");
    CUmodule module = d.module;
    OK(cuModuleUnload(module));
    CODE(cuModuleGetFunction(&f, module, "increment"), CUDA_ERROR_INVALID_HANDLE);
    CODE(cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, 0, d.stream, nullptr, nullptr), CUDA_ERROR_INVALID_HANDLE);
    OK(cuMemFree(y));
    CODE(cuMemFree(y), CUDA_ERROR_INVALID_VALUE);
}

void wrong_launches() {
    Device d;
    CUdeviceptr y = place({0});
    vector_args a = vector_of(0, y, 1);
    CUfunction f = kernel(d, "increment"), none;
    void *parameters[] = {&a};
    for (unsigned threads : {0u, 128u, 512u, 1025u})
        CODE(cuLaunchKernel(f, 1, 1, 1, threads, 1, 1, 0, d.stream, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CODE(cuLaunchKernel(f, 1, 1, 1, 256, 2, 1, 0, d.stream, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CODE(cuLaunchKernel(f, 0, 1, 1, 256, 1, 1, 0, d.stream, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CODE(cuLaunchKernel(f, 1, 65536, 1, 256, 1, 1, 0, d.stream, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    for (size_t size : {sizeof a - 1, sizeof a + 1, sizeof a}) {
        void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &a, CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
        CODE(cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, 0, d.stream, nullptr, extra),
             size == sizeof a ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
    }
    a.y = nullptr; // the driver has copied what it had
    OK(cuStreamSynchronize(d.stream));
    EQUAL(fetch(y, 1), {1});
    CODE(cuModuleGetFunction(&none, d.module, "no such"), CUDA_ERROR_NOT_FOUND);
    int threads;
    OK(cuFuncGetAttribute(&threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f));
    REQUIRE(threads == 256);
}

void pageable_copy() {
    Device d;
    CUdeviceptr y = place(counting(4));
    std::vector<float> out(4);
    CODE(cuMemcpyDtoHAsync(out.data(), y, 16, d.stream), CUDA_ERROR_INVALID_VALUE);
    CODE(cuMemcpyHtoDAsync(y, out.data(), 16, d.stream), CUDA_ERROR_INVALID_VALUE);
    Pinned pinned(3);
    CODE(cuMemcpyDtoHAsync(pinned.values, y, 16, d.stream), CUDA_ERROR_INVALID_VALUE); // it is smaller
    OK(cuMemcpyDtoHAsync(pinned.values, y, 12, d.stream));
}

void copies_past_an_end() {
    Device d;
    CUdeviceptr y = place(counting(4));
    std::vector<float> out(5);
    CODE(cuMemcpyDtoH(out.data(), y, 20), CUDA_ERROR_INVALID_VALUE);
    CODE(cuMemcpyDtoH(out.data(), y + 4, 16), CUDA_ERROR_INVALID_VALUE);
    CODE(cuMemcpyHtoD(y - 4, out.data(), 8), CUDA_ERROR_INVALID_VALUE);
    CODE(cuMemsetD32(y, 0, 5), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemcpyDtoH(out.data(), y + 4, 12));
    REQUIRE(out[0] == 2 && out[2] == 4);
}

// leak leaves one of each thing.
void leak() {
    Device d;
    CUevent event;
    void *pinned;
    OK(cuEventCreate(&event, 0));
    OK(cuMemHostAlloc(&pinned, 4, 0));
    fork(d, allocate(25), place({0}), true);
    OK(cuDevicePrimaryCtxRelease(0));
}

void memory_is_counted() {
    Device d;
    size_t before, now, total;
    OK(cuMemGetInfo(&before, &total));
    CUdeviceptr p = allocate(1000);
    OK(cuMemGetInfo(&now, &total));
    REQUIRE(before - now == 4000);
    OK(cuMemFree(p));
    OK(cuMemGetInfo(&now, &total));
    REQUIRE(before == now);
    release(d);
}

void error_texts() {
    const char *name, *text;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &name));
    OK(cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    REQUIRE(std::string(name) == "CUDA_ERROR_ILLEGAL_ADDRESS");
    REQUIRE(std::string(text) == "an illegal memory access was encountered");
    CODE(cuGetErrorName((CUresult)12345, &name), CUDA_ERROR_INVALID_VALUE);
}

} // namespace

std::vector<Case> program_cases() {
    const char *left = "left: 2 allocations, 1 page-locked allocations, 1 streams, 1 events, 1 modules, 1 executable graphs; 104 bytes";
    return {
        {"no wait for a stream", BOTH, "strict", missing_synchronization, {"nothing left"}},
        {"no event between streams", PLAIN, "strict", missing_event, {"nothing left"}},
        {"events", PLAIN, "strict", events, {"nothing left"}},
        {"graphs", BOTH, "strict", graphs, {"nothing left"}},
        {"a host that reads device memory", PLAIN, "", host_reads_device_memory, {}, SIGSEGV},
        {"a host that reads device memory after a launch", PLAIN, "", host_reads_between_calls, {}, SIGSEGV},
        {"an allocation in a capture", PLAIN, "", allocation_in_a_capture, {"cuMemAlloc", "during a capture"}},
        {"a wait in a capture", PLAIN, "", synchronization_in_a_capture, {"cuStreamSynchronize of a stream that captures"}},
        {"another thread", PLAIN, "", other_thread, {"cuStreamEndCapture on another thread"}},
        {"handles of what is gone", PLAIN, "", dead_handles, {}},
        {"wrong launches", PLAIN, "", wrong_launches, {"blocks of 512 × 1 × 1 threads", "with 23 bytes of arguments: it takes 24"}},
        {"a copy from pageable memory", PLAIN, "", pageable_copy, {"memory that is not page-locked"}},
        {"copies past an end", PLAIN, "", copies_past_an_end, {}},
        {"a leak", PLAIN, "", leak, {left}},
        {"a leak, strict", PLAIN, "strict", leak, {left}, SIGABRT},
        {"memory is counted", PLAIN, "strict", memory_is_counted, {}},
        {"texts of errors", PLAIN, "", error_texts, {}},
    };
}

} // namespace test
