"""Axes of arrays from outside: named by the file or by the user, or refused with what they could be."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence

import attrs

from identify_core.comparisons.foreign.numbers import as_real
from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.errors import UsageError

SAMPLE, LATENT, REPLICATE = "sample", "latent", "replicate"


@attrs.frozen(kw_only=True)
class Reading:
    """One representation in an array.

    Args:
        coordinates: where it is on each axis that tells representations apart.
        shape: (n, d).
        load_rows: reads rows `start` to `stop`, shape (stop − start, d).
    """

    coordinates: Mapping[str, int]
    shape: tuple[int, int]
    load_rows: Callable[[int, int], Array]

    @property
    def suffix(self) -> str:
        """`[layer=7]`, or nothing where the array is one representation."""
        said = ",".join(f"{name}={index}" for name, index in self.coordinates.items())
        return f"[{said}]" if said else ""


def parse_axes(text: str) -> tuple[str, ...]:
    """The axes that `--axes` names.

    Raises:
        UsageError: one is not a name, `sample` does not come once, or an axis other than `latent` comes twice.
    """
    names = tuple(_singular(each) for each in text.split(",")) if text else ()
    for name in names:
        if not re.fullmatch(r"[a-z][\w-]*", name):
            raise UsageError(f"--axes {text}: {name!r} is not a name of an axis", hint="as in sample,layer,latent")
        if name != LATENT and names.count(name) > 1:
            raise UsageError(f"--axes {text} names the axis {name!r} {names.count(name)} times")
    if names and SAMPLE not in names:
        raise UsageError(f"--axes {text} names no axis 'sample'", hint="as in sample,layer,latent")
    return names


def readings(array: ForeignArray, axes: Sequence[str], coordinates: Mapping[str, int]) -> list[Reading]:
    """Every representation in an array.

    Args:
        array: of any number of axes.
        axes: what the user named; it counts for arrays of as many axes.
        coordinates: the one index that is meant on some axes.

    Raises:
        UsageError: nothing says what its axes are, it is empty, or there is no such axis or index.
    """
    if 0 in array.shape:
        raise UsageError(f"{array.name} is empty: its shape is {array.shape}")
    names = _named(array, axes)
    sizes = dict(zip(names, array.shape, strict=True))
    telling = [name for name in names if name not in (SAMPLE, LATENT)]
    for name, index in coordinates.items():
        if name not in telling:
            has = f"its axes are {', '.join(names)}"
            raise UsageError(f"{array.name} has no axis {name!r} that tells representations apart", hint=has)
        if index >= sizes[name]:
            raise UsageError(f"{array.name} has no {name} {index}: there are 0 to {sizes[name] - 1}")
    width = math.prod(size for name, size in zip(names, array.shape, strict=True) if name == LATENT)
    places = itertools.product(*([coordinates[n]] if n in coordinates else range(sizes[n]) for n in telling))
    return [_reading(array, names, dict(zip(telling, place, strict=True)), width) for place in places]


def _reading(array: ForeignArray, names: Sequence[str], place: dict[str, int], width: int) -> Reading:
    def load(start: int, stop: int) -> Array:
        selection = tuple(
            slice(start, stop) if name == SAMPLE else slice(0, size) if name == LATENT else place[name]
            for name, size in zip(names, array.shape, strict=True)
        )
        values = as_real(array.read(selection))
        left = [name for name in names if name in (SAMPLE, LATENT)]
        first = left.index(SAMPLE)
        values = values.transpose(first, *(axis for axis in range(len(left)) if axis != first))
        return values.reshape(len(values), width)

    return Reading(coordinates=place, shape=(array.shape[list(names).index(SAMPLE)], width), load_rows=load)


def _singular(name: str) -> str:
    name = name.strip().lower()
    return name.removesuffix("s") if name in ("samples", "latents", "replicates", "layers") else name


def _named(array: ForeignArray, axes: Sequence[str]) -> tuple[str, ...]:
    count = len(array.shape)
    if axes and len(axes) == count:
        return tuple(axes)
    given = tuple(map(_singular, array.axes))
    if count == 0:
        raise UsageError(f"{array.name} holds a single number, not an array")
    if count <= 2:
        lies = count == 2 and len(given) == 2 and (given[1] == SAMPLE != given[0] or given[0] == LATENT != given[1])
        return (LATENT, SAMPLE) if lies else (SAMPLE, LATENT)[:count]
    telling = [name for name in given if name != LATENT]
    if given.count(SAMPLE) == 1 and LATENT in given and len(set(telling)) == len(telling) and all(telling):
        return given
    raise _unnamed(array, given)


def _unnamed(array: ForeignArray, given: Sequence[str]) -> UsageError:
    shape = array.shape
    says = f"; the file calls them {', '.join(each or '?' for each in given)}" if any(given) else ""
    message = f"{array.name} has {len(shape)} axes, {' × '.join(map(str, shape))}, and nothing says what they are{says}"
    if len(shape) > 3:
        return UsageError(
            message,
            hint="name each with --axes: sample, latent (several are laid side by side), and any other name for what "
            "tells representations apart, as in --axes sample,layer,token,latent",
        )
    a, b, c = shape
    return UsageError(
        message,
        hint=f"say which: --axes sample,layer,latent ({_count(b)} of {a} samples × {c} latents), "
        f"--axes replicate,sample,latent ({_count(a)} of {b} samples × {c} latents), or "
        f"--axes sample,latent,latent (1 representation of {a} samples × {b * c} latents)",
    )


def _count(count: int) -> str:
    return f"{count} representation{'' if count == 1 else 's'}"
