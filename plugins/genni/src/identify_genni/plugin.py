"""What the genni plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Evaluator, Preset, hookimpl
from identify_genni.options.convergence import ConvergenceOptions
from identify_genni.options.nullity import NullityOptions
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.options.trace import TraceOptions

PAPER = "Lengyel et al., GENNI, NeurIPS 2020 workshop DiffGeo4DL, arXiv 2011.07407"


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """Whether training arrived, and what the class of equivalent parameters looks like."""
    yield Evaluator(
        name="convergence",
        summary="Loss, gradients, norms, dead units and balancedness of every replicate over the steps.",
        options=ConvergenceOptions,
        target="identify_genni.evaluators.convergence:evaluate",
        draw="identify_genni.views.convergence:draw",
        arity="run",
        requires={"modules", "samples", "history"},
        source=PAPER,
    )
    yield Evaluator(
        name="subspace",
        summary="The ε-equivalent set on an affine subspace of parameter space.",
        options=SubspaceOptions,
        target="identify_genni.evaluators.subspace:evaluate",
        draw="identify_genni.views.subspace:draw",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="nullity",
        summary="Rank and nullity of the Jacobian beside the dimension of the known symmetries.",
        options=NullityOptions,
        target="identify_genni.evaluators.nullity:evaluate",
        draw="identify_genni.views.nullity:draw",
        arity="run",
        requires={"modules", "samples"},
    )
    yield Evaluator(
        name="symmetry",
        summary="Which replicates are symmetric copies of each other, which are connected, which differ.",
        options=SymmetryOptions,
        target="identify_genni.evaluators.symmetry:evaluate",
        draw="identify_genni.views.symmetry:draw",
        arity="run",
        requires={"modules", "samples"},
    )
    yield Evaluator(
        name="trace",
        summary="Walks along the equivalence class, samples it and estimates its dimension.",
        options=TraceOptions,
        target="identify_genni.evaluators.trace:evaluate",
        draw="identify_genni.views.trace:draw",
        arity="run",
        requires={"modules", "samples"},
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The study's experiments, and `smoke`."""
    return ()
