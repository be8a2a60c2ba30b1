"""Random maps of the rungs of the ladder, to test what a measure is invariant to and what it notices.

A drawn map lies in its rung and, where the width allows it, in no smaller one: a permutation moves something, a scaling
is not a sign, a rotation no permutation. Maps are well conditioned (singular values between 1/2 and 2), so that what a
measure changes by is the map's doing and not the arithmetic's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from identify_core.errors import UsageError
from identify_core.rungs import RUNGS, includes, lowest, rung

Values: TypeAlias = npt.NDArray[Any]
Map: TypeAlias = Callable[[Values], Values]


def draw_map(name: str, width: int, generator: np.random.Generator) -> Map:
    """A random map f: R^d -> R^d of a rung, applied to the rows of an array.

    Args:
        name: of the rung.
        width: d, at least 1.
        generator: what the map is drawn with; the same state gives the same map.

    Returns:
        (n, d) -> (n, d) in the dtype of its argument, which is left as it is; computed in float64.

    Raises:
        UsageError: there is no such rung, its maps cannot be drawn without more being known, or d is below 1.
    """
    relative = rung(name).relative_to
    if name not in _DRAWN:
        raise UsageError(
            f"no map of the rung {name!r} can be drawn: it depends on {relative}",
            hint=f"rungs that can be drawn: {', '.join(drawable_rungs())}",
        )
    if width < 1:
        raise UsageError(f"a map needs a width of at least 1, not {width}")
    drawn = _DRAWN[name](width, generator)

    def apply(values: Values) -> Values:
        if values.ndim != 2 or values.shape[1] != width:
            raise UsageError(f"this map takes arrays (n, {width}), not {values.shape}")
        kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64
        return drawn(values.astype(np.float64)).astype(kind)

    return apply


def drawable_rungs() -> tuple[str, ...]:
    """The rungs that `draw_map` takes, each after those that it contains."""
    return tuple(name for name in RUNGS if name in _DRAWN)


def outside(*names: str) -> tuple[str, ...]:
    """The smallest drawable rungs that none of the given ones includes, in the order of `RUNGS`.

    Their maps are what a measure that is invariant to exactly `names` must notice.

    Raises:
        UsageError: there is no rung of a given name.
    """
    return lowest(name for name in drawable_rungs() if not any(includes(rung(given).name, name) for given in names))


def _identity(width: int, generator: np.random.Generator) -> Map:
    return np.copy


def _permutation(width: int, generator: np.random.Generator) -> Map:
    order = _order(width, generator)
    return lambda z: z[:, order]


def _signed_permutation(width: int, generator: np.random.Generator) -> Map:
    order, signs = _order(width, generator), _signs(width, generator)
    return lambda z: z[:, order] * signs


def _positive_scaling(width: int, generator: np.random.Generator) -> Map:
    order, scales = _order(width, generator), _scales(width, generator)
    return lambda z: z[:, order] * scales


def _scaling(width: int, generator: np.random.Generator) -> Map:
    order, factors = _order(width, generator), _scales(width, generator) * _signs(width, generator)
    return lambda z: z[:, order] * factors


def _monotone(width: int, generator: np.random.Generator) -> Map:
    order, bend = _order(width, generator), _Bend.draw(width, generator)
    return lambda z: bend(z[:, order])


def _orthogonal(width: int, generator: np.random.Generator) -> Map:
    rotation = _rotation(width, generator)
    return lambda z: z @ rotation.T


def _similarity(width: int, generator: np.random.Generator) -> Map:
    matrix, shift = _common_scale(generator) * _rotation(width, generator), _shift(width, generator)
    return lambda z: z @ matrix.T + shift


def _linear(width: int, generator: np.random.Generator) -> Map:
    matrix = _matrix(width, generator)
    return lambda z: z @ matrix.T


def _affine(width: int, generator: np.random.Generator) -> Map:
    matrix, shift = _matrix(width, generator), _shift(width, generator)
    return lambda z: z @ matrix.T + shift


def _lipschitz(width: int, generator: np.random.Generator) -> Map:
    # it folds space along d hyperplanes and stretches nothing: of this class for every constant L >= 1, and of no other
    before, after = _rotation(width, generator), _rotation(width, generator)
    # a fold that leaves nearly all points on one side would be a rotation to them
    crease, shift = generator.uniform(-0.3, 0.3, width), _shift(width, generator)
    return lambda z: np.abs(z @ before.T - crease) @ after.T + shift


def _homeomorphism(width: int, generator: np.random.Generator) -> Map:
    before, after = _matrix(width, generator), _matrix(width, generator)
    bend, shift = _Bend.draw(width, generator), _shift(width, generator)
    return lambda z: bend(z @ before.T) @ after.T + shift


_DRAWN: Mapping[str, Callable[[int, np.random.Generator], Map]] = MappingProxyType(
    {
        "identity": _identity,
        "permutation": _permutation,
        "signed-permutation": _signed_permutation,
        "permutation-positive-scaling": _positive_scaling,
        "permutation-scaling": _scaling,
        "permutation-monotone": _monotone,
        "orthogonal": _orthogonal,
        "similarity": _similarity,
        "linear": _linear,
        "affine": _affine,
        "lipschitz": _lipschitz,
        "homeomorphism": _homeomorphism,
    }
)


@attrs.frozen(kw_only=True)
class _Bend:
    """The sinh-arcsinh map of each coordinate, ±sinh(power asinh(z) - skew): continuous, strictly monotone, onto R.

    Source: Jones & Pewsey, Sinh-arcsinh distributions, Biometrika 96(4), 2009.
    """

    power: Values
    skew: Values
    sign: Values

    @classmethod
    def draw(cls, width: int, generator: np.random.Generator) -> _Bend:
        # a power near 1 would be almost linear
        power = np.where(generator.random(width) < 0.5, 0.5, 2.0) * generator.uniform(0.8, 1.2, width)
        skew = _random_signs(width, generator) * generator.uniform(0.5, 1.0, width)
        return cls(power=power, skew=skew, sign=_signs(width, generator))

    def __call__(self, z: Values) -> Values:
        bent: Values = np.sinh(self.power * np.arcsinh(z) - self.skew) * self.sign
        return bent


def _order(width: int, generator: np.random.Generator) -> Values:
    """A permutation that moves something, where there are two to exchange."""
    order = generator.permutation(width)
    return np.roll(order, 1) if np.array_equal(order, np.arange(width)) else order


def _random_signs(width: int, generator: np.random.Generator) -> Values:
    return np.where(generator.random(width) < 0.5, -1.0, 1.0)


def _signs(width: int, generator: np.random.Generator) -> Values:
    """Signs of which one at least is negative and, from two coordinates on, one positive."""
    signs = _random_signs(width, generator)
    if abs(signs.sum()) == width:
        signs[:] = 1.0
        signs[generator.integers(width)] = -1.0
    return signs


def _scales(width: int, generator: np.random.Generator) -> Values:
    """Positive factors from 1/2 to 2, both attained from two coordinates on, in random order."""
    if width == 1:
        return np.array([_common_scale(generator)])
    logarithms = np.concatenate([[-1.0, 1.0], generator.uniform(-1.0, 1.0, width - 2)])
    scales: Values = 2.0 ** generator.permutation(logarithms)
    return scales


def _common_scale(generator: np.random.Generator) -> float:
    """A factor that is clearly not 1."""
    return float(2.0 ** (generator.uniform(0.5, 1.0) * (1.0 if generator.random() < 0.5 else -1.0)))


def _shift(width: int, generator: np.random.Generator) -> Values:
    shift: Values = _random_signs(width, generator) * generator.uniform(1.0, 2.0, width)
    return shift


def _rotation(width: int, generator: np.random.Generator) -> Values:
    """An orthogonal matrix from the Haar measure (Mezzadri, Notices of the AMS 54(5), 2007); −1 for one coordinate."""
    if width == 1:
        return np.array([[-1.0]])
    q, r = np.linalg.qr(generator.standard_normal((width, width)))
    rotation: Values = q * np.sign(np.diag(r))
    return rotation


def _matrix(width: int, generator: np.random.Generator) -> Values:
    """An invertible matrix whose singular values lie between 1/2 and 2; a factor for one coordinate."""
    matrix: Values = _rotation(width, generator) * _scales(width, generator) @ _rotation(width, generator)
    return matrix
