"""ε is what it says, and what makes it meaningless is said."""

from __future__ import annotations

import pytest
import torch

from identify_core import OptionsError
from identify_genni.subspace.tolerance import Net, Tolerance, behaviour, choose_tolerance, describe_net, warn_of

TARGETS = torch.tensor([[0.0], [2.0], [4.0]])


def net(**changes: object) -> Net:
    settings = {"name": "replicate 3", "replicate": 3, "loss": 1e-9, "behaviour": "varies", **changes}
    return Net(**settings)  # type: ignore[arg-type]


def test_relative_and_absolute_tolerance() -> None:
    relative = choose_tolerance(TARGETS, relative=0.01, absolute=None, reduction="mean", batch_size=256)
    assert relative.constant == pytest.approx(8 / 3)
    assert relative.zero == pytest.approx(20 / 3)
    assert relative.absolute == pytest.approx(0.08 / 3)
    assert relative.relative == pytest.approx(0.01)
    absolute = choose_tolerance(TARGETS, relative=0.01, absolute=0.5, reduction="mean", batch_size=256)
    assert absolute.absolute == 0.5
    assert absolute.relative == pytest.approx(0.1875)


def test_a_constant_target_needs_an_absolute_tolerance() -> None:
    with pytest.raises(OptionsError, match="the target is the same for all inputs") as caught:
        choose_tolerance(torch.ones(5, 1), relative=0.01, absolute=None, reduction="mean", batch_size=256)
    assert "epsilon_absolute" in caught.value.hint
    assert choose_tolerance(torch.ones(5, 1), relative=1, absolute=0.1, reduction="mean", batch_size=9).absolute == 0.1


def test_behaviours_are_told_apart() -> None:
    assert behaviour(torch.tensor([[0.0], [1.0], [0.0]]), TARGETS) == "varies"
    assert behaviour(torch.full((3, 1), 2.0), TARGETS) == "constant"
    assert behaviour(torch.full((3, 1), 1e-9), TARGETS) == "zero"
    assert behaviour(torch.full((3, 1), float("nan")), TARGETS) == "varies"
    two = torch.tensor([[0.0, 1.0], [0.0, 2.0]])
    assert behaviour(two, torch.tensor([[0.0, 1.0], [1.0, 0.0]])) == "varies"


def test_a_net_is_described_by_its_outputs() -> None:
    found = describe_net("replicate 0", 0, torch.zeros(3, 1), TARGETS, "mean", 256)
    assert found.loss == pytest.approx(20 / 3)
    assert found.behaviour == "zero"


TOLERANCE = Tolerance(absolute=0.01, constant=1.0, zero=1.5)


def test_good_nets_and_a_small_tolerance_need_no_words() -> None:
    assert list(warn_of([net()], TOLERANCE)) == []


@pytest.mark.parametrize(
    ("found", "tolerance", "words"),
    [
        (net(loss=0.5), TOLERANCE, "replicate 3 has J = 0.5, 50 times ε, and is not a solution"),
        (net(loss=2.0), TOLERANCE, "is no better than a constant function"),
        (net(behaviour="zero"), TOLERANCE, "replicate 3 is zero on all inputs: it is dead"),
        (net(behaviour="constant"), TOLERANCE, "replicate 3 gives the same output on all inputs"),
        (net(), Tolerance(absolute=3.0, constant=1.0, zero=1.5), "ε = 3 is 2 times J of the zero function"),
        (net(), Tolerance(absolute=1.2, constant=1.0, zero=1.5), "ε = 1.2 is 1.2 times J of the best constant"),
    ],
)
def test_what_misleads_is_said(found: Net, tolerance: Tolerance, words: str) -> None:
    assert any(words in sentence for sentence in warn_of([found], tolerance))
