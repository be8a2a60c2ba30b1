"""Problems: everything that is wrong with a spec, gathered so that it can be said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from identify_core.errors import SpecError
from identify_core.mismatches import Mismatches
from identify_core.saying import echo
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
        if not self.path:
            return f"{self.message}{place}"
        path = write_key_path(tuple(part if isinstance(part, int) else echo(part) for part in self.path))
        return f"{path}: {self.message}{place}"


@attrs.define
class Problems:
    """The problems found so far: those that will be shown, and the number of the others."""

    found: list[Problem] = attrs.field(factory=list)
    unsaid: int = 0

    def add(
        self,
        path: KeyPath,
        message: str | Callable[[], str],
        origin: Origin | Callable[[], Origin | None] | None = None,
    ) -> None:
        """Note one problem; what is costly to say is given as a function, and called only where it will be shown."""
        if len(self.found) >= SpecError.MOST_PROBLEMS:
            self.unsaid += 1
            return
        said = message if isinstance(message, str) else message()
        self.found.append(Problem(path=path, message=said, origin=origin() if callable(origin) else origin))

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
            count = len(self.found) + self.unsaid
            raise SpecError(
                f"there {'is a problem' if count == 1 else f'are {count:,} problems'} with {subject}",
                problems=[str(each) for each in self.found],
                unsaid=self.unsaid,
            )


def said_by(mismatches: Mismatches, below: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Each mismatch with its key path from the root of the spec."""
    for each in mismatches.found:
        yield (*below, *each.path), each.message
