"""The parts of the check that say whether all is right."""

import csv
import datetime
import gzip
import json
import os
import re
import shutil
import struct

from process import Failed, tail

EPOCHS = 10
NEAR = 0.3  # nats: how far the card's test loss may be from the CPU's

# A network and a data set on which the stand-in, and compute-sanitizer, take seconds.
SMALL = ["-hidden", "24", "-latent", "4", "-batch", "32"]
SMALL_EPOCHS = 2
SMALL_IMAGES = {"train": 320, "t10k": 100}


def machine(check):
    """Says what it runs on."""
    words = json.loads(check.run("gostep", *small_step(check), limit=60).splitlines()[-1])["device"]
    lines = [datetime.date.today().isoformat(), words, f"{os.cpu_count()} cores"]
    query = "name,driver_version,memory.total,compute_cap,clocks.max.sm,power.limit"
    if shutil.which("nvidia-smi"):
        out = check.runner.run(["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"], 20)
        lines.append(f"nvidia-smi ({query}): {out.strip()}")
    if shutil.which("nvcc"):
        lines.append("nvcc: " + check.runner.run(["nvcc", "--version"], 20).splitlines()[-1])
    return "\n".join(f"- {line}" for line in lines)


def small_step(check):
    """Returns gostep's flags for a few steps of a small network."""
    return ["-data", check.data, "-device", "cuda", "-hidden", "24", "-latent", "4", "-batch", "32", "-seconds", "0.05"]


# What of a test binary is run, its limit in seconds, and what of it the stand-in runs. Some of the driver's tests build
# drivers of their own, which needs a C compiler, and nothing of a card.
TESTS = [
    ("cuda.test", [], 150, ["-test.run", "ToTheBit|InputsAreFilled|MNIST"]),
    ("driver.test", ["-test.skip", "^Test(Unavailable|NoDriver|LoadedWhenWanted|LinkedWithoutDriver)$"], 60, None),
]


def tests(check):
    """Runs the tests of the machine, the kernels and the driver."""
    lines, failures = [], []
    for name, flags, limit, of_standin in TESTS:
        if check.standin and of_standin:
            flags = of_standin
        out, why = check.runner.attempt([check.program(name), "-test.v", *flags], limit)
        results = {word: re.findall(rf"^--- {word}: (\S+)", out, re.MULTILINE) for word in ("PASS", "FAIL", "SKIP")}
        passed, failed, skipped = (len(results[word]) for word in ("PASS", "FAIL", "SKIP"))
        lines.append(f"- {name} {' '.join(flags)}: {passed} passed, {failed} failed, {skipped} skipped")
        if why or not passed:
            messages = re.findall(r"^\s+\S+_test\.go:\d+: .*", out, re.MULTILINE)
            failures += [*messages[:20], why or f"{name}: no test ran"]
    if failures:
        raise Failed("\n".join(lines + failures))
    return "\n".join(lines)


class Training:
    """Runs of the command train, on the same data."""

    def __init__(self, check):
        self.check = check
        self.epochs, self.flags = EPOCHS, []
        self.data = check.data
        if check.standin:
            self.epochs, self.flags, self.data = SMALL_EPOCHS, SMALL, small_data(check)

    def run(self, name, *flags, epochs=None):
        """Trains in a folder of that name, which is returned."""
        out = self.check.scratch / "runs" / name
        self.check.run(
            "train", "-data", self.data, "-out", out, "-epochs", epochs or self.epochs, *self.flags, *flags, limit=90
        )
        return out


def training(check):
    """Trains to the end: to the CPU's loss, the same bits twice, and when it is resumed; images are drawn and can be generated."""
    t = Training(check)
    first = t.run("first", "-device", "cuda")
    cpu, ours = test_loss(t.run("cpu", "-device", "cpu")), test_loss(first)
    losses = [("cuda", ours)]
    if not check.standin:
        losses.append(("cuda, tf32", test_loss(t.run("tf32", "-device", "cuda", "-precision", "tf32"))))
    lines = [f"- test loss after {t.epochs} epochs, nats per image: {cpu:.2f} on the CPU"]
    lines += [f", {loss:.2f} ({name})" for name, loss in losses]
    lines = ["".join(lines)]
    for name, loss in losses:
        if not abs(loss - cpu) <= NEAR:  # also true for NaN
            raise Failed(f"{name}: the test loss is {loss}, and the CPU's {cpu}")

    same_tensors(first, t.run("again", "-device", "cuda"), "trained again")
    t.run("resumed", "-device", "cuda", epochs=t.epochs // 2)
    same_tensors(first, t.run("resumed", "-device", "cuda", "-resume"), "resumed")
    lines.append("- the same bits when trained again, and when resumed half way")

    for folder in ("samples", "reconstructions"):
        pictures = list((first / folder).glob("*.png"))
        if len(pictures) != t.epochs:
            raise Failed(f"{folder} has {len(pictures)} pictures after {t.epochs} epochs")
    samples = check.scratch / "samples.png"
    check.run("generate", "-checkpoint", first / "best.safetensors", "-device", "cuda", "-out", samples)
    lines.append(f"- {t.epochs} pictures in samples, and generate draws one of {samples.stat().st_size} bytes")
    return "\n".join(lines)


def metrics(run):
    """Returns the rows of a run's metrics.csv, as dicts."""
    with open(run / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_loss(run):
    return float(metrics(run)[-1]["test_loss"])


def tensors(path):
    """Returns the bytes of each tensor of a safetensors file, by name."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    return {name: raw[8 + length :][slice(*of["data_offsets"])] for name, of in header.items()}


def same_tensors(run, other, how):
    """Fails unless both runs have learned the same, to the bit."""
    a, b = (tensors(r / "checkpoint.safetensors") for r in (run, other))
    different = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
    if different or not a:
        raise Failed(f"{how}, {len(different)} of {len(a)} tensors differ: {', '.join(different[:8])}")


def small_data(check):
    """Returns a folder with the first images of each split."""
    folder = check.scratch / "small"
    folder.mkdir(exist_ok=True)
    for split, n in SMALL_IMAGES.items():
        for name, header in ((f"{split}-images-idx3-ubyte.gz", 16), (f"{split}-labels-idx1-ubyte.gz", 8)):
            with gzip.open(check.data / name) as file:
                raw = file.read()
            size = 784 if header == 16 else 1
            count = struct.pack(">i", n)
            with gzip.open(folder / name, "wb", compresslevel=1) as file:
                file.write(raw[:4] + count + raw[8:header] + raw[header : header + n * size])
    return folder


def sanitizer(check):
    """Has compute-sanitizer watch a short training, for accesses past an end and for races."""
    if check.standin:
        return ""
    program = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.path.exists(program):
        return "It is not on this machine."
    data, lines = small_data(check), []
    for tool in ("memcheck", "racecheck"):
        for precision in ("float32", "tf32"):
            out = check.scratch / f"{tool}-{precision}"
            flags = ["-data", data, "-out", out, "-epochs", 1, *SMALL, "-device", "cuda", "-precision", precision]
            text = check.runner.run([program, "--tool", tool, "--error-exitcode", 9, check.program("train"), *flags], 60)
            summary = [line.strip("= ") for line in text.splitlines() if "SUMMARY" in line]
            if not summary:
                raise Failed(f"{tool}, {precision}: there is no summary in what it wrote:\n{tail(text)}")
            lines.append(f"- {tool}, {precision}: {' '.join(summary)}")
    return "\n".join(lines)
