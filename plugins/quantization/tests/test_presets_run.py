"""Presets from the command line, with the study's networks: steps and evaluated rows are few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from identify_core import Store, run_command_line
from identify_quantization.data import sets

EVALUATED, ROWS = 24, 500
PRESETS = [
    "falcor3d",
    *(f"falcor3d-{name}" for name in ("one-book", "no-decay", "ae", "bio-ae", "beta-vae", "beta-tcvae")),
]


def write_published(folder: Path) -> None:
    """Falcor3D's labels, and its converted images, which are black but for what is evaluated."""
    folder.mkdir()
    sizes, random = sets.FALCOR3D.values(), np.random.default_rng(1)
    with (folder / "train-rec.labels").open("wb") as stream:
        np.save(stream, np.stack([random.integers(0, size, ROWS) / size for size in sizes], axis=1))
    pixels = np.zeros((ROWS, 3, 64, 64), dtype=np.uint8)
    evaluated = np.random.default_rng(0).permutation(ROWS)[:EVALUATED]
    pixels[evaluated] = random.integers(0, 256, (EVALUATED, 3, 64, 64), dtype=np.uint8)
    np.save(folder / "falcor3d-64.npy", pixels)


def arguments(name: str, folder: Path, **more: object) -> list[str]:
    settings: dict[str, object] = {
        "dataset.folder": f'"{folder / name.split("-")[0]}"',
        "dataset.evaluated": EVALUATED,
        "replicates": 1,
        "objective.steps": 2,
        "objective.batch_size": 3,
        "objective.log_every": 1,
    } | more
    sets_of = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    return ["run", "quantization", "--preset", name, *sets_of, "--quiet", "--store", str(folder / "store")]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    write_published(folder / "falcor3d")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_of_the_study_runs(name: str, published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command_line(arguments(name, published))
    assert code == 0, capsys.readouterr().err
    run = Store(published / "store").open("@last")
    findings = {label: each.finding for label, each in run.findings.items()}
    assert run.status == "finished"
    assert run.document["failures"] == {}
    reconstruction = next(each for label, each in findings.items() if label.startswith("reconstruction"))
    assert 0 < reconstruction.scalars["psnr"] < 20  # of noise, by untrained networks
    infomec = next(each for label, each in findings.items() if "infomec" in label)
    assert infomec.arrays["nmi"].values.size
