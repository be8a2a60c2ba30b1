"""Small networks compute with one thread; what the user or torch set is put back, and counts where it was set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from identify_core.runs.threads import SMALL, fitting_threads, flushed_denormals


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_networks_take_one_thread_and_torchs_setting_comes_back() -> None:
    with fitting_threads(40):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), fitting_threads(40):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_large_networks_take_all() -> None:
    with fitting_threads(SMALL):
        assert torch.get_num_threads() == 2


def test_what_the_user_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with fitting_threads(40):
        assert torch.get_num_threads() == 2


def test_denormal_numbers_are_zero_inside_the_block_alone() -> None:
    def half_of_the_smallest() -> float:
        return float(torch.tensor([torch.finfo(torch.float32).tiny]) / 2)

    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush denormal numbers")
    assert half_of_the_smallest() > 0
    with flushed_denormals():
        assert half_of_the_smallest() == 0
        with flushed_denormals():
            assert half_of_the_smallest() == 0
        assert half_of_the_smallest() == 0
    assert half_of_the_smallest() > 0
