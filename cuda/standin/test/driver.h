// The driver's functions, found in a library at run time, and what most tests do with them.
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include "args.h"

#include <cuda.h>
#include <stddef.h>

#include <string>
#include <vector>

namespace test {

// In this namespace the names of the functions are those found.
#define FUNCTIONS(F)                                                                                                       \
    F(cuInit) F(cuDriverGetVersion) F(cuDeviceGetCount) F(cuDeviceGet) F(cuDeviceGetName) F(cuDeviceTotalMem)              \
    F(cuDeviceGetAttribute) F(cuDevicePrimaryCtxRetain) F(cuDevicePrimaryCtxRelease) F(cuCtxSetCurrent) F(cuCtxGetDevice)  \
    F(cuCtxSynchronize) F(cuMemGetInfo) F(cuMemAlloc) F(cuMemFree) F(cuMemHostAlloc) F(cuMemFreeHost) F(cuMemcpyHtoD)      \
    F(cuMemcpyDtoH) F(cuMemcpyHtoDAsync) F(cuMemcpyDtoHAsync) F(cuMemcpyDtoDAsync) F(cuMemsetD32) F(cuMemsetD32Async)      \
    F(cuModuleLoadData) F(cuModuleUnload) F(cuModuleGetFunction) F(cuFuncGetAttribute) F(cuLaunchKernel) F(cuStreamCreate) \
    F(cuStreamDestroy) F(cuStreamSynchronize) F(cuStreamQuery) F(cuStreamWaitEvent) F(cuStreamBeginCapture)                \
    F(cuStreamEndCapture) F(cuEventCreate) F(cuEventDestroy) F(cuEventRecord) F(cuEventSynchronize) F(cuEventQuery)        \
    F(cuEventElapsedTime) F(cuGraphInstantiateWithFlags) F(cuGraphDestroy) F(cuGraphLaunch) F(cuGraphExecDestroy)          \
    F(cuGetErrorName) F(cuGetErrorString)
#define DECLARE(name) extern decltype(&::name) name;
FUNCTIONS(DECLARE)
#undef DECLARE

// load finds the functions in a library.
void load(const char *library);

// These end the process, with a message, if something is not as it should be.
void require(bool, const char *what, const char *file, int line);
void require_code(CUresult got, CUresult want, const char *what, const char *file, int line);
void require_equal(const std::vector<float> &got, const std::vector<float> &want, const char *file, int line);
#define REQUIRE(condition) require(condition, #condition, __FILE__, __LINE__)
#define CODE(call, want) require_code(call, want, #call, __FILE__, __LINE__)
#define OK(call) CODE(call, CUDA_SUCCESS)
#define EQUAL(got, want) require_equal(got, want, __FILE__, __LINE__)

// A device with its context, the kernels and a stream, for the length of a test.
struct Device {
    CUcontext context;
    CUmodule module;
    CUstream stream;
    Device();
};
// release frees a device's things, and its context.
void release(Device &);

// ptx is an image that has the test kernels.
std::string ptx(const char *version = "8.0", int target = 70);
CUfunction kernel(const Device &, const char *name);

CUdeviceptr place(const std::vector<float> &values); // in new memory
CUdeviceptr allocate(size_t values);
std::vector<float> fetch(CUdeviceptr, size_t values);
std::vector<float> counting(size_t n); // 1, 2, 3, …

// launch launches a kernel, with its arguments in one struct.
template <class Arguments> CUresult launch(const Device &d, CUstream stream, const char *name, unsigned blocks, const Arguments &a) {
    void *parameters[] = {const_cast<Arguments *>(&a)};
    return cuLaunchKernel(kernel(d, name), blocks, 1, 1, 256, 1, 1, 0, stream, parameters, nullptr);
}

// vector_of makes the arguments of most kernels.
vector_args vector_of(CUdeviceptr x, CUdeviceptr y, int n, Plant = RIGHT);

// run does one launch and waits for it.
CUresult run(const Device &, const char *name, unsigned blocks, const vector_args &);

} // namespace test

#endif
