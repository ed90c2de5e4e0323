// What the driver's calls share: contexts, handles, work that streams hold, and how a call begins.
#ifndef DRIVER_H
#define DRIVER_H

#include "exec.h"
#include "options.h"

#include <cuda.h>
#include <pthread.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace standin {

struct Stream;
struct Capture;

// A device's primary context.
struct Context {
    int references = 0;
    CUresult error = CUDA_SUCCESS; // once a kernel has failed, each call answers this
    size_t memory = 0;             // allocated
};
extern std::vector<Context> contexts;          // one of each device
extern thread_local Context *current_context;

// Something to do, in a stream, after what is before it there and after other things.
struct Work {
    std::function<void()> run;
    Stream *stream;
    std::vector<std::shared_ptr<Work>> after;
    bool done = false;
};
using WorkPtr = std::shared_ptr<Work>;

// The node of a graph, which comes after those whose numbers it has.
struct Node {
    std::function<void()> run;
    std::vector<size_t> after;
};
using Nodes = std::vector<Node>;

// Nothing is done when it is enqueued, but when a call waits for it. So a program that forgets to wait gets values of before.
struct Stream {
    Context *context;
    bool blocking = true; // it takes turns with the null stream
    std::deque<WorkPtr> queue;
    WorkPtr last; // that was enqueued

    Capture *capture = nullptr;
    std::vector<size_t> tail; // the nodes that the next one captured comes after
};

struct Event {
    Context *context;
    WorkPtr work;                                                // the last record
    std::shared_ptr<double> time = std::make_shared<double>(0); // when it was done, in ms
    Capture *capture = nullptr;                                  // that it was recorded in
    std::vector<size_t> nodes;
};

// What streams capture together: a graph in the making.
struct Capture {
    Nodes nodes;
    bool spoilt = false;
    CUstreamCaptureMode mode;
    pthread_t thread;
    Stream *origin;
    std::set<Stream *> streams;
};

struct Module {
    Context *context;
    std::set<const Kernel *> kernels;
};
struct Graph {
    Context *context;
    Nodes nodes;
};
struct Executable {
    Context *context;
    std::shared_ptr<const Nodes> nodes;
};

// Things by their handles, which are their addresses.
template <class T, class Handle> class Handles {
    std::set<T *> live;

  public:
    T *find(Handle h) const {
        auto entry = live.find(reinterpret_cast<T *>(h));
        return entry == live.end() ? nullptr : *entry;
    }
    Handle add(T *t) {
        live.insert(t);
        return reinterpret_cast<Handle>(t);
    }
    void remove(T *t) {
        live.erase(t);
        delete t;
    }
    size_t count(const Context *c) const {
        size_t n = 0;
        for (T *t : live)
            n += t->context == c;
        return n;
    }
    void remove_all(const Context *c) {
        const std::set<T *> all = live;
        for (T *t : all)
            if (t->context == c)
                remove(t);
    }
    const std::set<T *> &all() const { return live; }
};
extern Handles<Stream, CUstream> streams;
extern Handles<Event, CUevent> events;
extern Handles<Module, CUmodule> modules;
extern Handles<Graph, CUgraph> graphs;
extern Handles<Executable, CUgraphExec> executables;

// fail makes an error stay with a context.
CUresult fail(Context *, CUresult);

// enqueue puts work into a stream, or captures it as a node. find_stream takes the null stream's handles too.
CUresult enqueue(Stream *, std::function<void()>);
CUresult find_stream(CUstream, Stream **);
void finish(const WorkPtr &);          // and all that it comes after
void finish_stream(Stream *);
void finish_all(const Context *);
void do_graph(const Nodes &);          // in an order that the edges allow, drawn anew each time
CUresult refuse_in_capture(const char *call); // for a call that must not be made during a capture; spoils it
void abandon_captures(const Context *);

// Launches that were executed, in the process.
extern unsigned long launch_count;

// Each call begins with one of these: LOCKED, once cuInit was called, or IN_CONTEXT, which also wants a context that works.
struct Entry {
    std::lock_guard<std::recursive_mutex> lock;
    CUresult error;
    explicit Entry(bool context);
};
#define API extern "C" __attribute__((visibility("default"))) CUresult
#define LOCKED                        \
    Entry entry(false);               \
    if (entry.error != CUDA_SUCCESS)  \
    return entry.error
#define IN_CONTEXT                    \
    Entry entry(true);                \
    if (entry.error != CUDA_SUCCESS)  \
    return entry.error
#define NOT_IN_CAPTURE                                    \
    if (CUresult refused = refuse_in_capture(__func__))   \
    return refused

} // namespace standin

#endif
