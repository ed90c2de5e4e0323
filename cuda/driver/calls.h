// The driver's calls that cu lacks, or does not get right. Each function here is one job: it makes the context current, which holds
// for a thread only, and does all its calls, so a goroutine may call it on any thread.
#ifndef CALLS_H
#define CALLS_H

#include <cuda.h>
#include <stddef.h>

// A job's result, the name of the call that failed, and for a capture which launch it was, or -1.
typedef struct {
    CUresult code;
    const char *call;
    int launch;
} outcome;

// A launch of a kernel, whose arguments are bytes [arguments, arguments + size) of all launches' arguments.
typedef struct {
    CUfunction function;
    unsigned x, y;
    size_t arguments, size;
} launch;

// What a job runs with: device, stream, and page-locked memory that copies go through.
typedef struct {
    CUcontext context;
    CUstream stream;
    void *staging;
    size_t staging_size;
} session;

outcome make_staging(session *s);
outcome free_staging(session s);

// Copies between the host's memory and the device's, in order with all that is in the stream, and done on return.
outcome write_memory(session s, CUdeviceptr to, const unsigned char *from, size_t size);
outcome read_memory(session s, unsigned char *to, CUdeviceptr from, size_t size);

// Makes one graph of the launches, each with blocks of the given threads, in their order.
outcome capture(session s, const launch *launches, int count, unsigned threads, const unsigned char *arguments,
                CUgraphExec *graph);
outcome run_graph(session s, CUgraphExec graph, int times);
outcome free_graph(session s, CUgraphExec graph);

// Waits for all that is in the stream.
outcome wait_for_stream(session s);

// The driver's name and description of a result, or NULL.
const char *error_name(CUresult code);
const char *error_text(CUresult code);

#endif
