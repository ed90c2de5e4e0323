//go:build cuda

// The driver's functions. A program that is linked with libcuda.so does not even start where there is no driver, so this one is
// not: each function is a jump through an address of our own, which open_library fills in.
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>

#include "library.h"

// Hidden: what a program exports comes before the functions of that name in the libraries that it loads, even when these call each
// other, so the driver would call our cuInit. Whether a function that is not hidden is exported is up to the linker.
#define HIDDEN __attribute__((visibility("hidden")))

typedef CUresult function(void);

static CUresult no_driver(void) { return CUDA_ERROR_NO_DEVICE; }
static CUresult no_function(void) { return CUDA_ERROR_NOT_FOUND; }

#define FUNCTION(name) HIDDEN function *address_of_##name = no_driver;
#include "functions.h"
#undef FUNCTION

// Arguments and results stay where they are.
#if defined(__x86_64__)
#define JUMP(address) "jmp *" address "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(address) "adrp x16, " address "\n ldr x16, [x16, #:lo12:" address "]\n br x16\n"
#else
#error "-tags cuda is for amd64 and arm64: library.c has no jump for this processor"
#endif

#define FUNCTION(name)                                \
    __asm__(".text\n"                                 \
            ".balign 16\n"                            \
            ".globl " #name "\n"                      \
            ".hidden " #name "\n"                     \
            ".type " #name ", %function\n" #name ":\n" \
            JUMP("address_of_" #name)                 \
            ".size " #name ", . - " #name "\n");
#include "functions.h"
#undef FUNCTION

// The package cu calls cuInit before main, and exits if it fails. The driver's own cuInit is for open_library to call.
HIDDEN CUresult cuInit(unsigned int flags) {
    (void)flags;
    return CUDA_SUCCESS;
}

static const struct {
    const char *name;
    function **address;
} functions[] = {
#define FUNCTION(name) {#name, &address_of_##name},
#include "functions.h"
#undef FUNCTION
};

int open_library(char *why_not, unsigned long size) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(why_not, size, "%s", dlerror());
        return CUDA_ERROR_NO_DEVICE;
    }
    CUresult (*init)(unsigned int) = (CUresult(*)(unsigned int))dlsym(library, "cuInit");
    if (!init) {
        snprintf(why_not, size, "%s", dlerror());
        return CUDA_ERROR_NO_DEVICE;
    }
    for (unsigned i = 0; i < sizeof functions / sizeof *functions; i++) {
        function *found = (function *)dlsym(library, functions[i].name);
        *functions[i].address = found ? found : no_function;
    }
    return init(0);
}
