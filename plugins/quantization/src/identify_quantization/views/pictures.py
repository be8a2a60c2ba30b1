"""The figures of the evaluators, drawn from what their findings store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from identify_core import MUTED, PALETTE, Context, Figure, Finding, heat_map, house_style, new_figure
from identify_quantization.options.evaluators import (
    BooksOptions,
    DisentanglementOptions,
    ReconstructionOptions,
    TraversalsOptions,
)

_RED = PALETTE[1]


def draw_reconstruction(options: ReconstructionOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Images, their reconstruction, and how far apart they are."""
    true, predicted = finding.arrays["true"].values, finding.arrays["predicted"].values
    rows = (("true", true), ("predicted", predicted), ("difference", np.abs(true - predicted)))
    with house_style():
        figure, axes = new_figure(3, 1, width=min(0.9 * len(true) + 1, 9.0), height=3.2, squeeze=False)
        for each, (label, pictures) in zip(axes[:, 0], rows, strict=True):
            _show(each, np.concatenate([_last(picture) for picture in pictures], axis=1))
            each.set_ylabel(label)
    yield Figure(
        name="reconstruction",
        caption="Images of the split, their reconstruction by the first replicate, and the absolute difference.",
        static=figure,
    )


def draw_books(options: BooksOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """How often each entry is taken, entries of a latent in the order of their values; dead ones are crossed."""
    counts = finding.arrays["counts"].values[0].astype(float)
    values = finding.arrays["values"].values[0] if "values" in finding.arrays else None
    if values is not None:
        order = np.argsort(values, axis=1)  # NaN, where a book is shorter, comes last
        counts, values = np.take_along_axis(counts, order, 1), np.take_along_axis(values, order, 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    missing = np.zeros(shares.shape, dtype=bool) if values is None else np.isnan(values)
    with house_style():
        figure, axes = new_figure(width=6.4, height=max(2.4, 0.3 * len(shares) + 1.2))
        heat_map(axes, np.where(missing, np.nan, shares), low=0, label="share of images", aspect="auto")
        if shares.shape[1] <= 40:
            latents, entries = np.nonzero((counts == 0) & ~missing)
            axes.plot(entries, latents, "x", color=_RED, markersize=5)
        axes.set(xlabel="entry, in the order of the values", ylabel="latent", title="Use of book entries")
        axes.set_yticks(range(len(shares)))
    yield Figure(
        name="books",
        caption="How often the latents of the first replicate take each entry of their books; a cross is an entry that "
        "no image takes.",
        static=figure,
    )


def draw_traversals(options: TraversalsOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One row a latent: the image while the latent takes each value."""
    images, change = finding.arrays["images"].values, finding.arrays["change"].values
    rows = [np.concatenate([_last(picture) for picture in row], axis=1) for row in images]
    side = images.shape[3]
    with house_style():
        figure, axes = new_figure(width=7.2, height=max(2.4, 7.0 * images.shape[0] / images.shape[1] * 0.9))
        _show(axes, np.concatenate(rows, axis=0))
        axes.set_yticks(
            side * (np.arange(len(rows)) + 0.5), [f"{j}: {size:.2g}" for j, size in enumerate(change)], fontsize=7
        )
        axes.tick_params(length=0)
        axes.set(ylabel="latent: change", xlabel=finding.conventions.get("values", ""))
    yield Figure(
        name="traversals",
        caption="One image while one latent takes each of its values, from left to right, and the others stay; the "
        "number is the root mean square of what changes.",
        static=figure,
    )
    yield _draw_drawn(finding)


def _draw_drawn(finding: Finding) -> Figure:
    """Images decoded from drawn latents, eight in a row."""
    images = finding.arrays["drawn"].values
    per_row = min(8, len(images))
    blank = np.ones_like(images[0])
    filled = [*images, *[blank] * (-len(images) % per_row)]
    rows = [
        np.concatenate([_last(picture) for picture in filled[start : start + per_row]], axis=1)
        for start in range(0, len(filled), per_row)
    ]
    with house_style():
        figure, axes = new_figure(width=0.9 * per_row + 0.4, height=0.9 * len(rows) + 0.5)
        _show(axes, np.concatenate(rows, axis=0))
    return Figure(
        name="drawn",
        caption="Images that the decoder makes of drawn latents: entries of the books or numbers from 0 to 1, all "
        "alike, and normal numbers where latents are Gaussian.",
        static=figure,
    )


def _draw_violins(finding: Finding) -> Figure:
    """How each latent is spread, pruned ones in red."""
    latents, active = finding.arrays["latents"].values, finding.arrays["active"].values[0]
    with house_style():
        figure, axes = new_figure(width=max(3.6, 0.45 * latents.shape[1] + 1.2), height=3.0)
        varying = latents.max(axis=0) > latents.min(axis=0)  # a density of one value does not exist
        places = np.flatnonzero(varying)
        if len(places):
            drawn = axes.violinplot([latents[:, j] for j in places], places, widths=0.85, showextrema=False)
            for j, body in zip(places, drawn["bodies"], strict=True):
                body.set(facecolor=PALETTE[0] if latents.shape[1] != len(active) or active[j] else _RED, alpha=0.8)
        axes.plot(np.flatnonzero(~varying), latents[0, ~varying], "_", color=_RED, markersize=12)
        axes.set(xlabel="latent", ylabel="value", xticks=range(latents.shape[1]), title="Spread of the latents")
    return Figure(
        name="violins",
        caption="The values of each latent of the first replicate on the scored rows; red is a latent that InfoMEC "
        "leaves out as inactive, a bar one of a single value.",
        static=figure,
    )


def draw_disentanglement(
    options: DisentanglementOptions, finding: Finding, context: Context | None
) -> Iterable[Figure]:
    """InfoMEC over training, and the matrix of normalised information of the first replicate."""
    scores, steps = finding.arrays["scores"].values, finding.arrays["steps"].values
    if len(steps) > 1:
        with house_style():
            figure, axes = new_figure(width=6.4, height=3.4)
            for s, name in enumerate(("InfoM", "InfoE", "InfoC")):
                for r in range(scores.shape[1]):
                    axes.plot(
                        steps, scores[:, r, s], color=PALETTE[s], marker="o", alpha=0.7, label=name if r == 0 else ""
                    )
            axes.set(xlabel="step", ylabel="score", ylim=(-0.02, 1.02), title="InfoMEC over training")
            axes.legend()
        yield Figure(
            name="infomec", caption="InfoM, InfoE and InfoC after so many steps, a line a replicate.", static=figure
        )
    nmi, active = finding.arrays["nmi"].values[0], finding.arrays["active"].values[0]
    names = [str(name) for name in finding.arrays["factor-names"].values]
    with house_style():
        figure, axes = new_figure(width=1.8 + 0.6 * len(names), height=1.4 + 0.32 * len(nmi))
        latents = [f"z{j}" for j in range(len(nmi))]
        heat_map(axes, nmi, low=0, high=1, rows=latents, written="{:.2f}".format, aspect="auto")
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
        for label, on in zip(axes.get_yticklabels(), active, strict=True):
            label.set_color(MUTED if on else _RED)
        axes.set_title("Information / entropy")
    yield Figure(
        name="information",
        caption="Information of each latent of the first replicate with each factor, over the factor's entropy; "
        "latents in red are pruned as inactive.",
        static=figure,
    )
    yield _draw_violins(finding)


def _show(axes: Any, picture: Any) -> None:
    single = picture.shape[-1] == 1
    axes.imshow(picture[..., 0] if single else picture.clip(0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _last(picture: Any) -> Any:
    """Channels last; anything but three channels by its first."""
    return np.moveaxis(picture if len(picture) == 3 else picture[:1], 0, -1)
