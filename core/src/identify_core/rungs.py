"""The equivalence ladder: classes of maps between two representations, partially ordered by inclusion.

Two representations of the same samples, z and z', are equivalent at a rung if one map f of its class sends z_i to z'_i
for every sample i. Maps go from R^d to R^d; `translations` says whether a class contains the shifts z -> z + b, because
that is what papers most often leave unsaid. A class includes another if every map of the other is one of its own, in
every dimension d. No inclusion is claimed beyond those that hold: the ladder is a partial order, not a chain.

Two rungs are relative to more than the latents. `isometry` compares metrics that two decoders induce, so it contains
the identity only where both decoders induce the same metric: equal latents with different decoders are not isometric,
and no class of maps in coordinates lies below it. `lipschitz` depends on its constant L; its maps need not be
invertible, so that it is a deformation in one direction, not an equivalence, unless asked for in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean


@attrs.frozen(kw_only=True)
class Rung:
    """A class of maps f from R^d to R^d.

    Args:
        name: how specs, evaluators and the command line call it.
        in_words: a map of the class, to stand before "carries a onto b".
        formula: f(z) in one line.
        definition: the class in one sentence.
        translations: whether the class contains every shift z -> z + b.
        invertible: whether every map of the class has an inverse in the class.
        contains: the names of the rungs directly below, whose maps all belong to this class.
        relative_to: what the class depends on besides the latents; empty for nothing.
        citations: where the class is defined, or proved to be what a model is identified up to.
    """

    name: str
    in_words: str
    formula: str
    definition: str
    translations: bool
    invertible: bool = True
    contains: tuple[str, ...] = ()
    relative_to: str = ""
    citations: tuple[str, ...]


# Every rung stands after those that it contains.
_LADDER = (
    Rung(
        name="identity",
        in_words="no change at all",
        formula="f(z) = z",
        definition="Nothing is changed: the representations are equal coordinate by coordinate.",
        translations=False,
        citations=(
            "Klabunde, Schumacher, Strohmaier & Lemmerich, Similarity of neural network models: a survey of functional "
            "and representational measures, ACM Computing Surveys 2025, arXiv 2305.06329",
        ),
    ),
    Rung(
        name="permutation",
        in_words="a reordering of coordinates",
        formula="f(z) = P z",
        definition="Coordinates are reordered: P is a permutation matrix.",
        translations=False,
        contains=("identity",),
        citations=(
            "Hecht-Nielsen, On the algebraic structure of feedforward network weight spaces, Advanced Neural Computers "
            "1990",
        ),
    ),
    Rung(
        name="signed-permutation",
        in_words="a reordering of coordinates with changes of sign",
        formula="f(z) = P S z",
        definition="Coordinates are reordered and some are negated: S is diagonal with entries +1 and -1.",
        translations=False,
        contains=("permutation",),
        citations=(
            "Sussmann, Uniqueness of the weights for minimal feedforward nets with a given input-output map, Neural "
            "Networks 5(4), 1992",
        ),
    ),
    Rung(
        name="permutation-positive-scaling",
        in_words="a reordering and stretching of coordinates",
        formula="f(z) = P D z, D > 0",
        definition="Coordinates are reordered and each is stretched: D is diagonal with positive entries.",
        translations=False,
        contains=("permutation",),
        citations=(
            "Phuong & Lampert, Functional vs. parametric equivalence of ReLU networks, ICLR 2020",
            "Neyshabur, Salakhutdinov & Srebro, Path-SGD: path-normalized optimization in deep neural networks, "
            "NeurIPS 2015, arXiv 1506.02617",
        ),
    ),
    Rung(
        name="permutation-scaling",
        in_words="a reordering and scaling of coordinates, signs included,",
        formula="f(z) = P D z, no entry of D zero",
        definition="Coordinates are reordered and each is scaled: D is diagonal with non-zero entries of either sign.",
        translations=False,
        contains=("signed-permutation", "permutation-positive-scaling"),
        citations=("Comon, Independent component analysis, a new concept?, Signal Processing 36(3), 1994",),
    ),
    Rung(
        name="permutation-monotone",
        in_words="a reordering of coordinates, each bent by a monotone map,",
        formula="f(z)_i = h_i(z_p(i))",
        definition=(
            "Coordinates are reordered by a permutation p and each is bent by a continuous, strictly monotone map h_i, "
            "rising or falling, from R onto R."
        ),
        translations=True,
        contains=("permutation-scaling",),
        citations=(
            "Hyvärinen, Sasaki & Turner, Nonlinear ICA using auxiliary variables and generalized contrastive learning, "
            "AISTATS 2019, arXiv 1805.08651",
        ),
    ),
    Rung(
        name="orthogonal",
        in_words="a rotation or reflection",
        formula="f(z) = Q z",
        definition="Rotations and reflections about the origin: QᵀQ = 1. There is no translation.",
        translations=False,
        contains=("signed-permutation",),
        citations=(
            "Williams, Kunz, Kornblith & Linderman, Generalized shape metrics on neural representations, NeurIPS 2021, "
            "arXiv 2110.14739",
        ),
    ),
    Rung(
        name="similarity",
        in_words="a rotation or reflection with one scale and a shift",
        formula="f(z) = s Q z + b",
        definition="Rotation or reflection, one common scale s > 0 and a translation: ratios of distances are kept.",
        translations=True,
        contains=("orthogonal",),
        citations=(
            "Kornblith, Norouzi, Lee & Hinton, Similarity of neural network representations revisited, ICML 2019, "
            "arXiv 1905.00414",
        ),
    ),
    Rung(
        name="linear",
        in_words="an invertible linear map",
        formula="f(z) = A z",
        definition="Invertible matrices A; the origin stays where it is, there is no translation.",
        translations=False,
        contains=("permutation-scaling", "orthogonal"),
        citations=(
            "Roeder, Metz & Kingma, On linear identifiability of learned representations, ICML 2021, arXiv 2007.00810",
        ),
    ),
    Rung(
        name="affine",
        in_words="an invertible linear map with a shift",
        formula="f(z) = A z + b",
        definition="Invertible matrices A with a translation b.",
        translations=True,
        contains=("linear", "similarity"),
        citations=(
            "Khemakhem, Kingma, Monti & Hyvärinen, Variational autoencoders and nonlinear ICA: a unifying framework, "
            "AISTATS 2020, arXiv 1907.04809",
        ),
    ),
    Rung(
        name="isometry",
        in_words="a map that keeps the distances of the decoders",
        formula="J_f(z)ᵀ G'(f(z)) J_f(z) = G(z)",
        definition=(
            "Diffeomorphisms that carry the pull-back metric G of one decoder onto the pull-back metric G' of the "
            "other: lengths of curves, geodesic distances, angles and volumes, measured in data space, are kept."
        ),
        translations=False,
        relative_to="the two decoders",
        citations=(
            "Syrota, Zainchkovskyy, Xi, Bloem-Reddy & Hauberg, Identifying metric structures of deep latent variable "
            "models, ICML 2025, arXiv 2502.13757",
        ),
    ),
    Rung(
        name="lipschitz",
        in_words="a map that stretches no distance by more than L",
        formula="|f(z) - f(w)| <= L |z - w|",
        definition=(
            "Maps that stretch no Euclidean distance by more than a stated constant L >= 1; they may collapse, so they "
            "need not be invertible, and they contain scalings only up to L."
        ),
        translations=True,
        invertible=False,
        contains=("orthogonal",),
        relative_to="the constant L",
        citations=("Chan et al., On affine homotopy between language encoders, NeurIPS 2024, arXiv 2406.02329",),
    ),
    Rung(
        name="homeomorphism",
        in_words="a continuous map with a continuous inverse",
        formula="f and its inverse are continuous",
        definition="Continuous bijections with a continuous inverse: only the topology is kept.",
        translations=True,
        contains=("permutation-monotone", "affine", "isometry"),
        citations=(
            "Hyvärinen & Pajunen, Nonlinear independent component analysis: existence and uniqueness results, Neural "
            "Networks 12(3), 1999",
        ),
    ),
)

RUNGS: Mapping[str, Rung] = MappingProxyType({each.name: each for each in _LADDER})
"""Every rung by name, each after those that it contains (a topological order)."""


def rung(name: str) -> Rung:
    """The rung of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in RUNGS:
        told = next((each.name for each in _LADDER if name.lower() in each.in_words.split()), "")
        raise UsageError(f"there is no rung {name!r}", hint=did_you_mean(told or name, [told] if told else RUNGS))
    return RUNGS[name]


def lower_covers(name: str) -> tuple[str, ...]:
    """The rungs directly below: contained in `name`, with none between."""
    return rung(name).contains


def upper_covers(name: str) -> tuple[str, ...]:
    """The rungs directly above: those that contain `name`, with none between."""
    rung(name)
    return tuple(each.name for each in RUNGS.values() if name in each.contains)


def includes(larger: str, smaller: str) -> bool:
    """Whether every map of the class `smaller` belongs to the class `larger`; every class includes itself."""
    rung(smaller)
    return larger == smaller or any(includes(each, smaller) for each in lower_covers(larger))


def lowest(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that include no other of them, in the order of `RUNGS`: the strongest claims of several."""
    given = set(names)
    for name in given:
        rung(name)
    return tuple(name for name in RUNGS if name in given and not any(includes(name, other) for other in given - {name}))


def path(smaller: str, larger: str) -> tuple[str, ...]:
    """A shortest way up the ladder, both ends included; empty where `larger` does not include `smaller`."""
    if not includes(larger, smaller):
        return ()
    ways: tuple[tuple[str, ...], ...] = ((smaller,),)
    while all(way[-1] != larger for way in ways):
        ways = tuple((*way, above) for way in ways for above in upper_covers(way[-1]) if includes(larger, above))
    return min(way for way in ways if way[-1] == larger)


def draw_ladder() -> str:
    """The ladder as a tree from the largest classes downwards, each below those that contain it directly.

    A rung that several contain is drawn in full once; its other places are marked with an arrow.
    """
    drawn: set[str] = set()
    rows = [row for name in reversed(list(RUNGS)) if not upper_covers(name) for row in _draw(name, "", "", drawn)]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"{left:{width}}   {right}".rstrip() for left, right in rows)


def _draw(name: str, branch: str, indent: str, drawn: set[str]) -> list[tuple[str, str]]:
    if name in drawn:
        return [(f"{branch}{name} ↑", "")]
    drawn.add(name)
    relative = RUNGS[name].relative_to
    rows = [(f"{branch}{name}", f"{RUNGS[name].formula}{f'   (relative to {relative})' if relative else ''}")]
    below = lower_covers(name)
    for each in below:
        last = each == below[-1]
        rows += _draw(each, f"{indent}{'└── ' if last else '├── '}", f"{indent}{'    ' if last else '│   '}", drawn)
    return rows
