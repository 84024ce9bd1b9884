"""Networks of the training half: their sizes, their names, and that they train."""

import functools
import hashlib
import io
import pickle
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import nn

from training.data import augment, digits
from training.data.images import DataError
from training.models import imagenet
from training.models.imagenet import imagenet_weights
from training.models.resnet import ArticleNetwork, resnet18
from training.models.resnet9 import ResNet9
from training.models.small import SmallNetwork


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Of the convolutions and linear layers, for one image: outputs times what each is summed over."""
    counted = []

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        counted.append(output.numel() * weight[0].numel())

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    model.eval()(image)
    return sum(counted)


def torchvision_names(classes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the state_dict of torchvision's resnet18, by their rule."""

    def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
        four = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (width,))
        return {f"{name}.{part}": shape for part, shape in four.items()} | {f"{name}.num_batches_tracked": ()}

    names: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    before = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for block in (0, 1):
            inputs = before if block == 0 else width
            at = f"layer{layer}.{block}"
            names |= {f"{at}.conv1.weight": (width, inputs, 3, 3), **norm(f"{at}.bn1", width)}
            names |= {f"{at}.conv2.weight": (width, width, 3, 3), **norm(f"{at}.bn2", width)}
            if block == 0 and layer > 1:
                names |= {f"{at}.downsample.0.weight": (width, inputs, 1, 1), **norm(f"{at}.downsample.1", width)}
        before = width
    return names | {"fc.weight": (classes, 512), "fc.bias": (classes,)}


def test_resnet18_has_torchvisions_names_and_shapes_and_loads_them() -> None:
    expected = torchvision_names(1000)
    assert len(expected) == 122
    model = resnet18()
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == expected
    foreign = {
        name: torch.full(shape, 0.5, dtype=torch.float32 if shape else torch.int64) for name, shape in expected.items()
    }
    model.load_state_dict(foreign, strict=True)
    assert all(bool((p == 0.5).all()) for p in model.parameters())
    with pytest.raises(RuntimeError, match="size mismatch for fc.weight"):
        resnet18(classes=10).load_state_dict(foreign)


def test_the_numbers_of_parameters_and_multiply_adds() -> None:
    image = torch.randn(1, 3, 32, 32)
    assert parameters(resnet18(1000)) == 11_689_512
    assert parameters(resnet18(10, "cifar")) == 11_173_962
    assert parameters(ArticleNetwork()) == 11_689_512 + 1000 * 10 + 10
    assert multiply_adds(resnet18(), image) == 37_523_456
    assert multiply_adds(resnet18(10, "cifar"), image) == 555_422_720
    assert parameters(ResNet9()) == 2_015_008
    assert multiply_adds(ResNet9(), image) == 133_007_872
    assert parameters(SmallNetwork()) == 9_930
    assert multiply_adds(SmallNetwork(), torch.randn(1, 1, 8, 8)) == 309_248


def test_the_published_resnet18_takes_as_much_work_as_the_paper_says() -> None:
    with torch.no_grad():
        assert multiply_adds(resnet18(), torch.randn(1, 3, 224, 224)) == pytest.approx(1.8e9, rel=0.02)


def test_the_stems_make_images_smaller_as_they_say() -> None:
    x = torch.randn(1, 3, 32, 32)
    published, small = resnet18().eval(), resnet18(10, "cifar").eval()
    assert published.maxpool(published.conv1(x)).shape == (1, 64, 8, 8)
    assert small.maxpool(small.conv1(x)).shape == (1, 64, 32, 32)
    with pytest.raises(ValueError, match="stem is 'other'; imagenet and cifar are allowed"):
        resnet18(10, "other")  # pyright: ignore[reportArgumentType]


def test_convolutions_start_as_he_et_al_say() -> None:
    torch.manual_seed(0)
    for name, module in resnet18().named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05), name
        if isinstance(module, nn.BatchNorm2d):
            assert bool((module.weight == 1).all()), name
            assert bool((module.bias == 0).all()), name


NETWORKS = {
    "resnet18 imagenet": (lambda: resnet18(10), 3, 32),
    "resnet18 cifar": (lambda: resnet18(10, "cifar"), 3, 32),
    "article": (ArticleNetwork, 3, 32),
    "resnet9": (ResNet9, 3, 32),
    "small": (SmallNetwork, 1, 8),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_lowers_the_loss_and_every_parameter_has_a_gradient(name: str) -> None:
    make, channels, size = NETWORKS[name]
    torch.manual_seed(0)
    model = make().to(memory_format=torch.channels_last)
    x = torch.randn(8, channels, size, size).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (8,))
    model.train()
    output = model(x)
    assert output.shape == (8, 10)
    loss = nn.functional.cross_entropy(output, y)
    loss.backward()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
            assert parameter.grad.abs().max() > 0, parameter_name
            parameter -= 1e-3 * parameter.grad
    assert nn.functional.cross_entropy(model(x), y) < loss


@pytest.mark.parametrize("name", NETWORKS)
def test_in_evaluation_an_image_does_not_depend_on_the_others(name: str) -> None:
    make, channels, size = NETWORKS[name]
    torch.manual_seed(0)
    model = make()
    x = torch.randn(8, channels, size, size)
    buffers = {key: value.clone() for key, value in model.named_buffers()}
    model.eval()
    with torch.no_grad():
        together = model(x)
        assert torch.allclose(torch.cat([model(one[None]) for one in x]), together, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, buffers[key]) for key, value in model.named_buffers())
    if buffers:  # while in training the batch's own statistics count, and are collected
        model.train()
        assert not torch.allclose(model(x), together, rtol=1e-4, atol=1e-4)
        assert any(not torch.equal(value, buffers[key]) for key, value in model.named_buffers())


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_come_from_torchs_generator_alone(name: str) -> None:
    make, _, _ = NETWORKS[name]

    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(make().parameters()).detach()

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_resnet9_gives_an_eighth_of_its_linear_layer() -> None:
    model = ResNet9().eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(model(x) * 8, model.head(model.body(x).flatten(2).max(2).values), atol=1e-5)


def test_the_article_network_puts_a_linear_layer_behind_the_thousand_outputs() -> None:
    model = ArticleNetwork().eval()
    assert set(model.resnet.state_dict()) == set(torchvision_names(1000))
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(x), model.head(model.resnet(x)))
    assert model.head.weight.shape == (10, 1000)


def test_the_small_network_learns_the_digits() -> None:
    data = digits.load()
    train = augment.normalise(data.train_images, data.mean, data.std)
    torch.manual_seed(0)
    model = SmallNetwork()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for epoch in range(6):
        for batch in augment.order(len(train), 0, epoch).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(train[batch]), data.train_labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        answers = model(augment.normalise(data.test_images, data.mean, data.std)).argmax(1)
    assert (answers == data.test_labels).float().mean() > 0.9


# --- ImageNet weights -----------------------------------------------------------------------------------------------


def saved(content: object, folder: Path) -> imagenet.Source:
    """`content` as the weights' file in `folder`, and its description."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return placed(buffer.getvalue(), folder)


def placed(data: bytes, folder: Path) -> imagenet.Source:
    (folder / imagenet.WEIGHTS.file).write_bytes(data)
    return replace(imagenet.WEIGHTS, sha256=hashlib.sha256(data).hexdigest(), size=len(data), mirrors=())


def test_imagenet_weights_load_into_the_article_network(tmp_path: Path) -> None:
    assert not imagenet.available(tmp_path)
    torch.manual_seed(0)
    published = resnet18().state_dict()
    source = saved(published, tmp_path)
    assert imagenet.available(tmp_path)
    model = ArticleNetwork()
    model.resnet.load_state_dict(imagenet_weights(tmp_path, None, source), strict=True)
    assert all(torch.equal(value, published[name]) for name, value in model.resnet.state_dict().items())


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("run",))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: saved({"weight": Evil()}, folder), "holds no weights that can be read"),
        (lambda folder: placed(pickle.dumps(Evil(), protocol=2), folder), "holds no weights that can be read"),
        (lambda folder: placed(b"<html>", folder), "holds no weights that can be read"),
        (lambda folder: placed(b"", folder), "holds no weights that can be read"),
        (lambda folder: saved([1, 2], folder), "something else than named tensors"),
        (lambda folder: replace(placed(b"x", folder), sha256="0" * 64), "is not the published file"),
    ],
)
def test_a_file_that_holds_no_weights_is_refused_and_nothing_in_it_runs(
    make, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match=says):
        imagenet_weights(tmp_path, None, make(tmp_path))
    assert "run" not in capsys.readouterr().out


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_weights_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served, folder = tmp_path / "served", tmp_path / "folder"
    served.mkdir()
    weights = {"fc.bias": torch.arange(3.0)}
    source = saved(weights, served)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        source = replace(source, mirrors=(f"http://127.0.0.1:{server.server_port}/{source.file}",))
        seen: list[tuple[int, int]] = []
        loaded = imagenet_weights(folder, lambda done, total: seen.append((done, total)), source)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert torch.equal(loaded["fc.bias"], weights["fc.bias"])
    assert seen[-1] == (source.size, source.size)
    assert [path.name for path in folder.iterdir()] == [source.file]
    assert torch.equal(imagenet_weights(folder, None, source)["fc.bias"], weights["fc.bias"])  # nobody serves it now


def test_weights_that_cannot_be_had_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    source = replace(imagenet.WEIGHTS, mirrors=("http://127.0.0.1:9/weights",))
    with pytest.raises(DataError, match="ResNet-18's ImageNet weights could not be downloaded.*no connection"):
        imagenet_weights(tmp_path, None, source)
    assert not list(tmp_path.iterdir())


def test_the_weights_hash_begins_as_their_name_says() -> None:
    assert imagenet.WEIGHTS.file == f"resnet18-{imagenet.WEIGHTS.sha256[:8]}.pth"
