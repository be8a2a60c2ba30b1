"""`identify runs verify` and `identify runs export`: what is stored is what was written, and can leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text
from identify_core.errors import IdentifyError, StoreError

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.store import RunSummary, Store


@click.command("verify", short_help="Check runs against their checksums.")
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=complete_runs)
@store_option
@json_option
@click.pass_obj
def verify(invocation: Invocation, runs: tuple[str, ...], as_json: bool) -> int:
    """Hold all that the RUNs, by default all runs and comparisons, own against its checksum, and list every problem.

    Figures and pages are drawn from what is stored: damaged ones are drawn again. The exit status is 4 if any problem
    is left.
    """
    from identify_core.cli.output import print_json
    from identify_core.store import Store, verify_run

    store = Store(invocation.store_path)
    wanted = map(store.find_any, runs) if runs else (*store.runs(), *store.comparisons())
    chosen = {run.id: run for run in wanted}
    problems: dict[str, list[str]] = {}
    mended: dict[str, list[str]] = {}
    for run in chosen.values():
        problems[run.id] = verify_run(run)
        mended[run.id] = _mend(invocation, store, run, problems[run.id])
        if not as_json:
            _print(run.id, run.committed, problems[run.id])
            for name in mended[run.id]:
                print_text(f"  {name}: it was damaged, and is drawn again")
    if as_json:
        print_json("verification", {"runs": problems, "mended": {key: each for key, each in mended.items() if each}})
    return StoreError.exit_code if any(problems.values()) else 0


def _mend(invocation: Invocation, store: Store, run: RunSummary, problems: list[str]) -> list[str]:
    """Draw again what of a run's cache is damaged; `problems` loses what is mended, and learns why something is not."""
    from identify_core.store.cache import check_cache
    from identify_core.store.folder import Folder

    if not problems or run.problem or not run.committed:
        return []
    with Folder.open(run.folder) as folder:
        damaged = check_cache(folder)
    if len(damaged) < len(problems) or not damaged:
        return []  # what is stored is damaged too, and nothing is drawn from that
    from identify_core.reports.stored_figures import mend
    from identify_core.store import StoredRun

    def load() -> Registry:
        return invocation.registry_for(run.document, f"runs verify {run.id}", kinds=("evaluator",))

    try:
        left = mend(store, StoredRun(run), load)
    except IdentifyError as error:
        problems[:] = [f"{each}; it cannot be drawn again: {error.message}" for each in problems]
        return []
    problems[:] = [f"{name}: {damaged[name]}; it cannot be drawn again: {why}" for name, why in left.items() if why]
    return [name for name, reason in left.items() if not reason]


def _print(identifier: str, committed: bool, problems: list[str]) -> None:
    if not problems:
        note = "ok" if committed else "ok so far; not finished, so there are no checksums yet"
        print_text(f"{identifier}  ", (note, {"fg": "green"}))
        return
    print_text(f"{identifier}  ", ("damaged", {"fg": "red", "bold": True}))
    for problem in problems:
        print_text(f"  {problem}")


@click.command("export", short_help="Write a run as .npz, .safetensors, .csv or a folder.")
@click.argument("run", default="@last", shell_complete=complete_runs)
@click.option(
    "--output",
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE|FOLDER",
    help="Where to write; --to is its old name.",
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Such as latents/* or history/loss; may be repeated.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@store_option
@json_option
@click.pass_obj
def export(invocation: Invocation, run: str, target: Path, only: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Write what a RUN, by default the latest finished one, holds for other programs.

    \b
    --to run.npz          every array, for numpy.load
    --to run.safetensors  every array of numbers, for safetensors
    --to loss.csv         one thing as rows, chosen by --only
    --to folder           everything, as .npy and .csv files
    """
    from identify_core.cli.output import print_json, print_warning
    from identify_core.store import Store, export_run

    # @last is the latest that is whole; one that is not has to be named.
    statuses = ("finished",) if run.startswith("@") else ()
    exported = export_run(
        Store(invocation.store_path).open_any(run, statuses=statuses), target, only=only, replace=force
    )
    if as_json:
        print_json("export", {"path": exported.path, "keys": exported.keys, "left_out": exported.left_out})
        return
    for key, reason in exported.left_out.items():
        print_warning(f"{key} is left out: {reason}")
    print_text(exported.path)
