"""The ladder is a partial order, and its inclusions are exactly those that random maps of each class bear out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_core.errors import UsageError
from identify_core.rungs import RUNGS, draw_ladder, includes, lower_covers, lowest, path, rung, upper_covers

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
PAIRS = list(itertools.product(RUNGS, repeat=2))


@attrs.frozen(kw_only=True)
class Map:
    """A map of R^d with its inverse, if it has one, and the decoders before and after it; all act on rows (n, d)."""

    d: int
    f: Function
    inverse: Function | None
    decoder: Function
    decoder_after: Function

    def inverted(self) -> Map:
        assert self.inverse is not None
        return Map(d=self.d, f=self.inverse, inverse=self.f, decoder=self.decoder_after, decoder_after=self.decoder)


def random_decoder(rng: np.random.Generator, d: int) -> Function:
    """A smooth immersion z -> (z W, tanh(z V)) with W invertible."""
    W, V = rng.normal(size=(d, d)) + 3 * np.eye(d), rng.normal(size=(d, d + 2))
    return lambda z: np.concatenate([z @ W, np.tanh(z @ V)], axis=1)


def affine_map(A: Array, b: Array | float, rng: np.random.Generator) -> Map:
    """z -> A z + b between two decoders that have nothing to do with each other."""
    d = len(A)
    return Map(
        d=d,
        f=lambda z: z @ A.T + b,
        inverse=lambda z: np.linalg.solve(A, (z - b).T).T,
        decoder=random_decoder(rng, d),
        decoder_after=random_decoder(rng, d),
    )


def permutation(rng: np.random.Generator, d: int) -> Array:
    return np.roll(np.eye(d), rng.integers(1, d), axis=0)  # never the identity


def signs(rng: np.random.Generator, d: int) -> Array:
    return np.diag(np.where(np.arange(d) == rng.integers(d), -1.0, 1.0))


def scales(rng: np.random.Generator, d: int) -> Array:
    return np.diag(1.5 + np.arange(d) + rng.uniform(size=d))  # all different, none 1


def rotation(rng: np.random.Generator, d: int) -> Array:
    while True:
        Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
        if np.sort(np.abs(Q), axis=1)[:, -2].max() > 0.1:  # not close to a signed permutation
            return Q


def general(rng: np.random.Generator, d: int) -> Array:
    return rotation(rng, d) @ scales(rng, d) @ rotation(rng, d)


def monotone_map(rng: np.random.Generator, d: int) -> Map:
    """z_i -> +-(sinh(z_p(i)) + b_i)."""
    order, sign, b = np.roll(np.arange(d), 1), np.diag(signs(rng, d)), rng.normal(size=d)
    return attrs.evolve(
        affine_map(np.eye(d), 0.0, rng),
        f=lambda z: (sign * (np.sinh(z) + b))[:, order],
        inverse=lambda z: np.arcsinh(sign * z[:, np.argsort(order)] - b),
    )


def bending_map(rng: np.random.Generator, d: int) -> Map:
    """A triangular diffeomorphism: each coordinate is scaled and shifted by the one before it; then a linear map."""
    A = general(rng, d)

    def bend(z: Array) -> Array:
        before = np.roll(z, 1, axis=1)
        before[:, 0] = 0
        return (z * np.exp(np.tanh(before)) + np.sin(before)) @ A.T

    def unbend(w: Array) -> Array:
        w = np.linalg.solve(A, w.T).T
        z = np.empty_like(w)
        for i in range(d):
            before = z[:, i - 1] if i else np.zeros(len(w))
            z[:, i] = (w[:, i] - np.sin(before)) * np.exp(-np.tanh(before))
        return z

    return attrs.evolve(affine_map(np.eye(d), 0.0, rng), f=bend, inverse=unbend)


def isometry(rng: np.random.Generator, d: int) -> Map:
    """Any diffeomorphism f is an isometry if the decoder after it is the decoder before it composed with f^-1."""
    bent = bending_map(rng, d)
    return attrs.evolve(bent, decoder_after=lambda w: bent.decoder(bent.inverse(w)))  # type: ignore[misc]


def collapsing_map(rng: np.random.Generator, d: int) -> Map:
    """A 1-Lipschitz map that is not injective: fold, then flatten one direction."""
    Q, kept = rotation(rng, d), np.diag(np.arange(d) > 0).astype(float)
    return attrs.evolve(affine_map(np.eye(d), 0.0, rng), f=lambda z: np.abs(z @ Q.T) @ kept + 1.0, inverse=None)


GENERIC: dict[str, Callable[[np.random.Generator, int], Map]] = {
    "identity": lambda rng, d: affine_map(np.eye(d), 0.0, rng),
    "permutation": lambda rng, d: affine_map(permutation(rng, d), 0.0, rng),
    "signed-permutation": lambda rng, d: affine_map(permutation(rng, d) @ signs(rng, d), 0.0, rng),
    "permutation-positive-scaling": lambda rng, d: affine_map(permutation(rng, d) @ scales(rng, d), 0.0, rng),
    "permutation-scaling": lambda rng, d: affine_map(permutation(rng, d) @ scales(rng, d) @ signs(rng, d), 0.0, rng),
    "permutation-monotone": monotone_map,
    "orthogonal": lambda rng, d: affine_map(rotation(rng, d), 0.0, rng),
    "similarity": lambda rng, d: affine_map(2.5 * rotation(rng, d), rng.normal(size=d), rng),
    "linear": lambda rng, d: affine_map(general(rng, d), 0.0, rng),
    "affine": lambda rng, d: affine_map(general(rng, d), rng.normal(size=d), rng),
    "isometry": isometry,
    "lipschitz": collapsing_map,
    "homeomorphism": bending_map,
}
"""A map of each class that belongs to no smaller one."""


def points(d: int) -> Array:
    return np.random.default_rng(7).normal(size=(40, d))


def matrix_of(m: Map) -> Array | None:
    """A of the affine map z -> A z + b; None if it is not affine or not invertible."""
    b = m.f(np.zeros((1, m.d)))
    A = (m.f(np.eye(m.d)) - b).T
    z = points(m.d)
    is_affine = np.allclose(m.f(z), z @ A.T + b, atol=1e-8)
    return A if is_affine and np.linalg.cond(A) < 1e6 else None


def linear_matrix_of(m: Map) -> Array | None:
    return matrix_of(m) if np.allclose(m.f(np.zeros((1, m.d))), 0) else None


def has_one_entry_a_row_and_column(A: Array) -> bool:
    entries = np.abs(A) > 1e-8
    return bool((entries.sum(0) == 1).all() and (entries.sum(1) == 1).all())


def is_linear_with(m: Map, holds: Callable[[Array], bool]) -> bool:
    A = linear_matrix_of(m)
    return A is not None and bool(holds(A))


def entries(A: Array) -> Array:
    return A[np.abs(A) > 1e-8]


def is_monotone_permutation(m: Map) -> bool:
    """Each output follows one input alone, strictly rising or falling, a different one each."""
    line = np.linspace(-2, 2, 21)
    follows = np.zeros((m.d, m.d), dtype=bool)
    for j in range(m.d):
        steps = []
        for base in points(m.d)[:5]:
            z = np.tile(base, (len(line), 1))
            z[:, j] = line
            steps.append(np.diff(m.f(z), axis=0))
        moves = np.abs(np.stack(steps)) > 1e-9
        follows[:, j] = moves.any(axis=(0, 1))
        for i in np.flatnonzero(follows[:, j]):
            if len(np.unique(np.sign(np.stack(steps)[:, :, i]))) != 1:
                return False
    return has_one_entry_a_row_and_column(follows.astype(float)) and is_homeomorphism(m)


def is_homeomorphism(m: Map) -> bool:
    z = points(m.d)
    if m.inverse is None:
        return False
    undone = np.allclose(m.inverse(m.f(z)), z, atol=1e-6) and np.allclose(m.f(m.inverse(z)), z, atol=1e-6)
    shift = 1e-7 * np.ones(m.d)
    return undone and all(np.allclose(g(z + shift), g(z), atol=1e-4) for g in (m.f, m.inverse))


def jacobian(g: Function, z: Array) -> Array:
    """(n, D, d) by central differences."""
    h = 1e-5
    columns = [(g(z + h * e) - g(z - h * e)) / (2 * h) for e in np.eye(z.shape[1])]
    return np.stack(columns, axis=2)


def is_isometry(m: Map) -> bool:
    z = points(m.d)[:10]
    J, Jf, Jafter = jacobian(m.decoder, z), jacobian(m.f, z), jacobian(m.decoder_after, m.f(z))
    through = Jafter @ Jf
    G, carried = J.transpose(0, 2, 1) @ J, through.transpose(0, 2, 1) @ through
    return is_homeomorphism(m) and np.allclose(G, carried, rtol=1e-4, atol=1e-5)


def is_lipschitz(m: Map, L: float = 1.0) -> bool:
    z = points(m.d)
    before, after = (np.linalg.norm(w[:, None] - w[None], axis=2) for w in (z, m.f(z)))
    return bool((after <= L * before + 1e-9).all())


BELONGS: dict[str, Callable[[Map], bool]] = {
    "identity": lambda m: bool(np.allclose(m.f(points(m.d)), points(m.d))),
    "permutation": lambda m: is_linear_with(
        m, lambda A: has_one_entry_a_row_and_column(A) and np.allclose(entries(A), 1)
    ),
    "signed-permutation": lambda m: is_linear_with(
        m, lambda A: has_one_entry_a_row_and_column(A) and np.allclose(np.abs(entries(A)), 1)
    ),
    "permutation-positive-scaling": lambda m: is_linear_with(
        m, lambda A: has_one_entry_a_row_and_column(A) and bool((entries(A) > 0).all())
    ),
    "permutation-scaling": lambda m: is_linear_with(m, has_one_entry_a_row_and_column),
    "permutation-monotone": is_monotone_permutation,
    "orthogonal": lambda m: is_linear_with(m, lambda A: np.allclose(A.T @ A, np.eye(m.d))),
    "similarity": lambda m: (A := matrix_of(m)) is not None and np.allclose(A.T @ A, (A.T @ A)[0, 0] * np.eye(m.d)),
    "linear": lambda m: linear_matrix_of(m) is not None,
    "affine": lambda m: matrix_of(m) is not None,
    "isometry": is_isometry,
    "lipschitz": is_lipschitz,
    "homeomorphism": is_homeomorphism,
}


def test_the_ladder_holds_every_class_of_the_project() -> None:
    assert set(RUNGS) == set(GENERIC) == set(BELONGS)
    assert len(RUNGS) == 13


@pytest.mark.parametrize(("larger", "smaller"), PAIRS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), d=st.integers(2, 4))
def test_a_class_includes_another_exactly_if_its_maps_belong(larger: str, smaller: str, seed: int, d: int) -> None:
    m = GENERIC[smaller](np.random.default_rng(seed), d)
    assert BELONGS[larger](m) == includes(larger, smaller)


@pytest.mark.parametrize("name", [name for name in RUNGS if name != "isometry"])
def test_a_class_contains_translations_exactly_if_it_says_so(name: str) -> None:
    shift = affine_map(np.eye(3), np.array([1.0, -2.0, 0.5]), np.random.default_rng(0))
    assert BELONGS[name](shift) == RUNGS[name].translations


@pytest.mark.parametrize("name", RUNGS)
def test_a_class_contains_inverses_exactly_if_it_says_so(name: str) -> None:
    rng = np.random.default_rng(1)
    m = GENERIC[name](rng, 3) if RUNGS[name].invertible else affine_map(0.5 * np.eye(3), 0.0, rng)
    assert BELONGS[name](m)
    assert BELONGS[name](m.inverted()) == RUNGS[name].invertible


def test_equal_latents_are_isometric_exactly_under_decoders_with_one_metric() -> None:
    same = GENERIC["identity"](np.random.default_rng(2), 3)
    Q = rotation(np.random.default_rng(3), 8)
    assert not is_isometry(same)
    assert is_isometry(attrs.evolve(same, decoder_after=same.decoder))
    assert is_isometry(attrs.evolve(same, decoder_after=lambda z: same.decoder(z) @ Q + 1.0))


def test_a_constant_of_lipschitz_admits_scalings_up_to_it() -> None:
    m = affine_map(2.0 * np.eye(3), 0.0, np.random.default_rng(0))
    assert is_lipschitz(m, 2.0)
    assert not is_lipschitz(m, 1.9)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_inclusion_is_reflexive_and_antisymmetric(a: str, b: str) -> None:
    assert (includes(a, b) and includes(b, a)) == (a == b)


def test_inclusion_is_transitive() -> None:
    for a, b, c in itertools.product(RUNGS, repeat=3):
        if includes(a, b) and includes(b, c):
            assert includes(a, c)


def test_covers_have_nothing_between_them_and_generate_the_order() -> None:
    for larger, smaller in PAIRS:
        between = [x for x in RUNGS if x not in (larger, smaller) and includes(larger, x) and includes(x, smaller)]
        covers = larger != smaller and includes(larger, smaller) and not between
        assert (smaller in lower_covers(larger)) == covers
        assert (larger in upper_covers(smaller)) == covers


def test_rungs_stand_after_what_they_contain() -> None:
    order = list(RUNGS)
    assert all(order.index(smaller) <= order.index(larger) for larger, smaller in PAIRS if includes(larger, smaller))


@given(st.sets(st.sampled_from(list(RUNGS))))
def test_the_lowest_of_several_are_the_minimal_ones(names: set[str]) -> None:
    minimal = {a for a in names if all(a == b or not includes(a, b) for b in names)}
    found = lowest(names)
    assert set(found) == minimal
    assert list(found) == [name for name in RUNGS if name in minimal]
    assert all(any(includes(name, low) for low in found) for name in names)


@pytest.mark.parametrize(("larger", "smaller"), PAIRS)
def test_a_path_climbs_by_covers(larger: str, smaller: str) -> None:
    way = path(smaller, larger)
    if not includes(larger, smaller):
        assert way == ()
        return
    assert (way[0], way[-1]) == (smaller, larger)
    assert all(above in upper_covers(below) for below, above in itertools.pairwise(way))


def test_known_paths() -> None:
    assert path("signed-permutation", "affine") == ("signed-permutation", "orthogonal", "linear", "affine")
    assert path("linear", "permutation") == ()
    assert path("identity", "identity") == ("identity",)


def test_the_drawing_shows_every_cover_and_nothing_else() -> None:
    edges: set[tuple[str, str]] = set()
    above: list[str] = []
    for line in draw_ladder().splitlines():
        match = re.match(r"((?:[│ ] {3}|[├└]── )*)([a-z-]+)", line)
        assert match is not None
        depth = len(match[1]) // 4
        above = [*above[:depth], match[2]]
        if depth:
            edges.add((above[depth - 1], match[2]))
    assert edges == {(larger, smaller) for larger in RUNGS for smaller in lower_covers(larger)}
    assert all(RUNGS[name].formula in draw_ladder() for name in RUNGS)


def test_every_rung_is_documented() -> None:
    for each in RUNGS.values():
        assert each.citations
        assert each.definition.endswith(".")
        assert rung(each.name) is each
    assert {each.name for each in RUNGS.values() if each.relative_to} == {"isometry", "lipschitz"}


def test_an_unknown_rung_is_answered_with_the_nearest() -> None:
    for ask in (rung, lower_covers, upper_covers, lambda name: lowest([name]), lambda name: includes("linear", name)):
        with pytest.raises(UsageError, match="there is no rung 'ortogonal'") as raised:
            ask("ortogonal")
        assert raised.value.hint == "did you mean 'orthogonal'?"
    with pytest.raises(UsageError) as raised:
        rung("rotation")
    assert raised.value.hint == "did you mean 'orthogonal'?"
