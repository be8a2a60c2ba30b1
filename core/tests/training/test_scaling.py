"""The factors on float16 losses follow torch.amp.GradScaler."""

from __future__ import annotations

import torch

from identify_core.training.moves import LossScale


def test_factors_are_halved_by_an_overflow_and_doubled_after_a_long_calm() -> None:
    scale = LossScale.begin(2, torch.device("cpu"))
    calm, first = torch.tensor([False, False]), torch.tensor([True, False])
    assert scale.follow(first).tolist() == [True, True]
    assert scale.factors.tolist() == [2.0**15, 2.0**16]
    for _ in range(1999):
        scale.follow(calm)
    assert scale.factors.tolist() == [2.0**15, 2.0**17]
    scale.follow(calm)
    assert scale.factors.tolist() == [2.0**16, 2.0**17]


def test_a_replicate_that_overflows_at_every_factor_may_not_go_on() -> None:
    scale = LossScale.begin(2, torch.device("cpu"))
    steps = 0
    while scale.follow(torch.tensor([True, False])).all():
        steps += 1
    assert 20 < steps < 40
    assert scale.select(torch.tensor([1])).factors.tolist() == [2.0**16]
