"""Presets of the synthetic studies: valid, cited, swept over values that options take, and true to their names."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from identify_core import Registry, Store, load_registry, load_spec, run_command_line
from identify_mtlcm import plugin

SYNTHETIC = ("linear", "nonlinear", "misspecified")
PRESETS = [preset for preset in plugin.identify_presets() if preset.name.startswith(SYNTHETIC)]
ONE_DEPARTURE = {
    "misspecified-laws": {"causal_law", "spurious_law"},
    "misspecified-confounded": {"spurious_parent"},
    "misspecified-correlated": {"causal_factors", "causal_correlation"},
    "misspecified-noise": {"spurious_noise"},
    "misspecified-dimension": {"observed"},
    "misspecified-tasks": {"tasks", "points"},
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("mtlcm",), strict=True)


def test_every_misspecification_that_was_asked_for_has_a_preset():
    assert {preset.name for preset in PRESETS} == {
        "linear",
        "linear-2024",
        "nonlinear",
        "nonlinear-2024",
        *ONE_DEPARTURE,
        "misspecified-decoder",
    }


@pytest.mark.parametrize("preset", PRESETS, ids=lambda each: each.name)
def test_a_preset_is_a_valid_spec_that_cites_its_source(registry, preset):
    spec = load_spec(registry, plugin="mtlcm", preset=preset.name)
    text = preset.read_text()
    assert text.startswith("# ")
    assert "# Source: " in text
    assert preset.source
    assert spec.name == preset.name
    swept = tomllib.loads(text).get("sweep", {})
    assert set(spec.sweep) == set(swept)


@pytest.mark.parametrize("name", ONE_DEPARTURE)
def test_a_misspecification_departs_from_the_model_in_what_it_names_alone(registry, name):
    chosen = load_spec(registry, plugin="mtlcm", preset=name).dataset.options
    plain = type(chosen)(standardise="none")
    departed = {field for field in plain.__attrs_attrs__ if getattr(chosen, field.name) != getattr(plain, field.name)}
    assert {field.name for field in departed} == ONE_DEPARTURE[name]


def recovered(store: Path, preset: str, *overrides: str) -> float:
    """Pooled Pearson MCC of the latents of the first replicate on the test rows, after a run from the command line."""
    sets = [part for each in ("replicates=1", *overrides) for part in ("--set", each)]
    assert run_command_line(["run", "mtlcm", "--preset", preset, "--store", str(store), "--quiet", *sets]) == 0
    run = Store(store).open("@last")
    rows = run.splits["test"]
    z = np.stack([np.asarray(factor.values)[rows] for factor in run.factors.values()], axis=1)
    found = run.latents["z"].values(0)
    correlations = np.abs(np.corrcoef(z.T, found.T))[: z.shape[1], z.shape[1] :]
    pairs = linear_sum_assignment(-correlations)
    return float(correlations[pairs].mean())


@pytest.mark.parametrize("mixing", ["orthogonal", "random"])
def test_the_linear_study_is_solved(tmp_path, mixing):
    assert recovered(tmp_path, "linear", f"dataset.mixing={mixing}") > 0.999


@pytest.mark.slow
def test_laws_and_correlations_do_no_harm_and_a_confounder_does(tmp_path):
    assert recovered(tmp_path, "misspecified-laws") > 0.999
    assert recovered(tmp_path, "misspecified-correlated") > 0.999
    assert recovered(tmp_path, "misspecified-confounded") < 0.9


@pytest.mark.slow
def test_wrong_noise_does_harm_only_where_it_hides_the_causes(tmp_path):
    assert recovered(tmp_path, "misspecified-noise") > 0.999
    assert recovered(tmp_path, "misspecified-noise", "dataset.spurious_noise=1.0") < 0.95


@pytest.mark.slow
def test_too_few_features_lose_latents_and_too_many_do_not(tmp_path):
    assert recovered(tmp_path, "misspecified-dimension") < 0.95
    assert recovered(tmp_path, "misspecified-dimension", "dataset.observed=12") > 0.99
    assert recovered(tmp_path, "misspecified-tasks", "dataset.tasks=3") < 0.95
