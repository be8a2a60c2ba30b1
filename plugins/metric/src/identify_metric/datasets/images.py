"""The image sets of the study as memory-mapped bytes, with validation rows that are neither training nor test."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from identify_core import (
    Context,
    Factor,
    FilePlaces,
    MappedColumn,
    OptionsError,
    RunError,
    Samples,
    draw_subset,
    hold_out_keys,
    map_images,
    obtain_file,
    read_idx,
    read_pictures,
)
from identify_metric.datasets.published import (
    CELEBA,
    CIFAR10,
    IDX,
    SVHN,
    ZippedPictures,
    celeba_table,
    cifar_batches,
    svhn_images,
    svhn_labels,
)
from identify_metric.options.data import CelebaOptions, FolderOptions, HeldOutOptions, ImageOptions

Array = np.ndarray[Any, Any]

BYTE = 1 / 255
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot")
_CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def make_mnist(options: ImageOptions, context: Context) -> Samples:
    """60,000 + 10,000 handwritten digits, (1, 28, 28)."""
    return _idx_set("mnist", options, context, "digit")


def make_fashion_mnist(options: ImageOptions, context: Context) -> Samples:
    """60,000 + 10,000 articles of clothing, (1, 28, 28)."""
    return _idx_set("fashion-mnist", options, context, "article", _FASHION)


def _idx_set(
    collection: str, options: ImageOptions, context: Context, factor: str, names: tuple[str, ...] = ()
) -> Samples:
    places = FilePlaces(collection=collection, folder=options.folder)
    images, labels, test_images, test_labels = (
        obtain_file(file, places, context, download=options.download) for file in IDX[collection].values()
    )
    train, test = read_idx(labels), read_idx(test_labels)
    every = np.concatenate([train, test])

    def blocks() -> Iterator[Array]:
        for path in (images, test_images):
            yield read_idx(path)[:, None]

    pixels = map_images(places.target / f"{collection}.npy", (len(every), 1, 28, 28), blocks, context, scale=BYTE)
    factors = {factor: Factor(values=np.array(names)[every] if names else every, kind="categorical")}
    return _split(collection, pixels, factors, {"train": len(train), "test": len(test)}, options)


def make_cifar10(options: ImageOptions, context: Context) -> Samples:
    """50,000 + 10,000 photographs of ten classes, (3, 32, 32)."""
    places = FilePlaces(collection="cifar10", folder=options.folder)
    path = obtain_file(CIFAR10, places, context, download=options.download)
    labels = [label for label, _ in cifar_batches(path)]
    every = np.concatenate(labels)
    shape = (len(every), 3, 32, 32)
    pixels = map_images(
        places.target / "cifar10.npy", shape, lambda: (images for _, images in cifar_batches(path)), context, scale=BYTE
    )
    factors = {"class": Factor(values=np.array(_CIFAR)[every], kind="categorical")}
    test = len(labels[-1])
    return _split("cifar10", pixels, factors, {"train": len(every) - test, "test": test}, options)


def make_svhn(options: ImageOptions, context: Context) -> Samples:
    """73,257 + 26,032 house numbers cut to one digit, (3, 32, 32)."""
    places = FilePlaces(collection="svhn", folder=options.folder)
    paths = {name: obtain_file(file, places, context, download=options.download) for name, file in SVHN.items()}
    labels = {name: svhn_labels(path) for name, path in paths.items()}
    every = np.concatenate(list(labels.values()))
    pixels = map_images(
        places.target / "svhn.npy",
        (len(every), 3, 32, 32),
        lambda: (svhn_images(path) for path in paths.values()),
        context,
        scale=BYTE,
    )
    factors = {"digit": Factor(values=every, kind="categorical")}
    return _split("svhn", pixels, factors, {name: len(each) for name, each in labels.items()}, options)


def make_celeba(options: CelebaOptions, context: Context) -> Samples:
    """202,599 faces with 40 attributes in their official splits: the middle cut out, resized, (3, side, side)."""
    places = FilePlaces(collection="celeba", folder=options.folder)
    archive, attributes, partition = (
        obtain_file(file, places, context, download=options.download) for file in CELEBA.values()
    )
    titles = attributes.read_text(encoding="utf-8").splitlines()[1].split()
    names, table = celeba_table(attributes, len(titles))
    listed, part = celeba_table(partition, 1)
    if names != listed:
        raise RunError(f"{attributes} and {partition} do not list the same pictures")

    def blocks() -> Iterator[Array]:
        with zipfile.ZipFile(archive) as file:
            pictures = ZippedPictures(file, [f"img_align_celeba/{name}" for name in names])
            yield from read_pictures(pictures, options.side, crop=options.crop, resampling="bilinear")

    shape = (len(names), 3, options.side, options.side)
    name = f"celeba-{options.crop}-{options.side}.npy"
    pixels = map_images(places.target / name, shape, blocks, context, scale=BYTE)
    factors = {
        title.lower().replace("_", "-"): Factor(values=(table[:, column] > 0).astype(np.int64), kind="categorical")
        for column, title in enumerate(titles)
    }
    rows = {split: np.flatnonzero(part[:, 0] == code) for code, split in enumerate(("train", "validation", "test"))}
    return _samples("celeba", pixels, factors, _cut(rows, options), np.array(names))


def make_image_folder(options: FolderOptions, context: Context) -> Samples:
    """Pictures of one's own, RGB; those of a subfolder share a label.

    Raises:
        OptionsError: no folder is named.
        RunError: there is no such folder, or no picture in it.
    """
    if not options.folder:
        raise OptionsError("no folder of pictures is named", hint='set dataset.folder = "pictures"')
    root = Path(options.folder).expanduser()
    if not root.is_dir():
        raise RunError(f"there is no folder {root}", hint="dataset.folder names the folder with the pictures")
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in _PICTURES and path.is_file())
    if not files:
        raise RunError(f"{root} holds no picture; {', '.join(_PICTURES)} are read")
    names = [path.relative_to(root).as_posix() for path in files]
    cut = "" if options.crop is None else f"-{options.crop}"
    seen = "".join(
        f"{name}|{(at := path.stat()).st_size}|{at.st_mtime_ns}|" for name, path in zip(names, files, strict=True)
    )
    key = hashlib.sha256(f"{root.resolve()}|{seen}".encode()).hexdigest()[:16]
    target = FilePlaces(collection="image-folder").target / f"{key}{cut}-{options.side}.npy"
    pixels = map_images(
        target,
        (len(files), 3, options.side, options.side),
        lambda: read_pictures(files, options.side, crop=options.crop, resampling="bilinear"),
        context,
        scale=BYTE,
    )
    labels = np.array([name.rpartition("/")[0] for name in names])
    factors = {"folder": Factor(values=labels, kind="categorical")} if len(set(labels.tolist())) > 1 else {}
    return _samples("image-folder", pixels, factors, held_out(names, options), np.array(names))


def held_out(names: list[str], options: HeldOutOptions) -> dict[str, Array]:
    """`train`, `validation` and `test` of one's own rows, by hashes of their names.

    Raises:
        OptionsError: one of them is left without rows.
    """
    outer = hold_out_keys(names, options.test_part, options.split_seed)
    if not options.validation_part:
        return outer
    inner = hold_out_keys([names[row] for row in outer["train"]], options.validation_part, options.split_seed + 1)
    return {
        "train": outer["train"][inner["train"]],
        "validation": outer["train"][inner["test"]],
        "test": outer["test"],
    }


def _split(
    collection: str,
    pixels: MappedColumn,
    factors: dict[str, Factor],
    counts: dict[str, int],
    options: ImageOptions,
) -> Samples:
    """The samples of a set with training rows first and test rows after them."""
    train, test = counts["train"], counts["test"]
    if options.validation >= train:
        raise OptionsError(
            f"validation holds out {options.validation} rows, but {collection} has {train} training rows",
            hint="hold out fewer rows",
        )
    validation = draw_subset([f"{collection}:{row}" for row in range(train)], options.validation, options.split_seed)
    rows = {
        "train": np.setdiff1d(np.arange(train), validation),
        "validation": validation,
        "test": np.arange(train, train + test),
    }
    return _samples(collection, pixels, factors, _cut(rows, options), np.arange(train + test))


def _cut(rows: dict[str, Array], options: ImageOptions) -> dict[str, Array]:
    """The splits with as many rows as are used."""

    def some(split: str, count: int | None) -> Array:
        if count is not None and count > len(rows[split]):
            raise OptionsError(
                f"{split}_rows is {count}, but there are {len(rows[split])} {split} rows", hint="leave it out for all"
            )
        chosen: Array = rows[split][draw_subset([str(row) for row in rows[split]], count, options.split_seed)]
        return chosen

    return {**rows, "train": some("train", options.train_rows), "test": some("test", options.test_rows)}


def _samples(
    collection: str, pixels: MappedColumn, factors: dict[str, Factor], splits: dict[str, Array], ids: Array
) -> Samples:
    channels, height, width = pixels.shape[1:]
    return Samples(
        columns={"x": pixels},
        ids=ids,
        splits=splits,
        factors=factors,
        facts={"set": collection, "image-height": height, "image-width": width, "image-channels": channels},
    )
