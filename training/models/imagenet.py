"""The ImageNet weights of ResNet-18 that torchvision calls IMAGENET1K_V1, for `resnet18()` and its 1,000 outputs."""

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.download import Progress, Source, fetch, place
from training.data.images import DataError

if TYPE_CHECKING:
    from torch import Tensor

# torch.hub names a file by the first digits of its SHA-256, here f37072fd. The rest, and the size, from several public
# manifests that agree, among them the model table of OmniShotCut's pipeline.
WEIGHTS = Source(
    what="ResNet-18's ImageNet weights",
    file="resnet18-f37072fd.pth",
    sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    size=46_830_571,
    mirrors=("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
    more_mirrors="RAVINE_RESNET18_MIRRORS",
)


def available(folder: str | Path | None = None) -> bool:
    """Whether the file is in `place(folder)`. Needs neither torch nor the network."""
    try:
        return (place(folder) / WEIGHTS.file).is_file()
    except OSError:  # a folder that may not be read
        return False


def imagenet_weights(
    folder: str | Path | None = None, progress: Progress | None = None, source: Source = WEIGHTS
) -> dict[str, "Tensor"]:
    """The state_dict, on the CPU, from `place(folder)`, downloaded into it if it is not there. Raises DataError."""
    import torch

    path = fetch(source, folder, progress)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"{path} holds no weights that can be read. Delete it, and it is downloaded again.") from error
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise DataError(f"{path} holds something else than named tensors. Delete it, and it is downloaded again.")
    return weights
