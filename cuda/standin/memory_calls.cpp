// Memory, and copies.
#include "driver.h"
#include "memory.h"

using namespace standin;

namespace {

// is_ours returns whether all of it lies in one allocation of the current context.
bool is_ours(CUdeviceptr p, size_t size) {
    const Allocation *a = allocation_at(p, size);
    return a && a->owner == current_context;
}

std::function<void()> copying(void *to, const void *from, size_t size) {
    return [=] {
        open_memory((uintptr_t)to);
        open_memory((uintptr_t)from);
        memcpy(to, from, size);
    };
}

// copy_now copies after all that the null stream waits for.
CUresult copy_now(void *to, const void *from, size_t size) {
    Stream *null;
    CUresult e = find_stream(nullptr, &null);
    if (e == CUDA_SUCCESS)
        e = enqueue(null, copying(to, from, size));
    if (e != CUDA_SUCCESS)
        return e;
    finish_stream(null);
    return current_context->error;
}

CUresult copy_later(void *to, const void *from, size_t size, CUstream handle) {
    Stream *s;
    CUresult e = find_stream(handle, &s);
    return e ? e : enqueue(s, copying(to, from, size));
}

// refuse_pageable refuses an asynchronous copy of memory that is not page-locked. A card takes it, and waits.
CUresult refuse_pageable(const void *p, size_t size) {
    if (is_page_locked(p, size))
        return CUDA_SUCCESS;
    say("an asynchronous copy to or from memory that is not page-locked");
    return CUDA_ERROR_INVALID_VALUE;
}

template <class T> CUresult set_later(CUdeviceptr to, T value, size_t count, CUstream handle) {
    if (!is_ours(to, count * sizeof(T)) || to % sizeof(T))
        return CUDA_ERROR_INVALID_VALUE;
    Stream *s;
    if (CUresult e = find_stream(handle, &s))
        return e;
    return enqueue(s, [=] {
        open_memory(to);
        std::fill_n((T *)to, count, value);
    });
}

} // namespace

API cuMemGetInfo(size_t *unused, size_t *total) {
    IN_CONTEXT;
    *total = options().memory;
    *unused = options().memory - current_context->memory;
    return CUDA_SUCCESS;
}

API cuMemAlloc(CUdeviceptr *p, size_t size) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    if (size == 0)
        return CUDA_ERROR_INVALID_VALUE;
    static unsigned long count;
    count++;
    const size_t unused = options().memory - current_context->memory;
    if ((options().alloc && count >= options().alloc) || size > unused) {
        say("allocation %lu, of %zu bytes, fails; %zu bytes are free", count, size, unused);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    const Allocation *a = allocate(current_context, size);
    if (!a)
        return CUDA_ERROR_OUT_OF_MEMORY;
    current_context->memory += size;
    *p = a->begin;
    return CUDA_SUCCESS;
}

API cuMemFree(CUdeviceptr p) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    Allocation *a = allocation_at(p, 1);
    if (!a || a->begin != p || a->owner != current_context)
        return CUDA_ERROR_INVALID_VALUE;
    finish_all(current_context);
    current_context->memory -= a->end - a->begin;
    release(a);
    return current_context->error;
}

API cuMemHostAlloc(void **p, size_t size, unsigned) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    *p = size ? allocate_host(current_context, size) : nullptr;
    return *p ? CUDA_SUCCESS : size ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_VALUE;
}

API cuMemFreeHost(void *p) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    finish_all(current_context);
    if (!release_host(p))
        return CUDA_ERROR_INVALID_VALUE;
    return current_context->error;
}

API cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t size) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    return is_ours(to, size) ? copy_now((void *)to, from, size) : CUDA_ERROR_INVALID_VALUE;
}

API cuMemcpyDtoH(void *to, CUdeviceptr from, size_t size) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    return is_ours(from, size) ? copy_now(to, (const void *)from, size) : CUDA_ERROR_INVALID_VALUE;
}

API cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    if (!is_ours(to, size) || !is_ours(from, size))
        return CUDA_ERROR_INVALID_VALUE;
    return copy_later((void *)to, (const void *)from, size, nullptr);
}

API cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
    IN_CONTEXT;
    if (!is_ours(to, size))
        return CUDA_ERROR_INVALID_VALUE;
    if (CUresult e = refuse_pageable(from, size))
        return e;
    return copy_later((void *)to, from, size, stream);
}

API cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t size, CUstream stream) {
    IN_CONTEXT;
    if (!is_ours(from, size))
        return CUDA_ERROR_INVALID_VALUE;
    if (CUresult e = refuse_pageable(to, size))
        return e;
    return copy_later(to, (const void *)from, size, stream);
}

API cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
    IN_CONTEXT;
    if (!is_ours(to, size) || !is_ours(from, size))
        return CUDA_ERROR_INVALID_VALUE;
    return copy_later((void *)to, (const void *)from, size, stream);
}

API cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
    IN_CONTEXT;
    return set_later(to, value, count, stream);
}

API cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
    IN_CONTEXT;
    return set_later(to, value, count, stream);
}

API cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    return set_later(to, value, count, nullptr);
}

API cuMemsetD32(CUdeviceptr to, unsigned value, size_t count) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    return set_later(to, value, count, nullptr);
}
