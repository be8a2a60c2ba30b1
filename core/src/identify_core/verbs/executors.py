"""Where tasks are done: in this process, in several of its own, on a Dask cluster or as a Slurm job array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.errors import UsageError

if TYPE_CHECKING:
    from identify_core.contexts.display import Display
    from identify_core.tasks import Executor


@attrs.frozen(kw_only=True)
class Workers:
    """Who does tasks.

    Args:
        count: how many processes; None for one.
        executor: local, dask or slurm.
        scheduler: the address of the Dask cluster.
        slurm: further lines for the job array.

    Raises:
        UsageError: these do not go together.
    """

    count: int | None = None
    executor: str = "local"
    scheduler: str | None = None
    slurm: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        if self.executor == "dask" and self.scheduler is None:
            raise UsageError(
                "--executor dask needs the address of a cluster",
                hint="name it, as in --scheduler tcp://10.0.0.1:8786",
            )
        if self.executor != "local" and self.count is not None:
            raise UsageError("--workers is for --executor local: a cluster has its own workers")
        for option, executor in {"scheduler": "dask", "slurm": "slurm"}.items():
            if getattr(self, option) and self.executor != executor:
                raise UsageError(f"--{option} is for --executor {executor}", hint=f"add --executor {executor}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Workers:
        """Of the options of a command, which may have others."""
        return cls(
            count=given["workers"],
            executor=given["executor"],
            scheduler=given["scheduler"],
            slurm=given["slurm"],
        )

    @property
    def is_here(self) -> bool:
        """Whether this process alone does the tasks."""
        return self.executor == "local" and (self.count or 1) == 1


@contextmanager
def executor_of(workers: Workers, display: Display, *, what: str = "sweep", unit: str = "runs") -> Iterator[Executor]:
    """What does tasks, for the block; its bar says what they are."""
    from identify_core.sweeps.execution import counted
    from identify_core.sweeps.processes import run_here, run_in_processes

    several: Any
    with ExitStack() as stack:
        if workers.is_here:
            yield partial(run_here, display=display)
            return
        if workers.executor == "dask":
            from identify_core.sweeps.cluster import dask_client, run_on_dask

            client = stack.enter_context(dask_client(str(workers.scheduler)))
            several = partial(run_on_dask, client=client)
        elif workers.executor == "slurm":
            from identify_core.sweeps.slurm import run_on_slurm

            several = partial(run_on_slurm, options=workers.slurm)
        else:
            several = partial(run_in_processes, workers=workers.count or 1)
        yield lambda units, stop: counted(several(units, stop), len(units), display, what=what, unit=unit)
