"""The public sets of images: what each one's files hold, and the factors that made them."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core import (
    Context,
    FactorKind,
    FilePlaces,
    PublicFile,
    RunError,
    Samples,
    map_images,
    missing_file,
    obtain_file,
    read_factor,
    read_pictures,
    resized,
)
from identify_quantization.data.reading import NORB, h5_blocks, npz_blocks, read_norb
from identify_quantization.data.splits import Images, grid_labels, split_images
from identify_quantization.options.data import (
    DspritesOptions,
    FileOptions,
    ImageFolderOptions,
    Mpi3dOptions,
    ResizedOptions,
)

Array = np.ndarray[Any, Any]

BYTE = 1 / 255
_TURN = 2 * np.pi

DSPRITES = PublicFile(
    name="dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    url="https://github.com/google-deepmind/dsprites-dataset/raw/master/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    licence="Apache-2.0",
    source="Matthey et al. (2017), github.com/google-deepmind/dsprites-dataset",
)
GRID = "dsprites_grid46080.npz"
SHAPES3D = PublicFile(
    name="3dshapes.h5",
    url="https://storage.googleapis.com/3d-shapes/3dshapes.h5",
    size=267_573_662,
    licence="Apache-2.0",
    source="Burgess & Kim (2018), github.com/google-deepmind/3d-shapes",
)
_MPI3D = "https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/"
_GONDAL = "Gondal et al., NeurIPS 2019, github.com/rr-learning/disentanglement_dataset"
MPI3D = {
    "toy": PublicFile(name="mpi3d_toy.npz", url=f"{_MPI3D}mpi3d_toy.npz", licence="CC BY 4.0", source=_GONDAL),
    "realistic": PublicFile(
        name="mpi3d_realistic.npz", url=f"{_MPI3D}mpi3d_realistic.npz", licence="CC BY 4.0", source=_GONDAL
    ),
    "real": PublicFile(name="mpi3d_real.npz", url=f"{_MPI3D}mpi3d_real.npz", licence="CC BY 4.0", source=_GONDAL),
    "complex": PublicFile(name="real3d_complicated_shapes_ordered.npz", licence="CC BY 4.0", source=_GONDAL),
}
CARS3D = PublicFile(name="nips2015-analogy-data.tar.gz", source="Reed et al., NeurIPS 2015")
_LABELS = PublicFile(name="train-rec.labels", licence="CC BY-NC-SA 4.0", source="Nie et al., ICML 2020 (NVIDIA)")
CELEBA = PublicFile(name="list_attr_celeba.txt", source="Liu et al., ICCV 2015 (CelebA)")

FALCOR3D = {
    "lighting-intensity": 5,
    "lighting-x": 6,
    "lighting-y": 6,
    "lighting-z": 6,
    "camera-x": 6,
    "camera-y": 6,
    "camera-z": 6,
}
ISAAC3D = {
    "object-shape": 3,
    "robot-x": 8,
    "robot-y": 5,
    "camera-height": 4,
    "object-scale": 4,
    "lighting-intensity": 4,
    "lighting-y": 6,
    "object-colour": 4,
    "wall-colour": 4,
}
_ATTRIBUTE: FactorKind = "categorical"
_CATEGORIES = ("shape", "object-shape", "category", "instance")


def kinds_of(names: tuple[str, ...]) -> tuple[FactorKind, ...]:
    """Shapes, colours and names are categories; an orientation is circular; everything else has an order."""

    def kind(name: str) -> FactorKind:
        if name in _CATEGORIES or name.endswith("colour"):
            return "categorical"
        return "circular" if name in ("orientation", "azimuth") else "ordinal"

    return tuple(kind(name) for name in names)


def make_dsprites(options: DspritesOptions, context: Context) -> Samples:
    """dSprites: shape 3, scale 6, orientation 40, x 32, y 32, (1, 64, 64); or the grid of every fourth or so.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    places = FilePlaces(collection="dsprites", folder=options.folder)
    grid = None if options.files == "full" else places.find(GRID)
    if options.files == "grid" or (grid is not None and places.find(DSPRITES.name) is None):
        if grid is None:
            raise missing_file(PublicFile(name=GRID, source=DSPRITES.source), places)
        return split_images(_dsprites_grid(grid), options)
    path = obtain_file(DSPRITES, places, context, download=options.download, alternatives=(GRID,))
    sizes = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
    shape = (737_280, 1, 64, 64)
    pixels = map_images(
        places.target / "dsprites.npy", shape, lambda: npz_blocks(path, "imgs", shape), context, scale=1.0
    )
    angles = {"orientation": np.linspace(0, _TURN, 40)}  # the last is the first again, and has images of its own
    return split_images(_grid(pixels, sizes, path.name, angles), options)


def _dsprites_grid(path: Path) -> Images:
    wanted = ("imgs_packed", "latents_classes", "latents_values", "latents_names")
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in wanted if name not in file.files]
        if missing:
            raise RunError(f"{path} has no {', '.join(missing)}, so that it is not the grid of dSprites")
        packed, labels, values, names = (file[name] for name in wanted)
    pixels = torch.from_numpy(np.unpackbits(packed, axis=1).reshape(-1, 1, 64, 64) * np.uint8(255))
    named = tuple({"posX": "x", "posY": "y"}.get(str(name), str(name)) for name in names)
    angle = named.index("orientation")
    table = np.zeros(int(labels[:, angle].max()) + 1)
    table[labels[:, angle]] = values[:, angle]
    return Images(
        pixels=pixels,
        labels=labels.astype(np.int64),
        names=named,
        kinds=kinds_of(named),
        values={"orientation": table},
        source=path.name,
    )


def make_shapes3d(options: FileOptions, context: Context) -> Samples:
    """Shapes3D: 480,000 images (3, 64, 64) of floor, wall and object hue 10, scale 8, shape 4, orientation 15.

    Raises:
        RunError: there is no such file.
        UsageError: h5py is not installed.
    """
    places = FilePlaces(collection="shapes3d", folder=options.folder)
    path = obtain_file(SHAPES3D, places, context, download=options.download)
    shape = (480_000, 3, 64, 64)
    sizes = {"floor-hue": 10, "wall-hue": 10, "object-hue": 10, "scale": 8, "shape": 4, "orientation": 15}
    pixels = map_images(places.target / "shapes3d.npy", shape, lambda: h5_blocks(path, "images"), context, scale=BYTE)
    # From −30 to 30 degrees: an arc, not a circle.
    return split_images(_grid(pixels, sizes, path.name, kinds={"orientation": "ordinal"}), options)


def make_mpi3d(options: Mpi3dOptions, context: Context) -> Samples:
    """MPI3D: object colour, shape and size, camera height, background colour, two axes of 40, (3, 64, 64).

    Raises:
        RunError: there is no such file.
    """
    places = FilePlaces(collection="mpi3d", folder=options.folder)
    path = obtain_file(MPI3D[options.variant], places, context, download=options.download)
    number = 4 if options.variant == "complex" else 6
    sizes = {
        "object-colour": number,
        "object-shape": number,
        "object-size": 2,
        "camera-height": 3,
        "background-colour": 3,
        "horizontal-axis": 40,
        "vertical-axis": 40,
    }
    shape = (int(np.prod(list(sizes.values()))), 3, 64, 64)
    name = places.target / f"mpi3d-{options.variant}.npy"
    pixels = map_images(name, shape, lambda: npz_blocks(path, "images", shape), context, scale=BYTE)
    return split_images(_grid(pixels, sizes, path.name), options)


def make_falcor3d(options: ResizedOptions, context: Context) -> Samples:
    """Falcor3D: 233,280 renderings of a room under lights and cameras, 7 factors."""
    return _pngs("falcor3d", FALCOR3D, options, context)


def make_isaac3d(options: ResizedOptions, context: Context) -> Samples:
    """Isaac3D: 737,280 renderings of a robot arm in a kitchen, 9 factors."""
    return _pngs("isaac3d", ISAAC3D, options, context)


def make_cars3d(options: ResizedOptions, context: Context) -> Samples:
    """Cars3D: 183 models of cars from 4 elevations and 24 azimuths, 17,568 images.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    from scipy.io import loadmat

    places = FilePlaces(collection="cars3d", folder=options.folder)
    path = obtain_file(CARS3D, places, context)
    cars = []
    with tarfile.open(path) as archive:
        members = sorted(
            (each for each in archive.getmembers() if each.name.endswith("_mesh.mat") and "/cars/" in f"/{each.name}"),
            key=lambda each: each.name,
        )
        for member in members:
            stream = archive.extractfile(member)
            assert stream is not None  # it is a file
            views = loadmat(io.BytesIO(stream.read()))["im"].transpose(4, 3, 0, 1, 2)  # elevation, azimuth, H, W, C
            cars.append(np.stack([resized(view, options.side) for view in views.reshape(-1, *views.shape[2:])]))
    if not cars:
        raise RunError(f"{path} holds no *_mesh.mat of cars")
    sizes = {"model": len(cars), "elevation": 4, "azimuth": 24}
    angles = {"azimuth": np.arange(24) * _TURN / 24}
    return split_images(_grid(torch.from_numpy(np.concatenate(cars)), sizes, path.name, angles), options)


def make_small_norb(options: ResizedOptions, context: Context) -> Samples:
    """The training half of smallNORB, left camera: 5 categories, 5 instances, 9 elevations, 18 azimuths, 6 lights.

    Raises:
        RunError: a file is not there, or is not one of NORB.
    """
    places = FilePlaces(collection="small-norb", folder=options.folder)
    data, category, info = (read_norb(places, what) for what in ("dat", "cat", "info"))
    pixels = np.stack([resized(picture, options.side) for picture in data[:, 0]])
    labels = np.column_stack([category, *info.T])
    labels[:, 1] = np.unique(labels[:, 1], return_inverse=True)[1]  # five of the ten instances
    labels[:, 3] //= 2  # azimuths are numbered by 0, 2, ..., 34
    names = ("category", "instance", "elevation", "azimuth", "lighting")
    images = Images(
        pixels=torch.from_numpy(pixels),
        labels=labels.astype(np.int64),
        names=names,
        kinds=("categorical", "categorical", "ordinal", "circular", "categorical"),
        values={"azimuth": np.arange(18) * _TURN / 18},
        source=NORB,
    )
    return split_images(images, options)


def make_celeba(options: ResizedOptions, context: Context) -> Samples:
    """CelebA: 202,599 faces with 40 attributes, each resized whole, so that it becomes a square.

    Raises:
        RunError: the list of attributes or a picture is not there.
    """
    places = FilePlaces(collection="celeba", folder=options.folder)
    path = obtain_file(CELEBA, places, context)
    lines = path.read_text(encoding="utf-8").splitlines()
    names = tuple(name.lower().replace("_", "-") for name in lines[1].split())
    rows = [line.split() for line in lines[2:] if line.strip()]
    short = next((row for row in rows if len(row) != len(names) + 1), None)
    if short is not None:
        raise RunError(f"the line of {short[0]!r} in {path} has {len(short) - 1} attributes instead of {len(names)}")
    labels = (np.array([row[1:] for row in rows]) == "1").astype(np.int64)
    files = [path.parent / "img_align_celeba" / row[0] for row in rows]
    shape = (len(files), 3, options.side, options.side)
    name = places.target / f"celeba-{options.side}.npy"
    pixels = map_images(name, shape, lambda: read_pictures(files, options.side), context, scale=BYTE)
    images = Images(
        pixels=pixels, labels=labels, names=names, kinds=tuple(_ATTRIBUTE for _ in names), source="CelebA, aligned"
    )
    return split_images(images, options)


def make_image_folder(options: ImageFolderOptions, context: Context) -> Samples:
    """One's own images: a table with a column `file` and a column for each factor.

    A factor of whole numbers or text is categorical; a name that ends in `:ordinal`, `:continuous`, `:circular` or
    `:degrees` says another kind.

    Raises:
        RunError: the index is not there or not sound, or a picture is missing.
    """
    places = FilePlaces(collection="images", folder=options.folder)
    path = places.find(options.index)
    if path is None:
        raise missing_file(PublicFile(name=options.index), places)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or "file" not in rows[0]:
        raise RunError(
            f"{path} has no column 'file'", hint="its first line names the columns: file, and one for each factor"
        )
    files = [path.parent / row["file"] for row in rows]
    shape = (len(files), 3, options.side, options.side)
    target = places.target / f"{path.stem}-{options.side}.npy"
    pixels = map_images(target, shape, lambda: read_pictures(files, options.side), context, scale=BYTE)
    columns = [name for name in rows[0] if name != "file"]
    names, labels, values = [], [], {}
    kinds: list[FactorKind] = []
    for column in columns:
        name, _, kind = column.partition(":")
        factor = read_factor(name, _numbers([row[column] for row in rows]), kind or "categorical")
        distinct, label = np.unique(factor.values, return_inverse=True)
        names.append(name)
        labels.append(label)
        kinds.append(factor.kind)
        values[name] = distinct
    images = Images(
        pixels=pixels,
        labels=np.stack(labels, axis=1) if labels else np.empty((len(files), 0), dtype=np.int64),
        names=tuple(names),
        kinds=tuple(kinds),
        values=values,
        source=path.name,
    )
    return split_images(images, options)


def _numbers(texts: list[str]) -> Array:
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        return np.array(texts)


def _grid(
    pixels: Any,
    sizes: dict[str, int],
    source: str,
    values: dict[str, Array] | None = None,
    kinds: dict[str, FactorKind] | None = None,
) -> Images:
    """Images of all combinations, the last factor running fastest."""
    names = tuple(sizes)
    said = [(kinds or {}).get(name, kind) for name, kind in zip(names, kinds_of(names), strict=True)]
    return Images(
        pixels=pixels,
        labels=grid_labels(tuple(sizes.values())),
        names=names,
        kinds=tuple(said),
        values=values or {},
        source=source,
    )


def _pngs(collection: str, sizes: dict[str, int], options: ResizedOptions, context: Context) -> Samples:
    """A folder `images` of numbered PNGs next to an array of labels, one value a factor."""
    places = FilePlaces(collection=collection, folder=options.folder)
    path = obtain_file(_LABELS, places, context)
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read as an array of labels: {error}") from error
    if table.ndim != 2 or table.shape[1] != len(sizes):
        raise RunError(f"{path} has the shape {table.shape}; {collection} has {len(sizes)} factors")
    found = [np.unique(column, return_inverse=True) for column in table.T]
    wrong = [name for name, (values, _) in zip(sizes, found, strict=True) if len(values) > sizes[name]]
    if wrong:
        raise RunError(f"{path} has more values of {', '.join(wrong)} than {collection} has")
    files = [path.parent / "images" / f"{number:06d}.png" for number in range(len(table))]
    shape = (len(files), 3, options.side, options.side)
    name = places.target / f"{collection}-{options.side}.npy"
    pixels = map_images(name, shape, lambda: read_pictures(files, options.side), context, scale=BYTE)
    images = Images(
        pixels=pixels,
        labels=np.stack([label for _, label in found], axis=1),
        names=tuple(sizes),
        kinds=kinds_of(tuple(sizes)),
        source=collection,
    )
    return split_images(images, options)
