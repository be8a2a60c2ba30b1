"""`identify genni import-legacy`: an experiment folder of the 2020 code becomes runs of the store."""

from __future__ import annotations

from pathlib import Path

import click

from identify_core import Invocation, json_option, store_option


@click.command("import-legacy")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--run-id", help="Only this run of the folder, such as 1604791948.6427572.")
@click.option(
    "--trust",
    is_flag=True,
    help="Also read cached grids, which are pickles and YAML with Python tags; even then only arrays may come out.",
)
@store_option
@json_option
@click.pass_obj
def command(invocation: Invocation, folder: Path, run_id: str | None, trust: bool, as_json: bool) -> int:
    """Read an experiment FOLDER of the 2020 code, with models/ and runs/ in it, and write its runs into the store.

    Networks are read without pickle (torch.load with weights_only), configurations as plain YAML.
    """
    from identify_core import Store, UsageError, print_json, stderr_console, stdout_console
    from identify_genni.legacy.folder import find_grids, read_runs
    from identify_genni.legacy.importing import import_run

    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r}")
    runs = read_runs(folder, run_id)
    grids = find_grids(folder)
    if grids and not trust:
        stderr_console().print(
            f"{len(grids)} cached grids are left out: they are pickles; --trust reads them",
            markup=False,
            highlight=False,
        )
    if grids and trust and len(runs) > 1:
        raise UsageError(
            f"{folder} holds {len(runs)} runs, and its cached grids do not say which they belong to",
            hint="choose one with --run-id",
        )
    store, registry = Store(invocation.store_path), invocation.registry()
    made = {
        run.name: import_run(
            run, grids if trust else [], experiment=folder.resolve().name, store=store, registry=registry
        )
        for run in runs
    }
    if as_json:
        print_json("imported", {"runs": made})
    else:
        for name, identifier in made.items():
            stdout_console().print(f"{name}  {identifier}", markup=False, highlight=False)
    return 0
