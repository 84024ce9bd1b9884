"""Order, crops and flips of an epoch, as tensor operations on uint8 images on any device.

What is random depends on (seed, epoch) alone and is drawn on the CPU: it is the same for every optimizer and device.
What happens to an image depends on its own draws alone: an epoch may be worked through in chunks of any size.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Padding = Literal["zero", "reflect"]
ORDER, CROPS = 0, 1  # streams that share a seed and an epoch


def order(n: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch sees its n images: a permutation, int64 (n,), on the CPU."""
    return torch.from_numpy(_generator(seed, epoch, ORDER).permutation(n))


def draws(n: int, seed: int, epoch: int, pad: int, flip: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Shifts dy, dx in 0 .. 2 pad (int64 (n,)) and mirrorings (bool (n,), all False without `flip`), on the CPU.

    Entry i belongs to image i of the data set, not to the i-th in the epoch's order.
    """
    generator = _generator(seed, epoch, CROPS)
    shifts = torch.from_numpy(generator.integers(0, 2 * pad, (2, n), endpoint=True))
    mirrored = torch.from_numpy(generator.random(n) < 0.5)
    return shifts[0], shifts[1], mirrored if flip else torch.zeros_like(mirrored)


def pad(images: Tensor, pad: int, mode: Padding = "zero") -> Tensor:
    """Images with `pad` more pixels on each side, black or mirrored at the border: (N, C, H + 2 pad, W + 2 pad).

    Raises ValueError for an unknown mode and for a mirror that is wider than the image allows.
    """
    if mode == "zero":
        return torch.nn.functional.pad(images, (pad, pad, pad, pad))
    if mode != "reflect":
        raise ValueError(f"mode is {mode!r}; zero and reflect are allowed.")
    height, width = images.shape[2:]
    if not 0 <= pad < min(height, width):
        raise ValueError(
            f"pad is {pad}; images of {height} x {width} can be mirrored by 0 to {min(height, width) - 1}."
        )
    # torch's own reflection has no uint8 form
    return images[:, :, _mirror(height, pad, images.device)][:, :, :, _mirror(width, pad, images.device)]


def crop_flip(padded: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Image i of `padded` from row dy[i] and column dx[i] on, without 2 pad rows and columns, mirrored if flip[i].

    padded: (N, C, H + 2 pad, W + 2 pad), any dtype. dy, dx: int64 (N,), flip: bool (N,), on the same device. Result:
    (N, C, H, W), the same dtype. Rows and then columns by `gather`: on two CPU cores 0.14 s for 50,000 images of
    3 x 32 x 32, where indexing windows of `unfold` takes 0.77 s.
    """
    n, channels, height, width = padded.shape
    height, width = height - 2 * pad, width - 2 * pad
    across = torch.arange(width, device=padded.device)
    rows = dy[:, None] + torch.arange(height, device=padded.device)
    columns = dx[:, None] + torch.where(flip[:, None], width - 1 - across, across)
    taken = padded.gather(2, rows[:, None, :, None].expand(n, channels, height, padded.shape[3]))
    return taken.gather(3, columns[:, None, None, :].expand(n, channels, height, width))


def normalise(
    images: Tensor,
    mean: Sequence[float] | Tensor,
    std: Sequence[float] | Tensor,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = False,
) -> Tensor:
    """(images / 255 - mean) / std, channel by channel, rounded once to `dtype`.

    images: uint8 (N, C, H, W). mean, std: C numbers in units of [0, 1]; as tensors on the images' device nothing is
    copied to it, which a CUDA graph needs.
    """
    exact = torch.promote_types(dtype, torch.float32)
    mean = torch.as_tensor(mean, dtype=exact, device=images.device).view(-1, 1, 1)
    std = torch.as_tensor(std, dtype=exact, device=images.device).view(-1, 1, 1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    values = images.to(exact, memory_format=layout, copy=True)
    return values.sub_(255 * mean).div_(255 * std).to(dtype)


def _generator(seed: int, epoch: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, epoch, stream]))


def _mirror(size: int, pad: int, device: torch.device) -> Tensor:
    """The pixels that stand at -pad .. size + pad - 1 when the border pixel itself is not repeated."""
    at = torch.arange(-pad, size + pad, device=device).abs()
    return (size - 1) - ((size - 1) - at).abs()
