#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

namespace test {

#define DEFINE(name) decltype(&::name) name;
FUNCTIONS(DEFINE)
#undef DEFINE

void load(const char *library) {
    void *l = dlopen(library, RTLD_NOW);
    if (!l) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
#define QUOTED(name) #name
#define TEXT(name) QUOTED(name) // once cuda.h has put the version to it
#define FIND(name)                                                    \
    name = reinterpret_cast<decltype(name)>(dlsym(l, TEXT(name)));    \
    require(name != nullptr, TEXT(name), library, 0);
    FUNCTIONS(FIND)
#undef FIND
#undef TEXT
#undef QUOTED
}

void require(bool condition, const char *what, const char *file, int line) {
    if (condition)
        return;
    printf("%s:%d: %s\n", file, line, what);
    exit(1);
}

void require_code(CUresult got, CUresult want, const char *what, const char *file, int line) {
    if (got == want)
        return;
    printf("%s:%d: %s is %d, and should be %d\n", file, line, what, got, want);
    exit(1);
}

void require_equal(const std::vector<float> &got, const std::vector<float> &want, const char *file, int line) {
    require(got.size() == want.size(), "as many values as there should be", file, line);
    for (size_t i = 0; i < got.size(); i++)
        if (got[i] != want[i]) {
            printf("%s:%d: value %zu is %g, and should be %g\n", file, line, i, got[i], want[i]);
            exit(1);
        }
}

Device::Device() {
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuModuleLoadData(&module, ptx().c_str()));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
}

void release(Device &d) {
    OK(cuStreamDestroy(d.stream));
    OK(cuModuleUnload(d.module));
    OK(cuDevicePrimaryCtxRelease(0));
}

std::string ptx(const char *version, int target) {
    std::string text = std::string(".version ") + version + "\n.target sm_" + std::to_string(target) + "\n";
    for (const char *name : {"twice", "after", "reverse", "reverse_in_warps", "sum", "copy_fours", "increment", "atomic_swap", "recursion",
                             "tensor_product"})
        text += std::string(".visible .entry ") + name + "(\n)\n";
    return text;
}

CUfunction kernel(const Device &d, const char *name) {
    CUfunction f;
    OK(cuModuleGetFunction(&f, d.module, name));
    return f;
}

CUdeviceptr allocate(size_t values) {
    CUdeviceptr p;
    OK(cuMemAlloc(&p, values * sizeof(float)));
    return p;
}

CUdeviceptr place(const std::vector<float> &values) {
    CUdeviceptr p = allocate(values.size());
    OK(cuMemcpyHtoD(p, values.data(), values.size() * sizeof(float)));
    return p;
}

std::vector<float> fetch(CUdeviceptr p, size_t n) {
    std::vector<float> values(n);
    OK(cuMemcpyDtoH(values.data(), p, n * sizeof(float)));
    return values;
}

std::vector<float> counting(size_t n) {
    std::vector<float> values(n);
    for (size_t i = 0; i < n; i++)
        values[i] = i + 1;
    return values;
}

vector_args vector_of(CUdeviceptr x, CUdeviceptr y, int n, Plant plant) {
    return {reinterpret_cast<const float *>(x), reinterpret_cast<float *>(y), n, plant};
}

CUresult run(const Device &d, const char *name, unsigned blocks, const vector_args &a) {
    const CUresult e = launch(d, d.stream, name, blocks, a);
    return e ? e : cuStreamSynchronize(d.stream);
}

} // namespace test
