"""Handwritten digits, 8 x 8: 1,797 images that come with scikit-learn (the test part of UCI's optdigits, 1998)."""

import importlib.util
from pathlib import Path

from training.data.images import Images, statistics


def bundled() -> Path:
    """The file in scikit-learn's package: 64 values and the digit in a line. Importing the package takes seconds."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise FileNotFoundError("scikit-learn is not installed; the digits come with it")
    return Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"


def load() -> Images:
    """1,437 training and 360 test images, 1 x 8 x 8; the values 0 .. 16 become 0 .. 255.

    The split is always the same: images in a permutation drawn with seed 0, sorted by digit, every fifth one for the
    test, so that each digit gives a fifth of its images; both parts keep the order of the permutation.
    """
    import numpy as np
    import torch

    rows = np.loadtxt(bundled(), delimiter=",")
    images = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = rows[:, -1].astype(np.int64)
    order = np.random.RandomState(0).permutation(len(labels))  # its stream is frozen, default_rng's is not
    test = np.zeros(len(order), bool)
    test[np.argsort(labels[order], kind="stable")[::5]] = True
    train_images = torch.from_numpy(images[order[~test]])
    mean, std = statistics(train_images)
    return Images(
        train_images=train_images,
        train_labels=torch.from_numpy(labels[order[~test]]),
        test_images=torch.from_numpy(images[order[test]]),
        test_labels=torch.from_numpy(labels[order[test]]),
        classes=10,
        mean=mean,
        std=std,
        name="handwritten digits, 8 x 8",
    )
