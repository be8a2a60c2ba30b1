"""The image sets from small files of the published form, over HTTP, and from real files where they are at hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from identify_core import IdentifyError, MappedColumn, OptionsError, PublicFile, RunError, read_idx
from identify_core.testing.contexts import make_context
from identify_metric.datasets import images, published
from identify_metric.options.data import CelebaOptions, FolderOptions, ImageOptions

SHARED = Path(__file__).parents[5] / "shared" / "data"


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path: Path, content: bytes, url: str = "") -> PublicFile:
    path.write_bytes(content)
    return PublicFile(name=path.name, url=url, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., np.ndarray]:
    """Writes 30 + 8 images in the four files, which count as the published ones; returns all of them."""

    def make(folder: Path, collection: str = "mnist", url: str = "") -> np.ndarray:
        folder.mkdir(parents=True, exist_ok=True)
        pictures, labels = noise(38, 28, 28), np.arange(38, dtype=np.uint8) % 10
        parts = (pictures[:30], labels[:30], pictures[30:], labels[30:])
        files = {
            name: write(folder / name, idx(part), f"{url}/{name}")
            for name, part in zip(published.IDX["mnist"], parts, strict=True)
        }
        monkeypatch.setitem(published.IDX, collection, files)
        return pictures

    return make


def test_mnist_is_mapped_and_split(tmp_path: Path, small_mnist: Callable[..., np.ndarray]) -> None:
    pictures = small_mnist(tmp_path)
    options = ImageOptions(folder=str(tmp_path), validation=6)
    samples = images.make_mnist(options, make_context(tmp_path / "run"))
    assert isinstance(samples.numbers("x"), MappedColumn)
    assert samples.shape.inputs == (1, 28, 28)
    torch.testing.assert_close(samples.tensor("x"), torch.from_numpy(pictures)[:, None] / 255)
    assert samples.factors["digit"].values.tolist() == (np.arange(38) % 10).tolist()
    splits = {name: set(rows.tolist()) for name, rows in samples.splits.items()}
    assert splits["test"] == set(range(30, 38))
    assert len(splits["validation"]) == 6
    assert splits["train"] | splits["validation"] == set(range(30))
    assert not splits["train"] & splits["validation"]


def test_fewer_rows_are_a_part_of_more(tmp_path: Path, small_mnist: Callable[..., np.ndarray]) -> None:
    small_mnist(tmp_path, "fashion-mnist")
    context = make_context(tmp_path / "run")
    cut = [
        images.make_fashion_mnist(
            ImageOptions(folder=str(tmp_path), validation=6, train_rows=rows, test_rows=4), context
        )
        for rows in (5, 9)
    ]
    few, more = (set(each.splits["train"].tolist()) for each in cut)
    assert len(few) == 5
    assert few < more
    assert len(cut[0].splits["test"]) == 4
    assert cut[0].factors["article"].values[:3].tolist() == ["t-shirt", "trouser", "pullover"]
    for wrong, said in (
        ({"validation": 30}, "validation holds out 30 rows, but fashion-mnist has 30 training rows"),
        ({"validation": 6, "train_rows": 25}, "train_rows is 25, but there are 24 train rows"),
        ({"validation": 6, "test_rows": 9}, "test_rows is 9, but there are 8 test rows"),
    ):
        with pytest.raises(OptionsError, match=said):
            images.make_fashion_mnist(ImageOptions(folder=str(tmp_path), **wrong), context)


def test_a_set_is_downloaded_only_where_that_is_allowed(
    tmp_path: Path, small_mnist: Callable[..., np.ndarray], serve: Callable[[Path], str]
) -> None:
    small_mnist(tmp_path / "server", url=serve(tmp_path / "server"))
    options = {"folder": str(tmp_path / "mine"), "validation": 6}
    context = make_context(tmp_path / "run")
    with pytest.raises(RunError, match=r"there is no train-images-idx3-ubyte\.gz in") as refused:
        images.make_mnist(ImageOptions(**options), context)
    assert "dataset.download = true" in refused.value.hint
    samples = images.make_mnist(ImageOptions(**options, download=True), context)
    assert len(samples) == 38
    assert (tmp_path / "mine" / "mnist.npy").is_file()


def test_another_file_than_the_published_one_is_refused(tmp_path: Path, small_mnist: Callable[..., np.ndarray]) -> None:
    small_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="is not what it should be: its SHA-256"):
        images.make_mnist(ImageOptions(folder=str(tmp_path), validation=6), make_context(tmp_path / "run"))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_the_real_test_images_of_fashion_mnist(tmp_path: Path, small_mnist: Callable[..., np.ndarray]) -> None:
    small_mnist(tmp_path, "fashion-mnist")
    files = dict(published.IDX["fashion-mnist"])
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).unlink()
        (tmp_path / name).symlink_to(SHARED / f"fashion-mnist_{name}")
        files[name] = PublicFile(name=name)  # packed again: the same images in other bytes than the published file
    published.IDX["fashion-mnist"].update(files)
    options = ImageOptions(folder=str(tmp_path), validation=6)
    samples = images.make_fashion_mnist(options, make_context(tmp_path / "run"))
    assert len(samples.splits["test"]) == 10_000
    counts = np.unique(samples.factors["article"].values[30:], return_counts=True)[1]
    assert counts.tolist() == [1000] * 10
    mean = float(samples.rows(samples.splits["test"]).tensor("x").mean())
    assert mean == pytest.approx(0.2868, abs=5e-4)  # the figure that everybody quotes for the test images


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_real_digits_survive_the_published_form(tmp_path: Path) -> None:
    with np.load(SHARED / "mnist_t10k_first2000.npz", allow_pickle=False) as file:
        pictures = next(file[name] for name in file.files if file[name].ndim == 3)
    (tmp_path / "x.gz").write_bytes(idx(pictures))
    np.testing.assert_array_equal(read_idx(tmp_path / "x.gz"), pictures)


def test_cifar10_is_read_from_its_binary_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.concatenate([np.arange(24, dtype=np.uint8)[:, None] % 10, noise(24, 3072)], axis=1)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]

    def pack(names: list[str], cut: int = 0) -> None:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for number, name in enumerate(names):
                content = rows[4 * number : 4 * number + 4].tobytes()[cut:]
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        monkeypatch.setattr(images, "CIFAR10", write(tmp_path / published.CIFAR10.name, stream.getvalue()))

    pack(names)
    options, context = ImageOptions(folder=str(tmp_path), validation=5), make_context(tmp_path / "run")
    samples = images.make_cifar10(options, context)
    assert samples.shape.inputs == (3, 32, 32)
    torch.testing.assert_close(
        samples.tensor("x"), torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32)) / 255
    )
    assert samples.splits["test"].tolist() == [20, 21, 22, 23]
    assert samples.factors["class"].values[9] == "truck"
    pack(names[:-1])
    with pytest.raises(RunError, match=r"has no test_batch\.bin, so that it is not the binary version"):
        images.make_cifar10(options, context)
    pack(names, cut=1)
    with pytest.raises(RunError, match="has 12291 bytes, not a multiple of 3073"):
        images.make_cifar10(options, context)


def test_svhn_is_read_from_its_matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    pictures = {"train": noise(12, 32, 32, 3), "test": noise(4, 32, 32, 3, seed=1)}
    for split, each in pictures.items():
        stream = io.BytesIO()
        savemat(stream, {"X": each.transpose(1, 2, 3, 0), "y": (np.arange(len(each)) % 10 + 1)[:, None]})
        files[split] = write(tmp_path / published.SVHN[split].name, stream.getvalue())
    monkeypatch.setattr(images, "SVHN", files)
    samples = images.make_svhn(ImageOptions(folder=str(tmp_path), validation=3), make_context(tmp_path / "run"))
    assert samples.factors["digit"].values[9] == 0  # the file says 10
    expected = pictures["test"][2].transpose(2, 0, 1)
    np.testing.assert_array_equal((samples.tensor("x")[14] * 255).round().to(torch.uint8).numpy(), expected)


@pytest.fixture
def small_celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray]:
    faces = noise(6, 218, 178, 3)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, face in enumerate(faces, 1):
            picture = io.BytesIO()
            Image.fromarray(face).save(picture, "PNG")  # without loss, so that pixels can be compared
            archive.writestr(f"img_align_celeba/{number:06d}.jpg", picture.getvalue())
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    attributes = "6\nBald Wearing_Hat\n" + "".join(
        f"{name} {(-1) ** n:>2} {'1' if n < 2 else '-1'}\n" for n, name in enumerate(names)
    )
    partition = "".join(f"{name} {code}\n" for name, code in zip(names, (0, 0, 0, 1, 2, 2), strict=True))
    contents = (stream.getvalue(), attributes.encode(), partition.encode())
    files = {name: write(tmp_path / name, each) for name, each in zip(published.CELEBA, contents, strict=True)}
    monkeypatch.setattr(images, "CELEBA", files)
    return tmp_path, faces


def test_celeba_keeps_its_splits_and_attributes(small_celeba: tuple[Path, np.ndarray]) -> None:
    folder, faces = small_celeba
    samples = images.make_celeba(CelebaOptions(folder=str(folder)), make_context(folder / "run"))
    assert samples.shape.inputs == (3, 64, 64)
    assert {name: rows.tolist() for name, rows in samples.splits.items()} == {
        "train": [0, 1, 2],
        "validation": [3],
        "test": [4, 5],
    }
    assert samples.factors["wearing-hat"].values.tolist() == [1, 1, 0, 0, 0, 0]
    middle = Image.fromarray(faces[4, 35:183, 15:163]).resize((64, 64), Image.Resampling.BILINEAR)
    torch.testing.assert_close(
        samples.tensor("x")[4], torch.from_numpy(np.asarray(middle).transpose(2, 0, 1) / np.float32(255))
    )


def test_files_of_celeba_that_are_missing_are_named_with_their_page_and_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host asks for a browser: what `download` would do elsewhere is to be done by hand."""
    monkeypatch.delenv("IDENTIFY_DATA", raising=False)
    for download in (False, True):
        with pytest.raises(RunError, match=rf"there is no img_align_celeba\.zip in {tmp_path}") as refused:
            images.make_celeba(CelebaOptions(folder=str(tmp_path), download=download), make_context(tmp_path / "run"))
        assert refused.value.hint == (
            "put it into one of these folders by hand (1443.5 MB, non-commercial, "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, SHA-256 "
            "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74)"
        )


def test_lists_of_celeba_that_do_not_fit_are_refused(
    small_celeba: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = small_celeba
    files = dict(images.CELEBA)
    for text, said in (
        ("000001.jpg 0\n", "do not list the same pictures"),
        ("000001.jpg 0 1\n", r"the line of 000001\.jpg has 2 numbers; 1 are wanted"),
        ("nothing\n", "no line names a picture"),
    ):
        name = "list_eval_partition.txt"
        monkeypatch.setattr(images, "CELEBA", files | {name: write(folder / name, text.encode())})
        with pytest.raises(RunError, match=said):
            images.make_celeba(CelebaOptions(folder=str(folder)), make_context(folder / "run"))


def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTIFY_DATA", str(tmp_path / "cache"))
    root = tmp_path / "mine"
    pictures = noise(40, 16, 20, 3)
    for number, picture in enumerate(pictures):
        path = root / ("cats" if number % 2 else "dogs") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    (root / "notes.txt").write_text("not a picture")
    context = make_context(tmp_path / "run")
    options = FolderOptions(folder=str(root), side=16, crop=16)
    samples = images.make_image_folder(options, context)
    assert samples.ids[0] == "cats/01.png"
    np.testing.assert_array_equal(
        samples.numbers("x").stored_rows(slice(0, 1))[0], pictures[1, :, 2:18].transpose(2, 0, 1)
    )
    assert set(samples.factors["folder"].values.tolist()) == {"cats", "dogs"}
    rows = np.concatenate(list(samples.splits.values()))
    assert sorted(rows.tolist()) == list(range(40))
    Image.fromarray(pictures[0]).save(root / "cats" / "99.png")
    grown = images.make_image_folder(options, context)
    before = {split: set(samples.ids[rows].tolist()) for split, rows in samples.splits.items()}
    after = {split: set(grown.ids[rows].tolist()) for split, rows in grown.splits.items()}
    assert all(before[split] <= after[split] for split in before)  # a further picture moves none of the others
    Image.fromarray(pictures[5]).save(root / "cats" / "99.png", compress_level=1)
    changed = images.make_image_folder(options, context)
    at = changed.ids.tolist().index("cats/99.png")
    np.testing.assert_array_equal(
        changed.numbers("x").stored_rows(slice(at, at + 1))[0], pictures[5, :, 2:18].transpose(2, 0, 1)
    )


def test_folders_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    for folder, said in (
        ("", "no folder of pictures is named"),
        (str(tmp_path / "none"), "there is no folder"),
        (str(tmp_path / "empty"), "holds no picture"),
    ):
        with pytest.raises(IdentifyError, match=said):
            images.make_image_folder(FolderOptions(folder=folder), context)
