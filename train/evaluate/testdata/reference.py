"""Writes reference.json: what scikit-learn 1.9 and SciPy say of random clusters, labels, scores and features.

python -m pip install scikit-learn==1.9.* && python reference.py
"""

import json

import numpy as np
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, roc_auc_score
from sklearn.metrics.cluster import contingency_matrix

random = np.random.default_rng(1)


def agreement(clusters, labels):
    table = contingency_matrix(clusters, labels)
    return {
        "clusters": clusters.tolist(),
        "labels": labels.tolist(),
        "accuracy": table[linear_sum_assignment(table, maximize=True)].sum() / len(labels),
        "nmi": normalized_mutual_info_score(labels, clusters),
        "ari": adjusted_rand_score(labels, clusters),
    }


def agreements():
    for n, clusters, labels in (120, 10, 10), (90, 3, 7), (90, 7, 3), (60, 1, 4), (60, 5, 1), (40, 40, 10), (1, 1, 1):
        yield agreement(random.integers(clusters, size=n), random.integers(labels, size=n))
    labels = random.integers(10, size=150)  # and clusters that are near them
    wrong = random.random(150) < 0.3
    yield agreement(np.where(wrong, random.integers(12, size=150), (labels + 3) % 10), labels)


def auroc(usual, others):
    truth = np.repeat([0, 1], [len(usual), len(others)])
    return {"usual": usual.tolist(), "others": others.tolist(), "auroc": roc_auc_score(truth, np.concatenate([usual, others]))}


def aurocs():
    yield auroc(random.integers(20, size=50) / 4, random.integers(5, 25, size=30) / 4)  # with ties
    yield auroc(random.normal(size=40).round(6), random.normal(0.5, 2, size=60).round(6))
    yield auroc(random.integers(3, size=7) * 1.0, random.integers(3, size=5) * 1.0)


def frechet(a, b):
    """The formula as it stands, with the root of a matrix that is not symmetric."""
    covariances = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root = sqrtm(covariances[0] @ covariances[1])
    means = a.mean(axis=0), b.mean(axis=0)
    distance = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1]) - 2 * np.trace(root).real
    return {"a": a.tolist(), "b": b.tolist(), "distance": distance}


def frechets():
    for n, m, d in (12, 9, 1), (30, 20, 3), (25, 40, 6):
        a, b = random.normal(size=(n, d)), random.normal(size=(m, d))
        yield frechet((a @ random.normal(size=(d, d)) + 1).round(4), (b @ random.normal(size=(d, d)) - 2).round(4))


with open("reference.json", "w") as file:
    json.dump({"agreements": list(agreements()), "aurocs": list(aurocs()), "frechets": list(frechets())}, file, indent=None)
    file.write("\n")
