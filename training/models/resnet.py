"""ResNet-18. He, Zhang, Ren & Sun, CVPR 2016, arXiv:1512.03385. With torchvision's names, so that its weights fit."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import relu

Stem = Literal["imagenet", "cifar"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """(N, 3, H, W) -> (N, classes). Stems: see `resnet18`."""

    def __init__(self, classes: int, stem: Stem) -> None:
        super().__init__()
        if stem == "imagenet":
            self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.fc = nn.Linear(512, classes)
        for module in self.modules():  # as torchvision starts it; BatchNorm and Linear start as torch does
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def resnet18(classes: int = 1000, stem: Stem = "imagenet") -> ResNet18:
    """ResNet-18 with the stem as published (7x7, stride 2, then pooling) or the one for 32x32 images (3x3, stride 1).

    Parameters: 11,689,512 as published with 1,000 outputs; 11,173,962 with the "cifar" stem and 10. Multiply-adds of an
    image of 32 x 32: 37,523,456 and 555,422,720. Raises ValueError for another stem.
    """
    if stem not in ("imagenet", "cifar"):
        raise ValueError(f"stem is {stem!r}; imagenet and cifar are allowed.")
    return ResNet18(classes, stem)


class ArticleNetwork(nn.Module):
    """The tutorial's network: ResNet-18 as published, its 1,000 outputs and a Linear(1000, classes) behind them.

    (N, 3, H, W) -> (N, classes). `resnet` takes torchvision's state_dict.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.resnet = resnet18()
        self.head = nn.Linear(1000, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.resnet(x))
