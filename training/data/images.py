"""A data set of images, whole, as uint8 tensors on the CPU."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class DataError(Exception):
    """Data that cannot be had or read. The text is one sentence or two: what, where, what to do."""


@dataclass(frozen=True)
class Images:
    """Training and test images with labels.

    train_images, test_images: uint8 (N, C, H, W). train_labels, test_labels: int64 (N,), in 0 .. classes - 1.
    mean, std: one number a channel, in units of [0, 1]. name: for people; says "synthetic" where the images are.
    Raises ValueError when these do not hold.
    """

    train_images: "torch.Tensor"
    train_labels: "torch.Tensor"
    test_images: "torch.Tensor"
    test_labels: "torch.Tensor"
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    name: str

    def __post_init__(self) -> None:
        import torch

        for part, images, labels in (
            ("train", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if images.dtype != torch.uint8 or images.ndim != 4 or not len(images):
                raise ValueError(
                    f"{part}_images is {images.dtype} of shape {tuple(images.shape)}; uint8 of shape (N, C, H, W) with "
                    "at least one image is allowed."
                )
            if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
                raise ValueError(
                    f"{part}_labels is {labels.dtype} of shape {tuple(labels.shape)}; int64 of shape "
                    f"({len(images)},), one for each image, is allowed."
                )
            if labels.min() < 0 or labels.max() >= self.classes:
                raise ValueError(
                    f"{part}_labels has values from {int(labels.min())} to {int(labels.max())}; with {self.classes} "
                    f"classes, 0 to {self.classes - 1} are allowed."
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(
                f"train_images have the shape {tuple(self.train_images.shape[1:])} and test_images "
                f"{tuple(self.test_images.shape[1:])}; both must be the same."
            )
        channels = self.train_images.shape[1]
        if len(self.mean) != channels or len(self.std) != channels or min(self.std) <= 0:
            raise ValueError(
                f"mean is {self.mean} and std is {self.std}; one number for each of the {channels} channels is "
                "allowed, and std above 0."
            )


def limited(images: Images, train: int, test: int) -> Images:
    """The first `train` training and `test` test images, for tests and CPU benchmarks; mean and std stay as they are.

    Raises ValueError for a number below 1 or above what is there.
    """
    for part, n, there in (
        ("train", train, len(images.train_labels)),
        ("test", test, len(images.test_labels)),
    ):
        if not 1 <= n <= there:
            raise ValueError(f"{part} is {n}; {images.name} has {there} {part} images, so 1 to {there} are allowed.")
    return replace(
        images,
        train_images=images.train_images[:train],
        train_labels=images.train_labels[:train],
        test_images=images.test_images[:test],
        test_labels=images.test_labels[:test],
    )


def statistics(images: "torch.Tensor") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels, in units of [0, 1].

    images: uint8 (N, C, H, W). Whole numbers up to the last division: the same on every machine.
    """
    import torch

    mean, std = [], []
    for channel in images.unbind(1):
        counts = list(enumerate(torch.bincount(channel.flatten(), minlength=256).tolist()))
        n = channel.numel()
        total = sum(value * count for value, count in counts)
        squares = sum(value * value * count for value, count in counts)
        mean.append(total / (255 * n))
        std.append((n * squares - total * total) ** 0.5 / (255 * n))
    return tuple(mean), tuple(std)
