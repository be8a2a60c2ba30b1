"""Options: the study's values, and limits that a spec meets before anything is computed."""

from __future__ import annotations

from typing import Any

import pytest

from identify_mtlcm.options.causal import AdamOptions, CausalOptions


def test_defaults_are_the_study_s() -> None:
    options = CausalOptions()
    assert (options.solver, options.spurious_noise, options.observation_noise) == ("default", 0.1, 1e-4)
    adam = options.adam
    assert (adam.epochs, adam.batch_size, adam.learning_rate) == (1000, 1024, 0.1)
    assert (adam.patience, adam.factor, adam.threshold, adam.lowest_rate) == (100, 0.5, 1e-4, 5e-3)
    assert (adam.gamma_warm_up, adam.retry_jitter) == (0, 1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spurious_noise": 1.0}, "spurious_noise must be between 1e-06 and 0.999"),
        ({"spurious_noise": 0.0}, "spurious_noise must be between 1e-06 and 0.999"),
        ({"observation_noise": -0.1}, "observation_noise must be at least 0"),
        ({"restarts": -1}, "restarts must be at least 0"),
        ({"iterations": 0}, "iterations must be at least 1"),
        ({"tolerance": 0.0}, "tolerance must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CausalOptions(**settings)


@pytest.mark.parametrize("noise", ["learned", "per-task"])
def test_noise_may_be_learned(noise: Any) -> None:
    assert CausalOptions(spurious_noise=noise).spurious_noise == noise


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"factor": 1.0}, "factor must be between 0 and 0.999"),
        ({"factor": 0.0}, "factor must be above 0"),
    ],
)
def test_the_solver_adam_has_limits_too(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdamOptions(**settings)
