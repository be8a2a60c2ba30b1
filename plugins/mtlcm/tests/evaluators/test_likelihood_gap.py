"""The likelihood gap is zero at the optimum, large for a solver that stopped early, and left out with a reason."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

SPEC = """
format = 1
name = "first"
replicates = 2
[dataset]
type = "linear"
latents = 4
causal_factors = 1
tasks = 40
points = 60
test_points = 20
standardise = "none"
data_seed = 0
[objective]
type = "mtlcm"
[objective.solver]
observation_noise = 0.01
[[evaluators]]
type = "recovery"
per_task = false
mixings = 1
restarts = 1
"""


def gap(run: Any) -> Any:
    return run.findings["recovery"].finding.scalars.get("likelihood-gap")


def test_the_default_solver_leaves_nothing(project: Any) -> None:
    assert gap(project.run("mtlcm", spec=SPEC)) == pytest.approx(0, abs=1e-6)


def test_a_solver_that_stops_early_leaves_much(project: Any) -> None:
    early = ["objective.solver.solver=adam", "objective.solver.adam.epochs=2", "objective.solver.centring=none"]
    found = gap(project.run("mtlcm", spec=SPEC, overrides=early))
    assert found > 0.5
    assert gap(project.run("mtlcm", spec=SPEC, overrides=[*early, "evaluators.0.refit=false"])) is None


def test_a_stored_representation_is_read_again_and_its_loss_is_said(project: Any, identify: Any) -> None:
    first = project.run("mtlcm", spec=SPEC)
    stored = [
        'objective.representation="stored"',
        'objective.run="first"',
        'objective.latents="z"',
        'objective.keep="all"',
        'name="second"',
    ]
    second = project.run("mtlcm", spec=SPEC, overrides=stored)
    assert gap(second) == pytest.approx(0, abs=1e-6)
    shutil.rmtree(first.folder)
    found = identify.json("evaluate", second.id, "--evaluator", "mtlcm:recovery", "--label", "again")["findings"]
    assert "likelihood-gap" not in found["again"]["scalars"]
    assert any("the likelihood gap is left out" in each for each in found["again"]["warnings"])


def test_what_the_models_warn_of_is_said_once_a_run(project: Any) -> None:
    """Not by each replicate, nor again by the refit, nor by the objective next to its finding."""
    run = project.run("mtlcm", spec=SPEC, overrides=["replicates=3", "objective.solver.spurious_noise=0.4"])
    said = [each for each in run.document["warnings"] if "residual variances lie significantly below" in each]
    assert len(said) == 1, said
    assert said[0].startswith("causal-model: replicate 0, and likewise 1, 2: ")
