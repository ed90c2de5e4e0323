// Capture, and graphs.
#include "driver.h"

using namespace standin;

namespace {

std::set<Capture *> captures;

// end_capture lets its streams go, and events that were recorded in it.
void end_capture(Capture *c) {
    for (Stream *s : c->streams)
        s->capture = nullptr;
    for (Event *e : events.all())
        if (e->capture == c)
            e->capture = nullptr;
    captures.erase(c);
    delete c;
}

// is_joined returns whether all that the capture's streams did comes before what the origin would do next.
bool is_joined(const Capture *c) {
    std::vector<bool> reached(c->nodes.size());
    for (size_t n : c->origin->tail)
        reached[n] = true;
    for (size_t n = c->nodes.size(); n-- > 0;) {
        if (!reached[n])
            return false;
        for (size_t earlier : c->nodes[n].after)
            reached[earlier] = true;
    }
    return true;
}

} // namespace

namespace standin {

// A capture in global mode forbids such a call to every thread, one in thread-local mode to its own.
CUresult refuse_in_capture(const char *call) {
    for (Capture *c : captures)
        if (c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
            (c->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && pthread_equal(c->thread, pthread_self()))) {
            c->spoilt = true;
            say("%s during a capture", call);
            return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    return CUDA_SUCCESS;
}

void abandon_captures(const Context *context) {
    const std::set<Capture *> all = captures;
    for (Capture *c : all)
        if (c->origin->context == context)
            end_capture(c);
}

} // namespace standin

API cuStreamBeginCapture(CUstream handle, CUstreamCaptureMode mode) {
    IN_CONTEXT;
    Stream *s = streams.find(handle);
    if (!handle || handle == CU_STREAM_LEGACY)
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (!s || s->context != current_context)
        return CUDA_ERROR_INVALID_HANDLE;
    if (s->capture)
        return CUDA_ERROR_ILLEGAL_STATE;
    Capture *c = new Capture();
    c->mode = mode;
    c->thread = pthread_self();
    c->origin = s;
    c->streams.insert(s);
    captures.insert(c);
    s->capture = c;
    s->tail.clear();
    return CUDA_SUCCESS;
}

API cuStreamEndCapture(CUstream handle, CUgraph *graph) {
    IN_CONTEXT;
    Stream *s;
    if (CUresult e = find_stream(handle, &s))
        return e;
    Capture *c = s->capture;
    if (!c)
        return CUDA_ERROR_ILLEGAL_STATE;
    if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && !pthread_equal(c->thread, pthread_self())) {
        say("cuStreamEndCapture on another thread than cuStreamBeginCapture");
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    if (c->origin != s)
        return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    CUresult result = c->spoilt ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                      : is_joined(c) ? CUDA_SUCCESS
                                     : CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    *graph = nullptr;
    if (result == CUDA_SUCCESS)
        *graph = graphs.add(new Graph{s->context, c->nodes});
    end_capture(c);
    return result;
}

API cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status) {
    IN_CONTEXT;
    Stream *s;
    if (CUresult e = find_stream(handle, &s))
        return e;
    *status = !s->capture           ? CU_STREAM_CAPTURE_STATUS_NONE
              : s->capture->spoilt ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                   : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
}

// cuda.h has cuGraphInstantiate for a name of this.
API cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph handle, unsigned long long) {
    IN_CONTEXT;
    Graph *g = graphs.find(handle);
    if (!g)
        return CUDA_ERROR_INVALID_VALUE;
    *executable = executables.add(new Executable{g->context, std::make_shared<const Nodes>(g->nodes)});
    return CUDA_SUCCESS;
}

API cuGraphDestroy(CUgraph handle) {
    IN_CONTEXT;
    Graph *g = graphs.find(handle);
    if (!g)
        return CUDA_ERROR_INVALID_VALUE;
    graphs.remove(g);
    return CUDA_SUCCESS;
}

API cuGraphLaunch(CUgraphExec handle, CUstream stream) {
    IN_CONTEXT;
    Executable *x = executables.find(handle);
    if (!x || x->context != current_context)
        return CUDA_ERROR_INVALID_VALUE;
    Stream *s;
    if (CUresult e = find_stream(stream, &s))
        return e;
    auto nodes = x->nodes; // they stay until it is done, even if the graph is destroyed
    return enqueue(s, [nodes] { do_graph(*nodes); });
}

API cuGraphExecDestroy(CUgraphExec handle) {
    IN_CONTEXT;
    Executable *x = executables.find(handle);
    if (!x)
        return CUDA_ERROR_INVALID_VALUE;
    executables.remove(x);
    return CUDA_SUCCESS;
}
