#!/usr/bin/env python3
"""Time JAX's training steps on a card and print a line of JSON for each shape.

    python3 jax_peer.py --data FOLDER --shapes ad --precision float32 --seconds 1

Network, loss and Adam are those of bench/torch_step.py, written out. Steps are a lax.scan, jitted, whose state is donated. As in govae, the
images are on the card, where batches are gathered and ε is drawn.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from clock import load_images, measure
from peers import SHAPES, layers

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
SCANNED = 64  # steps of a call; each other number would be compiled anew


def first_parameters(shape, key):
    """Returns the weight and bias of each layer of peers.layers, drawn as PyTorch does it."""
    parameters = []
    for inputs, outputs in layers(shape):
        key, of_weight, of_bias = jax.random.split(key, 3)
        bound = inputs**-0.5
        parameters.append((
            jax.random.uniform(of_weight, (outputs, inputs), minval=-bound, maxval=bound),
            jax.random.uniform(of_bias, (outputs,), minval=-bound, maxval=bound),
        ))
    return parameters


def negative_elbo(parameters, x, key, shape):
    """The negative ELBO, in nats per image."""
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[shape.activation]
    dense = lambda h, layer: h @ layer[0].T + layer[1]
    hidden = len(shape.hidden)
    h = x
    for layer in parameters[:hidden]:
        h = activation(dense(h, layer))
    mean, log_var = dense(h, parameters[hidden]), dense(h, parameters[hidden + 1])
    h = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
    for layer in parameters[hidden + 2 : -1]:
        h = activation(dense(h, layer))
    logits = dense(h, parameters[-1])
    reconstruction = jnp.sum(jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-jnp.abs(logits))))
    kl = -0.5 * jnp.sum(1 + log_var - mean**2 - jnp.exp(log_var))
    return (reconstruction + kl) / len(x)


def make_block(shape, images):
    """Returns the function that makes a block of steps, and waits for the loss of the last."""
    batches = len(images) // shape.batch

    def step(images, state, _):
        parameters, first, second, t, key = state
        key, drawn = jax.random.split(key)
        rows = (t % batches) * shape.batch + jnp.arange(shape.batch)
        loss, gradients = jax.value_and_grad(negative_elbo)(parameters, images[rows], drawn, shape)
        t += 1
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
        rate, root = RATE / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)
        parameters = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * root + EPSILON), parameters, first, second)
        return (parameters, first, second, t, key), loss

    @partial(jax.jit, static_argnums=2, donate_argnums=0)
    def scan(state, images, steps):  # images are an argument: jit would make a constant of what a function finds around it
        return lax.scan(partial(step, images), state, length=steps)

    parameters = first_parameters(shape, jax.random.key(1))
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros(), zeros(), jnp.int32(0), jax.random.key(2))

    def block(steps):
        nonlocal state
        for _ in range(steps // SCANNED):
            state, losses = scan(state, images, SCANNED)
        for _ in range(steps % SCANNED):
            state, losses = scan(state, images, 1)
        return float(losses[-1])

    return block


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--shapes", default="abcd")
    parser.add_argument("--precision", choices=["float32", "tf32"], required=True)
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()

    jax.config.update("jax_default_matmul_precision", {"float32": "float32", "tf32": "tensorfloat32"}[args.precision])
    images = jax.device_put(load_images(args.data))
    device = jax.devices()[0]
    for letter in args.shapes:
        line = {"shape": letter, "peer": "JAX", "version": jax.__version__, "device": device.device_kind}
        try:
            line |= measure(make_block(SHAPES[letter], images), args.seconds)
        except Exception as error:
            line["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
