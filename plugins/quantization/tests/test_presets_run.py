"""Every preset from the command line, with the study's networks: steps and evaluated rows are few."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from identify_core import Store, run_command_line
from identify_quantization.data import sets
from identify_quantization.plugin import METHODS, SETS

EVALUATED = 40
ROWS = {"shapes3d": 480_000, "mpi3d": 460_800, "falcor3d": 500, "isaac3d": 500}  # the sizes of two are in their files
MAPPED = {"shapes3d": "shapes3d", "mpi3d": "mpi3d-complex", "falcor3d": "falcor3d-64", "isaac3d": "isaac3d-64"}
PRESETS = [f"{name}-{suffix}" if suffix else name for name in SETS for suffix in METHODS]


def write_published(folder: Path, name: str) -> None:
    """The files of a set without their content, and the converted images, which are black but for what is evaluated."""
    folder.mkdir(exist_ok=True)
    if name == "shapes3d":
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / sets.SHAPES3D.name, "w") as file:
            file.create_dataset("images", (ROWS[name], 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
        os.truncate(folder / sets.SHAPES3D.name, sets.SHAPES3D.size)
    elif name == "mpi3d":
        np.savez(folder / sets.MPI3D["complex"].name)
    else:
        sizes = tuple({"falcor3d": sets.FALCOR3D, "isaac3d": sets.ISAAC3D}[name].values())
        with (folder / "train-rec.labels").open("wb") as stream:
            np.save(stream, np.stack([np.random.default_rng(k).integers(0, k, ROWS[name]) / k for k in sizes], axis=1))
    target, shape = folder / f"{MAPPED[name]}.npy", (ROWS[name], 3, 64, 64)
    pixels = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape)
    evaluated = np.random.default_rng(0).permutation(ROWS[name])[:EVALUATED]
    pixels[evaluated] = np.random.default_rng(1).integers(0, 256, (EVALUATED, *shape[1:]), dtype=np.uint8)
    pixels.flush()


def arguments(name: str, folder: Path, **more: object) -> list[str]:
    settings: dict[str, object] = {
        "dataset.folder": f'"{folder / name.split("-")[0]}"',
        "dataset.evaluated": EVALUATED,
        "objective.steps": 6 if name.endswith(("gan", "gan-no-decay")) else 2,
        "objective.batch_size": 3,
        "objective.log_every": 1,
    } | more
    sets_of = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    return ["run", "quantization", "--preset", name, *sets_of, "--quiet", "--store", str(folder / "store")]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for name in SETS:
        write_published(folder / name, name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_of_the_study_runs(name: str, published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command_line(arguments(name, published))
    assert code == 0, capsys.readouterr().err
    run = Store(published / "store").open("@last")
    findings = {label: each.finding for label, each in run.findings.items()}
    assert not run.record.failures
    reconstruction = next(each for label, each in findings.items() if label.startswith("reconstruction"))
    assert 0 < reconstruction.scalars["psnr"] < 20  # of noise, by untrained networks
    infomec = next(each for label, each in findings.items() if "infomec" in label)
    assert infomec.arrays["nmi"].values.size


@pytest.mark.slow
def test_a_run_on_a_file_of_the_size_of_shapes3d_holds_little(tmp_path: Path) -> None:
    """480,000 images are 5.9 GB: beyond the same run on 216 images the data path adds less than 300 MB."""
    write_published(tmp_path / "shapes3d", "shapes3d")
    large = _peak(arguments("shapes3d-ae", tmp_path, replicates=1, evaluators="[]"))
    small = ["run", "quantization", "--preset", "smoke", "--set", "replicates=1", "--set", "evaluators=[]"]
    model = ["--set", 'model={type="style-image",latent={count=12}}', "--set", "dataset.side=64"]
    rest = ["--set", 'objective={type="ae",steps=2,batch_size=3}', "--quiet", "--store", str(tmp_path / "small")]
    assert large - _peak([*small, *model, *rest]) < 300 * 2**20


def _peak(command: list[str]) -> int:
    """The most anonymous memory of a process that runs the command, in bytes."""
    code = (
        "import sys, threading, time\n"
        "peak = 0\n"
        "def watch():\n"
        "    global peak\n"
        "    while True:\n"
        "        line = next(each for each in open('/proc/self/status') if each.startswith('RssAnon'))\n"
        "        peak = max(peak, int(line.split()[1]))\n"
        "        time.sleep(0.005)\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "from identify_core import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print('peak', peak * 1024)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("peak ")[1])
