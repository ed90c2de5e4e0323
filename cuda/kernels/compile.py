"""Compiles the kernels to images/: a cubin for each compute capability in CARDS, PTX for later cards, and table.md, which says what
each kernel takes of a multiprocessor. With -check, nothing is written, and what is committed must be what would be.

No card, driver or toolkit is needed: the compiler comes from the wheels in requirements.txt, into .cuda-toolkit/ below the top folder,
where it is missing. The same sources give the same bytes, from whatever folder. A warning is a failure, and so is a kernel that spills
registers to memory.
"""

import ctypes
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
IMAGES = os.path.join(HERE, "images")
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
TOOLKIT = os.path.join(TOP, ".cuda-toolkit")

OPTIONS = ["--std=c++17", "--fmad=false"]  # products and sums are rounded where the sources say so: as on the CPU
LATER = 90  # cards after this one compile its PTX when they load it
THREADS = 256  # of a block, in every kernel

# By compute capability, what a multiprocessor has: threads, bytes of shared memory, and bytes of that for each block besides its own.
# CUDA C++ programming guide, "Technical specifications per compute capability".
CARDS = {
    70: (2048, 96 << 10, 0),
    75: (1024, 64 << 10, 0),
    80: (2048, 164 << 10, 1024),
    86: (1536, 100 << 10, 1024),
    89: (1536, 100 << 10, 1024),
    90: (2048, 228 << 10, 1024),
}
REGISTERS = 65536  # of a multiprocessor of each of them


def install():
    """Puts the compiler into TOOLKIT, unless what is there is of the same requirements."""
    done = os.path.join(TOOLKIT, "requirements.txt")
    if os.path.exists(done) and read(done) == read(REQUIREMENTS):
        return
    with tempfile.TemporaryDirectory(prefix=".cuda-toolkit-", dir=TOP) as folder:
        quietly = ["--quiet", "--disable-pip-version-check"]
        pinned = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", REQUIREMENTS]
        pip = subprocess.run([sys.executable, "-m", "pip", "install", *quietly, *pinned, "--target", folder],
                             env=os.environ | {"PIP_ROOT_USER_ACTION": "ignore"})
        if pip.returncode:
            raise SystemExit("compile.py: pip has not installed what cuda/kernels/requirements.txt lists")
        shutil.copy(REQUIREMENTS, folder)
        shutil.rmtree(TOOLKIT, ignore_errors=True)
        os.mkdir(TOOLKIT)
        for name in sorted(os.listdir(folder), key=lambda name: name == os.path.basename(done)):  # what says that it is done, last
            os.rename(os.path.join(folder, name), os.path.join(TOOLKIT, name))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def part(*names):
    """The path of a file or folder of the toolkit."""
    return os.path.join(TOOLKIT, "nvidia", *names)


class Compiler:
    """NVRTC, which makes PTX of CUDA C++."""

    def __init__(self):
        self.library = ctypes.CDLL(part("cuda_nvrtc", "lib", "libnvrtc.so.12"))
        self.include = ["-I" + HERE, "-I" + part("cuda_runtime", "include"), "-I" + part("cuda_nvcc", "include")]

    def text(self, program, what):
        """Returns one of a program's texts, without the zero at its end."""
        size = ctypes.c_size_t()
        self.call("nvrtcGet%sSize" % what, program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self.call("nvrtcGet%s" % what, program, buffer)
        return buffer.value

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise SystemExit("compile.py: %s failed with %d" % (name, code))

    def ptx(self, capability):
        """Returns the kernels' PTX for a compute capability."""
        program = ctypes.c_void_p()
        source = read(os.path.join(HERE, "kernels.cu"))
        self.call("nvrtcCreateProgram", ctypes.byref(program), source, b"kernels.cu", 0, None, None)
        options = [o.encode() for o in OPTIONS + self.include + ["--gpu-architecture=compute_%d" % capability]]
        failed = self.library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = self.text(program, "ProgramLog")
        if failed or log.strip():
            raise SystemExit("compile.py: NVRTC says of compute_%d:\n%s" % (capability, log.decode()))
        ptx = self.text(program, "PTX")
        self.call("nvrtcDestroyProgram", ctypes.byref(program))
        return ptx


# What ptxas -v says of a kernel.
USE = re.compile(r"Function properties for (\w+)\n.* (\d+) bytes spill stores, (\d+) bytes spill loads\n.*Used (\d+) registers(.*)")


def assemble(ptx, capability):
    """Returns the cubin of PTX, and of each kernel its registers and its bytes of shared memory, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "kernels.ptx"), "wb") as f:
            f.write(ptx)
        command = [part("cuda_nvcc", "bin", "ptxas"), "-v", "-arch=sm_%d" % capability, "kernels.ptx", "-o", "kernels.cubin"]
        ptxas = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if ptxas.returncode or "warning" in ptxas.stderr:
            raise SystemExit("compile.py: ptxas says of sm_%d:\n%s" % (capability, ptxas.stderr))
        cubin = read(os.path.join(folder, "kernels.cubin"))
    use = {}
    for kernel, stores, loads, registers, rest in USE.findall(ptxas.stderr):
        if int(stores) or int(loads):
            raise SystemExit("compile.py: %s spills for sm_%d: %s bytes stored, %s loaded" % (kernel, capability, stores, loads))
        shared = re.search(r"(\d+) bytes smem", rest)
        use[kernel] = int(registers), int(shared.group(1)) if shared else 0
    if set(use) != set(re.findall(r"\.entry (\w+)", ptx.decode())):
        raise SystemExit("compile.py: ptxas -v for sm_%d does not tell the use of every kernel:\n%s" % (capability, ptxas.stderr))
    return cubin, use


def blocks(capability, registers, shared):
    """Returns how many blocks of a kernel are on a multiprocessor at once."""
    threads, memory, reserved = CARDS[capability]
    each = -(-registers // 8) * 8 * THREADS  # registers are given out in eights to a thread
    each_memory = -(-shared // 256) * 256 + reserved
    return min(threads // THREADS, REGISTERS // each, memory // each_memory if each_memory else threads)


def table(uses):
    """Returns table.md. uses has what assemble returns of the use, by capability."""
    lines = [
        "# What the kernels take",
        "",
        "Made by `make cuda-kernels`. A kernel has, by a card's compute capability: registers of a thread; blocks, of %d threads," % THREADS,
        "that registers and shared memory leave room for on a multiprocessor at once; the occupancy, the part of its threads that these",
        "are. None spills registers to memory. Where there is nothing, the card has no tensor cores for TF32. Shared memory, in bytes of",
        "a block, is the same on all.",
        "",
        "| kernel | shared | " + " | ".join("%d.%d" % divmod(c, 10) for c in CARDS) + " |",
        "|---|--:|" + "--:|" * len(CARDS),
    ]
    for kernel in sorted(uses[LATER]):
        cells = []
        for capability, (threads, _, _) in CARDS.items():
            if kernel not in uses[capability]:
                cells.append("")
                continue
            registers, shared = uses[capability][kernel]
            if shared != uses[LATER][kernel][1]:
                raise SystemExit("compile.py: %s has %d bytes of shared memory for sm_%d" % (kernel, shared, capability))
            n = blocks(capability, registers, shared)
            cells.append("%d · %d · %d %%" % (registers, n, 100 * n * THREADS // threads))
        lines.append("| %s | %d | %s |" % (kernel, uses[LATER][kernel][1], " | ".join(cells)))
    return "\n".join(lines) + "\n"


def build():
    """Returns the contents of the files in IMAGES, by name, those of .gz files before they are compressed."""
    compiler, files, uses = Compiler(), {}, {}
    for capability in CARDS:
        ptx = compiler.ptx(capability)
        files["sm_%d.cubin.gz" % capability], uses[capability] = assemble(ptx, capability)
        if capability == LATER:
            files["compute_%d.ptx.gz" % capability] = ptx
    files["table.md"] = table(uses).encode()
    return files


def committed(name):
    """Returns the contents of a file in IMAGES, or None, as where it is damaged."""
    path = os.path.join(IMAGES, name)
    if not os.path.exists(path):
        return None
    try:
        return gzip.decompress(read(path)) if name.endswith(".gz") else read(path)
    except (OSError, EOFError, zlib.error):
        return None


def check(files):
    """Ends the program if IMAGES has not these files, and these alone. What is compressed is compared as it was before: zlib's versions
    compress differently."""
    wrong = [name for name in sorted(set(files) | set(os.listdir(IMAGES))) if name not in files or files[name] != committed(name)]
    if wrong:
        raise SystemExit("compile.py: not what make cuda-kernels makes: " + ", ".join("cuda/kernels/images/" + name for name in wrong))


def write(files):
    os.makedirs(IMAGES, exist_ok=True)
    for name in os.listdir(IMAGES):
        if name not in files:
            os.remove(os.path.join(IMAGES, name))
    for name, contents in files.items():
        if contents != committed(name):
            with open(os.path.join(IMAGES, name), "wb") as f:
                f.write(gzip.compress(contents, 9, mtime=0) if name.endswith(".gz") else contents)


def main():
    if sys.argv[1:] not in ([], ["-check"]):
        raise SystemExit("usage: compile.py [-check]")
    install()
    files = build()
    print(files["table.md"].decode())
    if sys.argv[1:]:
        check(files)
    else:
        write(files)


main()
