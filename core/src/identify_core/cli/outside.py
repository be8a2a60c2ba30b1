"""The options that say how arrays outside the store are read, the same for every verb that takes such arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from identify_core.factor_kinds import RULE, SAID_KINDS

if TYPE_CHECKING:
    from identify_core.comparisons.foreign.door import Terms

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--axes",
        default="",
        metavar="NAME,NAME,...",
        help="What the axes of the arrays are, as in sample,layer,latent; axes other than sample and latent tell "
        "representations apart.",
    ),
    click.option(
        "--ids",
        multiple=True,
        metavar="COLUMN|FILE|ARRAY=FILE",
        help="Sample ids of the rows: a column of the tables, or a file (.npy, csv:column, one a line); for one array "
        "alone as ARRAY=FILE.  [default: the column id, where there is one]",
    ),
    click.option(
        "--factors",
        multiple=True,
        metavar="COLUMN|NAME[:KIND]=ARRAY",
        help=(
            "Ground truth: a column of the tables, or an array of one or F values a row; may be repeated. Kinds: "
            f"{', '.join(SAID_KINDS)}. {RULE}"
        ),
    ),
    click.option(
        "--as",
        "taken_as",
        multiple=True,
        metavar="KIND|ARRAY=KIND",
        help="What the arrays hold: representations (numbers), symbols (codes, of which only whether two are the same "
        "counts) or dissimilarities; for one array alone as ARRAY=KIND.  [default: dissimilarities where all are "
        "square, symmetric and zero on the diagonal, else representations]",
    ),
)


def outside_options(command: F) -> F:
    """Give a verb these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def terms_from(*, axes: str, ids: tuple[str, ...], factors: tuple[str, ...], taken_as: tuple[str, ...]) -> Terms:
    """What the user said of arrays outside the store."""
    from identify_core.comparisons.foreign.door import Terms

    return Terms(axes=axes, ids=ids, factors=factors, taken_as=taken_as)
