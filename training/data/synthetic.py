"""Synthetic images of CIFAR-10's shape: for measuring speed where CIFAR-10 is not at hand, and for nothing else."""

from training.data.images import Images, statistics


def load(train: int = 50_000, test: int = 10_000, seed: int = 0) -> Images:
    """uint8 noise over a pattern of the class, 3 x 32 x 32, ten classes. Raises ValueError for a number below 1."""
    import torch

    for part, n in (("train", train), ("test", test)):
        if n < 1:
            raise ValueError(f"{part} is {n}; at least 1 image is allowed.")
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 128, (10, 3, 4, 4), dtype=torch.uint8, generator=generator)
    pattern = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)
    labels = torch.randint(0, 10, (train + test,), generator=generator)
    images = torch.randint(0, 128, (train + test, 3, 32, 32), dtype=torch.uint8, generator=generator)
    images += pattern[labels]
    mean, std = statistics(images[:train])
    return Images(
        train_images=images[:train],
        train_labels=labels[:train],
        test_images=images[train:],
        test_labels=labels[train:],
        classes=10,
        mean=mean,
        std=std,
        name="synthetic images (speed measurements only)",
    )
