#!/usr/bin/env python3
"""Rebuild a trained network from its checkpoint alone and compare its logits.

    python bench/torch_check.py CHECKPOINT EXPECTED

CHECKPOINT is a file that `go run ./cmd/train` wrote, such as runs/vae/best.safetensors.
EXPECTED is a safetensors file with float32 tensors: x, the images, [n, pixels] in [0, 1]; y, their
classes, one-hot, [n, classes], which a cvae is told; and logits, [n, pixels], those that the Go
program has for them with z = the posterior mean, or the code of an ae, or, of a classifier,
[n, classes].
The largest absolute difference is printed; above --tolerance the exit code is 1.

It needs the package safetensors, and torch. Without torch it computes with numpy in float64.
"""

import argparse
import json
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file


def load_checkpoint(path):
    """Returns the model's config and its weights by name, without the optimizer's moments."""
    with safe_open(path, framework="np") as f:
        metadata = f.metadata() or {}
        if metadata.get("format") != "govae":
            sys.exit(f"{path}: not a govae checkpoint")
        weights = {name: f.get_tensor(name) for name in f.keys() if not name.startswith("adam.")}
        return json.loads(metadata["config"]), weights


def torch_logits(torch, config, weights, x, y):
    """The network as PyTorch modules, whose parameter names and shapes are the checkpoint's own."""
    nn = torch.nn
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[config["activation"]]

    def stack(widths):
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [nn.Linear(inputs, outputs), activation()]
        return layers

    image = config["image"]
    pixels, latent, told = image["height"] * image["width"] * image["channels"], config["latent"], y.shape[1]
    hidden = config["hidden"]
    if config["kind"] == "classifier":
        model = nn.ModuleDict({"encoder": nn.Sequential(*stack([pixels, *hidden])), "logits": nn.Linear(hidden[-1], told)})
        model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        with torch.no_grad():
            return model["logits"](model["encoder"](torch.from_numpy(x))).numpy()
    model = nn.ModuleDict({
        "encoder": nn.Sequential(*stack([pixels + told, *hidden])),
        "decoder": nn.Sequential(*stack([latent + told, *reversed(hidden), pixels])[:-1]),  # logits have no activation
    })
    if config["kind"] == "ae":
        model["encoder"].append(nn.Linear(hidden[-1], latent))
    else:
        model["mean"], model["logVar"] = nn.Linear(hidden[-1], latent), nn.Linear(hidden[-1], latent)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})  # strict: names and shapes
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    with torch.no_grad():
        z = model["encoder"](torch.cat([x, y], dim=1))
        if config["kind"] != "ae":
            z = model["mean"](z)
        return model["decoder"](torch.cat([z, y], dim=1)).numpy()


def numpy_logits(config, weights, x, y):
    """The same network, as PyTorch's documentation defines its layers, in float64."""
    activation = {
        "relu": lambda a: np.maximum(a, 0),
        "tanh": np.tanh,
        "sigmoid": lambda a: (1 + np.tanh(a / 2)) / 2,  # 1 / (1 + exp(-a)) that cannot overflow
    }[config["activation"]]

    def dense(name, x):
        return x @ weights[name + ".weight"].astype(np.float64).T + weights[name + ".bias"]

    layers, classifies = len(config["hidden"]), config["kind"] == "classifier"
    h = (x if classifies else np.concatenate([x, y], axis=1)).astype(np.float64)
    for i in range(layers):
        h = activation(dense(f"encoder.{2 * i}", h))
    if classifies:
        return dense("logits", h)
    h = dense(f"encoder.{2 * layers}" if config["kind"] == "ae" else "mean", h)
    h = np.concatenate([h, y], axis=1)
    for i in range(layers):
        h = activation(dense(f"decoder.{2 * i}", h))
    return dense(f"decoder.{2 * layers}", h)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("expected")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference allowed (default: %(default)s)")
    args = parser.parse_args()

    config, weights = load_checkpoint(args.checkpoint)
    expected = load_file(args.expected)
    x, want = expected["x"], expected["logits"]
    y = expected.get("y", np.empty((len(x), 0), np.float32))  # nothing stands beside x and z of the other kinds
    try:
        import torch
    except ImportError:
        library, got = "numpy, float64", numpy_logits(config, weights, x, y)
    else:
        library, got = f"PyTorch {torch.__version__}", torch_logits(torch, config, weights, x, y)

    if got.shape != want.shape:
        sys.exit(f"{args.expected}: logits have shape {want.shape}, the network gives {got.shape}")
    difference = float(np.abs(got - want).max())
    print(f"{library}: {len(x)} images, largest absolute difference of the logits {difference:.3g}")
    if not difference <= args.tolerance:  # also true for NaN
        sys.exit(f"more than the allowed {args.tolerance:g}")


if __name__ == "__main__":
    main()
