"""`identify init`: write a commented spec from a preset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from identify_core.cli.completing import complete_plugins, complete_presets
from identify_core.cli.invocation import Invocation, json_option
from identify_core.cli.output import print_text

if TYPE_CHECKING:
    from identify_core.components import Preset

STDOUT = Path("-")


@click.command("init")
@click.argument("plugin", shell_complete=complete_plugins)
@click.option(
    "--preset",
    "name",
    metavar="PRESET",
    shell_complete=complete_presets,
    help="The preset to start from.  [default: the plugin's first one]",
)
@click.option(
    "--output",
    "file",
    type=click.Path(path_type=Path),
    default=Path("spec.toml"),
    show_default=True,
    help="The file to write; - for standard output.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
@click.pass_obj
def command(invocation: Invocation, plugin: str, name: str | None, file: Path, force: bool, as_json: bool) -> None:
    """Write a spec from a PLUGIN's preset in which every option is explained.

    Options that the preset leaves alone are written as comments that show their defaults.
    """
    from identify_core.cli.output import print_json
    from identify_core.spec import find_preset, load_spec
    from identify_core.spec.template import write_template

    registry = invocation.registry()
    preset = find_preset(registry, plugin, name)
    spec = load_spec(registry, plugin=plugin, preset=preset.name)
    text = write_template(spec, heading=_heading(plugin, preset, file))
    if file != STDOUT:
        _write(file, text, replace=force)
    if as_json:
        print_json("init", {"plugin": plugin, "preset": preset.name, "file": str(file), "text": text})
    elif file == STDOUT:
        print_text(text, nl=False)
    else:
        print_text(f"wrote {file} from the preset {preset.name}; run it with: {_run(plugin, file)}")


def _heading(plugin: str, preset: Preset, file: Path) -> str:
    lines = [f"A spec for identify, from the preset {preset.name} of the plugin {plugin}.", preset.summary]
    if preset.source:
        lines.append(f"Source: {preset.source}")
    lines += ["", f"Run it:   {_run(plugin, Path('spec.toml') if file == STDOUT else file)}"]
    lines += ["Lines that are commented out with a value show the option's default."]
    return "\n".join(lines)


def _run(plugin: str, file: Path) -> str:
    import shlex

    return f"identify run {plugin} --spec {shlex.quote(str(file))}"


def _write(file: Path, text: str, *, replace: bool) -> None:
    """Write the file whole or not at all.

    Raises:
        UsageError: it exists and is not to be replaced, or it cannot be written.
    """
    from identify_core.atomic_files import replacing
    from identify_core.errors import UsageError

    if file.is_dir():
        raise UsageError(f"{file} is a folder", hint="give a file with --output")
    above = next(each for each in file.parents if each.exists())
    if not above.is_dir():
        raise UsageError(f"{file} cannot be written: {above} is a file", hint="give another --output")
    try:
        if replace:
            with replacing(file) as draft:
                draft.write_text(text, encoding="utf-8")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} exists already", hint="give another --output, or --force to replace it") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
