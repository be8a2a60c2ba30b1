"""Drawing again: the same pictures from stored findings alone, and one broken evaluator costs nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.errors import UsageError
from identify_core.findings import Figure, Finding, LabelledArray
from identify_core.hookspecs import hookimpl
from identify_core.plugins import Registry, load_registry
from identify_core.reports.figures import new_figure
from identify_core.reports.stored_figures import redraw
from identify_core.store import StoredRun
from identify_core.testing import toy_plugin

MakeRun = Callable[..., StoredRun]

LOSSES = Finding(arrays={"losses": LabelledArray(values=np.array([1.0, 2.0]), dimensions=("replicate",))})


class _Broken:
    """A plugin whose evaluator cannot draw."""

    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        yield Evaluator(
            name="sad", summary="", target="builtins:print", arity="run", draw=f"{__name__}:no_such_function"
        )
        yield Evaluator(name="plain", summary="", target="builtins:print", arity="run")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(extra={"toy": toy_plugin, "broken": _Broken()})


def test_figures_are_drawn_from_what_is_stored(make_run: MakeRun, registry: Registry, tmp_path: Path) -> None:
    run = make_run({"whole.a": LOSSES, "whole.b": LOSSES})
    drawings = redraw(run, registry, tmp_path / "out", formats=("png", "pdf"))
    assert [each.label for each in drawings] == ["whole.a", "whole.b"]
    written = sorted(str(file.relative_to(tmp_path / "out")) for each in drawings for file in each.files)
    assert written == ["whole.a/losses.pdf", "whole.a/losses.png", "whole.b/losses.pdf", "whole.b/losses.png"]
    assert all((tmp_path / "out" / file).stat().st_size > 1000 for file in written)


def test_only_the_labels_that_are_asked_for_are_drawn(make_run: MakeRun, registry: Registry, tmp_path: Path) -> None:
    run = make_run({"a": LOSSES, "b": LOSSES})
    assert [each.label for each in redraw(run, registry, tmp_path, formats=("png",), only=("b",))] == ["b"]
    assert not (tmp_path / "a").exists()


def test_an_unknown_label_is_refused_with_the_nearest(make_run: MakeRun, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no finding 'subspce'") as caught:
        redraw(make_run({"subspace": LOSSES}), registry, tmp_path, formats=("png",), only=("subspce",))
    assert caught.value.hint == "did you mean 'subspace'?"


def test_what_draws_nothing_is_no_problem(make_run: MakeRun, registry: Registry, tmp_path: Path) -> None:
    for evaluator in ("", "broken:plain"):
        (drawing,) = redraw(make_run({"a": LOSSES}, evaluator=evaluator), registry, tmp_path, formats=("png",))
        assert (drawing.files, drawing.problem) == ((), "")


@pytest.mark.parametrize(
    ("evaluator", "options", "reason"),
    [
        ("gone:subspace", {}, "there is no plugin 'gone'"),
        ("broken:sad", {}, "no attribute 'no_such_function'"),
        ("toy:whole", {"colour": 1}, "does not take the options that the finding was made with: colour"),
    ],
)
def test_what_cannot_be_drawn_says_why(
    make_run: MakeRun, registry: Registry, tmp_path: Path, evaluator: str, options: dict[str, Any], reason: str
) -> None:
    run = make_run({"a": LOSSES}, evaluator=evaluator, options=options)
    (drawing,) = redraw(run, registry, tmp_path, formats=("png",))
    assert reason in drawing.problem
    assert drawing.files == ()


def test_one_failure_leaves_the_others(make_run: MakeRun, registry: Registry, tmp_path: Path) -> None:
    run = make_run({"a": Finding(), "b": LOSSES})  # toy:whole draws an array that the first one lacks
    failed, drawn = redraw(run, registry, tmp_path, formats=("png",))
    assert failed.problem == "KeyError: 'losses'"
    assert len(drawn.files) == 1


def test_a_drawing_gets_the_runs_seed_the_options_and_the_house_style(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def draw(options: Any, finding: Finding, context: Context) -> Iterable[Figure]:
        figure, axes = new_figure(width=1, height=1)
        (line,) = axes.plot([0, 1])
        seen.extend([options.fail, context.seed, context.count, context.scratch.is_dir(), line.get_linewidth()])
        yield Figure(name="x", caption="", static=figure)

    monkeypatch.setattr("identify_core.testing.toy_targets.draw_whole", draw)
    run = make_run({"a": LOSSES}, options={"fail": True})
    redraw(run, load_registry(extra={"toy": toy_plugin}), tmp_path, formats=("png",))
    assert seen == [True, 7, 3, True, 1.6]
