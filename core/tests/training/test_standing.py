"""Who goes on after a metric, who stops, and what is kept of those that had stopped before."""

from __future__ import annotations

import torch

from identify_core.training.standing import FitStanding


def begin(count: int = 3) -> FitStanding:
    return FitStanding.begin(count, torch.device("cpu"), torch.float64)


def test_what_has_stopped_keeps_its_reason_and_its_metric() -> None:
    standing = begin()
    standing.stop(torch.tensor([True, False, False]), "diverged")
    improved = standing.judge(torch.tensor([0.0, 0.0, 5.0]), stop_below=1.0, patience=1)
    assert improved.tolist() == [False, True, True]
    assert standing.why() == ("diverged", "converged", "steps")
    assert standing.active.tolist() == [False, False, True]
    assert standing.metrics.isnan().tolist() == [True, False, False]
    standing.judge(torch.tensor([0.0, 9.0, 5.0]), stop_below=1.0, patience=1)
    assert standing.why() == ("diverged", "converged", "patience")
    assert standing.metrics[1] == 0.0


def test_a_metric_that_is_not_a_number_is_no_improvement_and_no_convergence() -> None:
    standing = begin(1)
    for _ in range(2):
        assert standing.active.all()
        assert not standing.judge(torch.tensor([torch.nan]), stop_below=1.0, patience=2).any()
    assert standing.why() == ("patience",)


def test_patience_counts_from_the_last_improvement() -> None:
    standing = begin(1)
    for metric, waited in [(3.0, 0), (3.0, 1), (2.0, 0), (2.5, 1), (2.1, 2)]:
        standing.judge(torch.tensor([metric]), stop_below=None, patience=3)
        assert standing.waited.tolist() == [waited]
    assert standing.best.tolist() == [2.0]


def test_entries_of_some_replicates_are_copies_until_written_back() -> None:
    standing = begin()
    rows = torch.tensor([2, 0])
    part = standing.select(rows)
    part.taken = part.taken + torch.tensor([7, 9])
    assert standing.taken.tolist() == [0, 0, 0]
    standing.write(rows, part)
    assert standing.taken.tolist() == [9, 0, 7]
