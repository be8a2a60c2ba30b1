"""`identify import`: representations that were made elsewhere, as a run of the store."""

from __future__ import annotations

from pathlib import Path

import click

from identify_core.cli.invocation import Invocation, json_option, store_option


@click.command("import")
@click.argument("arrays", nargs=-1, required=True, metavar="ARRAY...")
@click.option("--name", required=True, help="What the run is called.")
@click.option("--ids", type=click.Path(path_type=Path), help="Sample ids of the rows: a .npy file, or one id a line.")
@click.option(
    "--factors", multiple=True, metavar="NAME[:KIND]=ARRAY", help="Ground truth, one value a row; may be repeated."
)
@click.option("--latents", default="imported", show_default=True, help="What the latents are called.")
@click.option("--identified-up-to", default="", metavar="RUNG", help="The rung that is claimed for them.")
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    arrays: tuple[str, ...],
    name: str,
    ids: Path | None,
    factors: tuple[str, ...],
    latents: str,
    identified_up_to: str,
    as_json: bool,
) -> None:
    """Put arrays into the store as one run, each as one replicate.

    \b
    identify import seed0.npy seed1.npy --name mine
    identify import all.npz:z --name mine --ids names.txt --factors shape:categorical=all.npz:shape
    """
    from identify_core.cli.output import print_json, stdout_console
    from identify_core.compare.importing import import_arrays
    from identify_core.store import Store, StoredRun

    folder = import_arrays(
        arrays,
        Store(invocation.store_path),
        name=name,
        ids=ids,
        factors=factors,
        latents=latents,
        identified_up_to=identified_up_to,
    )
    run = StoredRun.open(folder)
    count, rows, width = run.latents[latents].shape
    if as_json:
        print_json(
            "imported", {"run": run.id, "folder": str(folder), "replicates": count, "rows": rows, "width": width}
        )
        return
    console = stdout_console()
    console.print(f"{count} representations of {rows} rows as {run.id}", markup=False)
    console.print(f"compare them with: identify compare {run.id}", markup=False, style="dim")
