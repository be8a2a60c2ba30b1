"""Comparing what the plugins trained: the ladder finds the rung that theory claims, on runs and arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.cli.root import run_command_line
from identify_core.rungs import includes
from identify_core.testing.command_line import CommandLine
from identify_measures import sap

# Irreducible networks on generic inputs, each trained until it computes the teacher's function.
SPEC = (
    *("run", "genni", "--preset", "tanh", "--quiet", "--set", "evaluators=[]", "--replicates", "4"),
    *("--set", "dataset.input_shape=[4]", "--set", "dataset.outputs=2", "--set", "model.widths=[4]"),
    *("--set", "dataset.held_out=400", "--set", "dataset.samples=1024", "--set", "objective.steps=1500"),
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder whose store holds equal ReLU networks and equal tanh networks."""
    folder = CommandLine(tmp_path_factory.mktemp("networks"))
    for activation in ("relu", "tanh"):
        folder(*SPEC, "--set", f"model.activation={activation}", "--name", activation)
    return folder


def ladder(folder: CommandLine, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    document = folder.json("compare", *arguments, "--evaluator", "measures:ladder", "--quiet", status=status)
    rows: list[dict[str, Any]] = document["findings"]["ladder"]["tables"]["ladder"]
    return rows


def test_equal_relu_networks_are_related_by_permutation_with_positive_scaling(networks: CommandLine) -> None:
    rows = ladder(networks, "relu", "--latents", "hidden-1", "--expect", "permutation-positive-scaling")
    assert len(rows) == 6
    found = [row["lowest rung"].split(" or ") for row in rows]
    assert all("permutation-positive-scaling" in lowest for lowest in found)
    assert all(row["found"] == "as claimed" for row in rows)


def test_equal_tanh_networks_are_related_by_less(networks: CommandLine) -> None:
    rows = ladder(networks, "tanh", "--latents", "hidden-1", "--expect", "signed-permutation")
    found = {row["lowest rung"] for row in rows}
    assert "signed-permutation" in found
    assert all(includes("signed-permutation", rung) for rung in found)


def test_networks_of_different_functions_are_not_identified(networks: CommandLine) -> None:
    rows = ladder(
        networks, "relu", "tanh", "--latents", "hidden-1", "--expect", "permutation-scaling", "--trust-ids", status=1
    )
    across = [row for row in rows if ":hidden-1" in row["representation"] and row["claimed"] is None]
    assert all(row["lowest rung"] != "permutation-positive-scaling" for row in across)


def test_the_standard_measures_run_over_a_run_and_an_array(networks: CommandLine) -> None:
    networks("runs", "export", "relu", "--to", "relu.npz")
    with np.load(networks.folder / "relu.npz", allow_pickle=False) as archive:
        (key,) = [name for name in archive.files if name.startswith("latents/hidden-1") and "ids" not in name]
        values = archive[key]
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    np.save(networks.folder / "rotated.npy", values[0] @ rotation)
    np.save(networks.folder / "plain.npy", values[0])
    document = networks.json("compare", "plain.npy", "rotated.npy", "--quiet")
    medians = {label: finding["scalars"] for label, finding in document["findings"].items()}
    assert medians["linear-cka"]["linear-cka median"] == pytest.approx(1)
    assert medians["cca"]["cca median"] == pytest.approx(1)
    assert medians["procrustes-angular"]["procrustes-angular median"] == pytest.approx(0, abs=1e-5)
    assert document["findings"]["ladder"]["tables"]["ladder"][0]["lowest rung"] == "orthogonal"


def test_a_dry_run_says_what_it_would_cost_and_stores_nothing(networks: CommandLine) -> None:
    before = len(list((networks.folder / "identify-store" / "comparisons").iterdir()))
    plan = networks.json("compare", "relu", "--latents", "hidden-1", "--dry-run")
    assert plan["pairs"] == 6
    assert plan["seconds"] > 0
    assert plan["bytes"] > 0
    assert len(list((networks.folder / "identify-store" / "comparisons").iterdir())) == before


def test_imported_representations_compare_with_a_run_by_their_ids(networks: CommandLine) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 5))
    np.save(networks.folder / "mine.npy", x)
    np.save(networks.folder / "theirs.npy", (x @ rng.normal(size=(5, 5)) + 1)[::-1])
    (networks.folder / "mine.txt").write_text("".join(f"sample-{i}\n" for i in range(300)))
    (networks.folder / "theirs.txt").write_text("".join(f"sample-{i}\n" for i in reversed(range(300))))
    for name in ("mine", "theirs"):
        networks("import", f"{name}.npy", "--name", name, "--ids", f"{name}.txt")
    (row,) = ladder(networks, "mine", "theirs", "--expect", "affine")
    assert row["lowest rung"] == "affine"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("nosuch.npy", "relu"), 2, "there is no file nosuch.npy"),
        (("relu",), 2, "--latents"),
        (("relu", "--latents", "hidden-1", "--expect", "linaer"), 2, "linear"),
        (("relu", "--latents", "hidden-1", "--evaluator", "measures:linear-ckaa"), 2, "linear-cka"),
        (("nobody",), 4, "nobody"),
    ],
)
def test_mistakes_are_one_message(networks: CommandLine, arguments: tuple[str, ...], status: int, message: str) -> None:
    assert message in networks("compare", *arguments, status=status).stderr


def test_imported_representations_are_judged_by_their_factors(networks: CommandLine) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, size=(600, 2))
    np.savez(networks.folder / "codes.npz", z=truth + 0.01 * rng.normal(size=(600, 2)), a=truth[:, 0], b=truth[:, 1])
    factors = ("--factors", "a:categorical=codes.npz:a", "--factors", "b:categorical=codes.npz:b")
    networks("import", "codes.npz:z", "--name", "codes", *factors)
    found = networks.json(
        *(
            "evaluate",
            "codes",
            "--evaluator",
            "measures:mig",
            "--evaluator",
            "measures:dci",
            "--set",
            "interval_draws=20",
        ),
        "--quiet",
    )["findings"]
    assert found["mig"]["scalars"]["mig median"] > 0.9
    assert min(value for name, value in found["dci"]["scalars"].items() if name.endswith("median")) > 0.9


def test_the_command_line_reads_factors_as_the_library_does(identify: CommandLine) -> None:
    rng = np.random.default_rng(3)
    shape, angle = rng.integers(0, 4, size=300), rng.integers(0, 360, size=300)
    codes = np.stack([shape, np.cos(np.deg2rad(angle)), rng.normal(size=300)], axis=1) + 0.3 * rng.normal(size=(300, 3))
    np.savez(identify.folder / "read.npz", z=codes, shape=shape, angle=angle)
    factors = ("--factors", "shape=read.npz:shape", "--factors", "angle:degrees=read.npz:angle")
    done = identify("import", "read.npz:z", "--name", "read", *factors)
    assert "factor 'shape' holds integers and was read as categorical: say its kind" in done.stderr
    finding = identify.json("evaluate", "read", "--evaluator", "measures:sap", "--quiet")["findings"]["sap"]
    library = sap(codes, {"shape": shape, "angle": angle}, kinds={"angle": "degrees"})
    as_amounts = sap(codes, {"shape": shape, "angle": angle}, kinds={"angle": "degrees", "shape": "continuous"})
    assert finding["scalars"]["sap median"] == pytest.approx(library.value, abs=0.08)  # the splits differ
    assert abs(as_amounts.value - library.value) > 0.1
    assert "factors read as angle circular; shape categorical" in finding["conventions"]["estimator"]
    assert any("holds integers and was read as categorical" in each for each in finding["warnings"])


def test_a_measure_that_crashes_is_a_line_and_a_status_and_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        np.save(f"{name}.npy", np.random.default_rng(ord(name)).standard_normal((60, 3)))
    monkeypatch.setattr("identify_measures.linear.canonical.correlations", lambda *_: 2**70 // 0)
    measures = ("--evaluator", "measures:cca", "--evaluator", "measures:linear-cka")
    assert run_command_line(["compare", "a.npy", "b.npy", *measures, "--quiet", "--json"]) == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert list(document["findings"]) == ["linear-cka"]
    assert document["failures"]["cca"].startswith("ZeroDivisionError: ")
    assert "error: 1 of 2 evaluators failed; what the others found is kept" in said.err
    assert "  - cca: ZeroDivisionError: " in said.err
    assert "Traceback" not in said.err
