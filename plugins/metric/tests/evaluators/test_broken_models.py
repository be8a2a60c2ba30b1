"""What evaluators say of broken models: NaN and coincident latents, ties, decoders that ignore latents or vary nowhere.

Each gives one clear message, or a right answer and a sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Finding, OptionsError, Replicates, Subject
from identify_metric.evaluators import angles, conditions, distances, isometry, latent_space, stability, volumes
from identify_metric.options import evaluators as options

Break = Callable[[np.ndarray, list[Any]], None]
MakeBroken = Callable[[str], tuple[Subject, Any]]

QUICK: dict[str, Any] = {"doublings": 1, "starts": 1, "iterations": 30}
EVALUATORS: dict[str, tuple[Any, Any]] = {
    "distances": (distances, options.DistancesOptions(pairs="all", points=8, **QUICK)),
    "graph": (distances, options.DistancesOptions(pairs="all", points=8, graph=3, **QUICK)),
    "stability": (stability, options.StabilityOptions(pairs="all", points=8, draws=100, **QUICK)),
    "angles": (angles, options.AnglesOptions(pairs=16, **QUICK)),
    "volumes": (volumes, options.VolumesOptions(triangles=8, **QUICK)),
    "conditions": (conditions, options.ConditionsOptions()),
    "isometry": (isometry, options.IsometryOptions(rows=40)),
    "latent-space": (latent_space, options.LatentSpaceOptions(pairs=8, grid=8, **QUICK)),
}


def weights(modules: list[Any], change: Callable[[torch.Tensor], Any]) -> None:
    """Change the first layer's weights of every decoder."""
    for module in modules:
        for decoder in module.decoders:
            with torch.no_grad():
                change(decoder[1].weight)


def some_nan(z: np.ndarray, _: list[Any]) -> None:
    z[0, ::4, 1] = np.nan


def some_infinite(z: np.ndarray, _: list[Any]) -> None:
    z[0, ::4, 1] = np.inf


def all_nan(z: np.ndarray, _: list[Any]) -> None:
    z[0] = np.nan


def tied(z: np.ndarray, _: list[Any]) -> None:
    """Five places for all samples: pairs of distance 0, and pairs that have the same distance."""
    z[:] = z[:, np.arange(z.shape[1]) % 5]


def one_point(z: np.ndarray, _: list[Any]) -> None:
    z[:] = z[:, :1]


def ignoring(_: np.ndarray, modules: list[Any]) -> None:
    """The second latent changes nothing: the Jacobian has rank 1."""
    weights(modules, lambda weight: weight[:, 1].zero_())


def constant(_: np.ndarray, modules: list[Any]) -> None:
    weights(modules, torch.Tensor.zero_)


class Ridge(torch.nn.Module):
    """A plane with a mountain in the middle, in the space of the digits."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        height = 4 * torch.exp(-4 * z.square().sum(1, keepdim=True))
        return torch.nn.functional.pad(torch.cat([z, height], dim=1), (0, 61))


def over_a_ridge(z: np.ndarray, modules: list[Any]) -> None:
    """Two places on both sides of a mountain: the straight line stays on its top, other starts go round it."""
    z[:] = np.where(np.arange(z.shape[1])[:, None] % 2, [1.5, 0.0], [-1.5, 0.0])
    for module in modules:
        module.decoders = torch.nn.ModuleList([Ridge(), Ridge()])


@pytest.fixture
def broken(subject: tuple[Subject, Any], run_subject: Callable[..., Subject]) -> Callable[[Break], tuple[Subject, Any]]:
    """Makes the small run with something broken in it."""
    study, context = subject
    run = study.run
    assert run is not None

    def make(breaks: Break) -> tuple[Subject, Any]:
        z = np.stack([each.values() for each in run.latents["z"]]).copy()
        modules = [run.replicates.module(number) for number in range(2)]
        breaks(z, modules)
        return run_subject(run.samples, Replicates.from_modules(modules).eval(), z), context

    return make


NOT_FINITE = "pairs have latents that are not finite and no distance"
LEFT_OUT = "latents are not finite, or what they decode to is not; they are left out"
DISTANCE_0 = "pairs have coincident latents or a decoder that does not vary: distance 0"
RANK = "the Jacobian lacks full rank at 100.0% of the samples"


@pytest.mark.parametrize(
    ("breaks", "name", "said"),
    [
        *(
            (each, name, NOT_FINITE)
            for each in (some_nan, some_infinite)
            for name in ("distances", "graph", "stability")
        ),
        *((some_nan, name, NOT_FINITE) for name in ("angles", "latent-space")),
        *((each, name, LEFT_OUT) for each in (some_nan, some_infinite) for name in ("volumes", "conditions", "angles")),
        *((tied, name, DISTANCE_0) for name in ("distances", "graph", "stability")),
        *((one_point, name, DISTANCE_0) for name in ("distances", "graph", "angles", "volumes", "latent-space")),
        *((ignoring, name, RANK) for name in ("angles", "volumes", "conditions")),
        *((constant, name, DISTANCE_0) for name in ("distances", "graph", "angles", "latent-space")),
        *((constant, name, RANK) for name in ("volumes", "conditions")),
    ],
)
def test_what_is_wrong_is_said(
    broken: Callable[[Break], tuple[Subject, Any]], breaks: Break, name: str, said: str
) -> None:
    module, chosen = EVALUATORS[name]
    finding = module.evaluate(chosen, *broken(breaks))
    assert isinstance(finding, Finding)
    assert any(said in each for each in finding.warnings), finding.warnings
    if name != "volumes":  # whose agreement is undefined where nothing varies
        assert "nan" not in finding.summary


@pytest.mark.parametrize(
    ("breaks", "name", "said"),
    [
        *((all_nan, name, "no pair has a finite, positive distance in every model") for name in ("stability",)),
        (lambda z, _: z.fill(np.nan), "distances", "no pair has finite latents"),
        (all_nan, "conditions", "replicate 0 has no sample whose Jacobian is finite"),
        (all_nan, "latent-space", "no latents of replicate 0 are finite"),
        (all_nan, "isometry", "at least 20 samples, and there are 0"),
        (one_point, "stability", "no pair has a finite, positive distance in every model"),
        (one_point, "isometry", r"all samples have the same latents in z\[0\]"),
        (constant, "stability", "no pair has a finite, positive distance in every model"),
        (constant, "isometry", "a decoder gives the same for all latents"),
    ],
)
def test_what_leaves_nothing_to_measure_is_one_message(
    broken: Callable[[Break], tuple[Subject, Any]], breaks: Break, name: str, said: str
) -> None:
    module, chosen = EVALUATORS[name]
    with pytest.raises(OptionsError, match=said):
        module.evaluate(chosen, *broken(breaks))


def test_starts_that_disagree_are_said(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    chosen = options.DistancesOptions(pairs="all", points=4, starts=4, iterations=60)
    finding = distances.evaluate(chosen, *broken(over_a_ridge))
    assert any("pairs ended in different curves; raise `starts`" in each for each in finding.warnings)
    across = finding.arrays["straight"].values > 4
    assert across.any()
    assert (finding.arrays["length"].values[across] < 0.8 * finding.arrays["straight"].values[across]).all()
    assert (finding.arrays["disagreement"].values[across] > 0.01).all()


def test_samples_that_are_left_out_change_no_other(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    for name, array in (("distances", "length"), ("angles", "geodesic"), ("conditions", "condition")):
        module, chosen = EVALUATORS[name]
        whole = module.evaluate(chosen, *broken(lambda *_: None)).arrays[array].values
        part = module.evaluate(chosen, *broken(some_nan)).arrays[array].values
        left = np.isfinite(part)
        assert 0 < left.sum() < left.size
        np.testing.assert_allclose(part[left], whole[left], rtol=1e-6)


def test_ties_share_their_rank(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    """Models with the same latents and decoders agree wholly on tied distances, too."""

    def same(z: np.ndarray, modules: list[Any]) -> None:
        tied(z, modules)
        z[1], modules[1] = z[0], modules[0]

    module, chosen = EVALUATORS["stability"]
    finding = module.evaluate(chosen, *broken(same))
    row = next(each for each in finding.tables["stability"].rows if each[0] == "geodesic-expected")
    lengths = finding.arrays["geodesic-expected"].values[0]
    assert len(np.unique(lengths.round(9))) < len(lengths)
    assert row[4:] == pytest.approx((1, 1, 1, 1))  # ICC(3,1), ICC(A,1), Spearman, Kendall's W


def test_what_a_decoder_ignores_has_no_area(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    module, chosen = EVALUATORS["volumes"]
    finding = module.evaluate(chosen, *broken(ignoring))
    np.testing.assert_array_equal(finding.arrays["area"].values, 0)


def test_two_models_have_no_interval(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    module, chosen = EVALUATORS["stability"]
    finding = module.evaluate(chosen, *broken(lambda *_: None))
    assert "(an interval takes three models)" in finding.summary


def test_an_error_that_was_not_measured_is_said(broken: Callable[[Break], tuple[Subject, Any]]) -> None:
    chosen = options.DistancesOptions(pairs=4, doublings=0, segments=1, nodes=2, starts=1)
    finding = distances.evaluate(chosen, *broken(lambda _, modules: weights(modules, lambda weight: weight.mul_(9))))
    assert finding.scalars["error"] > 1e-6  # of the quadrature alone
    assert any("the error of refinement was not measured; raise `doublings`" in each for each in finding.warnings)
