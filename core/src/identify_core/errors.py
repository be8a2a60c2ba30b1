"""The expected errors of the project: each is one sentence of fact, one hint and an exit status.

The command line prints an `IdentifyError` as its message and its hint and exits with `exit_code`; any other exception
is a defect and keeps its traceback. Library users catch `IdentifyError`.
"""

from __future__ import annotations

from collections.abc import Sequence


class IdentifyError(Exception):
    """An error that a user can act on.

    Args:
        message: one sentence: what is so, the offending value, what is allowed.
        hint: one thing to do about it; empty where the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # what Python prints below the message

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the same message, problems and hint as the command line, and no traceback."""
        problems = [f"  - {each}" for each in getattr(self, "problems", ())]
        return [f"error: {self.message}", *problems, *([f"hint: {self.hint}"] if self.hint else [])]


class RunError(IdentifyError):
    """A run started and failed."""

    exit_code = 1


class UsageError(IdentifyError):
    """The command line asked for something that does not exist or does not go together."""

    exit_code = 2


class SpecError(IdentifyError):
    """A spec is wrong; `problems` lists what is wrong with it, one sentence each.

    Args:
        message: one sentence about the whole.
        problems: everything that is wrong; `MOST_PROBLEMS` of them are kept, with the number of the others.
        hint: one thing to do about it.
        unsaid: how many further problems were counted without a sentence.
    """

    exit_code = 2
    MOST_PROBLEMS = 20

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "", unsaid: int = 0) -> None:
        super().__init__(message, hint=hint)
        shown = tuple(problems[: self.MOST_PROBLEMS])
        rest = len(problems) - len(shown) + unsaid
        self.problems = (*shown, f"and {rest:,} more") if rest else shown


class OptionsError(SpecError, ValueError):
    """The value of an option is not allowed, or options do not go together or do not fit the data.

    Options classes raise it when they are made, component targets when they see the data; the engine adds which
    component and where its values came from. As a wrong argument it is a ValueError, too.
    """


class PluginError(IdentifyError):
    """A plugin is broken, missing, incompatible or ambiguous."""

    exit_code = 3


class StoreError(IdentifyError):
    """A store cannot be read or written, or does not hold what was asked for."""

    exit_code = 4


class UnknownReferenceError(StoreError):
    """A store holds nothing that a reference means."""


class Interrupted(IdentifyError):  # noqa: N818 - a state, not a failure: the run can be resumed
    """The user stopped the run; a checkpoint was written.

    Args:
        message: one sentence.
        hint: one thing to do about it.
        run_id: the run that can be resumed; empty where there is none.
    """

    exit_code = 130

    def __init__(self, message: str, *, hint: str = "", run_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id
