#!/usr/bin/env python3
"""Time PyTorch's training steps on a card, in several ways, and print a line of JSON for each.

    python3 torch_peer.py --data FOLDER --shapes ad --precision float32 --seconds 1

The network, its loss and its optimizer are those of bench/torch_step.py, the shapes those of bench/peers.py. As in govae, the
images are on the card, where batches are gathered and ε is drawn. The host waits once for a block of steps, for the loss of its
last.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from clock import measure
from peers import PIXELS, SHAPES
from torch_step import VAE, load_images, loss_function

CARD = "cuda"


class Training:
    """A model in training: step makes one, whose loss is then in loss, on the card."""

    made = 0  # steps, before the first that is asked for

    def __init__(self, shape, images, compiled):
        torch.manual_seed(1)
        self.images, self.batch = images, shape.batch
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[shape.activation]
        self.model = VAE(PIXELS, shape.hidden, shape.latent, activation).to(CARD)
        # capturable: the number of the step is on the card as well, so that a graph can count it
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True, capturable=True)
        self.order = torch.arange(len(images) // self.batch * self.batch, device=CARD).view(-1, self.batch)
        self.at = torch.zeros(1, dtype=torch.int64, device=CARD)
        self.loss = torch.zeros((), device=CARD)
        self.negative_elbo = torch.compile(self.plain_negative_elbo) if compiled else self.plain_negative_elbo

    def plain_negative_elbo(self, x):
        logits, mean, log_var = self.model(x)
        return loss_function(logits, x, mean, log_var) / self.batch

    def step(self):
        indices = self.order.index_select(0, self.at % len(self.order)).view(-1)
        x = self.images.index_select(0, indices)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.negative_elbo(x)
        loss.backward()
        self.optimizer.step()
        self.at += 1
        self.loss.copy_(loss.detach())

    def block(self, steps):
        for _ in range(steps):
            self.step()
        return self.loss.item()


class Captured(Training):
    """The same, with the step captured as a CUDA graph, which is all that a step then is."""

    made = 3  # for what is allocated or compiled in a first step must not be captured

    def __init__(self, shape, images, compiled):
        super().__init__(shape, images, compiled)
        before = torch.cuda.Stream()
        before.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(before):
            for _ in range(self.made):
                super().step()
        torch.cuda.current_stream().wait_stream(before)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            super().step()

    def step(self):
        self.graph.replay()


VARIANTS = {
    "eager": lambda shape, images: Training(shape, images, False),
    "captured": lambda shape, images: Captured(shape, images, False),
    "compiled": lambda shape, images: Training(shape, images, True),
    "compiled, captured": lambda shape, images: Captured(shape, images, True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--shapes", default="abcd")
    parser.add_argument("--precision", choices=["float32", "tf32"], required=True)
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()

    torch.set_float32_matmul_precision({"float32": "highest", "tf32": "high"}[args.precision])
    images = load_images(args.data).to(CARD)
    for name, make in VARIANTS.items():  # those that compile last: they are what is missing where the time is over
        for letter in args.shapes:
            line = {"shape": letter, "peer": f"PyTorch, {name}", "version": torch.__version__}
            try:
                training = make(SHAPES[letter], images)
                line |= measure(training.block, args.seconds, training.made)
            except Exception as error:  # one way that fails is no reason to miss the others
                line["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
            torch.compiler.reset()
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
