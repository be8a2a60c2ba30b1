"""Whole runs: the preset `smoke`, and a comparison from the command line."""

from __future__ import annotations

import pytest
from identify_core.testing.fixtures import CommandLine, Project, RelatedRuns


def test_the_replicates_of_smoke_agree_as_claimed(project: Project) -> None:
    run = project.run("your-plugin", preset="smoke")
    assert run.latents["latents"].identified_up_to == "linear"
    assert run.findings["agreement"].finding.scalars["agreement median"] == pytest.approx(1, abs=0.01)


def test_runs_that_an_affine_map_relates_agree(identify: CommandLine, related_runs: RelatedRuns) -> None:
    first, second = related_runs("affine")
    document = identify.json("compare", first.id, second.id, "--evaluator", "your-plugin:agreement")
    assert document["findings"]["agreement"]["scalars"]["agreement median"] == pytest.approx(1)
