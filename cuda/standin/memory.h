// The memory of the stand-in devices.
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <string>

namespace standin {

struct Context;

// A piece of device memory: [begin, end), in a mapping of its own with a page at each end that must not be touched. It ends 256 bytes
// before the last page at most, so that almost every step past the end meets that page; the bytes between carry a pattern, and are checked.
struct Allocation {
    Context *owner;
    unsigned number; // counted from 1
    uintptr_t begin, end;
    uintptr_t map_begin, map_end; // pages and all
    bool open;                    // the host and kernels can touch it
    bool freed;
};

// allocate returns new memory, which is all NaN, or nullptr.
Allocation *allocate(Context *owner, size_t size);
// release frees memory. Its addresses are not used again, so that a late use is seen.
void release(Allocation *);
// release_all frees what is left of an owner, page-locked memory too.
void release_all(const Context *owner);
// allocation_at returns the one that [address, address + size) is in, or nullptr.
Allocation *allocation_at(uintptr_t address, size_t size);
const std::map<uintptr_t, Allocation> &allocations(); // by where they are mapped; those that were freed are among them

// Device memory can be touched only while an OpenMemory lives, and only what was opened. For kernels that is done as they come to it:
// a launch costs what it touches, not what there is.
class OpenMemory {
  public:
    OpenMemory();
    ~OpenMemory(); // closes all that was opened
};
// open_memory opens the allocation at an address, and returns whether there is one that was closed. Handlers of signals may call it.
bool open_memory(uintptr_t address);

// describe_memory says what an address is near to.
std::string describe_memory(uintptr_t address);
// damage says which allocation, of those that are open, was written past its ends, or is empty.
std::string damage();

// Page-locked memory of the host.
void *allocate_host(Context *owner, size_t size);
bool release_host(void *);
bool is_page_locked(const void *, size_t size);
const std::map<uintptr_t, std::pair<size_t, Context *>> &host_allocations();

} // namespace standin

#endif
