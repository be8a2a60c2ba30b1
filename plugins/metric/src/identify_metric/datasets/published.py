"""The published files of the image sets, and what is in them.

Sizes and checksums are those of the files at their official addresses, as TensorFlow Datasets records them.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from identify_core import PublicFile, RunError

Array = np.ndarray[Any, Any]

_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_LECUN = "LeCun, Cortes & Burges (1998)"
_XIAO = "Xiao, Rasul & Vollgraf (2017), arXiv 1708.07747"
_IDX = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _idx(address: str, licence: str, source: str, facts: Sequence[tuple[int, str]]) -> dict[str, PublicFile]:
    return {
        name: PublicFile(name=name, url=address + name, sha256=sha256, size=size, licence=licence, source=source)
        for name, (size, sha256) in zip(_IDX, facts, strict=True)
    }


IDX = {
    "mnist": _idx(
        _MNIST,
        "CC BY-SA 3.0",
        _LECUN,
        [
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ],
    ),
    "fashion-mnist": _idx(
        _FASHION,
        "MIT",
        _XIAO,
        [
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ],
    ),
}
CIFAR10 = PublicFile(
    name="cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    size=170_052_171,
    source="Krizhevsky (2009)",
)
SVHN = {
    "train": PublicFile(
        name="train_32x32.mat",
        url="http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
        sha256="435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        size=182_040_794,
        licence="non-commercial",
        source="Netzer et al. (2011)",
    ),
    "test": PublicFile(
        name="test_32x32.mat",
        url="http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
        sha256="cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        size=64_275_384,
        licence="non-commercial",
        source="Netzer et al. (2011)",
    ),
}
_CELEBA = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"  # its files lie where only a browser gets them
CELEBA = {
    name: PublicFile(name=name, sha256=sha256, size=size, licence="non-commercial", source=_CELEBA)
    for name, size, sha256 in (
        ("img_align_celeba.zip", 1_443_490_838, "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74"),
        ("list_attr_celeba.txt", 26_721_026, "f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0"),
        ("list_eval_partition.txt", 2_836_386, "fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7"),
    )
}


def cifar_batches(path: Path) -> Iterator[tuple[Array, Array]]:
    """Labels (b,) and images (b, 3, 32, 32) of the five training batches and the test batch.

    The binary version is read, because the other one holds pickles, which execute code.

    Raises:
        RunError: the archive lacks a batch, or a batch has another length.
    """
    record = 1 + 3 * 32 * 32
    with tarfile.open(path) as archive:
        for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
            try:
                stream = archive.extractfile(f"cifar-10-batches-bin/{name}")
            except KeyError as error:
                raise RunError(f"{path} has no {name}, so that it is not the binary version of CIFAR-10") from error
            assert stream is not None  # it is a file
            content = np.frombuffer(stream.read(), dtype=np.uint8)
            if not len(content) or len(content) % record:
                raise RunError(f"{name} in {path} has {len(content)} bytes, not a multiple of {record}")
            rows = content.reshape(-1, record)
            yield rows[:, 0], rows[:, 1:].reshape(-1, 3, 32, 32)


def svhn_labels(path: Path) -> Array:
    """The digits (n,); the file writes 10 for 0."""
    from scipy.io import loadmat

    labels: Array = loadmat(path, variable_names=["y"])["y"].ravel().astype(np.int64) % 10
    return labels


def svhn_images(path: Path) -> Array:
    """(n, 3, 32, 32)."""
    from scipy.io import loadmat

    images: Array = loadmat(path, variable_names=["X"])["X"].transpose(3, 2, 0, 1)
    return images


class ZippedPictures(Sequence[IO[bytes]]):
    """The pictures of a zip archive, each opened when its turn comes."""

    def __init__(self, archive: zipfile.ZipFile, names: Sequence[str]) -> None:
        self._archive, self._names = archive, names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: Any) -> Any:
        try:
            return self._archive.open(self._names[number])
        except KeyError as error:
            raise RunError(f"{self._archive.filename} has no {self._names[number]}") from error


def celeba_table(path: Path, columns: int) -> tuple[list[str], Array]:
    """File names and whole numbers (n, columns) of one of CelebA's lists, without its head.

    Raises:
        RunError: a line has another number of cells.
    """
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row and row[0].endswith(".jpg")]
    wrong = next((row for row in rows if len(row) != columns + 1), None)
    if wrong is not None or not rows:
        said = "no line names a picture" if wrong is None else f"the line of {wrong[0]} has {len(wrong) - 1} numbers"
        raise RunError(f"{path} is not CelebA's list: {said}; {columns} are wanted")
    return [row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.int64)
