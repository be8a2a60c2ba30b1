"""The dataset `mixtures`: independent sources behind a random linear mixing."""

from __future__ import annotations

import math

import numpy as np
import torch
from identify_core import Context, Factor, LabelledArray, Samples

from identify_your_plugin.options import MixturesOptions


def make_mixtures(options: MixturesOptions, context: Context) -> Samples:
    """Draw sources s, uniform with variance 1, and what is seen of them: x = M s + noise.

    Each consumer of randomness draws from a stream of its own, so that more samples do not change the mixing.

    Returns:
        Column `x` (n, observed), a factor for each source, and the mixing M among the truths.
    """
    n, k, d = options.samples, options.sources, options.observed
    uniform = torch.rand(n, k, generator=context.stream("sources"), dtype=context.dtype)
    sources = (2 * uniform - 1) * math.sqrt(3)
    mixing = torch.randn(d, k, generator=context.stream("mixing"), dtype=context.dtype)
    noise = torch.randn(n, d, generator=context.stream("noise"), dtype=context.dtype)
    x = sources @ mixing.T + options.noise * noise
    test = n // 5
    return Samples(
        columns={"x": x},
        ids=np.arange(n),
        splits={"train": np.arange(n - test), "test": np.arange(n - test, n)},
        factors={f"source-{i}": Factor(values=sources[:, i].numpy(), kind="continuous") for i in range(k)},
        truths={"mixing": LabelledArray(values=mixing.numpy(), dimensions=("observed", "source"))},
    )
