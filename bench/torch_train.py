#!/usr/bin/env python3
"""Train the same network in PyTorch, as PyTorch's VAE example does, and print the test loss after each epoch.

    python bench/torch_train.py --data FOLDER

FOLDER holds MNIST's gzipped IDX files; `go run ./cmd/train -v` prints where govae reads them. It needs torch and numpy.
"""

import argparse
import time

import torch
from torch import nn

from torch_step import VAE, adam, load_images, loss_function


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    train, test = load_images(args.data, "train"), load_images(args.data, "t10k")
    model = VAE(train.shape[1], [400], 20, nn.ReLU)
    optimizer, _ = adam(model.parameters())
    start = time.perf_counter()
    for epoch in range(args.epochs):
        for indices in torch.randperm(len(train)).split(args.batch):
            x = train[indices]
            optimizer.zero_grad()
            logits, mean, log_var = model(x)
            loss_function(logits, x, mean, log_var).backward()
            optimizer.step()
        with torch.no_grad():
            total = 0.0
            for x in test.split(args.batch):
                logits, mean, log_var = model(x)
                total += loss_function(logits, x, mean, log_var).item()
        print(f"epoch {epoch + 1}: test loss {total / len(test):.2f}, {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
