#!/usr/bin/env python3
"""Time cuBLAS's product of matrices, as torch.mm calls it, and print a line of JSON for each.

    python3 cublas_peer.py float32 dense_forward/128x400x784 …

A word names one of a dense layer's products and its m, n and k. As in BenchmarkProducts, it is repeated in a CUDA graph, so
that the host's part is not in the time. What govae's kernels do besides, such as the bias and the activation, is not done here.
"""

import json
import sys
import time

import torch

REPEATS = 20  # of a product in a graph
SECONDS = 0.1


def operands(form, m, n, k):
    """Returns the factors, of which some are transposed where they are stored."""
    random = lambda rows, columns: torch.rand(rows, columns, device="cuda") * 2 - 1
    return {
        "dense_forward": lambda: (random(m, k), random(n, k).t()),
        "dense_input_gradient": lambda: (random(m, k), random(k, n)),
        "dense_update": lambda: (random(k, m).t(), random(k, n)),
    }[form]()


def measure(form, m, n, k):
    """Returns the seconds that a product takes."""
    a, b = operands(form, m, n, k)
    c = torch.empty(m, n, device="cuda")
    torch.mm(a, b, out=c)  # cuBLAS allocates before the capture
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(REPEATS):
            torch.mm(a, b, out=c)

    def replay(times):
        start = time.perf_counter()
        for _ in range(times):
            graph.replay()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    replay(10)
    times = max(10, int(SECONDS / (replay(10) / 10)))
    return replay(times) / times / REPEATS


def main():
    torch.set_float32_matmul_precision({"float32": "highest", "tf32": "high"}[sys.argv[1]])
    for word in sys.argv[2:]:
        form, size = word.split("/")
        print(json.dumps({"product": word, "seconds": measure(form, *map(int, size.split("x")))}), flush=True)


if __name__ == "__main__":
    main()
