#!/usr/bin/env python3
"""Time training steps of a variational autoencoder in PyTorch, on MNIST, and print what they took as JSON.

    python bench/torch_step.py --data FOLDER --hidden 400 --latent 20 --batch 128 --threads 2 --compile default

The model is the one of PyTorch's VAE example, with any number of hidden layers, and with the likelihood computed from
logits. bench/peers.py runs this program beside those that do the same in Go, each in a process of its own. It needs
torch and numpy.
"""

import argparse
import gzip
import json
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# The ways to compile, as torch.compile's arguments. The C++ wrapper spares Python's part in calling the compiled kernels.
COMPILE = {
    "default": {},
    "cpp-wrapper": {"options": {"cpp_wrapper": True}},
    "max-autotune": {"mode": "max-autotune"},
}


class VAE(nn.Module):
    def __init__(self, pixels, hidden, latent, activation):
        super().__init__()

        def stack(widths):
            layers = []
            for inputs, outputs in zip(widths, widths[1:]):
                layers += [nn.Linear(inputs, outputs), activation()]
            return layers

        self.encoder = nn.Sequential(*stack([pixels, *hidden]))
        self.mean = nn.Linear(hidden[-1], latent)
        self.log_var = nn.Linear(hidden[-1], latent)
        self.decoder = nn.Sequential(*stack([latent, *reversed(hidden)]), nn.Linear(hidden[0], pixels))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return self.decoder(z), mean, log_var


def loss_function(logits, x, mean, log_var):
    """The negative ELBO, in nats, summed over the batch."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    return reconstruction + kl


def load_images(folder, split="train"):
    """Returns the images of a split, [n, pixels], in [0, 1]."""
    with gzip.open(f"{folder}/{split}-images-idx3-ubyte.gz") as f:
        raw = f.read()
    n, height, width = np.frombuffer(raw, ">i4", count=3, offset=4)
    images = np.frombuffer(raw, np.uint8, offset=16).reshape(n, height * width)
    return torch.from_numpy(images.astype(np.float32) / 255)


def adam(parameters):
    """Adam in its fastest form: one kernel for all parameters where this PyTorch has it for the CPU."""
    try:
        return torch.optim.Adam(parameters, lr=1e-3, fused=True), "fused"
    except (RuntimeError, TypeError):  # an older PyTorch
        return torch.optim.Adam(parameters, lr=1e-3, foreach=True), "foreach"


def measure(step, seconds, blocks=20):
    """Times blocks of steps for about the given seconds, after a quarter of that to warm up.

    Measure in bench/workload.go does the same.
    """
    losses = [step()]  # the first step compiles
    warm, start = 0, time.perf_counter()
    while warm < 3 or time.perf_counter() - start < seconds / 4:
        losses.append(step())
        warm += 1
    each = (time.perf_counter() - start) / warm
    steps = max(1, round(seconds / blocks / each))  # in a block
    blocks = max(3, min(blocks, round(seconds / each)))
    times = []
    for _ in range(blocks):
        start = time.perf_counter()
        for _ in range(steps):
            losses.append(step())
        times.append((time.perf_counter() - start) / steps)
    return {
        "median": statistics.median(times),
        "mean": statistics.fmean(times),
        "steps": len(losses),
        "loss": losses[6],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--hidden", default="400", help="widths of the encoder's hidden layers (default: %(default)s)")
    parser.add_argument("--latent", type=int, default=20)
    parser.add_argument("--activation", choices=["relu", "tanh", "sigmoid"], default="relu")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3, help="about how long to measure (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", choices=COMPILE, help="use torch.compile; without: eager")
    args = parser.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # for Adam: govae makes subnormal moments 0, too
    images = load_images(args.data)
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[args.activation]
    model = VAE(images.shape[1], [int(width) for width in args.hidden.split(",")], args.latent, activation)
    optimizer, form = adam(model.parameters())

    def negative_elbo(x):
        logits, mean, log_var = model(x)
        return loss_function(logits, x, mean, log_var)

    if args.compile:
        negative_elbo = torch.compile(negative_elbo, **COMPILE[args.compile])
    first = 0  # of the next batch's images

    def step():
        nonlocal first
        x = images[first : first + args.batch]
        first += args.batch
        if first + args.batch > len(images):
            first = 0
        optimizer.zero_grad()
        loss = negative_elbo(x)
        loss.backward()
        optimizer.step()
        return loss.item() / args.batch

    result = measure(step, args.seconds)
    print(json.dumps(result | {"version": torch.__version__, "adam": form}))


if __name__ == "__main__":
    main()
