#!/usr/bin/env python3
"""Write what scikit-learn makes of a small set of rows, which the tests of model/gmm compare with what Fit does.

    python model/gmm/testdata/reference.py

It writes reference.json and mixture.safetensors beside itself. It needs numpy, scikit-learn and safetensors; those that are committed
are of numpy 2.4.6, scikit-learn 1.9.1 and safetensors 0.8.0.
"""

import json
import pathlib
import warnings

import numpy as np
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

ROWS, COLUMNS, COMPONENTS, ITERATIONS, REGULARIZATION = 200, 3, 4, 15, 0.01
SHOWN = 10  # rows of which densities and responsibilities are written
KINDS = {"full": "full", "diagonal": "diag", "tied": "tied", "spherical": "spherical"}


class FromResponsibilities(GaussianMixture):
    """A mixture that starts from responsibilities, as gmm.FitFrom does."""

    def __init__(self, start=None, **settings):
        super().__init__(**settings)
        self.start = start

    def _initialize_parameters(self, x, random_state, xp=None):
        self._initialize(x, self.start)


def fit(x, start, kind, iterations):
    """Returns the mixture after so many iterations. A tolerance of 0 ends none earlier."""
    mixture = FromResponsibilities(start, n_components=COMPONENTS, covariance_type=KINDS[kind], reg_covar=REGULARIZATION,
                                   tol=0, max_iter=iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(x)


def main():
    here = pathlib.Path(__file__).parent
    rng = np.random.default_rng(7)
    mixing = rng.normal(size=(COMPONENTS, COLUMNS, COLUMNS))
    means = 3 * rng.normal(size=(COMPONENTS, COLUMNS))
    component = rng.integers(COMPONENTS, size=ROWS)
    x = means[component] + np.einsum("nij,nj->ni", mixing[component], rng.normal(size=(ROWS, COLUMNS)))
    x = x.round(3)
    start = rng.multinomial(64, np.ones(COMPONENTS) / COMPONENTS, size=ROWS) / 64  # exact in few digits

    result = {"x": x.tolist(), "start": start.tolist(), "iterations": ITERATIONS, "regularization": REGULARIZATION, "fits": {}}
    for kind in KINDS:
        mixture = fit(x, start, kind, ITERATIONS)
        result["fits"][kind] = {
            "weights": mixture.weights_.tolist(),
            "means": mixture.means_.ravel().tolist(),
            "covariances": mixture.covariances_.ravel().tolist(),
            "trace": [fit(x, start, kind, i).lower_bound_ for i in range(1, ITERATIONS + 1)],
            "score": mixture.score(x),
            "bic": mixture.bic(x),
            "aic": mixture.aic(x),
            "log_prob": mixture.score_samples(x[:SHOWN]).tolist(),
            "responsibilities": mixture.predict_proba(x[:SHOWN]).ravel().tolist(),
            "assigned": mixture.predict(x).tolist(),
        }
        if kind == "full":
            save_file({"weights": mixture.weights_, "means": mixture.means_, "covariances": mixture.covariances_},
                      here / "mixture.safetensors", {"format": "govae mixture", "version": "1", "covariance": kind})
    (here / "reference.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
