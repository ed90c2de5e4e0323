//go:build cuda

#include "calls.h"

#include <string.h>

static const outcome done = {CUDA_SUCCESS, NULL, -1};

// TRY makes a call, and ends the job if that fails.
#define TRY(call, ...)                                 \
    do {                                               \
        CUresult code = call(__VA_ARGS__);             \
        if (code != CUDA_SUCCESS)                      \
            return (outcome){code, #call, -1};         \
    } while (0)

outcome make_staging(session *s) {
    TRY(cuCtxSetCurrent, s->context);
    TRY(cuMemHostAlloc, &s->staging, s->staging_size, 0);
    return done;
}

outcome free_staging(session s) {
    TRY(cuCtxSetCurrent, s.context);
    TRY(cuMemFreeHost, s.staging);
    return done;
}

outcome write_memory(session s, CUdeviceptr to, const unsigned char *from, size_t size) {
    TRY(cuCtxSetCurrent, s.context);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < s.staging_size ? size - at : s.staging_size;
        memcpy(s.staging, from + at, n);
        TRY(cuMemcpyHtoDAsync, to + at, s.staging, n, s.stream);
        TRY(cuStreamSynchronize, s.stream);
    }
    return done;
}

outcome read_memory(session s, unsigned char *to, CUdeviceptr from, size_t size) {
    TRY(cuCtxSetCurrent, s.context);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < s.staging_size ? size - at : s.staging_size;
        TRY(cuMemcpyDtoHAsync, s.staging, from + at, n, s.stream);
        TRY(cuStreamSynchronize, s.stream);
        memcpy(to + at, s.staging, n);
    }
    return done;
}

// enqueue_all enqueues the launches.
static outcome enqueue_all(CUstream stream, const launch *launches, int count, unsigned threads, const unsigned char *arguments) {
    for (int i = 0; i < count; i++) {
        const launch *l = &launches[i];
        size_t size = l->size; // which the stand-in compares with what the kernel takes
        void *given[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)(arguments + l->arguments),
                         CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
        CUresult code = cuLaunchKernel(l->function, l->x, l->y, 1, threads, 1, 1, 0, stream, NULL, given);
        if (code != CUDA_SUCCESS)
            return (outcome){code, "cuLaunchKernel", i};
    }
    return done;
}

outcome capture(session s, const launch *launches, int count, unsigned threads, const unsigned char *arguments,
                CUgraphExec *graph) {
    TRY(cuCtxSetCurrent, s.context);
    TRY(cuStreamBeginCapture, s.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    outcome result = enqueue_all(s.stream, launches, count, threads, arguments);
    CUgraph captured = NULL;
    CUresult code = cuStreamEndCapture(s.stream, &captured); // always, or the stream would go on capturing
    if (result.code == CUDA_SUCCESS && code != CUDA_SUCCESS)
        result = (outcome){code, "cuStreamEndCapture", -1};
    if (result.code == CUDA_SUCCESS) {
        code = cuGraphInstantiate(graph, captured, 0);
        if (code != CUDA_SUCCESS)
            result = (outcome){code, "cuGraphInstantiate", -1};
    }
    if (captured)
        cuGraphDestroy(captured);
    return result;
}

outcome run_graph(session s, CUgraphExec graph, int times) {
    TRY(cuCtxSetCurrent, s.context);
    for (int i = 0; i < times; i++)
        TRY(cuGraphLaunch, graph, s.stream);
    return done;
}

outcome free_graph(session s, CUgraphExec graph) {
    TRY(cuCtxSetCurrent, s.context);
    TRY(cuGraphExecDestroy, graph);
    return done;
}

outcome wait_for_stream(session s) {
    TRY(cuCtxSetCurrent, s.context);
    TRY(cuStreamSynchronize, s.stream);
    return done;
}

const char *error_name(CUresult code) {
    const char *name = NULL;
    return cuGetErrorName(code, &name) == CUDA_SUCCESS ? name : NULL;
}

const char *error_text(CUresult code) {
    const char *text = NULL;
    return cuGetErrorString(code, &text) == CUDA_SUCCESS ? text : NULL;
}
