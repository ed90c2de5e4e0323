#include "source.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

namespace standin {

// addr2line comes with the compiler that built the library. -s leaves the folders out.
void source_line(uintptr_t code, char *text, size_t size) {
    Dl_info library = {};
    dladdr((void *)source_line, &library);
    const unsigned long offset = code - (uintptr_t)library.dli_fbase;
    snprintf(text, size, "code +%#lx", offset);
    char command[600], line[200] = "";
    snprintf(command, sizeof command, "addr2line -s -e '%s' %#lx 2>/dev/null", library.dli_fname, offset);
    FILE *f = popen(command, "r");
    if (!f)
        return;
    if (fgets(line, sizeof line, f) && !strchr(line, '?')) {
        line[strcspn(line, " \n")] = 0;
        snprintf(text, size, "%s", line);
    }
    pclose(f);
}

} // namespace standin
