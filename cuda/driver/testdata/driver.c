// A libcuda.so.1 that opens no card, and fails in the way that macros say. It writes "loaded" where it is loaded.
#include <stdio.h>

#ifndef INIT
#define INIT 0
#endif
#ifndef VERSION
#define VERSION 12000
#endif
#ifndef COUNT
#define COUNT 2
#endif
#ifndef CAPABILITY
#define CAPABILITY 70
#endif
#ifndef RETAIN
#define RETAIN 0
#endif
#ifndef STREAM
#define STREAM 0
#endif
#ifndef PINNED
#define PINNED 0
#endif

__attribute__((constructor)) static void loaded(void) {
    puts("loaded");
    fflush(stdout);
}

#ifndef NO_INIT
int cuInit(unsigned flags) { return flags ? 1 : INIT; }

// As libraries do, this one calls its own function by its name. The program's cuInit, which takes any flags, must not come first.
int cuDriverGetVersion(int *version) { return *version = cuInit(1) == 1 ? VERSION : 1, 0; }
#endif

int cuDeviceGetCount(int *count) { return *count = COUNT, 0; }
int cuDeviceGet(int *device, int index) { return *device = index, 0; }
int cuDeviceGetName(char *name, int size, int device) { return snprintf(name, size, "Card %d", device), 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 1 << 30, (void)device, 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    *value = attribute == 75 ? CAPABILITY / 10 : attribute == 76 ? CAPABILITY % 10 : 1;
    return 0;
}

static int held;

int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = &held, held++, (void)device, RETAIN; }
int cuDevicePrimaryCtxRelease_v2(int device) { return held--, (void)device, puts("released"), fflush(stdout), 0; }
int cuCtxSetCurrent(void *context) { return context == &held ? 0 : 201; }
int cuStreamCreate(void **stream, unsigned flags) { return *stream = &held, (void)flags, STREAM; }
int cuStreamDestroy_v2(void *stream) { return stream == &held ? 0 : 400; }
int cuMemHostAlloc(void **p, size_t size, unsigned flags) { return (void)p, (void)size, (void)flags, PINNED; }

#ifndef NO_TEXT
int cuGetErrorName(int code, const char **name) {
    *name = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OTHER";
    return 0;
}

int cuGetErrorString(int code, const char **text) {
    *text = code == 2 ? "out of memory" : "another error";
    return 0;
}
#endif
