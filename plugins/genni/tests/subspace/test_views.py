"""Every picture is drawn from the stored finding alone, non-empty, with a caption that says what matters."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core import Finding, LabelledArray, Subject
from identify_core.testing.contexts import make_context
from identify_genni.evaluators.subspace import evaluate
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.views.subspace import draw
from identify_genni.views.subspace_landscape import read_landscape
from identify_genni.views.subspace_surfaces import isosurface


def study(subject: Subject, folder: Path, **options: Any) -> tuple[SubspaceOptions, Finding]:
    chosen = SubspaceOptions(**{"counts": (13,), "embedding": "off", "epsilon": 0.05, **options})
    return chosen, evaluate(chosen, subject, make_context(folder))


def ink(figure: Any) -> float:
    """The share of pixels that are not white."""
    file = io.BytesIO()
    figure.savefig(file, format="rgba", dpi=50)
    return float((np.frombuffer(file.getvalue(), dtype=np.uint8).reshape(-1, 4)[:, :3] < 250).any(axis=1).mean())


@pytest.mark.parametrize(
    ("dimension", "names"),
    [
        (1, ["subspace-line"]),
        (2, ["subspace-contour", "subspace-surface"]),
        (3, ["subspace-isosurface", "subspace-slices"]),
        (4, ["subspace-isosurface", "subspace-slices"]),
    ],
)
def test_each_dimension_has_its_pictures(subject: Subject, tmp_path: Path, dimension: int, names: list[str]) -> None:
    counts = (7,) if dimension == 4 else (13,)
    options, finding = study(subject, tmp_path, dimension=dimension, counts=counts)
    figures = list(draw(options, finding, make_context(tmp_path)))
    assert [figure.name for figure in figures] == names
    for figure in figures:
        assert ink(figure.static) > 0.02
        assert f"J / Var(f*) = {0.05:.3g}" in figure.caption
        assert "200 inputs of the split test" in figure.caption
        if dimension > 1:
            assert figure.interactive is not None
            assert "Plotly.newPlot" in figure.interactive
            assert "<html" not in figure.interactive


def test_adaptive_findings_are_drawn_from_filled_values(subject: Subject, tmp_path: Path) -> None:
    options, finding = study(subject, tmp_path, counts=(21,), refinement="adaptive")
    landscape = read_landscape(finding)
    assert np.isfinite(landscape.relative).all()
    figures = list(draw(options, finding, make_context(tmp_path)))
    assert "of them evaluated" in figures[0].caption


def test_an_embedding_is_drawn_with_its_nets(subject: Subject, tmp_path: Path) -> None:
    options, finding = study(subject, tmp_path, dimension=4, counts=(7,))
    generator = np.random.default_rng(0)
    numbers = np.arange(40)
    stored = attrs.evolve(
        finding,
        arrays={
            **finding.arrays,
            "embedding-points": LabelledArray(values=numbers, dimensions=("embedded",)),
            "embedding": LabelledArray(
                values=generator.normal(size=(45, 2)), dimensions=("embedded-and-nets", "plane")
            ),
        },
    )
    figure = list(draw(options, stored, make_context(tmp_path)))[-1]
    assert figure.name == "subspace-embedding"
    assert "only neighbourhoods do" in figure.caption
    assert ink(figure.static) > 0.01


def test_a_grid_on_one_side_of_epsilon_still_has_pictures(subject: Subject, tmp_path: Path) -> None:
    options, finding = study(subject, tmp_path, lower=(5.0,), upper=(6.0,))
    assert isosurface(read_landscape(finding)) is None
    assert len(list(draw(options, finding, make_context(tmp_path)))) == 2


def test_fine_surfaces_are_thinned(subject: Subject, tmp_path: Path) -> None:
    _, finding = study(subject, tmp_path, counts=(45,), lower=(-1.0,), upper=(1.0,))
    landscape = read_landscape(finding)
    full, thin = isosurface(landscape), isosurface(landscape, most=3000)
    assert full is not None
    assert thin is not None
    assert len(thin.triangles) < len(full.triangles) / 2
