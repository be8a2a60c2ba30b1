"""Agreement with the truth is 1 under what is allowed, and what the study says of a random mixing where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_core import Context
from identify_mtlcm.evaluators.agreement import Agreement, Judge, random_mixing, task_by_task

RANDOM = np.random.default_rng(0)
Z = RANDOM.standard_normal((600, 4)) * [1.0, 2.0, 0.1, 30.0]
TASK = np.arange(600) % 12


def agreement(context: Context, latents: np.ndarray[Any, Any], **more: Any) -> Agreement:
    judge = Judge(**{"truth": Z, "task": TASK, "pooled": np.arange(600), "per_task": True, "context": context, **more})
    return judge.agreement(latents)


def test_order_sign_scale_and_origin_do_not_matter(consulting: Context) -> None:
    for latents in (Z, 5 + Z[:, [2, 0, 3, 1]] * [-3.0, 0.01, 1.0, -200.0]):
        found = agreement(consulting, latents)
        for value in (found.weak, found.strong, found.strong_ranks, found.per_task):
            assert value == pytest.approx(1)
        assert found.remarks == ()


def test_a_mixing_is_weakly_the_truth_and_not_strongly(consulting: Context) -> None:
    found = agreement(consulting, Z / Z.std(0) @ np.array([[1, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1]]))
    assert found.weak == pytest.approx(1)
    assert found.strong == pytest.approx(2**-0.5, abs=0.05)


def test_bending_is_seen_by_values_and_not_by_ranks(consulting: Context) -> None:
    found = agreement(consulting, np.exp(2 * Z / Z.std(0)))
    assert found.strong is not None
    assert found.strong < 0.8
    assert found.strong_ranks == pytest.approx(1)
    assert found.per_task == pytest.approx(1)


def test_only_the_rows_that_count_are_looked_at_over_all_tasks(consulting: Context) -> None:
    latents = Z.copy()
    latents[300:] = 0
    assert agreement(consulting, latents, pooled=np.arange(300)).strong == pytest.approx(1)


@pytest.mark.parametrize("width", [2, 6])
def test_another_number_of_latents_is_said(consulting: Context, width: int) -> None:
    latents = np.column_stack([Z[:, [3, 1]], RANDOM.standard_normal((600, 4))])[:, :width]
    found = agreement(consulting, latents)
    smaller = min(width, 4)
    assert f"{width} latents against 4 true ones: the means are over {smaller} matches" in found.remarks
    assert found.strong is not None
    assert found.strong == pytest.approx(1) if width == 2 else found.strong < 0.6


def test_one_latent_is_judged(consulting: Context) -> None:
    found = agreement(consulting, -Z[:, :1], truth=Z[:, :1])
    assert (found.weak, found.strong, found.strong_ranks, found.per_task) == pytest.approx((1, 1, 1, 1))


def test_a_constant_latent_counts_for_nothing_in_the_study_s_figure(consulting: Context) -> None:
    latents = Z.copy()
    latents[:, 0] = 3
    assert agreement(consulting, latents).per_task == pytest.approx(3 / 4)


def test_latents_that_are_not_finite_have_no_correlation(consulting: Context) -> None:
    latents = Z.copy()
    latents[:7, 1] = np.nan
    found = agreement(consulting, latents)
    assert found.remarks == ("7 rows are not finite",)
    assert found.weak is found.strong is found.strong_ranks is found.per_task is None


def test_without_the_measures_plugin_the_study_s_figure_is_left(alone: Context) -> None:
    found = agreement(alone, Z)
    assert found.weak is found.strong is found.strong_ranks is None
    assert found.per_task == pytest.approx(1)


def test_rows_of_all_tasks_have_no_figure_per_task(consulting: Context) -> None:
    assert agreement(consulting, Z, task=None).per_task is None
    assert agreement(consulting, Z, per_task=False).per_task is None


def test_the_study_s_figure_is_the_mean_of_the_measure_over_tasks(consulting: Context) -> None:
    latents = Z @ random_mixing(4, np.random.default_rng(1)).T
    latents[::7] = 0.5  # ties
    scores = [
        consulting.score("measures:spearman-mcc", Z[t == TASK], latents[t == TASK], interval=False).value
        for t in range(12)
    ]
    assert task_by_task(Z, latents, TASK) == pytest.approx(np.mean(scores))


def test_tasks_of_two_rows_say_nothing() -> None:
    task = np.r_[np.zeros(2, int), np.ones(598, int)]
    alone_task = task_by_task(Z[2:], -Z[2:], task[2:])
    assert task_by_task(Z, np.vstack([Z[[0, 0]], -Z[2:]]), task) == pytest.approx(alone_task)
    assert task_by_task(Z[:2], Z[:2], task[:2]) is None


def test_a_random_mixing_has_the_floor_of_the_study(plant: Any, consulting: Context) -> None:
    """At its size, d 10, T 200, n 100: 0.80 task by task, 0.56 over all tasks; independent noise 0.12 task by task."""
    planted = plant(split="train", latents=10, causal_factors=2, tasks=200, points=100, standardise="per-task")
    judge = Judge(truth=planted.truth, task=planted.task, pooled=np.arange(20_000), per_task=True, context=consulting)
    random = np.random.default_rng(0)
    found = [judge.agreement(planted.truth @ random_mixing(10, random).T) for _ in range(4)]
    assert np.mean([each.per_task for each in found]) == pytest.approx(0.80, abs=0.02)
    assert np.mean([each.strong for each in found]) == pytest.approx(0.56, abs=0.03)
    assert task_by_task(planted.truth, random.standard_normal((20_000, 10)), planted.task) == pytest.approx(
        0.12, abs=0.01
    )
