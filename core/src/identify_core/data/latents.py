"""Latents: the representations that an objective wants kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import numpy as np
import torch

from identify_core.errors import OptionsError
from identify_core.kinds import fits

LatentKind = Literal["", "numbers", "symbols"]


@attrs.frozen(kw_only=True, eq=False)
class Latents:
    """Representations that an objective wants kept.

    Args:
        name: lower-case words joined by hyphens, such as `hidden-1`.
        values: (R, n, d), or one (n, d_r) tensor a replicate where widths differ.
        ids: ids of the n samples; None for `samples.ids[samples.splits[split]]`.
        split: the split that the rows are, as a name.
        identified_up_to: the rung that theory claims for them; empty where it claims nothing.
        summary: what they are, in a few words.
        names: what the replicates are called, R different names, where they are more than numbers: `bert-large`. They
            stand in every table and figure instead of the numbers.
        kind: `symbols` where only whether two values are the same counts, as of indices of book entries; `numbers`
            where order and distances count, too. Empty: numbers, and of integers it is said that they were taken so.
    """

    name: str
    values: torch.Tensor | Sequence[torch.Tensor]
    split: str
    ids: np.ndarray[Any, Any] | None = None
    identified_up_to: str = ""
    summary: str = ""
    names: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    kind: LatentKind = attrs.field(default="", validator=fits(LatentKind))

    def __attrs_post_init__(self) -> None:
        sound = all(name and not set(name) & set("[]") for name in self.names)
        if self.names and not (sound and len(self.names) == self.count == len(set(self.names))):
            raise OptionsError(
                f"the latents {self.name!r} of {self.count} replicates are called {', '.join(map(repr, self.names))}",
                hint="give each replicate a name of its own, without brackets, or none to all",
            )

    @property
    def count(self) -> int:
        """The number of replicates, R."""
        return len(self.values)

    @property
    def undeclared(self) -> bool:
        """Whether they are integers of which nothing says whether they are numbers or symbols."""
        return not self.kind and any(not each.is_floating_point() for each in self.values)
