"""What the peers share: MNIST, and how they are timed."""

import gzip
import statistics
import time

LOSS_STEP = 7  # as in bench/workload.go


def load_images(folder, split="train"):
    """Returns the images of a split as numpy's float32, [n, pixels], in [0, 1]."""
    import numpy as np

    with gzip.open(f"{folder}/{split}-images-idx3-ubyte.gz") as f:
        raw = f.read()
    n, height, width = np.frombuffer(raw, ">i4", count=3, offset=4)
    return np.frombuffer(raw, np.uint8, offset=16).reshape(n, height * width).astype(np.float32) / 255


def measure(block, seconds, made=0, blocks=10):
    """Times blocks of steps for about the given seconds.

    block(steps) makes some and returns the loss of the last, so the host waits for each block, as it does for a stretch of
    govae's. So many steps were made before.
    """
    for _ in range(LOSS_STEP - made):
        loss = block(1)
    steps = 64  # in a block, until it takes long enough
    block(steps)
    while True:
        start = time.perf_counter()
        block(steps)
        if steps >= 1 << 14 or time.perf_counter() - start >= seconds / blocks / 4:
            break
        steps *= 4
    times = []
    for _ in range(blocks):
        start = time.perf_counter()
        block(steps)
        times.append((time.perf_counter() - start) / steps)
    return {"median": statistics.median(times), "loss": loss}
