// Work that streams hold. It is done as late as the calls allow: when one waits for it. Of several streams, and of the nodes of a graph,
// the order is any that the events and edges allow, drawn by the seed.
#include "driver.h"
#include "memory.h"

#include <map>

namespace standin {

namespace {

std::map<const Context *, Stream> null_streams;

Stream *null_stream(Context *c) {
    Stream *s = &null_streams[c];
    s->context = c;
    return s;
}

Random &draw() {
    static Random random = [] {
        Random r;
        r.seed(options().seed);
        return r;
    }();
    return random;
}

// do_first does the first of a stream's work, when all is done that it comes after.
void do_first(Stream *s) {
    const WorkPtr work = s->queue.front();
    const std::vector<WorkPtr> after = work->after; // another turn of this may clear it
    for (const WorkPtr &earlier : after)
        finish(earlier);
    if (work->done)
        return;
    s->queue.pop_front();
    if (s->context->error == CUDA_SUCCESS)
        work->run();
    work->done = true;
    work->run = nullptr; // what it holds may go
    work->after.clear();
}

// busy returns the streams of a context that have work.
std::vector<Stream *> busy(const Context *c) {
    std::vector<Stream *> list;
    auto null = null_streams.find(c);
    if (null != null_streams.end() && !null->second.queue.empty())
        list.push_back(&null->second);
    for (Stream *s : streams.all())
        if (s->context == c && !s->queue.empty())
            list.push_back(s);
    return list;
}

// do_any does some work of any stream.
bool do_any(const Context *c) {
    const std::vector<Stream *> list = busy(c);
    if (!list.empty())
        do_first(list[draw().next() % list.size()]);
    return !list.empty();
}

} // namespace

CUresult find_stream(CUstream handle, Stream **s) {
    if (handle == nullptr || handle == CU_STREAM_LEGACY) {
        *s = null_stream(current_context);
        for (Stream *other : streams.all())
            if (other->context == current_context && other->capture && other->blocking) {
                other->capture->spoilt = true;
                return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
            }
        return CUDA_SUCCESS;
    }
    *s = streams.find(handle);
    return *s && (*s)->context == current_context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult enqueue(Stream *s, std::function<void()> run) {
    if (s->capture) {
        if (s->capture->spoilt)
            return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        s->capture->nodes.push_back({run, s->tail});
        s->tail = {s->capture->nodes.size() - 1};
        return CUDA_SUCCESS;
    }
    auto work = std::make_shared<Work>();
    work->run = run;
    work->stream = s;
    Stream *null = null_stream(s->context);
    if (s == null) {
        for (Stream *other : streams.all())
            if (other->context == s->context && other->blocking && other->last)
                work->after.push_back(other->last);
    } else if (s->blocking && null->last) {
        work->after.push_back(null->last);
    }
    s->queue.push_back(work);
    s->last = work;
    return CUDA_SUCCESS;
}

void finish(const WorkPtr &work) {
    if (work->done)
        return;
    OpenMemory open;
    while (!work->done) {
        if (draw().next() % 4 == 0)
            do_any(work->stream->context); // perhaps another stream's
        if (!work->done)
            do_first(work->stream);
    }
}

void finish_stream(Stream *s) {
    if (s->last)
        finish(s->last);
}

void finish_all(const Context *c) {
    OpenMemory open;
    while (do_any(c)) {
    }
}

void do_graph(const Nodes &nodes) {
    std::vector<bool> done(nodes.size());
    for (size_t count = 0; count < nodes.size(); count++) {
        std::vector<size_t> possible;
        for (size_t i = 0; i < nodes.size(); i++) {
            bool can = !done[i];
            for (size_t earlier : nodes[i].after)
                can = can && done[earlier];
            if (can)
                possible.push_back(i);
        }
        const size_t i = possible[draw().next() % possible.size()];
        done[i] = true;
        nodes[i].run();
    }
}

} // namespace standin
