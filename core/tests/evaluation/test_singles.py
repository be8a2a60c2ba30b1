"""What evaluators of single representations give becomes one finding, arrays included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core import LabelledArray, Scored
from identify_core.errors import PluginError
from identify_core.evaluation import singles
from identify_core.evaluation.singles import column_finding, score_each
from identify_core.scores import Score
from identify_core.testing.contexts import make_context


@attrs.frozen
class Named:
    """What of a chosen evaluator and of a representation is asked for."""

    label: str


def score(value: float) -> Score:
    return Score(
        measure="m", value=value, larger_is="better", bounds=(0.0, 1.0), is_metric=False, invariant_to=(), n=4,
        widths=(2,), estimator="e", dtype="float32",
    )  # fmt: skip


def finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: list[Any]) -> Any:
    results = iter(given)
    monkeypatch.setattr(singles.targets, "call_evaluator", lambda *_: next(results))
    representations: Any = [Named(f"run/{i}") for i in range(len(given))]
    chosen: Any = attrs.make_class("Chosen", ["label", "registered"])(
        "m", attrs.make_class("R", ["qualified_name"])("p:m")
    )
    return column_finding(score_each(chosen, representations, make_context(tmp_path)))


def scored(value: float, shape: tuple[int, ...]) -> Scored:
    array = LabelledArray(values=np.full(shape, value), dimensions=("latent", "factor"), summary="what it was read off")
    return Scored(scores={"m": score(value)}, arrays={"table": array})


def test_arrays_of_one_shape_are_stored_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = finding(monkeypatch, tmp_path, [scored(0.1, (2, 3)), scored(0.2, (2, 3))])
    assert found.arrays["table"].dimensions == ("representation", "latent", "factor")
    assert found.arrays["table"].values[:, 0, 0].tolist() == [0.1, 0.2]
    assert found.arrays["table"].summary == "what it was read off"
    assert found.arrays["m"].values.tolist() == [0.1, 0.2]


def test_arrays_of_other_shapes_are_numbered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = finding(monkeypatch, tmp_path, [scored(0.1, (2, 3)), scored(0.2, (5, 3)), score(0.3)])
    assert {name for name in found.arrays if name.startswith("table")} == {"table-0", "table-1"}
    assert found.arrays["m"].values.tolist() == [0.1, 0.2, 0.3]


def test_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="p:m gave float for a representation"):
        finding(monkeypatch, tmp_path, [0.5])
