// Streams and events.
#include "driver.h"

#include <time.h>

using namespace standin;

namespace {

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

// find_event returns the event of the current context with this handle, or nullptr.
Event *find_event(CUevent handle) {
    Event *e = events.find(handle);
    return e && e->context == current_context ? e : nullptr;
}

bool is_pending(const Event *e) { return e->work && !e->work->done; }

} // namespace

API cuStreamCreate(CUstream *handle, unsigned flags) {
    IN_CONTEXT;
    Stream *s = new Stream();
    s->context = current_context;
    s->blocking = !(flags & CU_STREAM_NON_BLOCKING);
    *handle = streams.add(s);
    return CUDA_SUCCESS;
}

API cuStreamDestroy(CUstream handle) {
    IN_CONTEXT;
    Stream *s = streams.find(handle);
    if (!s || s->context != current_context)
        return CUDA_ERROR_INVALID_HANDLE;
    if (s->capture)
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    finish_stream(s);
    streams.remove(s);
    return current_context->error;
}

API cuStreamSynchronize(CUstream handle) {
    IN_CONTEXT;
    Stream *s;
    if (CUresult e = find_stream(handle, &s))
        return e;
    if (s->capture) {
        s->capture->spoilt = true;
        say("cuStreamSynchronize of a stream that captures");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    NOT_IN_CAPTURE;
    finish_stream(s);
    return current_context->error;
}

// A program that asks again and again gets on: each time the first of the work is done.
API cuStreamQuery(CUstream handle) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    Stream *s;
    if (CUresult e = find_stream(handle, &s))
        return e;
    if (s->queue.empty())
        return CUDA_SUCCESS;
    finish(WorkPtr(s->queue.front()));
    return current_context->error ? current_context->error : CUDA_ERROR_NOT_READY;
}

API cuEventCreate(CUevent *handle, unsigned) {
    IN_CONTEXT;
    Event *e = new Event();
    e->context = current_context;
    *handle = events.add(e);
    return CUDA_SUCCESS;
}

API cuEventDestroy(CUevent handle) {
    IN_CONTEXT;
    Event *e = find_event(handle);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    events.remove(e);
    return CUDA_SUCCESS;
}

API cuEventRecord(CUevent handle, CUstream stream) {
    IN_CONTEXT;
    Event *e = find_event(handle);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    Stream *s;
    if (CUresult error = find_stream(stream, &s))
        return error;
    e->capture = s->capture;
    if (s->capture) {
        e->nodes = s->tail;
        return CUDA_SUCCESS;
    }
    auto time = e->time;
    CUresult error = enqueue(s, [time] { *time = now(); });
    e->work = s->last;
    return error;
}

API cuStreamWaitEvent(CUstream stream, CUevent handle, unsigned) {
    IN_CONTEXT;
    Event *e = find_event(handle);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    Stream *s;
    if (CUresult error = find_stream(stream, &s))
        return error;
    if (e->capture) {
        if (s->capture && s->capture != e->capture)
            return CUDA_ERROR_STREAM_CAPTURE_MERGE;
        if (!s->capture) { // it captures from now on
            s->capture = e->capture;
            s->tail.clear();
            e->capture->streams.insert(s);
        }
        s->tail.insert(s->tail.end(), e->nodes.begin(), e->nodes.end());
        return CUDA_SUCCESS;
    }
    if (s->capture)
        return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    if (!is_pending(e))
        return CUDA_SUCCESS;
    enqueue(s, [] {});
    s->last->after.push_back(e->work);
    return CUDA_SUCCESS;
}

API cuEventSynchronize(CUevent handle) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    Event *e = find_event(handle);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    if (e->capture)
        return CUDA_ERROR_CAPTURED_EVENT;
    if (is_pending(e))
        finish(e->work);
    return current_context->error;
}

API cuEventQuery(CUevent handle) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    Event *e = find_event(handle);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    if (!is_pending(e))
        return CUDA_SUCCESS;
    finish(WorkPtr(e->work->stream->queue.front()));
    return current_context->error ? current_context->error : CUDA_ERROR_NOT_READY;
}

API cuEventElapsedTime(float *ms, CUevent from, CUevent to) {
    IN_CONTEXT;
    Event *a = find_event(from), *b = find_event(to);
    if (!a || !b || !a->work || !b->work)
        return CUDA_ERROR_INVALID_HANDLE;
    if (is_pending(a) || is_pending(b))
        return CUDA_ERROR_NOT_READY;
    *ms = *b->time - *a->time;
    return CUDA_SUCCESS;
}
