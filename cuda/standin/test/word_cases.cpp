#include "cases.h"
#include "driver.h"

#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

namespace {

int attribute(CUdevice_attribute a, int device = 0) {
    int value;
    OK(cuDeviceGetAttribute(&value, a, device));
    return value;
}

void usual_device() {
    OK(cuInit(0));
    int version, count;
    char name[64];
    size_t memory;
    OK(cuDriverGetVersion(&version));
    OK(cuDeviceGetCount(&count));
    OK(cuDeviceGetName(name, sizeof name, 0));
    OK(cuDeviceTotalMem(&memory, 0));
    REQUIRE(version == 12040 && count == 1);
    REQUIRE(strcmp(name, "Stand-in device (CPU)") == 0);
    REQUIRE(memory == 4ul << 30);
    REQUIRE(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) == 9 && attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) == 0);
    REQUIRE(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) == 132);
    CODE(cuDeviceGetName(name, sizeof name, 1), CUDA_ERROR_INVALID_DEVICE);
}

void no_device() {
    int count;
    CODE(cuInit(0), CUDA_ERROR_NO_DEVICE);
    CODE(cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
}

void old_driver() {
    int version;
    OK(cuInit(0));
    OK(cuDriverGetVersion(&version));
    REQUIRE(version == 11040);
}

void other_device() {
    OK(cuInit(0));
    int count;
    OK(cuDeviceGetCount(&count));
    REQUIRE(count == 2);
    REQUIRE(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 1) == 8 && attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 1) == 6);
    REQUIRE(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 1) == 4);
    CUcontext context;
    CUdevice device;
    OK(cuDevicePrimaryCtxRetain(&context, 1));
    OK(cuCtxSetCurrent(context));
    OK(cuCtxGetDevice(&device));
    REQUIRE(device == 1);
    OK(cuDevicePrimaryCtxRelease(1));
    CODE(cuCtxGetDevice(&device), CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

void second_allocation_fails() {
    Device d;
    CUdeviceptr p = allocate(1);
    CODE(cuMemAlloc(&p, 4), CUDA_ERROR_OUT_OF_MEMORY);
    CODE(cuMemAlloc(&p, 4), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemFree(p));
    release(d);
}

void little_memory() {
    Device d;
    CUdeviceptr p = allocate(150), q;
    CODE(cuMemAlloc(&q, 1604), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemAlloc(&q, 1600));
    OK(cuMemFree(p));
    OK(cuMemFree(q));
    release(d);
}

void third_launch_fails() {
    Device d;
    CUdeviceptr y = place({0});
    for (int i = 0; i < 2; i++)
        OK(run(d, "increment", 1, vector_of(0, y, 1)));
    OK(launch(d, d.stream, "increment", 1, vector_of(0, y, 1)));
    CODE(cuStreamSynchronize(d.stream), CUDA_ERROR_LAUNCH_FAILED);
    CODE(cuMemFree(y), CUDA_ERROR_LAUNCH_FAILED);
}

// Device makes four calls after cuInit.
void lost_device() {
    Device d;
    CODE(cuCtxSynchronize(), CUDA_ERROR_UNKNOWN);
    CODE(cuStreamSynchronize(d.stream), CUDA_ERROR_UNKNOWN);
    OK(cuDevicePrimaryCtxRelease(0));
}

CUresult load_image(const void *image) {
    CUcontext context;
    CUmodule module;
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    return cuModuleLoadData(&module, image);
}

// cubin makes an ELF file for a device that has one kernel.
std::vector<char> cubin(int capability, int machine = 190) {
    const char strings[] = "\0.text.increment";
    std::vector<char> file(sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Shdr) + sizeof strings);
    Elf64_Ehdr header = {};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_machine = machine;
    header.e_flags = capability;
    header.e_shoff = sizeof header;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 2;
    header.e_shstrndx = 0;
    Elf64_Shdr sections[2] = {};
    sections[0].sh_offset = sizeof header + sizeof sections;
    sections[1].sh_name = 1;
    memcpy(file.data(), &header, sizeof header);
    memcpy(file.data() + sizeof header, sections, sizeof sections);
    memcpy(file.data() + sections[0].sh_offset, strings, sizeof strings);
    return file;
}

void images() {
    OK(load_image(ptx().c_str()));
    OK(load_image(cubin(80).data()));
    OK(load_image(cubin(86).data()));
    CODE(load_image(cubin(89).data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CODE(load_image(cubin(75).data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CODE(load_image(cubin(86, 62).data()), CUDA_ERROR_INVALID_IMAGE);
    OK(load_image(ptx("8.4", 86).c_str()));
    CODE(load_image(ptx("8.0", 90).c_str()), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CODE(load_image(ptx("8.5", 70).c_str()), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    CODE(load_image("nothing of the kind"), CUDA_ERROR_INVALID_IMAGE);
    CUmodule module;
    CUfunction f;
    OK(cuModuleLoadData(&module, cubin(86).data()));
    OK(cuModuleGetFunction(&f, module, "increment"));
    CODE(cuModuleGetFunction(&f, module, "twice"), CUDA_ERROR_NOT_FOUND); // the image does not have it
}

void cut_image() { CODE(load_image(ptx().c_str()), CUDA_ERROR_INVALID_IMAGE); }

// The file is named when the library is initialized, in this process.
void report() {
    char path[] = "/tmp/standin-report-XXXXXX";
    REQUIRE(close(mkstemp(path)) == 0);
    setenv("CUDA_STANDIN", (std::string("report=") + path).c_str(), 1);
    Device d;
    CUdeviceptr y = place({0});
    OK(run(d, "increment", 1, vector_of(0, y, 1)));
    OK(run(d, "increment", 1, vector_of(0, y, 1)));
    OK(cuMemFree(y));
    release(d);
    char text[512] = "";
    FILE *f = fopen(path, "r");
    REQUIRE(f != nullptr);
    REQUIRE(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    unlink(path);
    REQUIRE(strstr(text, ": context made\n") != nullptr);
    REQUIRE(strstr(text, ": context released: 2 launches so far, nothing left\n") != nullptr);
}

void quiet() {
    Device d;
    fflush(stderr);
    CUdeviceptr p;
    CODE(cuMemAlloc(&p, 4), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuDevicePrimaryCtxRelease(0));
    REQUIRE(lseek(STDERR_FILENO, 0, SEEK_END) == 0);
}

void initialize() { cuInit(0); }

// Which threads come before which, seen by what a kernel without its barrier reads.
std::string order() {
    Device d;
    CUdeviceptr x = place(counting(256)), y = allocate(256);
    OK(run(d, "reverse", 1, vector_of(x, y, 256, NO_BARRIER)));
    std::string text;
    for (float v : fetch(y, 256))
        text += v == v ? '1' : '0';
    return text;
}

// order_with returns what order does in a process of its own, with a seed.
std::string order_with(const char *seed) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        setenv("CUDA_STANDIN", (std::string("seed=") + seed).c_str(), 1);
        const std::string text = order();
        _exit(write(ends[1], text.data(), text.size()) == (ssize_t)text.size() ? 0 : 1);
    }
    close(ends[1]);
    char text[256];
    REQUIRE(read(ends[0], text, sizeof text) == sizeof text);
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return std::string(text, sizeof text);
}

void seed_decides() {
    REQUIRE(order_with("11") == order_with("11"));
    REQUIRE(order_with("11") != order_with("12"));
}

} // namespace

std::vector<Case> word_cases() {
    return {
        {"no words", PLAIN, "", usual_device, {}},
        {"nodevice", PLAIN, "nodevice", no_device, {}},
        {"olddriver", PLAIN, "olddriver", old_driver, {}},
        {"another device", PLAIN, "devices=2,capability=86,multiprocessors=4", other_device, {}},
        {"alloc", PLAIN, "alloc=2", second_allocation_fails, {"allocation 2, of 4 bytes, fails"}},
        {"memory", PLAIN, "memory=2200", little_memory, {"of 1604 bytes, fails; 1600 bytes are free"}},
        {"launch", PLAIN, "launch=3", third_launch_fails, {"launch 3, of increment, fails"}},
        {"lost", PLAIN, "lost=5", lost_device, {"error 999"}},
        {"images", PLAIN, "capability=86", images, {"a cubin for capability 89 on a device of 86", "PTX 8.5"}},
        {"cutimage", PLAIN, "cutimage", cut_image, {}},
        {"seed", PLAIN, "", seed_decides, {}},
        {"report", PLAIN, "", report, {"nothing left"}},
        {"quiet", PLAIN, "quiet,alloc=1", quiet, {}},
        {"a word that there is not", PLAIN, "allocs=3", initialize, {"standin: CUDA_STANDIN: allocs=3: there is no such word"}, SIGABRT},
        {"a number that is none", PLAIN, "alloc=x", initialize, {"alloc=x: a number is wanted"}, SIGABRT},
        {"a value for a switch", PLAIN, "quiet=1", initialize, {"quiet=1: this word takes no value"}, SIGABRT},
    };
}

} // namespace test
