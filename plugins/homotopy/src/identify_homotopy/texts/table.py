"""From rows of text to samples: columns, labels, ids and splits, the same for generated sentences and files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identify_core import Factor, OptionsError, Samples


def make_samples(
    ids: Sequence[str],
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    labels: Sequence[int] | None,
    *,
    test_share: float,
    generator: np.random.Generator,
) -> Samples:
    """Samples with the columns `x` and, for pairs, `pair`, the factor `label`, and the splits `train`, `test`, `all`.

    A label of −1, as the hidden test labels of GLUE, is not a label: the factor is left out where no row has one.

    Raises:
        OptionsError: there are fewer than four rows, or a text is empty.
    """
    if len(texts) < 4:
        raise OptionsError(f"there are {len(texts)} sentences", hint="at least four are needed: two for each split")
    empty = [name for name, text in zip(ids, texts, strict=True) if not text.strip()]
    if empty:
        raise OptionsError(
            f"{len(empty)} sentences are empty, the first is {empty[0]}", hint="leave those rows out of the file"
        )
    order = generator.permutation(len(texts))
    held_out = min(max(2, round(test_share * len(texts))), len(texts) - 2)
    columns = {"x": tuple(texts)} | ({} if pairs is None else {"pair": tuple(pairs)})
    known = labels is not None and any(label >= 0 for label in labels)
    return Samples(
        columns=columns,
        ids=np.array(ids),
        splits={"train": np.sort(order[held_out:]), "test": np.sort(order[:held_out]), "all": np.arange(len(texts))},
        factors={"label": Factor(values=np.array(labels), kind="categorical")} if known else {},
    )
