"""What every format gives: an array that is not read yet, and a table whose columns are not read yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean

Array = np.ndarray[Any, Any]
Selection = tuple[slice | int, ...]


def _no_columns() -> Mapping[str, Callable[[], Array]]:
    return {}


@attrs.frozen(kw_only=True, eq=False)
class ForeignArray:
    """An array in a file, of which only metadata has been read.

    Args:
        name: what messages call it.
        shape: its sizes.
        dtype: its type, as messages say it.
        read: reads a selection of one slice of step 1 or one integer an axis; numbers in numpy's own types.
        axes: the names that the file gives its axes; empty where it gives none.
        ids: reads the ids of its rows that the file holds; None where it holds none.
        columns: what else the file holds of the same rows, such as labels: name to reader.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[Selection], Array]
    axes: tuple[str, ...] = ()
    ids: Callable[[], Array] | None = None
    columns: Mapping[str, Callable[[], Array]] = attrs.field(factory=_no_columns)

    @property
    def is_integral(self) -> bool:
        """Whether it holds whole numbers, in the words of any format: `int64`, `<i8`, `I64`, `bool`."""
        return self.dtype.lower().lstrip("<>=|").startswith(("i", "u", "bool"))

    def whole(self) -> Array:
        """All of its values.

        Raises:
            UsageError: they are beyond the memory budget.
        """
        judge_size(self.name, self.shape, 8)
        return self.read(tuple(slice(0, size) for size in self.shape))


def choose(path: Path | str, key: str, names: Sequence[str], *, what: str = "array") -> str:
    """The array of a file that a key means; the only one where there is no key.

    Raises:
        UsageError: there is no such array, none at all, or several to choose from.
    """
    if key in names:
        return key
    if key:
        raise UsageError(f"{path} has no {what} {key!r}", hint=did_you_mean(key, names))
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"{path} holds {len(names)} {what}s" if names else f"{path} holds no {what}",
        hint=f"say which, as in {path}:{sorted(names)[0]}; there are: {_some(names)}" if names else "",
    )


def _some(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(sorted(names)[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
