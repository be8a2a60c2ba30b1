"""Presets name what there is; whole runs from the command line, and a second stage on a stored run."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from identify_core import PublicFile, Store, load_registry, load_spec, make_samples, run_command_line
from identify_core.testing.contexts import make_context
from identify_metric.datasets import images, published
from identify_metric.geometry import Geodesics, geodesics
from identify_metric.objectives import landmarks, perceptual

LARGE = ("fashion-mnist", "cifar10", "svhn", "celeba", "celeba-perceptual", "mnist-2", "fashion-mnist-2", "mnist-50")
PRESETS = ("smoke", "digits", "cells", *LARGE)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_complete(name: str) -> None:
    spec = load_spec(load_registry(), plugin="metric", preset=name)
    assert spec.objective.registered.component.name == "elbo"
    assert spec.model is not None
    labels = [each.registered.component.name for each in spec.evaluators]
    assert "stability" in labels
    if name in ("celeba", "mnist-2", "mnist-50", "fashion-mnist-2"):
        assert spec.replicates == 30  # models of the study's and its predecessor's protocol
    if name in ("fashion-mnist", "cifar10", "svhn", "celeba", "celeba-perceptual"):
        assert (spec.model.options.decoders, spec.model.options.sigma) == (8, 1.0)
    if name == "celeba-perceptual":
        assert (spec.objective.options.beta, spec.objective.options.perceptual) == (0.9, 1.0)


def test_the_preset_of_cells_makes_its_samples(tmp_path: Path) -> None:
    spec = load_spec(load_registry(), plugin="metric", preset="cells")
    samples = make_samples(spec.dataset, make_context(tmp_path))
    assert samples.shape.inputs == (50,)


def test_smoke_runs_and_its_landmarks_are_a_second_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path)]
    few = [*("--set", "objective.epochs=2"), *("--set", "dataset.test=20")]
    assert run_command_line(["run", "metric", "--preset", "smoke", *few, *store]) == 0, capsys.readouterr().err
    answer = next(line for line in capsys.readouterr().out.splitlines() if line.strip())
    assert re.search(
        r"^stability +mean CV over 3 models: geodesic-expected [\d.]+, Euclid [\d.]+; difference [+-][\d.]+ "
        r"\(95 % over models [+-][\d.]+ to [+-][\d.]+, (which holds 0: undecided|without 0)\)$",
        answer,
    ), answer
    second = tmp_path / "second.toml"
    second.write_text(
        """format = 1
name = "second"
plugin = "metric"
replicates = 3
[dataset]
type = "digits"
test = 20
[model]
type = "dense"
latent_dim = 2
decoders = 2
hidden = [32]
sigma = 0.25
[objective]
type = "landmark-distances"
run = "@last"
landmarks = 3
doublings = 0
"""
    )
    assert run_command_line(["run", "metric", "--spec", str(second), *store]) == 0, capsys.readouterr().err
    runs = {each.document["name"]: each for each in (Store(tmp_path).open(ref) for ref in ("smoke", "second"))}
    first, found = runs["smoke"], runs["second"]
    assert found.latents["distances"].shape == (3, 20, 3)
    assert found.latents["distances"].identified_up_to == "identity"
    distances = found.latents["distances"].values(0)
    assert (distances.min(1) < distances.max(1)).all()
    assert sorted((distances == 0).sum(0).tolist()) == [1, 1, 1]  # each landmark is at distance 0 from itself alone
    np.testing.assert_array_equal(found.latents["distances"].ids, first.latents["z"].ids)
    text = second.read_text()
    second.write_text(text.replace("doublings = 0", "doublings = 0\niterations = 0").replace("@last", "smoke"))

    def losing(*arguments: object, **more: object) -> Geodesics:
        found = geodesics(*arguments, **more)  # type: ignore[arg-type]
        found.length[-2:] = float("nan")  # as of a sample whose latents are not finite
        return found

    with monkeypatch.context() as patch:
        patch.setattr(landmarks, "geodesics", losing)
        assert run_command_line(["run", "metric", "--spec", str(second), *store]) == 0, capsys.readouterr().err
    warnings = " ".join(Store(tmp_path).open("@last").findings["landmarks"].finding.warnings)
    assert "6 of 180 distances are of latents that are not finite, and are NaN" in warnings
    assert "geodesics did not converge; raise `iterations` or `doublings`" in warnings
    for old, new, said in (
        ("hidden = [32]", "hidden = [16]", "has the shape .*, in this run"),
        ("landmarks = 3", "landmarks = 30", "30 landmarks are wanted, and the stored run has 20 samples"),
        ("sigma = 0.25", 'sigma = "learned"', "are not those of this run's model"),
    ):
        second.write_text(text.replace(old, new).replace("@last", "smoke"))
        assert run_command_line(["run", "metric", "--spec", str(second), *store]) != 0
        assert re.search(said, " ".join(capsys.readouterr().err.split())), said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "cells"])
def test_presets_without_downloads_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line to every finding; models, epochs and pairs are few."""
    settings = {"replicates": 2, "objective.epochs": 2, "evaluators.0.pairs": 3, "evaluators.0.doublings": 1}
    sets = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    code = run_command_line(["run", "metric", "--preset", name, *sets, "--store", str(tmp_path)])
    assert code == 0, capsys.readouterr().err
    found = Store(tmp_path).open("@last").findings
    kinds = [
        each.registered.component.name for each in load_spec(load_registry(), plugin="metric", preset=name).evaluators
    ]
    assert [kind for kind in kinds if not any(kind in label for label in found)] == []


@pytest.mark.slow
def test_two_runs_are_compared_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def identify(*arguments: str) -> int:
        return run_command_line([*arguments, "--store", str(tmp_path)])

    few = ("objective.epochs=1", "evaluators=[]", "replicates=2")
    for name, preset, seed in (("one", "smoke", 1), ("two", "smoke", 2), ("other", "cells", 1)):
        sets = [each for key in (*few, f'name="{name}"', f"seed={seed}") for each in ("--set", key)]
        assert identify("run", "metric", "--preset", preset, *sets, "--quiet") == 0, capsys.readouterr().err
    both = ("--evaluator", "metric:isometry", "--evaluator", "metric:stability", "--set", "pairs=3", "--set", "rows=40")
    assert identify("compare", "one", "two", *both, "--quiet") == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert re.search(r"^isometry +\d", said, re.MULTILINE), said
    assert "stability: mean CV over 4 models" in said
    assert identify("compare", "one", "other", *both, "--quiet") == 2
    assert "have other inputs under the same ids" in " ".join(capsys.readouterr().err.split())


def small_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 + 60 images of each set in its published form, which count as the published files."""
    random = np.random.default_rng(0)

    def write(name: str, content: bytes) -> PublicFile:
        (folder / name).write_bytes(content)
        return PublicFile(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def blobs(count: int, channels: int, side: int) -> np.ndarray:
        grid = np.linspace(-1, 1, side)
        centre = random.uniform(-0.5, 0.5, (count, channels, 2, 1))
        bumps = (
            np.exp(-4 * (grid - centre[:, :, 0]) ** 2)[..., None]
            * np.exp(-4 * (grid - centre[:, :, 1]) ** 2)[:, :, None]
        )
        return (255 * bumps).astype(np.uint8)

    def idx(array: np.ndarray) -> bytes:
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
        return gzip.compress(head + array.tobytes())

    grey, labels = blobs(360, 1, 28)[:, 0], np.arange(360, dtype=np.uint8) % 10
    parts = (grey[:300], labels[:300], grey[300:], labels[300:])
    for collection, names in published.IDX.items():
        files = {name: write(name, idx(part)) for name, part in zip(names, parts, strict=True)}
        monkeypatch.setitem(published.IDX, collection, files)
    colours, stream = blobs(360, 3, 32), io.BytesIO()
    records = np.concatenate([labels[:, None], colours.reshape(360, -1)], axis=1)
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
            content = records[60 * number : 60 * number + 60].tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    monkeypatch.setattr(images, "CIFAR10", write(published.CIFAR10.name, stream.getvalue()))
    svhn = {}
    for split, rows in (("train", slice(0, 300)), ("test", slice(300, 360))):
        stream = io.BytesIO()
        savemat(stream, {"X": colours[rows].transpose(2, 3, 1, 0), "y": labels[rows, None] + 1})
        svhn[split] = write(published.SVHN[split].name, stream.getvalue())
    monkeypatch.setattr(images, "SVHN", svhn)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for number, face in enumerate(blobs(360, 3, 150), 1):
            picture = io.BytesIO()
            Image.fromarray(face.transpose(1, 2, 0)).save(picture, "JPEG")
            zipped.writestr(f"img_align_celeba/{number:06d}.jpg", picture.getvalue())
    names = [f"{number:06d}.jpg" for number in range(1, 361)]
    attributes = "360\nBald\n" + "".join(f"{name} {1 if n % 2 else -1}\n" for n, name in enumerate(names))
    partition = "".join(f"{name} {0 if n < 250 else 1 if n < 300 else 2}\n" for n, name in enumerate(names))
    contents = (stream.getvalue(), attributes.encode(), partition.encode())
    files = {name: write(name, each) for name, each in zip(published.CELEBA, contents, strict=True)}
    monkeypatch.setattr(images, "CELEBA", files)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_presets_run_on_a_few_hundred_rows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the command line to findings, with the preset's own network; rows, epochs, models and pairs are few."""
    small_files(tmp_path, monkeypatch)
    torch.manual_seed(0)
    monkeypatch.setattr(perceptual, "load_vgg16", lambda *_: perceptual.Vgg16().eval().requires_grad_(False))
    monkeypatch.setattr("identify_metric.objectives.elbo.load_vgg16", perceptual.load_vgg16)
    settings = {
        "replicates": 2,
        "dataset.folder": f'"{tmp_path}"',
        "dataset.validation": 40,
        "dataset.train_rows": 128,
        "dataset.test_rows": 3 if "celeba" in name else 20,  # its networks are large
        "objective.epochs": 1,
        "objective.batch_size": 32,
        "evaluators.0.pairs": 2,
        "evaluators.0.doublings": 0,
        "evaluators.0.iterations": 5,
        "evaluators.0.starts": 1,
    }
    if "celeba" in name:
        settings |= {"evaluators.0.segments": 2, "evaluators.0.nodes": 2}
    sets = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    code = run_command_line(["run", "metric", "--preset", name, *sets, "--store", str(tmp_path / "store")])
    assert code == 0, capsys.readouterr().err
    run = Store(tmp_path / "store").open("@last")
    finding = next(each.finding for label, each in run.findings.items() if "stability" in label)
    assert np.isfinite(finding.scalars["cv-geodesic-expected"])
