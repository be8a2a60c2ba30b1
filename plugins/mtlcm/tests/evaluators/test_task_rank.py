"""The rank of tasks is found from their targets and from heads, and the tasks that add nothing are named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Finding, LabelledArray, OptionsError, Samples, Subject
from identify_core.testing.contexts import make_context
from identify_mtlcm.evaluators.task_rank import evaluate, order_tasks
from identify_mtlcm.options.evaluators import TaskRankOptions
from identify_mtlcm.views.task_rank import draw

NAMES = np.array(["homo", "lumo", "gap", "energy", "enthalpy"])


def targets(rows: int = 500) -> np.ndarray[Any, Any]:
    """Five tasks of rank three: gap = lumo - homo, enthalpy = energy + constant."""
    a, b, e = np.random.default_rng(0).standard_normal((3, rows))
    return np.stack([a, b, b - a, 40 * e, 40 * e + 3], axis=1)


def subject(y: np.ndarray[Any, Any], latents: int = 4, **findings: Finding) -> Subject:
    samples = Samples(
        columns={"x": torch.zeros(len(y), 1), "y": torch.from_numpy(y)},
        ids=np.arange(len(y)),
        splits={"train": np.arange(len(y))},
        truths={"task-names": LabelledArray(values=NAMES[: y.shape[1]], dimensions=("task",))},
    )
    group = (SimpleNamespace(shape=(len(y), latents)),)
    return Subject(representations=(), run=SimpleNamespace(samples=samples, latents={"h": group}, findings=findings))  # type: ignore[arg-type]


def test_pivots_are_what_a_regression_on_the_tasks_before_leaves() -> None:
    y = np.random.default_rng(1).standard_normal((200, 5)) @ np.random.default_rng(2).standard_normal((5, 5))
    y = (y - y.mean(0)) / y.std(0)
    found = order_tasks(np.corrcoef(y.T))
    for place in range(5):
        before, this = y[:, found.order[:place]], y[:, found.order[place]]
        left = this - before @ np.linalg.lstsq(before, this, rcond=None)[0] if place else this
        assert found.unexplained[place] == pytest.approx(left.var(), rel=1e-6)
    assert (np.diff(found.unexplained) <= 1e-12).all()


def test_dependent_targets_are_counted_once_and_named(tmp_path: Path) -> None:
    finding = evaluate(TaskRankOptions(), subject(targets()), make_context(tmp_path))
    assert finding.scalars["task-rank"] == 3
    assert "nearly linear in the others" in finding.summary
    idle = {row[1] for row in finding.tables["tasks"].rows[3:]}
    assert len(idle & {"homo", "lumo", "gap"}) == 1
    assert len(idle & {"energy", "enthalpy"}) == 1
    assert "determine about 3 of 4" in finding.warnings[0]


def test_missing_targets_and_a_constant_one_do_no_harm(tmp_path: Path) -> None:
    y = targets(4000)
    y[np.random.default_rng(3).uniform(size=y.shape) < 0.2] = np.nan
    y[:, 4] = 7.0
    finding = evaluate(TaskRankOptions(tolerance=0.2), subject(y), make_context(tmp_path))
    assert finding.scalars["task-rank"] == 3


def test_heads_bound_the_rank_too(tmp_path: Path) -> None:
    spectra = LabelledArray(values=np.array([[1, 0.5, 1e-7, 1e-8]]), dimensions=("replicate", "direction"))
    heads = Finding(name="heads", arrays={"singular-values": spectra})
    finding = evaluate(TaskRankOptions(), subject(targets(), heads=heads), make_context(tmp_path))
    assert finding.scalars["head-rank"] == 2
    assert "determine about 2 of 4" in finding.warnings[0]
    (figure,) = draw(TaskRankOptions(), finding, None)
    assert [axes.get_title(loc="left") for axes in figure.static.axes] == [
        "Directions that the tasks can see",
        "What each task adds",
    ]


def test_samples_without_targets_are_refused(tmp_path: Path) -> None:
    samples = Samples(columns={"x": torch.zeros(3, 1)}, ids=np.arange(3), splits={})
    run: Any = SimpleNamespace(samples=samples, latents={}, findings={})
    with pytest.raises(OptionsError, match="no numeric column 'y'"):
        evaluate(TaskRankOptions(), Subject(representations=(), run=run), make_context(tmp_path))
