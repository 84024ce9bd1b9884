"""CIFAR-10 as a widely read tutorial on optimizers trains it: the ImageNet ResNet-18 and a Linear(1000, 10) behind it.

Kept of its recipe: the network with its 7 x 7 stem, batch 64, random crops of 32 with a padding of 4, horizontal flips,
its mean and standard deviation, 50 epochs, a constant rate, its seven optimizers with its settings. Mended:

- each optimizer has its own list of results (``[[]] * n`` made them share one);
- the network is back in training mode after every evaluation;
- the test set is neither cropped nor flipped, and is evaluated without gradients;
- losses and accuracies are means over images, not over batches of unequal size;
- optimizers are names looked up, not text that is evaluated; results are rows of a database, not pickles.

Its mean and standard deviation are CIFAR-100's, not CIFAR-10's; they are part of the recipe and are kept.
"""

from training.data import cifar10, synthetic
from training.data.images import DataError
from training.models.imagenet import imagenet_weights
from training.task import Entry

NAME = "CIFAR-10, ResNet-18 as in the tutorial"
DESCRIPTION = "The tutorial's recipe, its mistakes mended: ImageNet's ResNet-18, batch 64, 50 epochs, seven optimizers."
DATA = "CIFAR-10"
CLASSES = 10
IMAGES = 50_000
EPOCHS = 50
BATCH_SIZE = 64
WORK = 3.7e7
PAD = 4
FLIP = True
SYNTHETIC = True
SMALLEST_BATCH = 2  # its last feature maps are 1 x 1, of which BatchNorm has one value for each image
TARGETS = (0.7, 0.75, 0.8)
MEAN = tuple(value / 255 for value in (129.3, 124.1, 112.4))
STD = tuple(value / 255 for value in (68.2, 65.4, 70.4))
PRESETS = {
    "The tutorial's seven": (
        Entry("torch.SGD", {"lr": 0.01, "momentum": 0.9}), Entry("torch.Adam"), Entry("torch.Adadelta"),
        Entry("torch.Adagrad"), Entry("torch.AdamW"), Entry("torch.Adamax"), Entry("torch.ASGD"),
    ),
    "The ten that the literature compares": (
        Entry("adam"), Entry("amsgrad"), Entry("adamw"), Entry("qhadam"), Entry("yellowfin"), Entry("demon_adam"),
        Entry("momentum"), Entry("aggmo"), Entry("qhm"), Entry("demon_sgdm"),
    ),
}  # fmt: skip


def load(settings, progress):
    from dataclasses import replace

    images = synthetic.load() if settings.synthetic else cifar10.load(progress=progress)
    return replace(images, mean=MEAN, std=STD)


def build(settings, progress):
    from training.models.resnet import ArticleNetwork

    network = ArticleNetwork()
    if settings.weights == "scratch" or settings.synthetic:
        return network, {"weights": "from scratch"}
    try:
        network.resnet.load_state_dict(imagenet_weights(progress=progress))
    except DataError as error:
        if settings.weights == "imagenet":
            raise
        return network, {"weights": f"from scratch, since ImageNet's could not be had: {error}"}
    return network, {"weights": "ImageNet (IMAGENET1K_V1)"}
