"""The parts of the check that measure: a run, its steps, and their products, beside others that do the same."""

import json
import re
import statistics
import sys
import time
from pathlib import Path

from correctness import Training, metrics
from process import Failed, Incomplete

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from peers import SHAPES, flops, table, title

HERE = Path(__file__).resolve().parent
SECONDS = 1  # about how long each way is measured
SAME_LOSS = 0.05  # relative: how far the losses of those that do the same may be apart after some steps
STARTS = 3


def run_time(check):
    """Measures what passes before the first step, and an epoch."""
    firsts = [gostep(check, SHAPES["a"], "float32", 0.05)["first"] for _ in range(STARTS)]
    training = Training(check)
    start = time.perf_counter()
    rows = metrics(training.run("timed", "-device", "cuda"))
    wall = time.perf_counter() - start
    epochs = [float(row["seconds"]) for row in rows]
    return (
        f"- from the start of the program to the end of the first step of (a), MNIST read: {statistics.median(firsts):.2f} s"
        f" (median of {STARTS})\n"
        f"- an epoch's steps: {statistics.median(epochs):.3f} s (median of {len(epochs)}; the first {epochs[0]:.3f} s)\n"
        f"- train, {len(epochs)} epochs with all files: {wall:.1f} s"
    )


def gostep(check, shape, precision, seconds):
    """Returns the result of bench/gostep for a shape."""
    out = check.run(
        "gostep", "-device", "cuda", "-precision", precision, "-data", check.data, "-seconds", seconds, "-batch", shape.batch,
        "-hidden", ",".join(map(str, shape.hidden)), "-latent", shape.latent, "-activation", shape.activation, limit=40,
    )
    return json.loads(out.splitlines()[-1])


def steps_float32(check):
    return steps(check, "float32")


def steps_tf32(check):
    return steps(check, "tf32")


def steps(check, precision):
    """Measures a training step, and those of PyTorch and JAX."""
    letters = "a" if check.standin else "abcd"
    ours = {letter: gostep(check, SHAPES[letter], precision, 0.1 if check.standin else SECONDS) for letter in letters}
    lines, notes = [], []
    if not check.standin:
        for program, limit in (("jax_peer.py", 90), ("torch_peer.py", 150)):
            found, why = json_lines(
                check, limit, program, "--data", check.data, "--shapes", letters, "--precision", precision, "--seconds", SECONDS
            )
            lines += found
            if why:
                words = why.splitlines()  # how it ended, and the end of what it wrote
                notes.append(": ".join(dict.fromkeys([words[0], words[-1]])))
    results = {(line["peer"], line["shape"]): line for line in lines}
    peers = list(dict.fromkeys(line["peer"] for line in lines))
    rows = []
    for letter in letters:
        times = {p: results[p, letter]["median"] for p in peers if "median" in results.get((p, letter), {})}
        best = min(times, key=times.get, default=None)
        rows.append([
            title(letter), microseconds(ours[letter]["median"]), f"{flops(SHAPES[letter]) / ours[letter]['median'] / 1e12:.1f}",
            *(microseconds(times[p]) if p in times else "–" for p in peers),
            f"**{ours[letter]['median'] / times[best]:.2f}** ({best})" if best else "–",
        ])
    for line in lines:
        where = f"({line['shape']}) {line['peer']}"
        if "error" in line:
            notes.append(f"{where}: {line['error']}")
        elif not abs(line["loss"] / ours[line["shape"]]["loss"] - 1) < SAME_LOSS:  # also true for NaN
            govae = ours[line["shape"]]["loss"]
            notes.append(f"{where} may not train the same: its loss is soon {line['loss']:.4g}, and govae's {govae:.4g}")
    text = table(["a step, µs", "govae", "TFLOP/s", *peers, "govae / the best of them"], rows)
    versions = sorted({f"{line['peer'].split(',')[0]} {line['version']}" for line in lines})
    if versions:
        text += "\n" + ", ".join(versions) + ".\n"
    if notes:
        raise Incomplete(text + "".join(f"\n- {note}" for note in notes))
    return text


def microseconds(seconds):
    return f"{1e6 * seconds:,.1f}"


def json_lines(check, limit, program, *words):
    """Runs a Python program beside this one. Returns what it printed, a line of JSON each, and how it failed, or None."""
    out, why = check.runner.attempt([sys.executable, HERE / program, *words], limit)
    lines = []
    for line in out.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            pass  # a library's own word, or a line that was cut off
    return lines, why


def products_float32(check):
    return products(check, "float32")


def products_tf32(check):
    return products(check, "tf32")


def products(check, precision):
    """Measures each product of a step by itself, and cuBLAS's."""
    shapes, benchtime = ("a", "1x") if check.standin else ("[ad]", "0.1s")
    benchmark = f"^BenchmarkProducts$/^{shapes}$/^{precision}$"
    out = check.run("cuda.test", "-test.run", "^$", "-test.bench", benchmark, "-test.benchtime", benchtime, limit=60)
    ours = re.findall(r"^BenchmarkProducts/(\w)/\w+/(\w+)/(\d+x\d+x\d+)\S*\s.*?([\d.]+) ns/launch", out, re.MULTILINE)
    if not ours:
        raise Failed(f"the benchmark printed no figures:\n{out}")
    theirs, why = {}, None
    if not check.standin:
        words = dict.fromkeys(f"{form_of(kernel)}/{size}" for _, kernel, size, _ in ours)
        lines, why = json_lines(check, 60, "cublas_peer.py", precision, *words)
        theirs = {line["product"]: 1e9 * line["seconds"] for line in lines}
    rows = []
    for shape, kernel, size, nanoseconds in ours:
        ns = float(nanoseconds)
        m, n, k = map(int, size.split("x"))
        cublas = theirs.get(f"{form_of(kernel)}/{size}")
        rows.append([
            f"({shape}) {kernel}, {m}·{n}·{k}", f"{ns / 1e3:.1f}", f"{2e-3 * m * n * k / ns:.1f}",
            f"{cublas / 1e3:.1f}" if cublas else "–", f"{ns / cublas:.2f}" if cublas else "–",
        ])
    text = table(["a product, m·n·k, µs", "govae", "TFLOP/s", "cuBLAS", "govae / cuBLAS"], rows)
    if why:
        raise Incomplete(f"{text}\n```\n{why}\n```")
    return text


def form_of(kernel):
    """Returns which of a layer's products a kernel makes: its name without the precision and the tile."""
    return re.match("dense_(?:forward|input_gradient|update)", kernel)[0]
