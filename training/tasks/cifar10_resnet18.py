"""CIFAR-10 with ResNet-18 for 32 x 32 images (3 x 3 stem), the field's usual recipe.

He et al., CVPR 2016, arXiv:1512.03385, section 4.2 for crops, flips and the L2 penalty; 5e-4 and the cosine schedule as
in most work since (Loshchilov & Hutter, ICLR 2017, arXiv:1608.03983, use both on CIFAR-10).
"""

from training.data import cifar10, synthetic
from training.task import Entry

NAME = "CIFAR-10, ResNet-18"
DESCRIPTION = "ResNet-18 for 32 x 32 images, crops and flips, a cosine schedule: the field's usual recipe."
DATA = "CIFAR-10"
CLASSES = 10
IMAGES = 50_000
EPOCHS = 30
BATCH_SIZE = 128
WORK = 5.56e8
SCHEDULE = "cosine"
L2 = 5e-4
PAD = 4
FLIP = True
SYNTHETIC = True
TARGETS = (0.9, 0.93, 0.94)
DEFAULTS = {
    "gradient_descent": {"lr": 0.5}, "momentum": {"lr": 0.1}, "nesterov": {"lr": 0.1}, "momentum_average": {"lr": 1.0},
    "torch.SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
    "adamw": {"weight_decay": 0.05}, "torch.AdamW": {"weight_decay": 0.05},
}  # fmt: skip
PRESETS = {
    "SGD, Adam and AdaMax": (Entry("momentum"), Entry("adam"), Entry("adamax")),
    "Seven optimizers": (
        Entry("momentum"), Entry("nesterov"), Entry("adam"), Entry("adamw"), Entry("adamax"), Entry("rmsprop"),
        Entry("adagrad"),
    ),
}  # fmt: skip


def load(settings, progress):
    return synthetic.load() if settings.synthetic else cifar10.load(progress=progress)


def build(settings, progress):
    from training.models.resnet import resnet18

    return resnet18(classes=CLASSES, stem="cifar"), {}
