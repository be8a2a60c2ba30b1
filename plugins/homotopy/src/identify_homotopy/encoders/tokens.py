"""Tokens of sentences, batches of like length, which layers are kept, and the states of a sentence's tokens as one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import OptionsError

VOCABULARY = 2000
_SPECIAL = 5  # 0 padding, 1 start, 2 end, 3 and 4 unused


@attrs.frozen(kw_only=True, eq=False)
class Tokens:
    """The tokens of one sentence or pair.

    Args:
        ids: shape (t,).
        segments: 0 for the first sentence, 1 for the second, shape (t,).
    """

    ids: list[int]
    segments: list[int]


def hashed_tokens(texts: Sequence[str], pairs: Sequence[str] | None, longest: int) -> list[Tokens]:
    """Words by a checksum: a vocabulary that no file has to hold, the same on every machine."""
    found = []
    for row, text in enumerate(texts):
        first = [1, *(_word(each) for each in text.lower().split()), 2]
        second = [*(_word(each) for each in pairs[row].lower().split()), 2] if pairs else []
        ids = [*first, *second]
        found.append(Tokens(ids=ids[:longest], segments=([0] * len(first) + [1] * len(second))[:longest]))
    return found


def _word(word: str) -> int:
    return _SPECIAL + zlib.crc32(word.encode()) % (VOCABULARY - _SPECIAL)


def batches(
    tokens: Sequence[Tokens], size: int, padding: int
) -> Iterator[tuple[np.ndarray[Any, Any], dict[str, torch.Tensor]]]:
    """Row numbers and model inputs of batches of like length, padded to the longest of each."""
    order = np.argsort([len(each.ids) for each in tokens], kind="stable")
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        longest = max(len(tokens[row].ids) for row in rows)
        ids = torch.full((len(rows), longest), padding)
        segments, mask = torch.zeros_like(ids), torch.zeros_like(ids)
        for place, row in enumerate(rows):
            count = len(tokens[row].ids)
            ids[place, :count] = torch.tensor(tokens[row].ids)
            segments[place, :count] = torch.tensor(tokens[row].segments)
            mask[place, :count] = 1
        yield rows, {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def pool(states: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    """The states (b, t, d) of tokens as one state a sentence (b, d); `mask` (b, t) is 0 at padding."""
    if how == "cls":
        return states[:, 0]
    if how == "last":
        return states[torch.arange(len(states), device=states.device), mask.sum(dim=1) - 1]
    here = mask[:, :, None].to(states.dtype)
    if how == "max":
        return states.masked_fill(here == 0, -torch.inf).amax(dim=1)
    return (states * here).sum(dim=1) / here.sum(dim=1)


def layer_place(number: int, count: int) -> int:
    """The place of a layer among `count` hidden states; negative numbers count from the last.

    Raises:
        OptionsError: the encoder has no such layer.
    """
    if not -count <= number < count:
        raise OptionsError(
            f"layer {number} does not exist: the encoder has {count} hidden states",
            hint=f"objective.layers takes 0 to {count - 1}, or -1 for the last",
        )
    return number % count
