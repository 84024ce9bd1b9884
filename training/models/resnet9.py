"""A small, fast network for 32x32 images, in the spirit of D. Page's ResNet-9 ("How to train your ResNet", 2018).

Its plan: eight 3x3 convolutions, each with BatchNorm and ReLU; pooling straight after a convolution, so that what
follows works on a quarter of the pixels; two residual pairs; global max pooling; a linear layer whose output is scaled
by 1/8. Narrower than Page's (379 M multiply-adds an image) where the images are large, since that is where time goes.
"""

from torch import Tensor, nn


class Block(nn.Sequential):
    """3x3 convolution, pooling if asked for, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int, pool: bool = False) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.MaxPool2d(2) if pool else nn.Identity(),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """x + block(block(x))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(channels, channels), Block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.blocks(x)


class ResNet9(nn.Module):
    """(N, 3, 32, 32) -> (N, classes).

    With 10 classes: 2,015,008 parameters and 133,007,872 multiply-adds an image; an epoch of 50,000 images, forward and
    backward, is 40 TFLOP.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(3, 32),  # 32 x 32
            Block(32, 64, pool=True),  # 16 x 16
            Residual(64),
            Block(64, 256, pool=True),  # 8 x 8
            Block(256, 256, pool=True),  # 4 x 4
            Residual(256),
        )
        self.head = nn.Linear(256, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).amax((2, 3))) * 0.125
