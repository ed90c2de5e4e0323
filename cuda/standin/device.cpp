// cuInit, devices, and their primary contexts.
#include "driver.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

using namespace standin;

namespace standin {

std::vector<Context> contexts;
thread_local Context *current_context;
Handles<Stream, CUstream> streams;
Handles<Event, CUevent> events;
Handles<Module, CUmodule> modules;
Handles<Graph, CUgraph> graphs;
Handles<Executable, CUgraphExec> executables;

namespace {

std::recursive_mutex mutex;
bool initialized;
unsigned long call_count;

bool is_device(CUdevice d) { return d >= 0 && (size_t)d < contexts.size(); }

// report adds a line to the file of the word report.
void report(const std::string &line) {
    if (options().report.empty())
        return;
    FILE *f = fopen(options().report.c_str(), "a");
    if (!f || fprintf(f, "%d: %s\n", (int)getpid(), line.c_str()) < 0 || fclose(f) != 0) {
        perror(("standin: " + options().report).c_str());
        abort();
    }
}

// left_behind lists what a context still has, or is empty.
std::string left_behind(const Context *c) {
    size_t memory = 0, host = 0;
    for (const auto &entry : allocations())
        memory += !entry.second.freed && entry.second.owner == c;
    for (const auto &entry : host_allocations())
        host += entry.second.second == c;
    const struct {
        size_t count;
        const char *what;
    } all[] = {{memory, "allocations"},         {host, "page-locked allocations"},        {streams.count(c), "streams"},
               {events.count(c), "events"},     {modules.count(c), "modules"},            {graphs.count(c), "graphs"},
               {executables.count(c), "executable graphs"}};
    std::string list;
    for (const auto &a : all)
        if (a.count)
            list += (list.empty() ? "" : ", ") + std::to_string(a.count) + " " + a.what;
    if (memory)
        list += "; " + std::to_string(c->memory) + " bytes are allocated";
    return list;
}

// destroy frees what a context still has.
void destroy(Context *c) {
    abandon_captures(c);
    executables.remove_all(c);
    graphs.remove_all(c);
    modules.remove_all(c);
    events.remove_all(c);
    streams.remove_all(c);
    release_all(c);
    *c = Context();
}

} // namespace

Entry::Entry(bool context) : lock(mutex), error(CUDA_SUCCESS) {
    if (!initialized) {
        error = CUDA_ERROR_NOT_INITIALIZED;
        return;
    }
    if (options().lost && ++call_count >= options().lost)
        for (Context &c : contexts)
            fail(&c, CUDA_ERROR_UNKNOWN);
    if (!context)
        return;
    if (!current_context)
        error = CUDA_ERROR_INVALID_CONTEXT;
    else if (current_context->references == 0)
        error = CUDA_ERROR_CONTEXT_IS_DESTROYED;
    else
        error = current_context->error;
}

CUresult fail(Context *c, CUresult code) {
    if (c->error == CUDA_SUCCESS)
        c->error = code;
    return code;
}

} // namespace standin

API cuInit(unsigned) {
    std::lock_guard<std::recursive_mutex> lock(mutex);
    if (initialized)
        return CUDA_SUCCESS;
    read_options();
    if (options().nodevice)
        return CUDA_ERROR_NO_DEVICE;
    contexts.resize(options().devices);
    initialized = true;
    return CUDA_SUCCESS;
}

API cuDriverGetVersion(int *version) {
    *version = options().olddriver ? 11040 : 12040;
    return CUDA_SUCCESS;
}

API cuDeviceGetCount(int *count) {
    LOCKED;
    *count = contexts.size();
    return CUDA_SUCCESS;
}

API cuDeviceGet(CUdevice *device, int index) {
    LOCKED;
    if (!is_device(index))
        return CUDA_ERROR_INVALID_DEVICE;
    *device = index;
    return CUDA_SUCCESS;
}

API cuDeviceGetName(char *name, int size, CUdevice device) {
    LOCKED;
    if (!is_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    snprintf(name, size, "Stand-in device (CPU)");
    return CUDA_SUCCESS;
}

API cuDeviceTotalMem(size_t *bytes, CUdevice device) {
    LOCKED;
    if (!is_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    *bytes = options().memory;
    return CUDA_SUCCESS;
}

API cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    LOCKED;
    if (!is_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = options().capability / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = options().capability % 10; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = options().multiprocessors; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = LANES; break;
    default:
        say("cuDeviceGetAttribute: attribute %d is not one that this driver has", (int)attribute);
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    LOCKED;
    if (!is_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    Context *c = &contexts[device];
    if (c->references++ == 0)
        report("context made");
    *context = reinterpret_cast<CUcontext>(c);
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxRelease(CUdevice device) {
    LOCKED;
    if (!is_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    Context *c = &contexts[device];
    if (c->references == 0)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (--c->references)
        return CUDA_SUCCESS;
    finish_all(c);
    const std::string left = left_behind(c), counted = std::to_string(launch_count) + " launches so far, ";
    // After an error nothing can be freed, so that nothing can be told from what is left.
    const std::string end = c->error ? counted + "error " + std::to_string(c->error) : counted + (left.empty() ? "nothing left" : "left: " + left);
    say("context released: %s", end.c_str());
    report("context released: " + end);
    if (options().strict && !c->error && !left.empty())
        abort();
    destroy(c);
    return CUDA_SUCCESS;
}

API cuCtxSetCurrent(CUcontext context) {
    LOCKED;
    Context *c = reinterpret_cast<Context *>(context);
    if (c && (c < contexts.data() || c >= contexts.data() + contexts.size() || c->references == 0))
        return CUDA_ERROR_INVALID_CONTEXT;
    current_context = c;
    return CUDA_SUCCESS;
}

API cuCtxGetCurrent(CUcontext *context) {
    LOCKED;
    *context = reinterpret_cast<CUcontext>(current_context);
    return CUDA_SUCCESS;
}

API cuCtxGetDevice(CUdevice *device) {
    IN_CONTEXT;
    *device = current_context - contexts.data();
    return CUDA_SUCCESS;
}

API cuCtxSynchronize() {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    finish_all(current_context);
    return current_context->error;
}
