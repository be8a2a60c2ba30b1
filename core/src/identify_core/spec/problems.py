"""Problems: everything that is wrong with a spec, gathered so that it can be said at once."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from identify_core.errors import SpecError
from identify_core.kinds import Mismatches
from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.layers import Origin


@attrs.frozen(kw_only=True)
class Problem:
    """One thing that is wrong.

    Args:
        path: the key path that it concerns; empty for the spec as a whole.
        message: what is so and what is allowed, with a suggestion where there is one.
        origin: where the value came from; None where nothing gave one.
    """

    path: KeyPath
    message: str
    origin: Origin | None = None

    def __str__(self) -> str:
        place = f" ({self.origin})" if self.origin is not None else ""
        return f"{write_key_path(self.path)}: {self.message}{place}" if self.path else f"{self.message}{place}"


@attrs.define
class Problems:
    """The problems found so far."""

    found: list[Problem] = attrs.field(factory=list)

    def add(self, path: KeyPath, message: str, origin: Origin | None = None) -> None:
        """Note one problem."""
        self.found.append(Problem(path=path, message=message, origin=origin))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def raise_any(self, subject: str = "the spec") -> None:
        """Raise them all together.

        Args:
            subject: what has the problems.

        Raises:
            SpecError: there are some.
        """
        if self.found:
            count = len(self.found)
            raise SpecError(
                f"there {'is a problem' if count == 1 else f'are {count} problems'} with {subject}",
                problems=[str(each) for each in self.found],
            )


def said_by(mismatches: Mismatches, below: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Each mismatch with its key path from the root of the spec."""
    for each in mismatches.found:
        yield (*below, *each.path), each.message
