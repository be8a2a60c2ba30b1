"""`identify validate`: check a spec, and explain where each of its values came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.invocation import Invocation, force_option, json_option, spec_options
from identify_core.cli.output import print_text

if TYPE_CHECKING:
    from identify_core.errors import SpecError
    from identify_core.spec import Origin, ResolvedSpec

WRONG_SPEC = 2


@click.command("validate")
@spec_options
@click.option("--explain", "with_origins", is_flag=True, help="Say where each value came from and what it replaced.")
@force_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    plugin: str | None,
    file: Path | None,
    preset: str | None,
    overrides: tuple[str, ...],
    with_origins: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Check a spec without running it: every problem at once, with its place and the nearest valid name.

    \b
    identify validate genni --spec spec.toml
    identify validate genni --preset smoke --set objective.steps=2000 --explain
    """
    from identify_core.errors import SpecError
    from identify_core.spec import load_spec
    from identify_core.spec.memory import refuse_beyond_memory

    try:
        registry = invocation.registry_for_spec(file, overrides)
        spec = load_spec(registry, plugin=plugin, file=file, preset=preset, overrides=overrides)
        refuse_beyond_memory(spec, force=force)
    except SpecError as error:
        if not as_json:
            raise
        _print_refusal(error)
        return WRONG_SPEC
    if as_json:
        _print_json(spec)
    else:
        _print(spec, with_origins=with_origins)
    return 0


def _print_refusal(error: SpecError) -> None:
    from identify_core.cli.output import print_json

    content = {"valid": False, "message": error.message, "problems": list(error.problems), "hint": error.hint}
    print_json("validation", content)


def _print_json(spec: ResolvedSpec) -> None:
    from identify_core.cli.output import print_json
    from identify_core.spec.explain import explain
    from identify_core.spec.keypaths import write_key_path
    from identify_core.spec.memory import memory_of
    from identify_core.spec.trust import names_of

    origins = {
        row.key: {
            "origin": _origin(row.origin),
            "replaced": [{"value": each.value, "origin": _origin(each.origin)} for each in row.replaced],
        }
        for row in explain(spec)
    }
    content = {"valid": True, "hash": spec.hash, "spec": spec.as_dict(), "origins": origins, "notes": list(spec.notes)}
    names = [{"key": write_key_path(each.path), "value": each.value, "kind": each.kind} for each in names_of(spec)]
    content |= {"names": names, "memory": memory_of(spec)}
    print_json("validation", content)


def _origin(origin: Origin) -> dict[str, Any]:
    return {"layer": origin.layer, "place": origin.place, "line": origin.line}


def _print(spec: ResolvedSpec, *, with_origins: bool) -> None:
    from identify_core.cli.output import print_table, print_warning
    from identify_core.spec.memory import memory_of, say_memory
    from identify_core.spec.trust import names_of

    rows = [("dataset", spec.dataset), ("model", spec.model), ("objective", spec.objective)]
    rows += [(f"evaluator {each.label}", each) for each in spec.evaluators]
    print_text(f"ok: {spec.name}, {spec.replicates} replicates, seed {spec.seed}, hash {spec.hash[:12]}")
    print_table(
        ("role", "component", "from"),
        [
            (role, each.registered.qualified_name, f"{each.registered.distribution} {each.registered.version}")
            for role, each in rows
            if each is not None
        ],
    )
    if parts := memory_of(spec):
        print_text(f"needs about {say_memory(parts)}")
    for named in names_of(spec):
        print_text(f"names {named}")
    if with_origins:
        _print_origins(spec)
    for note in spec.notes:
        print_warning(note)


def _print_origins(spec: ResolvedSpec) -> None:
    from identify_core.cli.output import print_table
    from identify_core.spec import say
    from identify_core.spec.explain import explain

    rows = []
    for row in explain(spec):
        replaced = ", ".join(f"{say(each.value)} ({each.origin})" for each in reversed(row.replaced))
        rows.append((row.key, say(row.value), str(row.origin), replaced))
    print_table(("key", "value", "from", "instead of"), rows)
