"""What the sound plugin allocates."""

from __future__ import annotations

from identify_core.sizes import Known, Sizes

from .options import MlpOptions, RingsOptions


def rings(options: RingsOptions, known: Known) -> Sizes:
    """Inputs, targets and noise."""
    return Sizes(parts={"rows": options.samples * 4 * known.itemsize}, samples=options.samples, inputs=(2,))


def mlp(options: MlpOptions, known: Known) -> Sizes:
    """Nothing that is not reckoned from the samples."""
    return Sizes()
