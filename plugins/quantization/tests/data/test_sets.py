"""The public sets, from small files of the published form; and the real grid of dSprites where it is at hand."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from identify_core import IdentifyError, MappedColumn
from identify_core.testing.contexts import make_context
from identify_quantization.data import reading, sets
from identify_quantization.options.data import (
    DspritesOptions,
    FileOptions,
    ImageFolderOptions,
    Mpi3dOptions,
    ResizedOptions,
)

SHARED = Path(__file__).parents[5] / "shared" / "data"


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_the_real_grid_of_dsprites(tmp_path: Path) -> None:
    options = DspritesOptions(folder=str(SHARED), files="grid", evaluated=3000)
    samples = sets.make_dsprites(options, make_context(tmp_path))
    assert samples.shape.inputs == (1, 64, 64)
    assert len(samples) == 46_080
    assert {name: len(np.unique(each.values)) for name, each in samples.factors.items()} == {
        "shape": 3,
        "scale": 6,
        "orientation": 10,
        "x": 16,
        "y": 16,
    }
    assert samples.factors["orientation"].kind == "circular"
    assert samples.tensor("x")[:50].unique().tolist() == [0, 255]


def test_mpi3d_is_read_with_its_channels_first(tmp_path: Path) -> None:
    pictures = noise(24, 64, 64, 3)
    np.savez(tmp_path / sets.MPI3D["complex"].name, images=pictures)
    shape = (24, 3, 64, 64)
    found = np.concatenate(list(reading.npz_blocks(tmp_path / sets.MPI3D["complex"].name, "images", shape)))
    np.testing.assert_array_equal(found, pictures.transpose(0, 3, 1, 2))
    with pytest.raises(IdentifyError, match=r"uint8 of .* are wanted"):
        sets.make_mpi3d(Mpi3dOptions(folder=str(tmp_path)), make_context(tmp_path / "run"))
    with pytest.raises(IdentifyError, match="has no array 'other'"):
        list(reading.npz_blocks(tmp_path / sets.MPI3D["complex"].name, "other", shape))


def test_shapes3d_is_read_from_its_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pictures = noise(5, 64, 64, 3)
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["images"] = pictures
    found = np.concatenate(list(reading.h5_blocks(tmp_path / "3dshapes.h5", "images")))
    np.testing.assert_array_equal(found, pictures.transpose(0, 3, 1, 2))
    with pytest.raises(IdentifyError, match="incomplete"):  # its size is known
        sets.make_shapes3d(FileOptions(folder=str(tmp_path)), make_context(tmp_path / "run"))


def test_falcor3d_is_resized_and_labelled(tmp_path: Path) -> None:
    pictures = noise(10, 128, 128, 3)
    (tmp_path / "images").mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "images" / f"{number:06d}.png")
    labels = np.stack([np.arange(10) % size * 0.25 for size in sets.FALCOR3D.values()], axis=1)
    with (tmp_path / "train-rec.labels").open("wb") as stream:
        np.save(stream, labels)
    options = ResizedOptions(folder=str(tmp_path), evaluated=4)
    samples = sets.make_falcor3d(options, make_context(tmp_path / "run"))
    column = samples.numbers("x")
    assert isinstance(column, MappedColumn)
    expected = np.asarray(Image.fromarray(pictures[7]).resize((64, 64), Image.Resampling.BICUBIC)) / 255
    torch.testing.assert_close(
        column.take(slice(7, 8))[0].double(), torch.from_numpy(expected).permute(2, 0, 1), atol=1e-6, rtol=0
    )
    assert samples.factors["lighting-intensity"].values.tolist() == (np.arange(10) % 5).tolist()
    with pytest.raises(IdentifyError, match="isaac3d has 9 factors"):
        sets.make_isaac3d(options, make_context(tmp_path / "run"))


def test_cars3d_is_read_from_its_archive(tmp_path: Path) -> None:
    views = noise(16, 16, 3, 24, 4)
    stream = io.BytesIO()
    savemat(stream, {"im": views})
    with tarfile.open(tmp_path / sets.CARS3D.name, "w:gz") as archive:
        for car in ("car_000", "car_001"):
            member = tarfile.TarInfo(f"data/cars/{car}_mesh.mat")
            member.size = stream.tell()
            archive.addfile(member, io.BytesIO(stream.getvalue()))
    samples = sets.make_cars3d(ResizedOptions(folder=str(tmp_path), side=16), make_context(tmp_path / "run"))
    assert samples.shape.inputs == (3, 16, 16)
    assert len(samples) == 2 * 4 * 24
    row = 1 * 96 + 2 * 24 + 5  # car 1, elevation 2, azimuth 5
    assert samples.factors["elevation"].values[row] == 2
    np.testing.assert_array_equal(samples.tensor("x")[row].numpy(), views[:, :, :, 5, 2].transpose(2, 0, 1))


def test_small_norb_is_read_from_its_matrices(tmp_path: Path) -> None:
    data, category = noise(6, 2, 96, 96), np.arange(6, dtype="<i4") % 5
    info = np.array([[4, 8, 34, 5], [4, 0, 0, 0], [6, 1, 2, 1], [6, 1, 2, 1], [7, 1, 2, 1], [9, 1, 2, 1]], dtype="<i4")
    for what, magic, array in (("dat", 0x1E3D4C55, data), ("cat", 0x1E3D4C54, category), ("info", 0x1E3D4C54, info)):
        sizes = [*array.shape, 1, 1][: max(array.ndim, 3)]
        content = np.array([magic, array.ndim, *sizes], dtype="<i4").tobytes() + array.tobytes()
        (tmp_path / f"{reading.NORB}-{what}.mat.gz").write_bytes(gzip.compress(content))
    options = ResizedOptions(folder=str(tmp_path), side=96)
    samples = sets.make_small_norb(options, make_context(tmp_path / "run"))
    np.testing.assert_array_equal(samples.tensor("x").numpy()[:, 0], data[:, 0])
    assert samples.factors["instance"].values.tolist() == [0, 0, 1, 1, 2, 3]
    assert samples.factors["azimuth"].values[0] == pytest.approx(17 * 2 * np.pi / 18)
    (tmp_path / f"{reading.NORB}-cat.mat.gz").write_bytes(gzip.compress(b"\0" * 40))
    with pytest.raises(IdentifyError, match="not one of NORB's matrices"):
        sets.make_small_norb(options, make_context(tmp_path / "run"))


def test_celeba_has_attributes(tmp_path: Path) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    lines = ["3", "Smiling Wearing_Hat"]
    for number in range(3):
        Image.fromarray(noise(218, 178, 3)).save(tmp_path / "img_align_celeba" / f"{number}.png")
        lines.append(f"{number}.png {1 if number else -1} -1")
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(lines))
    samples = sets.make_celeba(ResizedOptions(folder=str(tmp_path)), make_context(tmp_path / "run"))
    assert samples.shape.inputs == (3, 64, 64)
    assert samples.factors["smiling"].values.tolist() == [0, 1, 1]
    assert list(samples.factors) == ["smiling", "wearing-hat"]
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join([*lines, "3.png 1"]))
    with pytest.raises(IdentifyError, match="has 1 attributes instead of 2"):
        sets.make_celeba(ResizedOptions(folder=str(tmp_path)), make_context(tmp_path / "run"))


def test_a_folder_of_ones_own_images(tmp_path: Path) -> None:
    rows = ["file,colour,size:ordinal"]
    for number in range(4):
        Image.fromarray(noise(20, 20, 3)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{'red' if number % 2 else 'blue'},{number // 2}")
    (tmp_path / "index.csv").write_text("\n".join(rows))
    options = ImageFolderOptions(folder=str(tmp_path), side=16)
    samples = sets.make_image_folder(options, make_context(tmp_path / "run"))
    assert samples.factors["colour"].values.tolist() == ["blue", "red", "blue", "red"]
    assert samples.factors["size"].kind == "ordinal"
    (tmp_path / "index.csv").write_text("name,colour\n1.png,red\n")
    with pytest.raises(IdentifyError, match="no column 'file'"):
        sets.make_image_folder(options, make_context(tmp_path / "run"))


def test_a_picture_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,colour\nnowhere.png,red\n")
    with pytest.raises(IdentifyError, match=r"nowhere\.png cannot be read as a picture"):
        sets.make_image_folder(ImageFolderOptions(folder=str(tmp_path)), make_context(tmp_path / "run"))
    assert not list(tmp_path.glob("*.npy*"))


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (sets.make_dsprites, DspritesOptions),
        (sets.make_shapes3d, FileOptions),
        (sets.make_mpi3d, Mpi3dOptions),
        (sets.make_falcor3d, ResizedOptions),
        (sets.make_cars3d, ResizedOptions),
        (sets.make_small_norb, ResizedOptions),
        (sets.make_celeba, ResizedOptions),
        (sets.make_image_folder, ImageFolderOptions),
    ],
)
def test_missing_files_are_named(make, options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDENTIFY_DATA", raising=False)
    with pytest.raises(IdentifyError, match=r"there is no .* in "):
        make(options(folder=str(tmp_path)), make_context(tmp_path / "run"))
