#!/usr/bin/env python3
"""Try govae on an NVIDIA card, beside PyTorch and JAX, and print a report in Markdown: the measured part of docs/gpu.md.

    python3 cuda/gpucheck/gpucheck.py bin/gpucheck
    python3 cuda/gpucheck/gpucheck.py --standin cuda/standin bin/gpucheck    without a card, what makes sense there, and small

The folder is what make cuda-binaries has made: neither Go nor a network is needed. A part that fails does not stop the
others. The exit code is 1 if any has failed. The report goes to standard output, section by section, and the progress to
standard error.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import correctness
import speed
from process import Failed, Incomplete, Runner

# What is tried, in this order, under these titles.
PARTS = [
    ("The machine", correctness.machine),
    ("Tests", correctness.tests),
    ("Training", correctness.training),
    ("compute-sanitizer", correctness.sanitizer),
    ("A run's time", speed.run_time),
    ("A step, in float32", speed.steps_float32),
    ("The products, in float32", speed.products_float32),
    ("A step, in TF32", speed.steps_tf32),
    ("The products, in TF32", speed.products_tf32),
]


class Check:
    """What all parts share."""

    def __init__(self, options, scratch):
        self.standin = options.standin
        self.folder = Path(options.folder).resolve()
        self.scratch = Path(scratch)
        modules = self.folder / "modules"
        found = sorted(modules.glob("github.com/petar/*/data"))
        if not found:
            sys.exit(f"{modules} has no MNIST: make cuda-binaries puts it there")
        self.data = found[0]
        environment = os.environ | {
            "GOVAE_CUDA": "required",  # a test that finds no card then fails
            "GOMODCACHE": str(modules),
            "TORCHINDUCTOR_CACHE_DIR": str(self.scratch / "inductor"),
        }
        if options.standin:
            environment["LD_LIBRARY_PATH"] = str(Path(options.standin).resolve())
        self.runner = Runner(environment, 60 * options.minutes)

    def program(self, name):
        return self.folder / name

    def run(self, name, *flags, limit=60):
        return self.runner.run([self.program(name), *flags], limit)


def attempt(title, part, check):
    """Prints the part's section. Returns whether it passed."""
    print(f"{title} …", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        text, passed = part(check), True
    except Incomplete as err:
        text, passed = f"**Incomplete**\n\n{err}", False
    except Failed as err:
        text, passed = f"**Failed**\n\n```\n{err}\n```", False
    except Exception:  # in the part itself
        text, passed = f"**Failed**\n\n```\n{traceback.format_exc()}```", False
    took = time.monotonic() - start
    print(f"{title}: {'passed' if passed else 'FAILED'}, {took:.0f} s", file=sys.stderr, flush=True)
    if text:
        print(f"### {title}\n\n{text.rstrip()}\n", flush=True)
    return passed


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="what make cuda-binaries has made")
    parser.add_argument("--standin", metavar="FOLDER", help="run on the stand-in driver in this folder")
    parser.add_argument("--only", metavar="WORD", default="", help="only the parts whose titles have this word")
    parser.add_argument("--minutes", type=float, default=8, help="how long all may take (default: %(default)s)")
    return parser.parse_args()


def main():
    options = parse()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        check = Check(options, scratch)
        parts = [(title, part) for title, part in PARTS if options.only.lower() in title.lower()]
        failed = [title for title, part in parts if not attempt(title, part, check)]
    if failed:
        print(f"**Failed: {', '.join(failed)}.**")
        sys.exit(1)
    print("All parts passed." if parts else f"No part's title has {options.only!r}.")
    sys.exit(not parts)


if __name__ == "__main__":
    main()
