// Images, and launches of their kernels. An image is not executed: it only says which of the library's kernels can be launched, after
// the checks that a card's driver would make.
#include "driver.h"
#include "memory.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

using namespace standin;

namespace standin {

unsigned long launch_count;

namespace {

enum { EM_CUDA_CARD = 190 }; // of ELF files that are cubins

// read_cubin collects the names of the kernels, which have a section each.
CUresult read_cubin(const char *image, std::set<std::string> *names) {
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);
    if (header.e_machine != EM_CUDA_CARD)
        return CUDA_ERROR_INVALID_IMAGE;
    const unsigned capability = header.e_flags & 0xff, ours = options().capability;
    if (capability / 10 != ours / 10 || capability % 10 > ours % 10) {
        say("a cubin for capability %u on a device of %u", capability, ours);
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    memcpy(sections.data(), image + header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
    if (header.e_shstrndx >= sections.size())
        return CUDA_ERROR_INVALID_IMAGE;
    const char *strings = image + sections[header.e_shstrndx].sh_offset;
    for (const Elf64_Shdr &s : sections)
        if (strncmp(strings + s.sh_name, ".text.", 6) == 0)
            names->insert(strings + s.sh_name + 6);
    return CUDA_SUCCESS;
}

// read_ptx collects the names of the kernels, which are entries. A driver reads PTX up to its own version: that of CUDA 12.4 is 8.4.
CUresult read_ptx(const char *image, std::set<std::string> *names) {
    const char *version = strstr(image, ".version "), *target = strstr(image, ".target sm_");
    unsigned major, minor, capability;
    if (!version || !target || sscanf(version, ".version %u.%u", &major, &minor) != 2 || sscanf(target, ".target sm_%u", &capability) != 1)
        return CUDA_ERROR_INVALID_IMAGE;
    if (major * 10 + minor > 84) {
        say("PTX %u.%u, with a driver that knows up to 8.4", major, minor);
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    }
    if (capability > options().capability) {
        say("PTX for capability %u on a device of %lu", capability, options().capability);
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    static const char entry[] = ".entry ";
    for (const char *at = image; (at = strstr(at, entry));) {
        at += sizeof entry - 1;
        names->insert(std::string(at, strcspn(at, " (\n")));
    }
    return CUDA_SUCCESS;
}

const Kernel *find_kernel(const std::string &name) {
    for (const Kernel *k = Kernel::first; k; k = k->next)
        if (name == k->name)
            return k;
    return nullptr;
}

// is_loaded returns whether an image of the current context has the kernel.
bool is_loaded(const Kernel *k) {
    for (const Module *m : modules.all())
        if (m->context == current_context && m->kernels.count(k))
            return true;
    return false;
}

// launch does what a stream or a graph has come to.
void launch(Context *context, const Launch &l) {
    if (context->error)
        return;
    launch_count++;
    if (options().launch && launch_count >= options().launch) {
        say("launch %lu, of %s, fails, as CUDA_STANDIN wants", launch_count, l.kernel->name);
        fail(context, CUDA_ERROR_LAUNCH_FAILED);
        return;
    }
    const Fault fault = execute(l, options().seed * 1000003 + launch_count);
    if (fault.code) {
        say("%s", fault.text.c_str());
        fail(context, (CUresult)fault.code);
        return;
    }
    const std::string wrong = damage();
    if (!wrong.empty()) {
        say("kernel %s: %s", l.kernel->name, wrong.c_str());
        fail(context, CUDA_ERROR_ILLEGAL_ADDRESS);
    }
}

// take_arguments copies the arguments, which are one struct, to the launch.
CUresult take_arguments(Launch *l, void **parameters, void **extra) {
    const void *buffer = nullptr;
    size_t size = 0;
    if (parameters) {
        buffer = parameters[0];
        size = l->kernel->size;
    }
    for (void **e = extra; e && *e != CU_LAUNCH_PARAM_END; e += 2) {
        if (*e == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = e[1];
        else if (*e == CU_LAUNCH_PARAM_BUFFER_SIZE)
            size = *static_cast<size_t *>(e[1]);
    }
    if (!buffer || size != l->kernel->size || size > sizeof l->arguments || (parameters && extra)) {
        say("launch of %s with %zu bytes of arguments: it takes %u", l->kernel->name, size, l->kernel->size);
        return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(l->arguments, buffer, size);
    return CUDA_SUCCESS;
}

} // namespace
} // namespace standin

API cuModuleLoadData(CUmodule *module, const void *data) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    if (options().cutimage)
        return CUDA_ERROR_INVALID_IMAGE;
    const char *image = static_cast<const char *>(data);
    std::set<std::string> names;
    CUresult e = memcmp(image, ELFMAG, SELFMAG) == 0 ? read_cubin(image, &names) : read_ptx(image, &names);
    if (e != CUDA_SUCCESS)
        return e;
    Module *m = new Module();
    m->context = current_context;
    for (const std::string &name : names) {
        const Kernel *k = find_kernel(name);
        if (k)
            m->kernels.insert(k);
        else
            say("the image has a kernel %s, but the library was built without it", name.c_str());
    }
    *module = modules.add(m);
    return CUDA_SUCCESS;
}

API cuModuleUnload(CUmodule module) {
    IN_CONTEXT;
    NOT_IN_CAPTURE;
    Module *m = modules.find(module);
    if (!m || m->context != current_context)
        return CUDA_ERROR_INVALID_HANDLE;
    finish_all(current_context);
    modules.remove(m);
    return current_context->error;
}

API cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    IN_CONTEXT;
    const Module *m = modules.find(module);
    if (!m || m->context != current_context)
        return CUDA_ERROR_INVALID_HANDLE;
    const Kernel *k = find_kernel(name);
    if (!k || !m->kernels.count(k))
        return CUDA_ERROR_NOT_FOUND;
    *function = reinterpret_cast<CUfunction>(const_cast<Kernel *>(k));
    return CUDA_SUCCESS;
}

API cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
    IN_CONTEXT;
    const Kernel *k = reinterpret_cast<const Kernel *>(function);
    if (!is_loaded(k))
        return CUDA_ERROR_INVALID_HANDLE;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
        return CUDA_ERROR_INVALID_VALUE;
    *value = k->threads;
    return CUDA_SUCCESS;
}

API cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared, CUstream stream, void **parameters, void **extra) {
    IN_CONTEXT;
    const Kernel *k = reinterpret_cast<const Kernel *>(function);
    if (!is_loaded(k))
        return CUDA_ERROR_INVALID_HANDLE;
    const bool grid_fits = grid_x && grid_y && grid_z && grid_x <= 0x7fffffff && grid_y <= 65535 && grid_z <= 65535;
    if (!grid_fits || block_x != k->threads || block_y != 1 || block_z != 1 || shared) {
        say("launch of %s with a grid of %u × %u × %u blocks of %u × %u × %u threads and %u bytes of shared memory: it takes %u × 1 × 1, and 0",
            k->name, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared, k->threads);
        return CUDA_ERROR_INVALID_VALUE;
    }
    auto l = std::make_shared<Launch>();
    l->kernel = k;
    l->grid[0] = grid_x;
    l->grid[1] = grid_y;
    l->grid[2] = grid_z;
    if (CUresult e = take_arguments(l.get(), parameters, extra))
        return e;
    Stream *s;
    if (CUresult e = find_stream(stream, &s))
        return e;
    Context *context = current_context;
    return enqueue(s, [context, l] { launch(context, *l); });
}
