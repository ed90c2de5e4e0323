#!/usr/bin/env python3
"""Time EM's iterations: model/gmm beside scikit-learn's GaussianMixture, on the same rows and from the same start.

    python bench/gmm_peer.py [--rounds 3] [--covariance full]

It makes 60,000 rows in 20 columns of a mixture of 10 Gaussians, and responsibilities to start from. In each round the Go program and
scikit-learn, on one thread and on all cores, fit --iterations more than a shorter fit does: the difference is what these take. What
the two have found is compared as well. It needs Go, and the Python packages numpy and scikit-learn.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

KINDS = {"full": "full", "diagonal": "diag", "tied": "tied", "spherical": "spherical"}


class FromResponsibilities(GaussianMixture):
    """A mixture that starts from responsibilities, as gmm.FitFrom does."""

    def __init__(self, start, **settings):
        super().__init__(n_components=start.shape[1], **settings)
        self.start = start

    def _initialize_parameters(self, x, random_state, xp=None):
        self._initialize(x, self.start)


def data(rows, columns, components):
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(components, columns, columns)) / 4
    means = 2 * rng.normal(size=(components, columns))
    component = rng.integers(components, size=rows)
    x = means[component] + np.einsum("nij,nj->ni", mixing[component], rng.normal(size=(rows, columns)))
    return x, rng.dirichlet(np.ones(components), size=rows)


def fit_sklearn(x, start, covariance, iterations, threads):
    mixture = FromResponsibilities(start, covariance_type=KINDS[covariance], tol=0, max_iter=iterations)
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began = time.perf_counter()
        mixture.fit(x)
        seconds = time.perf_counter() - began
    return seconds, mixture


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--covariance", choices=KINDS, default="full")
    parser.add_argument("--rows", type=int, default=60000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--components", type=int, default=10)
    args = parser.parse_args()

    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    x, start = data(args.rows, args.columns, args.components)
    few, many = 2, 2 + args.iterations
    print(f"{args.rows} x {args.columns}, {args.components} components, {args.covariance}; scikit-learn {sklearn.__version__}, numpy {np.__version__}, "
          f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", x)
        np.save(f"{folder}/start.npy", start)
        subprocess.run(["go", "build", "-o", f"{folder}/gmmfit", "./bench/gmmfit"], cwd=root, check=True)

        def fit_go(iterations):
            command = [f"{folder}/gmmfit", "-x", f"{folder}/x.npy", "-start", f"{folder}/start.npy",
                       "-covariance", args.covariance, "-iterations", str(iterations)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            return found["seconds"], found

        programs = {"govae": fit_go}
        for threads in sorted({1, os.cpu_count()}):
            programs[f"scikit-learn, threads: {threads}"] = lambda n, threads=threads: fit_sklearn(x, start, args.covariance, n, threads)
        times = {name: [] for name in programs}
        for _ in range(args.rounds):
            found = {}
            for name, fit in programs.items():
                short, _ = fit(few)
                long, found[name] = fit(many)
                times[name].append((long - short) / args.iterations)
        for name, of in times.items():
            print(f"{name:28s} {1e3 * statistics.median(of):8.1f} ms an iteration ({1e3 * min(of):.1f} to {1e3 * max(of):.1f})")
        ours, theirs = found["govae"], found["scikit-learn, threads: 1"]
        means = np.abs(np.reshape(ours["means"], theirs.means_.shape) - theirs.means_).max()
        weights = np.abs(np.array(ours["weights"]) - theirs.weights_).max()
        print(f"largest difference after {many} iterations: means {means:.1e}, weights {weights:.1e}")


if __name__ == "__main__":
    main()
