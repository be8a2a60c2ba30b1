"""`identify import`: representations that were made elsewhere, as a run of the store."""

from __future__ import annotations

import click

from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.outside import outside_options, terms_from


@click.command("import")
@click.argument("arrays", nargs=-1, required=True, metavar="ARRAY...")
@click.option("--name", required=True, help="What the run is called.")
@outside_options
@click.option("--latents", default="imported", show_default=True, help="What the latents are called.")
@click.option("--identified-up-to", default="", metavar="RUNG", help="The rung that is claimed for them.")
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    arrays: tuple[str, ...],
    name: str,
    axes: str,
    ids: tuple[str, ...],
    factors: tuple[str, ...],
    taken_as: tuple[str, ...],
    latents: str,
    identified_up_to: str,
    as_json: bool,
) -> None:
    """Put arrays into the store as one run, each as one replicate.

    \b
    identify import seed0.npy seed1.npy --name mine
    identify import all.npz:z --name mine --ids names.txt --factors shape:categorical=all.npz:shape
    identify import codes.csv --name mine --ids sample --factors shape:categorical
    identify import states.npy --name mine --axes sample,layer,latent

    Arrays come from csv, tsv, parquet, .npy, .npz, Zarr, HDF5, .h5ad, .mat, .safetensors and .pt files. An axis that
    is not sample, latent or replicate gives latents of its own: layer 7 is kept as NAME-layer-7.
    """
    from identify_core.cli.output import print_json, print_warning, stdout_console
    from identify_core.comparisons.imports import import_arrays
    from identify_core.data.factors import doubt_of_kind
    from identify_core.reports.page import finished_page
    from identify_core.store import Store, StoredRun

    folder = import_arrays(
        arrays,
        Store(invocation.store_path),
        name=name,
        terms=terms_from(axes=axes, ids=ids, factors=factors, taken_as=taken_as),
        latents=latents,
        identified_up_to=identified_up_to,
        render=finished_page,
    )
    run = StoredRun.open(folder)
    kept = list(run.latents.values())
    count, rows, width = kept[0].shape
    doubts = [doubt_of_kind(name, each) for name, each in run.factors.items() if each.guessed]
    doubts = [*run.document.get("warnings", ()), *(f"{text}, as in --factors NAME:KIND" for text in doubts)]
    for text in doubts:
        print_warning(text)
    if as_json:
        print_json(
            "imported",
            {
                "run": run.id,
                "folder": str(folder),
                "replicates": count,
                "rows": rows,
                "width": width,
                "latents": [each.name for each in kept],
                "warnings": doubts,
            },
        )
        return
    console = stdout_console()
    console.print(f"{sum(each.count for each in kept)} representations of {rows} rows as {run.id}", markup=False)
    console.print(f"compare them with: identify compare {run.id}", markup=False, style="dim")
