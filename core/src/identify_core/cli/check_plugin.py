"""`identify check-plugin`: whether a plugin keeps the rules of every plugin, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.completing import complete_plugins
from identify_core.cli.invocation import Invocation, json_option
from identify_core.cli.output import print_text
from identify_core.errors import PluginError, UsageError

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.testing.conformance import Check, Result, Settings

STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@click.command("check-plugin")
@click.argument("plugin", required=False, shell_complete=complete_plugins)
@click.option("--only", multiple=True, metavar="CHECK", help="Perform this check; may be repeated.")
@click.option("--skip", multiple=True, metavar="CHECK|ITEM", help="Leave out a check or a component; may be repeated.")
@click.option(
    *("--set", "overrides"),
    multiple=True,
    metavar="KIND.NAME.OPTION=VALUE",
    help="Try a component with this option, as in dataset.molecules.folder=data; may be repeated.",
)
@click.option(
    *("--tests", "tests"),
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Take options, skips and tolerances from the PluginConformance class in this file.",
)
@click.option("--list", "as_list", is_flag=True, help="List the checks and what they ask.")
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    plugin: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    overrides: tuple[str, ...],
    tests: Path | None,
    as_list: bool,
    as_json: bool,
) -> int:
    """Check that PLUGIN keeps the rules of every plugin, and say what to do where it does not.

    Exit status 3 where a check fails. The same checks are tests in a class of two lines:

    \b
    class TestSpirals(identify_core.testing.PluginConformance):
        plugin = "spirals"
    """
    if as_list:
        _print_checks(as_json)
        return 0
    if plugin is None:
        raise UsageError("no plugin is named", hint="identify list-plugins names them; --list lists the checks")
    from identify_core.testing.conformance.questions import chosen_checks

    registry = invocation.registry()
    settings = _settings(registry, plugin, skip, overrides, tests)
    results = _perform(registry, settings, chosen_checks(only), show=not as_json)
    has_failed = any(each.status == "failed" for each in results)
    if as_json:
        _print_json(plugin, results)
    else:
        _print(plugin, results)
    return PluginError.exit_code if has_failed else 0


def _settings(
    registry: Registry, plugin: str, skip: Collection[str], overrides: Sequence[str], tests: Path | None
) -> Settings:
    """What is checked, and with which options.

    Raises:
        PluginError: there is no such plugin.
    """
    import attrs

    from identify_core.spec.layers import read_overrides
    from identify_core.spec.merge import build, plain
    from identify_core.suggestions import did_you_mean
    from identify_core.testing.conformance import Settings

    names = [each.name for each in registry.plugins]
    if plugin not in names:
        raise PluginError(f"there is no plugin {plugin!r}", hint=did_you_mean(plugin, names))
    settings = Settings(plugin=plugin) if tests is None else _settings_of_class(tests, plugin)
    given: dict[str, dict[str, Any]] = {item: dict(options) for item, options in settings.options.items()}
    for kind, components in plain(build(read_overrides(overrides), lambda _, text: text).root).items():
        for name, options in components.items() if isinstance(components, dict) else ():
            if not isinstance(options, dict):
                raise UsageError(f"--set {kind}.{name} names no option", hint="write --set KIND.NAME.OPTION=VALUE")
            given.setdefault(f"{kind}:{name}", {}).update(options)
    reasons = {**settings.skip, **dict.fromkeys(skip, "left out with --skip")}
    return attrs.evolve(settings, options=given, skip=reasons)


def _settings_of_class(file: Path, plugin: str) -> Settings:
    """The settings of the class in a test file that is about the plugin.

    Raises:
        UsageError: pytest is not installed, the file cannot be imported, or it has no such class.
    """
    import importlib.util

    try:
        from identify_core.testing import PluginConformance

        spec = importlib.util.spec_from_file_location(f"identify_tests_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except Exception as error:  # the file is the user's own code and may fail in any way
        hint = "pip install pytest" if isinstance(error, ModuleNotFoundError) and error.name == "pytest" else ""
        raise UsageError(f"{file} cannot be imported: {type(error).__name__}: {error}", hint=hint) from error
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, PluginConformance) and getattr(value, "plugin", "") == plugin:
            return value.settings()
    raise UsageError(
        f"{file} has no PluginConformance class about the plugin {plugin!r}", hint=f'plugin = "{plugin}" in its body'
    )


def _perform(registry: Registry, settings: Settings, checks: Sequence[Check], *, show: bool) -> list[Result]:
    """Perform the checks in a temporary folder, saying on a terminal which one goes on."""
    import tempfile

    from identify_core.cli.output import stderr_console
    from identify_core.testing.conformance.bench import Bench
    from identify_core.testing.conformance.questions import items, perform

    console = stderr_console()
    results = []
    with tempfile.TemporaryDirectory(prefix="identify-check-") as folder, console.status("") as status:
        if not (show and console.is_terminal):
            status.stop()
        bench = Bench(settings, registry, Path(folder))
        for check in checks:
            for item in items(bench, check):
                status.update(f"{check.name} {item}")
                results.append(perform(bench, check, item))
    return results


def _print_checks(as_json: bool) -> None:
    from identify_core.cli.output import print_json, print_table
    from identify_core.testing.conformance import CHECKS

    if as_json:
        checks = [{"name": each.name, "question": each.question, "of": list(each.kinds)} for each in CHECKS.values()]
        print_json("checks", {"checks": checks})
        return
    print_table(
        ("check", "asks", "of"), [(each.name, each.question, ", ".join(each.kinds)) for each in CHECKS.values()]
    )


def _print_json(plugin: str, results: Sequence[Result]) -> None:
    import attrs

    from identify_core.cli.output import print_json

    content = {
        "plugin": plugin,
        "passed": all(each.status != "failed" for each in results),
        "counts": {status: sum(each.status == status for each in results) for status in STYLES},
        "results": [attrs.asdict(each) for each in results],
    }
    print_json("conformance", content)


def _print(plugin: str, results: Sequence[Result]) -> None:
    """One row a check; what failed or was skipped, item by item, below it."""
    from rich.text import Text

    from identify_core.cli.output import print_table

    rows = []
    for name in dict.fromkeys(each.check for each in results):
        those = [each for each in results if each.check == name]
        passed = sum(each.status == "passed" for each in those)
        if passed:
            rows.append((Text("passed", style=STYLES["passed"]), name, _count(those, passed), ""))
        for each in those:
            for said in (*each.complaints, *([each.reason] if each.reason else [])):
                rows.append((Text(each.status, style=STYLES[each.status]), name, each.item, said))
    print_table(("result", "check", "of", "what to do"), rows)
    counts = {status: sum(each.status == status for each in results) for status in STYLES}
    print_text()
    print_text(
        f"{plugin}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped, "
        f"{sum(each.seconds for each in results):.1f} s of CPU time"
    )


def _count(results: Sequence[Result], passed: int) -> str:
    if len(results) == 1:
        return results[0].item
    return f"all {passed}" if passed == len(results) else f"{passed} of {len(results)}"
