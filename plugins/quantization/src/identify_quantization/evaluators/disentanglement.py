"""The evaluator `disentanglement`: InfoMEC over the steps of training, and the matrix of the last step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from identify_core import Context, Finding, OptionsError, Representation, Spread, Subject, Table
from identify_measures import infomec
from identify_quantization.evaluators.networks import trained_networks
from identify_quantization.options.evaluators import DisentanglementOptions

SCORES = ("infom", "infoe", "infoc")
IN_WORDS = ("modularity", "explicitness", "compactness")
_STEP = re.compile(r"z-step-(\d+)")


def evaluate(options: DisentanglementOptions, subject: Subject, context: Context) -> Finding:
    """InfoM, InfoE and InfoC of the latents `z` of every kept step; those of books are read as symbols.

    Raises:
        OptionsError: the run has no latents `z`, or its samples have no factors.
    """
    run, replicates = trained_networks(subject.run, "disentanglement")
    if "z" not in run.latents:
        raise OptionsError(f"the run has no latents 'z'; it has {', '.join(run.latents)}")
    steps: dict[float, str] = {}
    for name in run.latents:
        match = _STEP.fullmatch(name)
        if match:
            steps[float(match.group(1))] = name
    last = float(getattr(run.objective_options, "steps", 0))
    steps[last] = "z"
    template: Any = replicates.template
    symbols = template.latent.quantised
    scores = np.full((len(steps), replicates.count, len(SCORES)), np.nan)
    nmi, active, names = [], [], ()
    for place, step in enumerate(sorted(steps)):
        for r, representation in enumerate(run.latents[steps[step]]):
            found = _score(options, representation, symbols=symbols, seed=context.streams.derive("infomec", r) % 2**31)
            for s, score in enumerate(SCORES):
                value = getattr(found, score).value
                scores[place, r, s] = np.nan if value is None else value
            if step == last:
                latents_first = found.nmi.dimensions[0] == "latent"  # which a variant decides
                nmi.append(found.nmi.values if latents_first else found.nmi.values.T)
                active.append(found.active)
                names = found.factors
    ends = scores[-1]
    means = {name: _mean(ends[:, s]) for s, name in enumerate(SCORES)}
    return Finding(
        summary=_summary(ends, found.factors),
        scalars=means,
        tables={
            "steps": Table(
                columns=("step", "replicate", *SCORES),
                rows=[
                    (int(step), r, *(_plain(scores[place, r, s]) for s in range(len(SCORES))))
                    for place, step in enumerate(sorted(steps))
                    for r in range(replicates.count)
                ],
                caption="InfoMEC of the latents after so many steps.",
            )
        },
        arrays={
            "scores": (("step", "replicate", "score"), scores),
            "steps": (("step",), np.array(sorted(steps))),
            "nmi": (
                ("replicate", "latent", "factor"),
                np.stack(nmi),
                "information with each factor over its entropy, at the last step",
            ),
            "active": (("replicate", "latent"), np.stack(active)),
            "latents": (
                ("row", "latent"),
                _first_rows(run.latents["values" if "values" in run.latents else "z"][0], options.rows),
                "of the first replicate, at the last step; of books their values",
            ),
            "factor-names": (("factor",), np.array(names)),
        },
        conventions={
            "latents": "symbols" if symbols else "numbers",
            "variant": options.variant,
            "rows": f"at most {options.rows}, the first of the split",
        },
    )


def _summary(ends: np.ndarray, factors: Sequence[str]) -> str:
    """How far the latents are the factors, at the last step."""
    told = {}
    for s, name in enumerate(IN_WORDS):
        known = ends[:, s][~np.isnan(ends[:, s])]
        told[name] = Spread.of(known.tolist()).in_words() if len(known) else "undefined"
    return f"of {len(factors)} factors, 1 being the best: " + ", ".join(f"{name} {text}" for name, text in told.items())


def _first_rows(representation: Representation, rows: int) -> Any:
    values = np.asarray(representation.rows(0, min(rows, representation.shape[0])))
    return values.reshape(len(values), -1)


def _score(options: DisentanglementOptions, representation: Representation, *, symbols: bool, seed: int) -> Any:
    count = min(options.rows, representation.shape[0])
    if not representation.factors:
        raise OptionsError("the samples of the run have no factors to be disentangled")
    return infomec(
        representation.rows(0, count),
        {name: factor.values[:count] for name, factor in representation.factors.items()},
        kinds={name: factor.kind for name, factor in representation.factors.items()},
        variant=options.variant,
        latents="symbols" if symbols else "numbers",
        seed=seed,
    )


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
