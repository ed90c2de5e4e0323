#include "memory.h"

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

namespace standin {

namespace {

enum : size_t { PAGE = 4096, ALIGNMENT = 256 };

std::map<uintptr_t, Allocation> all;
std::map<uintptr_t, std::pair<size_t, Context *>> host;
unsigned count;
int users;                       // OpenMemory that live
std::vector<Allocation *> opened; // has room for all, for a handler of signals may not allocate

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void protect(const Allocation &a, int protection) {
    mprotect((void *)(a.map_begin + PAGE), a.map_end - a.map_begin - 2 * PAGE, protection);
}

// mapped_at returns what is mapped at an address, or nullptr.
Allocation *mapped_at(uintptr_t address) {
    auto after = all.upper_bound(address);
    if (after == all.begin())
        return nullptr;
    Allocation &a = std::prev(after)->second;
    return address < a.map_end ? &a : nullptr;
}

// untouched returns whether all bytes carry the pattern.
bool untouched(uintptr_t begin, uintptr_t end) {
    auto p = reinterpret_cast<const unsigned char *>(begin);
    return begin == end || (*p == 0xff && memcmp(p, p + 1, end - begin - 1) == 0);
}

std::string name(const Allocation &a) {
    return "allocation " + std::to_string(a.number) + " of " + std::to_string(a.end - a.begin) + " bytes";
}

} // namespace

Allocation *allocate(Context *owner, size_t size) {
    const size_t inner = round_up(size, ALIGNMENT), pages = round_up(inner, PAGE);
    void *p = mmap(nullptr, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return nullptr;
    Allocation a = {};
    a.owner = owner;
    a.number = ++count;
    a.map_begin = (uintptr_t)p;
    a.map_end = a.map_begin + pages + 2 * PAGE;
    a.begin = a.map_end - PAGE - inner;
    a.end = a.begin + size;
    protect(a, PROT_READ | PROT_WRITE);
    memset((void *)(a.map_begin + PAGE), 0xff, pages);
    protect(a, PROT_NONE);
    Allocation *kept = &(all[a.map_begin] = a);
    opened.reserve(all.size());
    return kept;
}

void release(Allocation *a) {
    madvise((void *)a->map_begin, a->map_end - a->map_begin, MADV_DONTNEED);
    protect(*a, PROT_NONE);
    a->open = false;
    a->freed = true;
    opened.erase(std::remove(opened.begin(), opened.end(), a), opened.end());
}

Allocation *allocation_at(uintptr_t address, size_t size) {
    Allocation *a = mapped_at(address);
    return a && !a->freed && address >= a->begin && address <= a->end && size <= a->end - address ? a : nullptr;
}

const std::map<uintptr_t, Allocation> &allocations() { return all; }

OpenMemory::OpenMemory() { users++; }

OpenMemory::~OpenMemory() {
    if (--users)
        return;
    for (Allocation *a : opened) {
        protect(*a, PROT_NONE);
        a->open = false;
    }
    opened.clear();
}

bool open_memory(uintptr_t address) {
    Allocation *a = mapped_at(address);
    if (!users || !a || a->open || a->freed || address < a->map_begin + PAGE || address >= a->map_end - PAGE)
        return false;
    protect(*a, PROT_READ | PROT_WRITE);
    a->open = true;
    opened.push_back(a);
    return true;
}

std::string describe_memory(uintptr_t address) {
    const Allocation *a = mapped_at(address);
    if (!a)
        return "no allocation is near";
    const std::string of = name(*a) + (a->freed ? ", which was freed" : "");
    if (address < a->begin)
        return std::to_string(a->begin - address) + " bytes before " + of;
    if (address >= a->end)
        return std::to_string(address - a->end) + " bytes past the end of " + of;
    return "byte " + std::to_string(address - a->begin) + " of " + of;
}

std::string damage() {
    for (const Allocation *a : opened) {
        if (!untouched(a->map_begin + PAGE, a->begin))
            return "a write before " + name(*a);
        if (!untouched(a->end, a->map_end - PAGE))
            return "a write past the end of " + name(*a);
    }
    return "";
}

void *allocate_host(Context *owner, size_t size) {
    void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return nullptr;
    memset(p, 0xff, size);
    host[(uintptr_t)p] = {size, owner};
    return p;
}

bool release_host(void *p) {
    auto entry = host.find((uintptr_t)p);
    if (entry == host.end())
        return false;
    munmap(p, entry->second.first);
    host.erase(entry);
    return true;
}

bool is_page_locked(const void *p, size_t size) {
    auto after = host.upper_bound((uintptr_t)p);
    if (after == host.begin())
        return false;
    auto entry = std::prev(after);
    const size_t offset = (uintptr_t)p - entry->first;
    return offset <= entry->second.first && size <= entry->second.first - offset;
}

const std::map<uintptr_t, std::pair<size_t, Context *>> &host_allocations() { return host; }

void release_all(const Context *owner) {
    for (auto &entry : all)
        if (!entry.second.freed && entry.second.owner == owner)
            release(&entry.second);
    for (auto entry = host.begin(); entry != host.end();) {
        const auto here = entry++;
        if (here->second.second == owner)
            release_host((void *)here->first);
    }
}

} // namespace standin
