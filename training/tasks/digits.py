"""Handwritten digits of 8 x 8 pixels, a small convolutional network: real data in seconds, on any machine.

The set is the test part of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak, UCI 1998) as scikit-learn
bundles it.
"""

from training.data import digits
from training.task import Entry

NAME = "Digits"
DESCRIPTION = "1,797 handwritten digits and a small convolutional network: seconds a run, on any machine."
DATA = "scikit-learn's digits"
CLASSES = 10
IMAGES = 1_437
EPOCHS = 100
BATCH_SIZE = 64
WORK = 3.1e5
TARGETS = (0.9, 0.95, 0.98)
PRESETS = {
    "SGD, Adam and AdaMax": (Entry("gradient_descent"), Entry("adam"), Entry("adamax")),
    "From scratch, against PyTorch": (
        Entry("gradient_descent", {"lr": 0.05}), Entry("torch.SGD", {"lr": 0.05}),
        Entry("momentum", {"lr": 0.01}), Entry("torch.SGD", {"lr": 0.01, "momentum": 0.9}),
        Entry("rmsprop", {"lr": 1e-3}), Entry("torch.RMSprop", {"lr": 1e-3}),
        Entry("adam", {"lr": 1e-3}), Entry("torch.Adam", {"lr": 1e-3}),
    ),
}  # fmt: skip


def load(settings, progress):
    return digits.load()


def build(settings, progress):
    from training.models.small import SmallNetwork

    return SmallNetwork(), {}
