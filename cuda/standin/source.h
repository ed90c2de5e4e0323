// The lines of the kernels' sources, in the checked build.
#ifndef SOURCE_H
#define SOURCE_H

#include <stddef.h>
#include <stdint.h>

namespace standin {

// source_line writes file:line of an address in this library's code, or the offset where addr2line cannot tell.
void source_line(uintptr_t code, char *text, size_t size);

} // namespace standin

#endif
