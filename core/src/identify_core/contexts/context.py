"""Context: what the core gives to every component target of a run."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from identify_core.contexts.checkpoints import read_checkpoint, write_checkpoint
from identify_core.contexts.display import Display, Progress, SilentDisplay
from identify_core.contexts.history import History
from identify_core.contexts.streams import Streams
from identify_core.data import Shape
from identify_core.errors import PluginError, RunError

if TYPE_CHECKING:
    from identify_core.scores import Score
    from identify_core.store import StoredRun

ModelBuilder = Callable[[Shape, "Context"], torch.nn.Module]
Observer = Callable[[int, Mapping[str, Any]], None]

_SECONDS_BETWEEN_NEWS = 0.25


class Consulted(Protocol):
    """The evaluators that a running evaluator may ask for scores."""

    def __contains__(self, name: object) -> bool:
        """Whether the evaluator of this qualified name can be asked."""

    def score(self, name: str, first: Any, second: Any, options: Mapping[str, Any], context: Context) -> Score:
        """What it gives to two arrays; see `Context.score`."""


class Context:
    """What a component may ask of the run that it is part of.

    Args:
        device: where tensors of the run live.
        dtype: the floating-point type of data and parameters.
        seed: the spec's seed.
        count: the number of replicates, R.
        scratch: a folder of the run for a component's own resumable files; it exists.
        autocast_dtype: bfloat16 or float16 where the spec asks for autocast.
        build: builds one network of the run's model component from the shape and this context; None for no model.
        open_run: opens another run of the store by its reference.
        display: where progress and warnings are shown.
        observe: called with (step, scalars) a few times a second.
        stop_requested: whether the user asked to stop.
        seconds_between_checkpoints: how long `checkpoint_due` waits.

    Attributes:
        replicate: while a model's target builds a network, which replicate of the run it is; None for a network that is
            none, such as a teacher.
    """

    def __init__(
        self,
        *,
        device: torch.device,
        dtype: torch.dtype,
        seed: int,
        count: int,
        scratch: Path,
        autocast_dtype: torch.dtype | None = None,
        build: ModelBuilder | None = None,
        open_run: Callable[[str], StoredRun] | None = None,
        display: Display | None = None,
        observe: Observer | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
        seconds_between_checkpoints: float = 30.0,
    ) -> None:
        self.device = device
        self.dtype = dtype
        self.seed = seed
        self.count = count
        self.scratch = scratch
        self.autocast_dtype = autocast_dtype
        self.replicate: int | None = None
        self.streams = Streams(seed)
        self.history = History()
        self.warnings: list[str] = []
        self.display: Display = display or SilentDisplay()
        self._build = build
        self._open_run = open_run
        self._observe = observe
        self._stop_requested = stop_requested
        self._seconds_between_checkpoints = seconds_between_checkpoints
        self._last_checkpoint = time.monotonic()
        self._last_news = float("-inf")
        self._consulted: Consulted | None = None
        self._sections: dict[str, Any] = {}
        self._checkpoint_read = False

    def stream(self, name: str, replicate: int | None = None) -> torch.Generator:
        """A CPU generator at the beginning of the stream `name` (of one replicate, where it belongs to one)."""
        return self.streams.torch(name, replicate)

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision on the run's device where the spec asks for it; otherwise nothing."""
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)

    def build_model(self, shape: Shape, *, replicate: int | None, stream: str | None = "model") -> torch.nn.Module:
        """One network of the run's model component, on the CPU, in the run's dtype.

        Args:
            shape: the sizes of one input and one output.
            replicate: whose stream initialises it; None for a network that is not a replicate, such as a teacher.
            stream: the stream's name; None draws from torch's global generator as it stands.

        Raises:
            RunError: the run has no model.
        """
        if self._build is None:
            raise RunError("this run has no model", hint="add a [model] table to the spec")
        before, self.replicate = self.replicate, replicate
        try:
            with nullcontext() if stream is None else self.streams.as_global(stream, replicate):
                return self._build(shape, self).to(self.dtype)
        finally:
            self.replicate = before

    def log(self, step: int, **values: float | torch.Tensor) -> None:
        """Record values at a step under `history/<name>`; underscores in names become hyphens.

        Args:
            step: counts upwards.
            values: a number, or a tensor of shape (R,), each; tensors may stay on the device.
        """
        named = {name.replace("_", "-"): value for name, value in values.items()}
        self.history.add(step, named)
        now = time.monotonic()
        if now - self._last_news >= _SECONDS_BETWEEN_NEWS:
            self._last_news = now
            scalars = {
                name: value.detach().double().cpu().tolist() if isinstance(value, torch.Tensor) else value
                for name, value in named.items()
            }
            self.display.values(step, scalars)
            if self._observe is not None:
                self._observe(step, scalars)

    def warn(self, message: str) -> None:
        """Show a sentence once and keep it with the run."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.display.warning(message)

    @contextmanager
    def progress(self, description: str, total: int | None, unit: str = "steps") -> Iterator[Progress]:
        """A progress bar for the block."""
        with self.display.progress(description, total, unit) as bar:
            yield bar

    def checkpoint(self, state: Any, *, section: str = "objective", write: bool = True) -> None:
        """Keep a copy of `state`, and write it and the history so far to a checkpoint in one step.

        Args:
            state: what `write_checkpoint` takes.
            section: whose state it is; the sections of others are kept, so that an objective and the trainings that it
                calls each find their own again.
            write: whether the file is written now, rather than with the next checkpoint.
        """
        self._open_checkpoint()
        self._sections[section] = copy.deepcopy(state)
        if not write:
            return
        content = {"sections": self._sections, "history": self.history.state(), "warnings": list(self.warnings)}
        write_checkpoint(self._checkpoint_file, content)
        self._last_checkpoint = time.monotonic()

    def checkpoint_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() - self._last_checkpoint >= self._seconds_between_checkpoints

    def restore(self, *, section: str = "objective") -> Any | None:
        """The state that was last kept for a section, or None.

        The first call of a resumed run puts the history and the warnings back to the moment of the checkpoint.
        """
        self._open_checkpoint()
        return self._sections.get(section)

    def _open_checkpoint(self) -> None:
        """Read the checkpoint of an earlier process, once: afterwards this process knows better than the file."""
        if self._checkpoint_read:
            return
        self._checkpoint_read = True
        fallen_back: list[str] = []
        content = read_checkpoint(self._checkpoint_file, warn=fallen_back.append)
        if content is not None:
            self.history.load_state(content["history"])
            self.warnings[:] = content["warnings"]
            self._sections = content["sections"]
        for message in fallen_back:
            self.warn(message)

    def should_stop(self) -> bool:
        """Whether the user asked to stop: then write a checkpoint and raise `Interrupted`."""
        return self._stop_requested()

    def open_run(self, reference: str) -> StoredRun:
        """Another run of the same store, by id, unique prefix, name or `@last`.

        Raises:
            StoreError: there is no such run.
        """
        if self._open_run is None:
            raise RunError(f"the run {reference!r} cannot be opened: there is no store here")
        return self._open_run(reference)

    def consult(self, others: Consulted) -> None:
        """Let the running evaluator ask these others for scores; the core calls this before it calls the evaluator."""
        self._consulted = others

    def can_score(self, name: str) -> bool:
        """Whether `score` can be asked for this evaluator: its plugin is installed and the record `consults` it."""
        return self._consulted is not None and name in self._consulted

    def score(self, name: str, first: Any, second: Any, **options: Any) -> Score:
        """What a pair evaluator of any plugin gives to two arrays whose rows are the same samples.

        Args:
            name: qualified, such as `measures:weak-mcc`; one of those that the running evaluator's record `consults`.
            first: (n, d), a numpy array or a tensor.
            second: (n, d').
            options: over that evaluator's defaults.

        Raises:
            PluginError: its plugin is not installed, or it gave something else than one score.
            OptionsError: it has no such option, or the value is refused.
        """
        if self._consulted is None or name not in self._consulted:
            owner = name.partition(":")[0]
            raise PluginError(
                f"the evaluator {name!r} is needed here and not at hand",
                hint=f"install the plugin {owner!r} (pip install identify-{owner}), and name it in `consults`",
            )
        return self._consulted.score(name, first, second, options, self)

    @property
    def _checkpoint_file(self) -> Path:
        return self.scratch / "checkpoint.safetensors"
