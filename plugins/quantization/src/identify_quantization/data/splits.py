"""Images on a grid of factors as Samples: what is trained on, what is evaluated, what is held out."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Factor, FactorKind, MappedColumn, OptionsError, Samples, hold_out_combinations
from identify_quantization.options.data import SplitOptions

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Images:
    """Images with the factors that made them.

    Args:
        pixels: uint8, or a mapped column of numbers from 0 to 1, (n, C, H, W).
        labels: which value each factor has, integers (n, factors).
        names: of the factors.
        kinds: of the factors; ordinal where nothing is said.
        values: name to what the labels stand for, such as radians; labels stand for themselves otherwise.
        source: where the images come from.
    """

    pixels: torch.Tensor | MappedColumn
    labels: Array
    names: tuple[str, ...]
    kinds: tuple[FactorKind, ...]
    values: dict[str, Array] = attrs.field(factory=dict)
    source: str = ""


def grid_labels(sizes: tuple[int, ...]) -> Array:
    """All combinations of factors of these sizes, the last one running fastest, integers (product, factors)."""
    return np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)


def split_images(images: Images, options: SplitOptions) -> Samples:
    """Samples with the column `x`, the factors, and the splits `train` and `test`.

    Raises:
        OptionsError: nothing is left to train on, or the pair of factors does not exist.
    """
    n = len(images.pixels)
    generator = np.random.default_rng(options.split_seed)
    pool = np.arange(n)
    if options.held_out == "pairs":
        pool = _with_held_out_pairs(images, options)
    test = np.sort(generator.permutation(pool)[: options.evaluated])
    kept_out = {"none": np.arange(0), "images": test, "pairs": pool}[options.held_out]
    train = np.setdiff1d(np.arange(n), kept_out)
    if not len(train):
        raise OptionsError(
            f"evaluated is {options.evaluated} and held_out is {options.held_out!r}: none of the {n} images is left to "
            "train on",
            hint='evaluate fewer, or set held_out = "none"',
        )
    factors = {}
    for column, (name, kind) in enumerate(zip(images.names, images.kinds, strict=True)):
        labels = images.labels[:, column]
        factors[name] = Factor(values=images.values[name][labels] if name in images.values else labels, kind=kind)
    return Samples(
        columns={"x": images.pixels},
        ids=np.arange(n),
        splits={"train": train, "test": test},
        factors=factors,
        facts={"images": n, "source": images.source},
    )


def _with_held_out_pairs(images: Images, options: SplitOptions) -> Array:
    """The rows of images with a held-out combination of the two factors; every single value stays in training."""
    names = options.pair or images.names[:2]
    for name in names:
        if name not in images.names:
            raise OptionsError(f"pair names the factor {name!r}; the images have {', '.join(images.names)}")
    pair = [images.labels[:, images.names.index(name)] for name in names]
    return hold_out_combinations(pair, options.pair_share, options.split_seed)["test"]
