"""What the homotopy plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import ByRole, Dataset, Evaluator, Objective, hookimpl
from identify_homotopy.options.distances import ClassOptions, DeformableOptions, LipschitzOptions, MapsOptions
from identify_homotopy.options.embedding import EmbedOptions
from identify_homotopy.options.probes import ProbeOptions
from identify_homotopy.options.texts import FileOptions, GeneratedOptions

PAPER = "Chan et al., NeurIPS 2024, arXiv 2406.02329"
_PREPARE = "identify_homotopy.distances.prepared:prepare"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Sentences with labels."""
    yield Dataset(
        name="sentences",
        summary="Generated sentences with labels: sentiment, acceptability, paraphrase or entailment; needs no file.",
        options=GeneratedOptions,
        target="identify_homotopy.texts.generated:make_generated",
        sizes="identify_homotopy.sizes:generated",
    )
    yield Dataset(
        name="text-file",
        summary="Sentences of a tsv, csv, jsonl or parquet file: the tasks of GLUE, or one's own.",
        options=FileOptions,
        target="identify_homotopy.texts.files:read_file",
        source=f"{PAPER}, section 6",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """Encoders over the same sentences."""
    yield Objective(
        name="embed",
        summary="Hidden states of language encoders, one encoder a replicate; nothing is trained.",
        options=EmbedOptions,
        target="identify_homotopy.objectives.embedding:embed",
        sizes="identify_homotopy.sizes:embed",
        source=f"{PAPER}, section 6",
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """Which encoders are deformed into which; and directed distances, pair by pair."""
    yield Evaluator(
        name="deformable",
        summary="Which encoders an affine map makes of which others, on held-out sentences, against chance.",
        options=DeformableOptions,
        target="identify_homotopy.verdicts.deformable:evaluate",
        draw="identify_homotopy.views.deformable:draw",
        arity="group",
        headline=True,
        source=f"{PAPER}, section 3",
    )
    yield Evaluator(
        name="probes",
        summary="Linear classifiers on every encoder: how well they do, and whether two say the same of a sentence.",
        options=ProbeOptions,
        target="identify_homotopy.probes.evaluator:evaluate",
        arity="group",
        requires={"factors"},
        source=f"{PAPER}, section 6",
    )
    yield Evaluator(
        name="affine",
        summary="Distance by affine maps: least squares, and the smallest largest residual in a certified bracket.",
        options=ClassOptions,
        target="identify_homotopy.distances.classes:affine",
        prepare=_PREPARE,
        arity="pair",
        symmetric=False,
        invariant_to=ByRole(source=("affine",), target=("similarity",)),
        bounds=(0.0, None),
        larger_is="more distant",
        source=f"{PAPER}, section 3",
    )
    yield Evaluator(
        name="isometry",
        summary="Distance by rotations, reflections and shifts: Procrustes, and bounds of the largest residual.",
        options=ClassOptions,
        target="identify_homotopy.distances.classes:isometry",
        prepare=_PREPARE,
        arity="pair",
        symmetric=False,
        invariant_to=("orthogonal",),
        bounds=(0.0, None),
        larger_is="more distant",
        source=f"{PAPER}, section 3",
    )
    yield Evaluator(
        name="lipschitz",
        summary="Exact distance by maps with a bounded Lipschitz constant, in the largest entry, one score a bound.",
        options=LipschitzOptions,
        target="identify_homotopy.distances.lipschitz:lipschitz",
        prepare=_PREPARE,
        arity="pair",
        symmetric=False,
        invariant_to=ByRole(source=("orthogonal",), target=("signed-permutation",)),
        bounds=(0.0, None),
        larger_is="more distant",
        source="McShane, Bulletin of the AMS 40 (1934)",
    )
    yield Evaluator(
        name="maps",
        summary="Distance by trained networks, all ordered pairs side by side, on rows that were held out.",
        options=MapsOptions,
        target="identify_homotopy.maps.training:trained_maps",
        prepare=_PREPARE,
        arity="pair",
        symmetric=False,
        together=True,
        bounds=(0.0, None),
        larger_is="more distant",
        source=f"{PAPER}, section 6",
    )
