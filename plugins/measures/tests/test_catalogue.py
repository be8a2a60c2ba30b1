"""The catalogue: every record is complete, what it names exists, and reading it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

from identify_core import load_target
from identify_measures.catalogue import CATALOGUE, Measure, measure
from identify_measures.plugin import identify_evaluators


@pytest.mark.parametrize("each", CATALOGUE.values(), ids=lambda each: each.name)
def test_records_are_complete_and_what_they_name_exists(each: Measure) -> None:
    assert each.summary.endswith(".")
    assert each.definition
    assert each.source
    assert each.bounds[0] < each.bounds[1]
    for target in (each.target, each.prepare, each.estimate, each.function):
        if target:
            assert callable(load_target(target))


def test_evaluators_are_the_measures_with_a_target() -> None:
    offered = {each.name: each for each in identify_evaluators()}
    assert set(offered) == {each.name for each in CATALOGUE.values() if each.target}
    assert offered["procrustes"].bounds == (0.0, None)
    assert offered["linear-cka"].standard


def test_unknown_rungs_are_refused() -> None:
    with pytest.raises(ValueError, match="cca names rungs that do not exist: afine"):
        attrs.evolve(measure("cca"), invariant_to=("afine",))


def test_reading_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys, identify_measures, identify_measures.plugin as plugin; list(plugin.identify_evaluators());"
        "print(sorted({'torch', 'numpy', 'scipy', 'sklearn', 'zarr', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
