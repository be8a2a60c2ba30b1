"""The ladder finds the class that two representations are related by, and no smaller and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from identify_core import RUNGS, Verdict, includes
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]


def rotation(d: int, rng: np.random.Generator) -> Array:
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def related(name: str, x: Array, rng: np.random.Generator) -> Array:
    """x carried by a random element of the class, of no smaller class."""
    d = x.shape[1]
    order, signs = rng.permutation(d), np.where(np.arange(d) % 2, -1.0, 1.0)
    scales, shift = np.exp(rng.normal(size=d)), 2 * rng.normal(size=d)
    moved = x[:, order]
    return {
        "identity": lambda: x.copy(),
        "permutation": lambda: moved,
        "signed-permutation": lambda: moved * signs,
        "permutation-positive-scaling": lambda: moved * scales,
        "permutation-scaling": lambda: moved * scales * signs,
        "permutation-monotone": lambda: (np.sinh(moved) + 0.2 * moved) * signs,
        "orthogonal": lambda: x @ rotation(d, rng),
        "similarity": lambda: 1.7 * x @ rotation(d, rng) + shift,
        "linear": lambda: x @ rng.normal(size=(d, d)),
        "affine": lambda: x @ rng.normal(size=(d, d)) + shift,
    }[name]()


DECIDED = ("identity", "permutation", "signed-permutation", "permutation-positive-scaling", "permutation-scaling")
DECIDED += ("permutation-monotone", "orthogonal", "similarity", "linear", "affine")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("name", DECIDED)
def test_a_pair_related_by_a_class_has_that_class_as_the_lowest(name: str, noise: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1500, 8)) @ rng.normal(size=(8, 8)) / 3 + 0.5 * rng.normal(size=8)
    y = related(name, x, rng)
    y = y + noise * y.std(axis=0) * rng.normal(size=y.shape)
    verdict = equivalence_ladder(x, y, seed=seed)
    assert verdict.lowest == (name,)
    for rung, score in verdict.residuals.items():
        assert score.interval is not None
        assert (score.interval.high <= verdict.tolerance) == includes(rung, name)
        if includes(rung, name) and not noise and rung != "permutation-monotone":
            assert score.value < 1e-20


def test_unrelated_representations_pass_nowhere_and_leave_as_much_as_shuffled_rows() -> None:
    rng = np.random.default_rng(0)
    verdict = equivalence_ladder(rng.normal(size=(2000, 6)), rng.normal(size=(2000, 6)))
    assert verdict.lowest == ()
    for rung, score in verdict.residuals.items():
        assert score.value == pytest.approx(verdict.controls["shuffled"][rung].value, abs=0.2)
        assert score.value > 0.9


def test_incomparable_classes_are_all_named() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 5))
    verdict = equivalence_ladder(x, x[:, ::-1] + 3.0, LadderOptions(lipschitz=1.0))
    assert verdict.lowest == ("permutation-monotone", "similarity", "lipschitz")
    assert any(text.startswith("permutation passes once the means are taken away") for text in verdict.warnings)


def test_centring_judges_every_class_up_to_a_translation() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 5))
    verdict = equivalence_ladder(x, x[:, ::-1] + 3.0, LadderOptions(centre=True))
    assert verdict.lowest == ("permutation",)
    assert "after the means are taken away" in verdict.residuals["permutation"].estimator
    assert "after the means" not in verdict.residuals["affine"].estimator


def hidden_activations(activation: torch.nn.Module, seed: int) -> tuple[Array, Array, Array]:
    """Hidden activations of two networks with the same function, and the distance of their outputs."""
    torch.manual_seed(seed)
    first, last = torch.nn.Linear(6, 20).double(), torch.nn.Linear(20, 3).double()
    order, factors = torch.randperm(20), torch.exp(torch.randn(20, dtype=torch.float64))
    if isinstance(activation, torch.nn.Tanh):
        factors = torch.where(torch.rand(20) < 0.5, -1.0, 1.0).double()
    inputs = torch.randn(3000, 6, dtype=torch.float64)
    with torch.no_grad():
        one = activation(first(inputs))
        two = activation((factors * first(inputs))[:, order])
        difference = last(one) - two @ (last.weight / factors)[:, order].T - last.bias
    return one.numpy(), two.numpy(), difference.abs().numpy()


@pytest.mark.parametrize(
    ("activation", "rung"),
    [(torch.nn.ReLU(), "permutation-positive-scaling"), (torch.nn.Tanh(), "signed-permutation")],
)
def test_functionally_equal_networks_are_related_by_the_symmetries_of_their_activation(
    activation: torch.nn.Module, rung: str
) -> None:
    one, two, difference = hidden_activations(activation, seed=5)
    assert difference.max() < 1e-12
    verdict = equivalence_ladder(one.astype(np.float32), two.astype(np.float32))
    assert verdict.lowest == (rung,)
    assert verdict.residuals[rung].dtype == "float32"


def test_dead_units_are_matched_with_dead_units() -> None:
    one, two, _ = hidden_activations(torch.nn.ReLU(), seed=6)
    one, two = one.copy(), two.copy()
    one[:, [2, 7]] = two[:, [0, 11]] = 0.0
    one[:, 3] = 0.0
    three_dead = equivalence_ladder(one, one[:, ::-1] * np.linspace(0.5, 4.0, 20))
    assert three_dead.lowest == ("permutation-positive-scaling",)
    assert any("3 of 20 columns of x are constant" in text for text in three_dead.warnings)


def test_both_directions_are_needed() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(900, 6))
    collapsed = x @ rng.normal(size=(6, 2)) @ rng.normal(size=(2, 6))
    verdict = equivalence_ladder(x, collapsed)
    assert verdict.directions["forward"]["linear"].value < 1e-20
    assert verdict.directions["backward"]["linear"].value > 0.3
    assert verdict.residuals["linear"].value == verdict.directions["backward"]["linear"].value
    assert verdict.residuals["linear"].ranks == (6, 2)
    assert verdict.lowest == ()
    assert any(
        "linear and affine pass in one direction only: the ranks are 6 and 2" in text for text in verdict.warnings
    )


def test_swapping_the_two_changes_no_residual() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 6))
    y = np.maximum(x @ rng.normal(size=(6, 9)), 0)
    there, back = equivalence_ladder(x, y), equivalence_ladder(y, x)
    for rung in there.residuals:
        assert there.residuals[rung].value == pytest.approx(back.residuals[rung].value, rel=1e-9)


def test_widths_that_differ_are_padded_and_what_has_no_partner_counts() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1000, 6))
    padded = np.concatenate([x[:, ::-1], np.zeros((1000, 2))], axis=1)
    assert equivalence_ladder(x, padded).lowest == ("permutation",)
    rotated = np.concatenate([x @ rotation(6, rng), np.zeros((1000, 2))], axis=1) @ rotation(8, rng)
    assert equivalence_ladder(x, rotated).lowest == ("orthogonal",)
    missing = equivalence_ladder(x, x[:, :4])
    for rung in ("identity", "permutation", "orthogonal"):
        # Two of six columns of equal size have no partner: 2/6 of x, and 2/4 of what there is in y.
        assert missing.directions["backward"][rung].value == pytest.approx(2 / 6, abs=0.03)
        assert missing.directions["forward"][rung].value == pytest.approx(2 / 4, abs=0.05)
    assert missing.directions["forward"]["linear"].value < 1e-20
    assert missing.directions["backward"]["linear"].value == pytest.approx(2 / 6, abs=0.03)


def test_rungs_that_are_not_fitted_say_why() -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    verdict = equivalence_ladder(x, x)
    assert set(verdict.residuals) | set(verdict.left_out) == set(RUNGS)
    assert "two decoders" in verdict.left_out["isometry"]
    assert "no continuous map" in verdict.left_out["homeomorphism"]
    assert "constant L" in verdict.left_out["lipschitz"]
    some = equivalence_ladder(x, x, LadderOptions(rungs=("affine", "isometry")))
    assert list(some.residuals) == ["affine"]
    assert some.left_out["permutation"] == "it was not asked for"
    assert "two decoders" in some.left_out["isometry"]


def test_the_tolerance_and_the_seed_are_the_readers() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(4000, 4))
    y = x + 0.3 * rng.normal(size=x.shape)
    assert equivalence_ladder(x, y).lowest == ()
    assert equivalence_ladder(x, y, LadderOptions(tolerance=0.2)).lowest == ("identity",)

    def read(verdict: Verdict) -> dict[str, float]:
        return {rung: score.value for rung, score in verdict.residuals.items()}

    first, again, other = (equivalence_ladder(x, y, seed=seed) for seed in (1, 1, 2))
    assert read(first) == read(again)
    assert read(first) != read(other)


def test_the_upper_end_of_the_interval_decides() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x + 0.07 * rng.normal(size=x.shape)
    verdict = equivalence_ladder(x, y)
    score = verdict.residuals["identity"]
    assert score.interval is not None
    assert score.value < verdict.tolerance < score.interval.high
    assert "identity" not in verdict.lowest
    assert any("reaches from below the tolerance to above" in text for text in verdict.warnings)
