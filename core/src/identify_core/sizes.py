"""Sizes: what a component will allocate, told by arithmetic before anything is allocated and before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import attrs


@attrs.frozen(kw_only=True)
class Known:
    """What is known of a run when a component is asked for its sizes: the spec, and what those before it told.

    Args:
        replicates: R.
        itemsize: bytes of one number of the run's dtype.
        samples: rows of all splits together; None where the dataset does not tell.
        test_samples: rows of the split `test`, for what an objective keeps.
        inputs: shape of one input.
        outputs: shape of one target.
        parameters: of one replicate.
        latents: numbers of one replicate's representation of one sample.
        factors: how many ground-truth factors there are.
    """

    replicates: int
    itemsize: int
    samples: int | None = None
    test_samples: int | None = None
    inputs: tuple[int, ...] | None = None
    outputs: tuple[int, ...] | None = None
    parameters: int | None = None
    latents: int | None = None
    factors: int | None = None


@attrs.frozen(kw_only=True)
class Sizes:
    """What a component tells: bytes that it allocates, and numbers from which those after it reckon.

    Args:
        parts: what is allocated, in a few words, with its bytes; those that are there at the same time.
        samples: rows of all splits together; this and the others are None where the component does not determine them.
        test_samples: rows of the split `test`.
        inputs: shape of one input.
        outputs: shape of one target.
        parameters: of one replicate.
        latents: numbers of one replicate's representation of one sample.
        factors: how many ground-truth factors there are.
    """

    parts: Mapping[str, int] = attrs.field(factory=dict)
    samples: int | None = None
    test_samples: int | None = None
    inputs: tuple[int, ...] | None = None
    outputs: tuple[int, ...] | None = None
    parameters: int | None = None
    latents: int | None = None
    factors: int | None = None


def dense_parameters(widths: Iterable[int], *, bias: bool = True) -> int:
    """Parameters of dense layers one after the other.

    Args:
        widths: from the inputs to the outputs.
        bias: whether every layer has one.
    """
    return sum((before + bias) * after for before, after in pairwise(widths))
