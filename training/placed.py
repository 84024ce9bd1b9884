"""The images of a run on its device: padded, split, in the order of each epoch, cropped, flipped and normalised."""

import os
from collections.abc import Callable, Iterator

import torch

from training.data import augment
from training.data.images import Images, limited
from training.settings import RunSettings
from training.task import TASKS

CPU_CHUNK = 2_000  # images augmented at once: keeps the floats of an epoch out of a laptop's memory
_loaded: dict[tuple, Images] = {}  # the last set, for the next run of the same process


def loaded(settings: RunSettings, downloading: Callable[[int, int], None]) -> Images:
    """The task's data, as many of them as the settings say."""
    key = (settings.task, settings.synthetic, os.environ.get("RAVINE_DATA"))
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = TASKS[settings.task].load(settings, downloading)
    images = _loaded[key]
    return limited(images, settings.images, max(1, settings.images // 5)) if settings.images else images


class Placed:
    """A set of images on a device: training images padded, the validation part apart.

    count: training images. parts: images and labels by name, "test" and where there is one "validation".
    """

    def __init__(self, images: Images, settings: RunSettings, device: torch.device, dtype: torch.dtype) -> None:
        self.settings, self.task, self.device = settings, TASKS[settings.task], device
        task, whole = self.task, len(images.train_labels)
        shuffled = torch.randperm(whole, generator=torch.Generator().manual_seed(0))  # the same part for every run
        kept = shuffled[round(whole * settings.validation) :].sort().values
        held_out = shuffled[: round(whole * settings.validation)].sort().values
        self.images = augment.pad(images.train_images[kept].to(device), task.pad, task.pad_mode)
        self.labels = images.train_labels[kept].to(device)
        self.count = len(self.labels)
        self.normalisation = (images.mean, images.std, dtype)
        self.parts = {"test": (images.test_images.to(device), images.test_labels.to(device))}
        if settings.validation:
            held = images.train_images[held_out].to(device), images.train_labels[held_out].to(device)
            self.parts["validation"] = held

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Images as the network takes them."""
        return augment.normalise(images, *self.normalisation, channels_last=True)

    def batches(self, epoch: int, first: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images and labels of an epoch's batches from the given one on, cropped, flipped, normalised."""
        task, size, seed = self.task, self.settings.batch_size, self.settings.seed
        order = augment.order(self.count, seed, epoch).to(self.device)
        draws = None
        if task.pad or task.flip:
            draws = [d.to(self.device) for d in augment.draws(self.count, seed, epoch, task.pad, flip=task.flip)]
        chunk = self.count if self.device.type == "cuda" else max(1, CPU_CHUNK // size) * size
        start = first * size
        while start < self.count:
            rows = order[start : start + chunk]
            images = self.images[rows]
            if draws:
                images = augment.crop_flip(images, *(d[rows] for d in draws), pad=task.pad)
            images, labels = self.normalised(images), self.labels[rows]
            for at in range(0, len(rows), size):
                yield images[at : at + size], labels[at : at + size]
            start += chunk
