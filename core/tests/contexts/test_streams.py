"""Named streams: independent of each other, of other replicates, and the same on every machine."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from identify_core.contexts.streams import Streams

names = st.text(min_size=1, max_size=12)
replicates = st.none() | st.integers(0, 50)


def test_the_first_numbers_of_a_stream_are_fixed_for_ever() -> None:
    assert Streams(7).derive("model", 3) == 2247399796495957862


@given(st.integers(0, 2**40), names, replicates, names, replicates)
def test_different_names_or_replicates_are_different_streams(
    seed: int, name: str, replicate: int | None, other: str, another: int | None
) -> None:
    streams = Streams(seed)
    same = (name, replicate) == (other, another)
    assert (streams.derive(name, replicate) == streams.derive(other, another)) is same


def test_a_new_consumer_does_not_shift_anothers_numbers() -> None:
    streams = Streams(0)
    alone = torch.randn(5, generator=streams.torch("noise"))
    torch.randn(100, generator=streams.torch("newcomer"))
    assert torch.equal(alone, torch.randn(5, generator=streams.torch("noise")))


def test_as_global_seeds_inside_the_block_and_puts_the_state_back() -> None:
    streams = Streams(1)
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    with streams.as_global("model", 0):
        first = torch.nn.Linear(3, 3).weight.detach().clone()
    assert torch.equal(torch.randn(3), expected)
    with streams.as_global("model", 0):
        assert torch.equal(torch.nn.Linear(3, 3).weight, first)
    with streams.as_global("model", 1):
        assert not torch.equal(torch.nn.Linear(3, 3).weight, first)


def test_as_global_puts_the_state_back_after_an_error() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    try:
        with Streams(1).as_global("model"):
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert torch.equal(torch.randn(3), expected)
