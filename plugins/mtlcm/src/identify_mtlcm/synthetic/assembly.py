"""Drawn arrays as Samples: rows in the order of splits and tasks, with ids that say where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

import attrs
import numpy as np
import torch

from identify_core import Factor, LabelledArray, OptionsError, Samples
from identify_mtlcm.options.synthetic import MOST_PER_AXIS
from identify_mtlcm.synthetic.laws import Array

_TAG_BITS = 23  # with 20 for the task and 20 for the row of it: a positive 64-bit number


@attrs.frozen(kw_only=True, eq=False)
class DrawnSplit:
    """Everything that was drawn for the rows of one split.

    Args:
        latents: (T, n, d).
        targets: (T, n).
        inputs: (T, n, D).
        noisy_latents: (T, n, d), the inputs under the inverse of the true mixing; None where there is none.
        told: plain values that decide what the rows are: where they are the same, so are the rows.
    """

    latents: Array
    targets: Array
    inputs: Array
    noisy_latents: Array | None
    told: list[object]


def drawn_splits(
    splits: Mapping[str, tuple[Array, Array]],
    inputs: Mapping[str, Array],
    noisy: Mapping[str, Array],
    told: Callable[[str], list[object]],
) -> dict[str, DrawnSplit]:
    """Latents and targets of each split with its inputs, its noisy latents if it has any, and what decides its rows."""
    return {
        split: DrawnSplit(latents=z, targets=y, inputs=inputs[split], noisy_latents=noisy.get(split), told=told(split))
        for split, (z, y) in splits.items()
    }


def assemble(
    splits: Mapping[str, DrawnSplit],
    *,
    dtype: torch.dtype,
    truths: Mapping[str, LabelledArray],
    facts: Mapping[str, float | int | str | bool],
) -> Samples:
    """Samples with one task a row: columns `x`, `y`, `task`, the true latents as factors `z-1` to `z-d`."""
    drawn = list(splits.values())
    z = _rows([each.latents for each in drawn])
    columns = {
        "x": torch.from_numpy(_rows([each.inputs for each in drawn])).to(dtype),
        "y": torch.from_numpy(_rows([each.targets[..., None] for each in drawn])).to(dtype),
        "task": torch.from_numpy(np.concatenate([_tasks(each) for each in drawn])),
    }
    noisy = [each.noisy_latents for each in drawn if each.noisy_latents is not None]
    if noisy:
        columns["noisy-latents"] = torch.from_numpy(_rows(noisy)).to(dtype)
    ends = np.cumsum([each.targets.size for each in drawn])
    return Samples(
        columns=columns,
        ids=np.concatenate([_ids(each) for each in drawn]),
        splits={
            name: np.arange(end - each.targets.size, end)
            for (name, each), end in zip(splits.items(), ends, strict=True)
        },
        factors={f"z-{j + 1}": Factor(values=z[:, j], kind="continuous") for j in range(z.shape[1])},
        truths=truths,
        facts=facts,
    )


def standardise_features(inputs: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
    """Inputs (T, n, D) of each split with every feature brought to mean 0 and variance 1 over the training rows.

    Returns:
        The inputs, and the standard deviations that the features were divided by, (D,).

    Raises:
        OptionsError: a feature is constant.
    """
    mean, scale = inputs["train"].mean(axis=(0, 1)), inputs["train"].std(axis=(0, 1))
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(mean))
    if len(constant):
        raise OptionsError(
            f"{len(constant)} observed features are constant, the first of them {constant[0]}, so that they cannot be "
            "standardised",
            hint="standardise_observed = false, or a wider decoder",
        )
    return {split: (x - mean) / scale for split, x in inputs.items()}, scale


def _rows(parts: list[Array]) -> Array:
    return np.concatenate([part.reshape(-1, part.shape[-1]) for part in parts])


def _tasks(drawn: DrawnSplit) -> Array:
    T, n = drawn.targets.shape
    return np.repeat(np.arange(T, dtype=np.int64), n)


def _ids(drawn: DrawnSplit) -> Array:
    """A tag of where the rows come from, the task, and the row of it, in the bits of one number."""
    T, n = drawn.targets.shape
    digest = hashlib.sha256(json.dumps(drawn.told).encode()).digest()
    tag = int.from_bytes(digest[:8], "big") >> (64 - _TAG_BITS)
    tasks, points = np.arange(T, dtype=np.int64)[:, None], np.arange(n, dtype=np.int64)
    ids: Array = ((tag * MOST_PER_AXIS + tasks) * MOST_PER_AXIS + points).ravel()
    return ids
