"""Data sets of the training half: reading, downloading and augmenting images."""

import errno
import hashlib
import io
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.patience import SECONDS, until
from training.data import augment, cifar10, digits, download, synthetic
from training.data.images import DataError, Images, limited, statistics

RECORDS = 6


# --- Images ---------------------------------------------------------------------------------------------------------


def images(**changes: Any) -> Images:
    fields: dict[str, Any] = {
        "train_images": torch.zeros(5, 3, 4, 4, dtype=torch.uint8),
        "train_labels": torch.arange(5),
        "test_images": torch.zeros(2, 3, 4, 4, dtype=torch.uint8),
        "test_labels": torch.arange(2),
        "classes": 5,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.2, 0.2, 0.2),
        "name": "nothing",
    }
    return Images(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train_images": torch.zeros(5, 3, 4, 4)}, "train_images is torch.float32"),
        ({"test_images": torch.zeros(2, 4, 4, dtype=torch.uint8)}, r"test_images is torch.uint8 of shape \(2, 4, 4\)"),
        ({"test_images": torch.zeros(0, 3, 4, 4, dtype=torch.uint8)}, "at least one image"),
        ({"train_labels": torch.arange(4)}, r"train_labels is torch.int64 of shape \(4,\)"),
        ({"test_labels": torch.arange(2, dtype=torch.int32)}, "test_labels is torch.int32"),
        ({"classes": 4}, "values from 0 to 4; with 4 classes, 0 to 3"),
        ({"test_labels": torch.tensor([-1, 0])}, "values from -1 to 0"),
        ({"test_images": torch.zeros(2, 3, 4, 5, dtype=torch.uint8)}, "both must be the same"),
        ({"mean": (0.5,)}, "each of the 3 channels"),
        ({"std": (0.2, 0.0, 0.2)}, "std above 0"),
    ],
)
def test_images_of_wrong_form_are_refused_with_a_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        images(**changes)


def test_limited_keeps_the_first_of_each_part() -> None:
    few = limited(images(), 3, 1)
    assert few.train_labels.tolist() == [0, 1, 2]
    assert few.test_labels.tolist() == [0]
    assert few.train_images.shape == (3, 3, 4, 4)
    assert few.mean == images().mean
    for train, test in ((0, 1), (6, 1), (1, 3)):
        with pytest.raises(ValueError, match="are allowed"):
            limited(images(), train, test)


def test_statistics_are_those_of_all_pixels() -> None:
    some = torch.randint(0, 256, (5000, 2, 3, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mean, std = statistics(some)
    exact = some.double() / 255
    assert mean == pytest.approx(exact.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(exact.transpose(0, 1).flatten(1).std(1, correction=0).tolist(), abs=1e-12)


# --- CIFAR-10: small archives in its format, served from this machine -----------------------------------------------


@dataclass(frozen=True)
class Small:
    files: dict[str, bytes]
    archive: bytes

    def source(self, *mirrors: str) -> download.Source:
        return replace(
            cifar10.ARCHIVE, sha256=hashlib.sha256(self.archive).hexdigest(), size=len(self.archive), mirrors=mirrors
        )


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in ({"batches.meta.txt": b"airplane\n"} | files).items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def records(seed: int, label: int | None = None) -> bytes:
    table = np.random.default_rng(seed).integers(0, 256, (RECORDS, cifar10.RECORD), dtype=np.uint8)
    table[:, 0] = table[:, 0] % 10 if label is None else label
    return table.tobytes()


@pytest.fixture(scope="module")
def small() -> Small:
    files = {name: records(i) for i, name in enumerate(cifar10.FILES)}
    return Small(files, packed(files))


class Server:
    """Serves `answers[path]`: bytes as they are, or a function of the request's handler. Counts what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                answer = server.answers.get(self.path)
                if answer is None:
                    self.send_error(404)
                elif callable(answer):
                    answer(self)
                else:
                    send(self, answer, len(answer))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def send(handler: BaseHTTPRequestHandler, data: bytes, length: int | None) -> None:
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("RAVINE_CIFAR10_MIRRORS", raising=False)
    monkeypatch.setattr(download, "CHUNK", 1000)
    running = Server()
    yield running
    running.close()


def check_contents(loaded: Images, small: Small) -> None:
    table = np.frombuffer(b"".join(small.files[name] for name in cifar10.FILES), np.uint8)
    table = table.reshape(6 * RECORDS, cifar10.RECORD)
    train, test = table[: 5 * RECORDS], table[5 * RECORDS :]
    for got, labels, part in (
        (loaded.train_images, loaded.train_labels, train),
        (loaded.test_images, loaded.test_labels, test),
    ):
        assert labels.tolist() == part[:, 0].tolist()
        # the format's own words: 1,024 red bytes, then green, then blue, each row by row
        for channel, row, column in ((0, 0, 0), (0, 0, 1), (1, 3, 7), (2, 31, 31)):
            at = 1 + 1024 * channel + 32 * row + column
            assert got[:, channel, row, column].tolist() == part[:, at].tolist()
        assert got.shape == (len(part), 3, 32, 32)
        assert got.is_contiguous()
    assert (loaded.classes, loaded.name) == (10, "CIFAR-10")


def test_the_archive_is_downloaded_with_progress_and_used_again(small: Small, server: Server, tmp_path: Path) -> None:
    server.answers["/good"] = small.archive
    source = small.source(f"{server.address}/good")
    seen: list[tuple[int, int]] = []
    assert not cifar10.available(tmp_path)
    loaded = cifar10.load(tmp_path, lambda done, total: seen.append((done, total)), source, RECORDS)
    check_contents(loaded, small)
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert len(done) > 10
    assert done[-1] == len(small.archive)
    assert {total for _, total in seen} == {len(small.archive)}
    assert [path.name for path in tmp_path.iterdir()] == [source.file]
    assert cifar10.available(tmp_path)
    check_contents(cifar10.load(tmp_path, None, source, RECORDS), small)
    assert server.asked == ["/good"]


def test_a_server_that_tells_no_length_is_followed_by_the_known_size(
    small: Small, server: Server, tmp_path: Path
) -> None:
    server.answers["/good"] = lambda handler: send(handler, small.archive, None)
    seen: list[tuple[int, int]] = []
    download.fetch(small.source(f"{server.address}/good"), tmp_path, lambda done, total: seen.append((done, total)))
    assert max(done for done, _ in seen) == len(small.archive)
    assert {total for _, total in seen} == {len(small.archive)}


def refused() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


BROKEN: dict[str, tuple[Callable[[Small], bytes | Callable | None], str, int]] = {
    "missing": (lambda small: None, "answered 404", 1),
    "cut": (lambda small: lambda handler: send(handler, small.archive[:9000], len(small.archive)), "broke off", 2),
    "cut, no length": (lambda small: lambda handler: send(handler, small.archive[:9000], None), "not the published", 2),
    "other": (lambda small: small.archive[:-1] + b"x", "not the published one", 1),
    "longer": (lambda small: small.archive + b"x", "not the published one", 1),
    "refused": (lambda small: None, "no connection", 0),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_the_next_mirror_serves_when_one_is_broken(kind: str, small: Small, server: Server, tmp_path: Path) -> None:
    answer, _, asked = BROKEN[kind]
    content = answer(small)
    if content is not None:
        server.answers["/broken"] = content
    server.answers["/good"] = small.archive
    broken = refused() if kind == "refused" else f"{server.address}/broken"
    path = download.fetch(small.source(broken, f"{server.address}/good"), tmp_path)
    assert path.read_bytes() == small.archive
    assert [path.name for path in tmp_path.iterdir()] == [cifar10.ARCHIVE.file]
    assert server.asked == ["/broken"] * asked + ["/good"]


@pytest.mark.parametrize("kind", BROKEN)
def test_nothing_is_left_when_no_mirror_serves(kind: str, small: Small, server: Server, tmp_path: Path) -> None:
    answer, says, _ = BROKEN[kind]
    content = answer(small)
    if content is not None:
        server.answers["/broken"] = content
    source = small.source(refused() if kind == "refused" else f"{server.address}/broken")
    with pytest.raises(DataError, match=f"^CIFAR-10 could not be downloaded.*127.0.0.1: .*{says}.*Connect to the net"):
        cifar10.load(tmp_path, None, source, RECORDS)
    assert not list(tmp_path.iterdir())
    server.answers["/broken"] = small.archive  # and a second attempt starts clean
    if kind != "refused":
        check_contents(cifar10.load(tmp_path, None, source, RECORDS), small)


def test_a_mirror_that_broke_off_is_tried_once_more(small: Small, server: Server, tmp_path: Path) -> None:
    def second_time_well(handler: BaseHTTPRequestHandler) -> None:
        first = len(server.asked) == 1
        send(handler, small.archive[:9000] if first else small.archive, len(small.archive))

    server.answers["/shaky"] = second_time_well
    assert download.fetch(small.source(f"{server.address}/shaky"), tmp_path).read_bytes() == small.archive
    assert server.asked == ["/shaky"] * 2


def test_mirrors_of_the_user_come_first(
    small: Small, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/mine"] = small.archive
    monkeypatch.setenv("RAVINE_CIFAR10_MIRRORS", f"ftp://no.such/way {server.address}/mine")
    download.fetch(small.source(f"{server.address}/published"), tmp_path)
    assert server.asked == ["/mine"]


def test_a_full_disk_is_said_and_nothing_is_left(
    small: Small, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullAfterOneChunk(io.FileIO):
        def write(self, data: Any) -> int:
            if self.tell():
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data) or 0

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r": FullAfterOneChunk(path, mode) if "w" in mode else opened(path, mode)
    )
    server.answers["/good"] = small.archive
    with pytest.raises(DataError, match=r"^The disk is full: CIFAR-10 needs .* MB in .*RAVINE_DATA\.$"):
        cifar10.load(tmp_path, None, small.source(f"{server.address}/good"), RECORDS)
    assert not list(tmp_path.iterdir())


def test_a_download_that_the_caller_ends_leaves_nothing(small: Small, server: Server, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done > total // 2:
            raise Enough

    server.answers["/good"] = small.archive
    with pytest.raises(Enough):
        cifar10.load(tmp_path, progress, small.source(f"{server.address}/good"), RECORDS)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said(small: Small, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"could not be written to .*file.*RAVINE_DATA"):
        cifar10.load(tmp_path / "file", None, small.source(), RECORDS)


def test_what_a_killed_download_left_is_swept_by_the_next(small: Small, server: Server, tmp_path: Path) -> None:
    (tmp_path / f".{cifar10.ARCHIVE.file}.123.part").write_bytes(b"half")
    server.answers["/good"] = small.archive
    path = download.fetch(small.source(f"{server.address}/good"), tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_ask_at_once_one_downloads_and_the_other_waits(
    small: Small, server: Server, tmp_path: Path
) -> None:
    pytest.importorskip("fcntl")
    waits = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        waits.wait(SECONDS)
        send(handler, small.archive, len(small.archive))

    server.answers["/good"] = slow
    source = small.source(f"{server.address}/good")
    paths: list[Path] = []
    first = threading.Thread(target=lambda: paths.append(download.fetch(source, tmp_path)))
    first.start()
    until(lambda: server.asked, "the first question")
    paths.append(download.fetch(source, tmp_path, lambda _done, _total: waits.set()))
    first.join()
    assert waits.is_set()
    assert paths == [tmp_path / source.file] * 2
    assert server.asked == ["/good"]


# --- CIFAR-10: a folder that the user has ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["archive", "folder", "folder itself"])
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_folder_the_user_has_is_used_as_it_is(
    form: str, how: str, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "archive":
        (tmp_path / cifar10.ARCHIVE.file).write_bytes(small.archive)
    else:
        inner = tmp_path if form == "folder itself" else tmp_path / cifar10.FOLDER
        inner.mkdir(exist_ok=True)
        for name, data in small.files.items():
            (inner / name).write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    folder = tmp_path if how == "argument" else None
    monkeypatch.setenv("RAVINE_DATA", str(tmp_path if how == "environment" else tmp_path / "elsewhere"))
    assert cifar10.available(folder)
    check_contents(cifar10.load(folder, None, small.source(), RECORDS), small)
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_folder_the_users_cache_is_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAVINE_DATA", raising=False)
    assert download.place().name == "ravine"
    assert download.place().is_absolute()
    monkeypatch.setenv("RAVINE_DATA", "~/data")
    assert download.place() == Path.home() / "data"
    assert download.place("here") == Path("here")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"cifar-10-python.tar.gz": b"x"}, r"pickles \(cifar-10-python.tar.gz\).*the binary version is needed"),
        ({"data_batch_1": b"x"}, "the binary version is needed"),
        ({"data_batch_1.bin": b"x", "data_batch_2.bin": b"x"}, r"data_batch_3.bin, .*test_batch.bin is missing"),
        ({"cifar-10-binary.tar.gz": b"x"}, r"is cut short: it has 1 of [\d,]+ bytes. Delete it"),
        (dict.fromkeys(cifar10.FILES, b"x"), r"data_batch_1.bin has 1 bytes instead of 18,438"),
    ],
)
def test_a_folder_that_will_not_do_is_said_and_left_alone(
    files: dict[str, bytes], says: str, small: Small, tmp_path: Path
) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=says):
        cifar10.load(tmp_path, None, small.source(), RECORDS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_an_archive_of_the_right_length_and_wrong_content_is_refused(small: Small, tmp_path: Path) -> None:
    (tmp_path / cifar10.ARCHIVE.file).write_bytes(small.archive[:-1] + b"x")
    with pytest.raises(DataError, match=r"is not the published file: its SHA-256 is [0-9a-f]{64} instead of"):
        cifar10.load(tmp_path, None, small.source(), RECORDS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda files: packed(files | {"data_batch_3.bin": records(2, label=10)}),
            "data_batch_3.bin .* label 10; CIFAR",
        ),
        (lambda files: packed({k: v for k, v in files.items() if k != "test_batch.bin"}), "lacks test_batch.bin"),
        (lambda files: packed(files | {"test_batch.bin": b"x" * 100}), "test_batch.bin in .* has 100 bytes instead"),
        (lambda files: packed(files | {"test_batch.bin": bytes(20_000)}), "has 18,439 bytes instead of 18,438"),
        (lambda files: packed(files)[:50_000], "cannot be unpacked"),
        (lambda files: b"not an archive at all", "cannot be unpacked"),
    ],
)
def test_an_archive_with_the_right_hash_and_wrong_records_is_refused(
    change: Callable[[dict[str, bytes]], bytes], says: str, small: Small, tmp_path: Path
) -> None:
    changed = Small({}, change(small.files))
    (tmp_path / cifar10.ARCHIVE.file).write_bytes(changed.archive)
    with pytest.raises(DataError, match=says):
        cifar10.load(tmp_path, None, changed.source(), RECORDS)


def test_the_published_archive_is_described_as_its_format_says() -> None:
    assert cifar10.RECORD * 10_000 == 30_730_000
    assert len(cifar10.FILES) == 6
    assert len(cifar10.ARCHIVE.sha256) == 64
    assert all(mirror.startswith("https://") for mirror in cifar10.ARCHIVE.mirrors)
    assert len(cifar10.CLASSES) == 10


def test_asking_what_is_there_needs_no_torch_and_no_network_library(tmp_path: Path) -> None:
    code = (
        "import sys; from training.data import cifar10, digits, synthetic; from training.models import imagenet;"
        f"assert not cifar10.available({str(tmp_path)!r}); assert not imagenet.available({str(tmp_path)!r});"
        "print([m for m in ('torch', 'requests', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- digits and synthetic -------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_in_a_fixed_stratified_split() -> None:
    from sklearn.datasets import load_digits

    loaded = digits.load()
    assert loaded.train_images.shape == (1437, 1, 8, 8)
    assert loaded.test_images.shape == (360, 1, 8, 8)
    train, test = loaded.train_labels.bincount(), loaded.test_labels.bincount()
    assert ((train + test) / 5 - test).abs().max() <= 1
    for part in (loaded.train_labels, loaded.test_labels):  # no part is sorted: the first ones have all digits
        assert len(part[:100].unique()) == 10

    values, labels = load_digits(return_X_y=True)
    published = sorted((int(y), *np.rint(x * 255 / 16).astype(int)) for x, y in zip(values, labels, strict=True))
    pixels = torch.cat([loaded.train_images, loaded.test_images]).flatten(1)
    labels = torch.cat([loaded.train_labels, loaded.test_labels])
    assert sorted((y, *x) for x, y in zip(pixels.tolist(), labels.tolist(), strict=True)) == published
    assert pixels.max() == 255

    again = digits.load()
    assert torch.equal(again.test_images, loaded.test_images)
    assert loaded.test_labels[:12].tolist() == [2, 8, 6, 0, 7, 4, 9, 1, 8, 6, 7, 0]  # the split never changes


def test_synthetic_images_are_labelled_as_such_and_the_same_for_a_seed() -> None:
    loaded = synthetic.load(300, 100, seed=1)
    assert "synthetic" in loaded.name
    assert loaded.train_images.shape == (300, 3, 32, 32)
    assert loaded.test_images.shape == (100, 3, 32, 32)
    assert loaded.classes == 10
    assert torch.equal(loaded.train_images, synthetic.load(300, 100, seed=1).train_images)
    assert not torch.equal(loaded.train_images, synthetic.load(300, 100, seed=2).train_images)
    of = [loaded.train_images[loaded.train_labels == c].float().mean(0) for c in (0, 1)]
    assert (of[0] - of[1]).abs().mean() > 20  # a class has its pattern
    with pytest.raises(ValueError, match="test is 0; at least 1"):
        synthetic.load(1, 0)


# --- augmentation ---------------------------------------------------------------------------------------------------


def some(n: int = 40, size: tuple[int, int] = (7, 6), dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, *size), generator=torch.Generator().manual_seed(3)).to(dtype)


def test_the_order_is_a_permutation_that_depends_on_seed_and_epoch_alone() -> None:
    first = augment.order(1000, 0, 0)
    assert first.dtype == torch.int64
    assert first.sort().values.tolist() == list(range(1000))
    assert torch.equal(first, augment.order(1000, 0, 0))
    others = [augment.order(1000, seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({tuple(o.tolist()) for o in others}) == 9
    state = torch.get_rng_state()
    torch.manual_seed(5)
    assert torch.equal(first, augment.order(1000, 0, 0))
    torch.set_rng_state(state)


def test_draws_cover_all_shifts_evenly_and_flip_half() -> None:
    dy, dx, flip = augment.draws(9000, 1, 2, pad=4, flip=True)
    for shift in (dy, dx):
        counts = shift.bincount(minlength=9)
        assert len(counts) == 9
        assert counts.min() > 850
        assert counts.max() < 1150
    assert 4200 < flip.sum() < 4800
    assert abs(np.corrcoef(dy.numpy(), dx.numpy())[0, 1]) < 0.05
    still = augment.draws(9000, 1, 2, pad=4, flip=False)
    assert torch.equal(still[0], dy)
    assert not still[2].any()
    assert not torch.equal(augment.draws(9000, 1, 3, pad=4, flip=True)[0], dy)
    assert augment.draws(5, 0, 0, pad=0, flip=False)[0].tolist() == [0] * 5


@pytest.mark.parametrize("mode", ["zero", "reflect"])
@pytest.mark.parametrize("width", [0, 1, 4])
def test_padding_is_numpys(mode: augment.Padding, width: int) -> None:
    images = some()
    spans = ((0, 0), (0, 0), (width, width), (width, width))
    expected = np.pad(images.numpy(), spans, mode="constant" if mode == "zero" else "reflect")
    padded = augment.pad(images, width, mode)
    assert padded.dtype == torch.uint8
    assert np.array_equal(padded.numpy(), expected)


def test_padding_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="mode is 'edge'; zero and reflect"):
        augment.pad(some(), 1, "edge")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="pad is 6; images of 7 x 6 can be mirrored by 0 to 5"):
        augment.pad(some(), 6, "reflect")


@pytest.mark.parametrize("mode", ["zero", "reflect"])
def test_crop_and_flip_are_what_a_loop_over_images_does(mode: augment.Padding) -> None:
    images = some()
    height, width = images.shape[2:]
    padded = augment.pad(images, 2, mode)
    dy, dx, flip = augment.draws(len(images), 0, 0, 2, flip=True)
    got = augment.crop_flip(padded, dy, dx, flip, 2)
    assert got.dtype == torch.uint8
    assert got.shape == images.shape
    for i in range(len(images)):
        crop = padded[i, :, dy[i] : dy[i] + height, dx[i] : dx[i] + width]
        assert torch.equal(got[i], crop.flip(2) if flip[i] else crop)


def test_chunks_change_nothing_and_an_image_depends_on_its_own_draws() -> None:
    padded = augment.pad(some(), 2)
    dy, dx, flip = augment.draws(40, 0, 0, 2, flip=True)
    whole = augment.crop_flip(padded, dy, dx, flip, 2)
    for size in (1, 7, 40):
        parts = [
            augment.crop_flip(*chunk, 2)
            for chunk in zip(padded.split(size), dy.split(size), dx.split(size), flip.split(size), strict=True)
        ]
        assert torch.equal(torch.cat(parts), whole)
    order = augment.order(40, 0, 0)
    assert torch.equal(augment.crop_flip(padded[order], dy[order], dx[order], flip[order], 2), whole[order])


def test_the_middle_crop_is_the_image_and_two_flips_are_none() -> None:
    images = some()
    n = len(images)
    middle, yes = torch.full((n,), 3), torch.ones(n, dtype=torch.bool)
    padded = augment.pad(images, 3, "reflect")
    assert torch.equal(augment.crop_flip(padded, middle, middle, ~yes, 3), images)
    zero = torch.zeros(n, dtype=torch.int64)
    once = augment.crop_flip(images, zero, zero, yes, 0)
    assert torch.equal(once, images.flip(3))
    assert torch.equal(augment.crop_flip(once, zero, zero, yes, 0), images)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-14), (torch.float32, 1e-6), (torch.bfloat16, 2**-8)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_normalising_subtracts_the_mean_and_divides_by_the_deviation(
    dtype: torch.dtype, within: float, channels_last: bool
) -> None:
    images = some()
    before = images.clone()
    mean, std = (0.49, 0.48, 0.44), (0.25, 0.24, 0.26)
    got = augment.normalise(images, mean, std, dtype, channels_last)
    shift, scale = (torch.tensor(numbers, dtype=torch.float64).view(-1, 1, 1) for numbers in (mean, std))
    exact = (images.double() / 255 - shift) / scale
    assert got.dtype == dtype
    assert got.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    assert torch.allclose(got.double(), exact, rtol=within, atol=within)
    assert torch.equal(images, before)
    tensors = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
    assert torch.equal(augment.normalise(images, *tensors, dtype, channels_last), got)


def test_normalised_training_images_have_mean_0_and_deviation_1() -> None:
    loaded = digits.load()
    got = augment.normalise(loaded.train_images, loaded.mean, loaded.std, torch.float64)
    assert got.mean().item() == pytest.approx(0, abs=1e-12)
    assert got.std(correction=0).item() == pytest.approx(1, abs=1e-12)
