"""Blocks of pairs as tasks: several processes, or the workers of a cluster, do a comparison's pairs side by side.

A process opens the comparison once, prepares for itself what belongs to one representation, and gives the lines of the
journal back; the process of the comparison alone writes them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identify_core.components import Evaluator
from identify_core.errors import Interrupted
from identify_core.evaluation import targets
from identify_core.evaluation.journal import Entry, Pair, write_lines
from identify_core.evaluation.pairs import Preparations, compute_pairs
from identify_core.tasks import End, Loading, Task, end_of

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Request
    from identify_core.contexts.display import Display
    from identify_core.plugins import Registry

_HERE = "identify_core.comparisons.blocks"
_BLOCKS = 64
"""Of an evaluator at the most: many enough for the workers to end at about the same time."""


class Block(Task, Loading):
    """Pairs of one evaluator.

    Keys:
        comparison: its id.
        asked: its text in the store.
        evaluator: its place among those of the comparison.
        pairs: the numbers of the two representations of each.
        trusted: what the text names and the process of the comparison vouches for.
    """

    comparison: str
    asked: str
    evaluator: int
    pairs: list[Pair]
    trusted: list[str]


def blocks_of(component: Evaluator, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Pairs in blocks of one length; of an evaluator that takes them together, in one."""
    length = len(pairs) if component.together else -(-len(pairs) // _BLOCKS)
    return [list(pairs[start : start + length]) for start in range(0, len(pairs), length or 1)]


def make_block(index: int, evaluator: int, pairs: Sequence[Pair], shared: Mapping[str, Any]) -> Block:
    """The task of some pairs.

    Args:
        index: the task's number.
        evaluator: its place among those of the comparison.
        pairs: as `blocks_of` gives them.
        shared: what is the same for all blocks of a comparison.
    """
    block: Any = {
        "index": index,
        "name": f"{shared['comparison']}-{index}",
        "do": f"{_HERE}:do_block",
        "look": f"{_HERE}:look",
        "stop_file": "",
        "evaluator": evaluator,
        "pairs": list(pairs),
        **shared,
    }
    made: Block = block
    return made


def do_block(
    block: Block, *, display: Display | None = None, stop_requested: Callable[[], bool] = lambda: False
) -> End:
    """The lines of the journal for a block's pairs; what was done before an interruption or a failure is given, too."""
    entries = []
    try:
        opened = _open(block)
        opened.stop_requested = stop_requested
        try:
            pairs = [(first, other) for first, other in block["pairs"]]
            for entry in opened.compute(block["evaluator"], pairs):
                entries.append(entry)
        finally:
            opened.stop_requested = lambda: False
    except (Interrupted, KeyboardInterrupt):
        return end_of(block, "interrupted", "stopped by the user", content=write_lines(entries))
    except Exception as error:  # noqa: BLE001 - one evaluator must not cost the others; the reason is kept and shown
        return end_of(block, "failed", targets.reason_of(error), content=write_lines(entries))
    return end_of(block, "finished", content=write_lines(entries))


def look(block: Block) -> None:
    """Open the comparison here.

    Raises:
        IdentifyError: it cannot be opened, as where a plugin or a file is missing.
    """
    _open(block)


class _Opened:
    """A comparison that this process does blocks of."""

    def __init__(self, request: Request, preparations: Preparations, scratch: Path) -> None:
        self.stop_requested: Callable[[], bool] = lambda: False
        self.preparations = preparations
        self._request, self._scratch = request, scratch

    def compute(self, evaluator: int, pairs: Sequence[Pair]) -> Iterator[Entry]:
        """The entries of some pairs, in the working folder of the comparison, which its files are named from."""
        from identify_core.comparisons.comparison import make_context

        context = make_context(
            self._request,
            count=len(self.preparations.representations),
            scratch=self._scratch,
            stop_requested=lambda: self.stop_requested(),
        )
        assert self._request.asked is not None  # a comparison that cannot be asked again is not spread
        with contextlib.chdir(self._request.asked.folder):
            yield from compute_pairs(self._request.evaluators[evaluator], pairs, self.preparations, context)


_kept: dict[str, _Opened] = {}
"""The one comparison that this process has open, by its id."""


def _open(block: Block) -> _Opened:
    if block["comparison"] not in _kept:
        _kept.clear()
        _kept[block["comparison"]] = _opened(block)
    return _kept[block["comparison"]]


def _opened(block: Block) -> _Opened:
    from identify_core.comparisons.comparison import make_context
    from identify_core.comparisons.opening import with_runs
    from identify_core.comparisons.stored_requests import reopened
    from identify_core.store import Store

    registry = _registry(block)
    store = Store(Path(block["store"]))
    scratch = Path(block["folder"]) / f"worker-{os.getpid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    owner = f"the comparison {block['comparison']}"
    with reopened(block["asked"], registry, store, owner=owner, signature="", trusted=block["trusted"]) as request:
        lined = request.line_up()
    context = make_context(request, count=len(lined.representations), scratch=scratch)
    lined = with_runs(lined, store, registry, context, trusted=block["trusted"])
    return _Opened(request, Preparations(lined.representations), scratch)


def _registry(block: Block) -> Registry:
    from identify_core.plugins import load_registry

    files = [Path(each) for each in block["files"]]
    return load_registry(disabled=block["disabled"], enabled=block["enabled"], files=files)
