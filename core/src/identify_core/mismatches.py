"""Mismatches: values that do not fit, each with its place below the value that was read, and as one error."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from identify_core.errors import OptionsError, SpecError


@attrs.frozen
class Mismatch:
    """A value that does not fit: where, below the value that was read, and one sentence about it."""

    path: tuple[str | int, ...]
    message: str

    def below(self, *parts: str | int) -> Mismatch:
        """The same mismatch as seen from further up."""
        return Mismatch((*parts, *self.path), self.message)

    def seen_from(self, depth: int) -> Mismatch:
        """The same mismatch as seen from `depth` keys further down."""
        return Mismatch(self.path[depth:], self.message)


SHOWN = SpecError.MOST_PROBLEMS


class Mismatches(Exception):  # noqa: N818 - several findings, of which the caller makes one error
    """Everything that does not fit in one value."""

    def __init__(self, found: Sequence[Mismatch]) -> None:
        super().__init__()
        self.found = tuple(found)

    def __str__(self) -> str:
        return "; ".join(f"{'.'.join(map(str, each.path))}: {each.message}" for each in self.found)


def as_options_error(name: str, mismatches: Mismatches) -> OptionsError:
    """What does not fit in the value of one option, in sentences that name it."""
    said = [f"{'.'.join(map(str, each.below(name).path))}: {each.message}" for each in mismatches.found]
    return OptionsError("; ".join(said))
