"""`identify resume`: go on with a run that was interrupted."""

from __future__ import annotations

import click

from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    store_option,
    tracking_options,
    trust_option,
)


@click.command("resume")
@click.argument("run")
@force_option
@trust_option
@tracking_options
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    force: bool,
    trusted: tuple[str, ...],
    track: tuple[str, ...],
    checkpoint_every: float,
    quiet: bool,
    as_json: bool,
) -> int:
    """Continue an interrupted RUN from its last checkpoint; it ends with the arrays of an uninterrupted run."""
    from identify_core.cli.run import perform
    from identify_core.spec import load_stored_spec
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import RunWriter, Store, StoredRun

    with RunWriter.resume(Store(invocation.store_path), run) as writer:
        registry = invocation.registry_for(writer.document, f"resume {run}")
        spec = load_stored_spec(
            registry,
            StoredRun.open(writer.folder).summary.read_spec(),
            owner=f"the run {writer.id}",
            signature=writer.document.get("spec_signature"),
            trusted=trusted,
        )
        refuse_beyond_memory(spec, force=force)
        from identify_core.runs.engine import resume

        return perform(
            invocation, lambda surroundings: resume(spec, surroundings, writer), track, checkpoint_every, quiet, as_json
        )
