"""CIFAR-10 with a small residual network, for many runs in minutes on one GPU.

In the spirit of D. Page's ResNet-9 ("How to train your ResNet", 2018) and of K. Jordan's airbench (arXiv:2404.00498):
large batches, a rate that climbs and falls linearly, label smoothing, no test-time augmentation.
"""

from training.data import cifar10, synthetic
from training.task import Entry

NAME = "CIFAR-10, fast"
DESCRIPTION = "A small residual network and large batches: seconds a run on one GPU, for grids of rates and seeds."
DATA = "CIFAR-10"
CLASSES = 10
IMAGES = 50_000
EPOCHS = 16
BATCH_SIZE = 512
WORK = 1.33e8
SCHEDULE = "triangle"
WARMUP = 0.2
L2 = 5e-4
LABEL_SMOOTHING = 0.1
PAD = 4
PAD_MODE = "reflect"
FLIP = True
SYNTHETIC = True
TARGETS = (0.9, 0.93, 0.94)
DEFAULTS = {
    "gradient_descent": {"lr": 1.0}, "momentum": {"lr": 0.2}, "nesterov": {"lr": 0.2}, "momentum_average": {"lr": 2.0},
    "torch.SGD": {"lr": 0.2, "momentum": 0.9, "weight_decay": 5e-4},
    "adam": {"lr": 3e-3}, "adamw": {"lr": 3e-3, "weight_decay": 0.05}, "adamax": {"lr": 5e-3},
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
    from training.models.resnet9 import ResNet9

    return ResNet9(), {}
