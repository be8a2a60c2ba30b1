"""The dataset `digits`: scikit-learn's handwritten digits, which need no download."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Factor, OptionsError, Samples
from identify_metric.options.data import DigitsOptions

_LEVELS = 16  # the largest grey value


def make_digits(options: DigitsOptions, context: Context) -> Samples:
    """1,797 images of 8 × 8 pixels, flat rows in [0, 1], in the splits `train`, `validation` and `test`.

    Raises:
        OptionsError: so many rows are held out that none are left to train on.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    count = len(digits.target)
    held = options.test + options.validation
    if held >= count:
        raise OptionsError(
            f"test and validation hold out {held} rows, but digits has {count}", hint="hold out fewer rows"
        )
    order = torch.randperm(count, generator=context.stream("split")).numpy()
    splits = {
        "train": np.sort(order[held:]),
        "validation": np.sort(order[options.test : held]),
        "test": np.sort(order[: options.test]),
    }
    return Samples(
        columns={"x": torch.from_numpy(digits.data / _LEVELS).to(context.dtype)},
        ids=np.arange(count),
        splits=splits,
        factors={"digit": Factor(values=digits.target, kind="categorical")},
        facts={"image-height": 8, "image-width": 8, "image-channels": 1},
    )
