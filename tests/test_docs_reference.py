"""The reference is complete and up to date, and the checks that say so are seen to complain."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from generate import DOCS, REFERENCE, pages
from generating.completeness import missing_components, missing_hooks, read_reference
from generating.docstrings import UndocumentedError, read_docstring, signature_text
from generating.front_door import EXAMPLES
from generating.hooks import examples, hooks_of
from generating.plugins import documented_plugins, documented_registry, plugin_names

import identify_core
from identify_core.components import Dataset
from identify_core.hookspecs import IdentifySpecs, hookimpl
from identify_core.options import at_least, option
from identify_core.plugins import Registry, load_registry

UP_TO_DATE = "python docs/generate.py makes it again"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return documented_registry()


@pytest.fixture(scope="module")
def reference() -> Mapping[str, str]:
    return read_reference(REFERENCE)


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    return {path.relative_to(DOCS).as_posix(): text for path, text in pages()}


def generated_names() -> list[str]:
    fixed = ["hooks", "records", "targets", "training", "store", "rungs", "errors", "testing", "verbs", "front-door"]
    return [f"reference/{each}.md" for each in fixed] + [f"reference/plugins/{each}.md" for each in plugin_names()]


@pytest.mark.parametrize("name", generated_names())
def test_a_page_made_from_records_is_up_to_date(generated: Mapping[str, str], registry: Registry, name: str) -> None:
    if name.startswith("reference/plugins/") and name not in generated:
        pytest.skip("the plugin is not installed here")
    assert (DOCS / name).exists(), f"{name} is missing: {UP_TO_DATE}"
    assert (DOCS / name).read_text(encoding="utf-8") == generated[name], f"{name} is out of date: {UP_TO_DATE}"


def test_other_generated_files_are_up_to_date(generated: Mapping[str, str]) -> None:
    for name, text in generated.items():
        if not name.startswith("reference/"):
            assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name} is out of date: {UP_TO_DATE}"


def test_every_generated_page_is_looked_at(generated: Mapping[str, str]) -> None:
    assert {name for name in generated if name.startswith("reference/")} <= set(generated_names())


def test_no_page_of_a_plugin_is_left_over() -> None:
    assert {path.stem for path in (REFERENCE / "plugins").glob("*.md")} <= {"index", *plugin_names()}


def test_every_public_name_is_in_the_reference_with_what_it_takes(reference: Mapping[str, str]) -> None:
    names = set(identify_core.__all__) - {"__version__"}
    rows = re.findall(r"^\| \[`(\w+)`\]\(([\w.-]*)(?:#\w+)?\) \| \S", reference["front-door"], re.MULTILINE)
    listed = dict(rows)
    assert set(listed) == names
    for name, file in listed.items():
        page = reference[file.removesuffix(".md") or "front-door"]
        assert re.search(rf"^##+ `{name}`$", page, re.MULTILINE) or name == "IdentifySpecs", name


def names_in(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name


def names_in_examples(reference: Mapping[str, str]) -> set[str]:
    """The names in what tests execute on the pages of the reference: blocks of Python, and examples with a prompt."""
    found: set[str] = set()
    for text in reference.values():
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for prompts in re.findall(r"^```{code-block} pycon\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            blocks += [each.source for each in doctest.DocTestParser().get_examples(prompts)]
        found.update(name for block in blocks for name in names_in(block))
    return found


def test_every_public_name_stands_in_an_example_that_is_executed(reference: Mapping[str, str]) -> None:
    assert set(identify_core.__all__) - {"__version__"} - names_in_examples(reference) == set()
    without = {name: text for name, text in reference.items() if name != "front-door"}
    assert "classical_scaling" not in names_in_examples(without)


@pytest.mark.parametrize("room", sorted(EXAMPLES.glob("*.txt")), ids=lambda each: each.stem)
def test_the_example_of_a_room_is_right(room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(room.read_text(encoding="utf-8"), {}, room.stem, str(room), 0)
    report: list[str] = []
    assert doctest.DocTestRunner().run(example, out=report.append).failed == 0, "".join(report)


def test_a_room_without_an_example_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("generating.front_door.EXAMPLES", tmp_path)
    with pytest.raises(
        UndocumentedError, match=r"no example for records of a plugin: records-of-a-plugin\.txt is miss"
    ):
        list(pages())


def test_every_hook_is_in_the_reference(reference: Mapping[str, str]) -> None:
    assert list(missing_hooks(reference, IdentifySpecs)) == []


@pytest.mark.parametrize("plugin", plugin_names())
def test_every_component_and_option_is_in_the_reference(
    reference: Mapping[str, str], registry: Registry, plugin: str
) -> None:
    if plugin not in documented_plugins(registry):
        pytest.skip("the plugin is not installed here")
    assert registry.components(plugin=plugin)
    assert list(missing_components(reference, registry, plugin)) == []


# The checks see what is missing.


class MoreHooks(IdentifySpecs):
    """One hook that nobody has documented, and one with an argument more."""

    def identify_sweep_finished(self, folder: str) -> None:
        """A sweep ended."""

    def identify_run_finished(
        self, run_id: str, status: str, scalars: Mapping[str, Any], folder: str, seconds: float = 0.0
    ) -> None:
        """A run ended."""


def test_a_new_hook_and_a_changed_signature_are_noticed(reference: Mapping[str, str]) -> None:
    new, changed = missing_hooks(reference, MoreHooks)
    assert new == "the hook identify_sweep_finished is not in the reference"
    assert "identify_run_finished is in the reference with another signature" in changed
    with pytest.raises(UndocumentedError, match="identify_sweep_finished"):
        hooks_of(MoreHooks)


def test_a_hook_without_its_example_is_noticed(reference: Mapping[str, str]) -> None:
    without = {**reference, "hooks": reference["hooks"].replace("```python", "```text")}
    assert len(list(missing_hooks(without, IdentifySpecs))) == len(hooks_of(IdentifySpecs))


@attrs.frozen
class ProbeOptions:
    samples: int = option(8, help="How many.", unit="samples", source="section 2", limit=at_least(1))
    noise: float = option(help="How much.")


def probe(options: type) -> Registry:
    @hookimpl
    def identify_datasets() -> Iterable[Dataset]:
        yield Dataset(name="probe", summary="A probe.", options=options, target="probe:make")

    return load_registry(only=["probe"], extra={"probe": SimpleNamespace(identify_datasets=identify_datasets)})


def changed(**fields: Any) -> type:
    """The options of the probe with some fields made otherwise."""
    plain = {
        "samples": option(8, help="How many.", unit="samples", source="section 2", limit=at_least(1)),
        "noise": option(help="How much."),
    }
    made: type = attrs.make_class("ProbeOptions", {**plain, **fields}, frozen=True)
    for name in made.__annotations__:
        made.__annotations__[name] = int if name == "samples" else float
    for field in attrs.fields(made):
        object.__setattr__(field, "type", made.__annotations__.get(field.name, float))
    return made


def probe_pages(registry: Registry) -> dict[str, str]:
    from generating.plugins import plugin_page

    return {"plugins/probe": plugin_page(registry, "probe")}


def test_a_plugin_without_a_page_is_noticed(reference: Mapping[str, str]) -> None:
    assert list(missing_components(reference, probe(ProbeOptions), "probe")) == [
        "the plugin probe has no page in the reference"
    ]


def test_a_component_without_an_entry_is_noticed() -> None:
    registry = probe(ProbeOptions)
    (page,) = probe_pages(registry).values()
    assert list(missing_components({"plugins/probe": page}, registry, "probe")) == []
    renamed = {"plugins/probe": page.replace("`probe:probe`", "`probe:other`")}
    assert list(missing_components(renamed, registry, "probe")) == ["the dataset probe:probe is not in the reference"]


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        ({"turns": option(1.5, help="How often.")}, "the option turns of the dataset probe:probe is not in the"),
        ({"samples": option(9, help="How many.", unit="samples", source="section 2")}, "another default than '9'"),
        ({"samples": option(8, help="How few.", unit="samples", source="section 2")}, "another help than 'How few.'"),
        ({"samples": option(8, help="How many.", unit="rows", source="section 2")}, "another unit than 'rows'"),
        ({"samples": option(8, help="How many.", unit="samples", source="section 3")}, "another source than 'section"),
        ({"samples": option(8, help="How many.", limit=at_least(2))}, "another limit than 'at least 2'"),
        ({"noise": option(0.5, help="How much.")}, "another default than '0.5'"),
    ],
    ids=["new option", "default", "help", "unit", "source", "limit", "no longer required"],
)
def test_a_new_or_changed_option_is_noticed(now: Mapping[str, Any], complaint: str) -> None:
    before = probe_pages(probe(ProbeOptions))
    assert any(complaint in each for each in missing_components(before, probe(changed(**now)), "probe"))


def test_what_has_no_docstring_or_forgets_an_argument_is_refused() -> None:
    from generating.classes import function_section

    def silent() -> None: ...

    def forgetful(first: int, second: int) -> None:
        """Do it.

        Args:
            first: the first.
        """

    with pytest.raises(UndocumentedError, match="silent has no docstring"):
        read_docstring(silent, "silent")
    with pytest.raises(UndocumentedError, match="nothing about the argument 'second'"):
        function_section(forgetful)


def test_a_long_signature_is_told_over_several_lines() -> None:
    def long(
        first_argument: int, *, second_argument: str = "a value", third_argument: float = 0.5
    ) -> Mapping[str, int]:
        """Do it."""
        return {}

    assert signature_text("long", long).splitlines() == [
        "long(",
        "    first_argument: int,",
        "    *,",
        "    second_argument: str = 'a value',",
        "    third_argument: float = 0.5,",
        ") -> Mapping[str, int]",
    ]


@pytest.mark.parametrize(("hook", "source"), list(examples()), ids=[hook for hook, _ in examples()])
def test_the_example_of_a_hook_is_a_plugin_that_implements_it(hook: str, source: str) -> None:
    module = SimpleNamespace(__name__="example")
    exec(compile(source, "example", "exec"), vars(module))
    registry = load_registry(only=["example"], extra={"example": module}, strict=False)
    assert registry.plugin("example").status == "available"
    offers = [each.kind for each in registry.components(plugin="example")]
    observes = [each.hook for each in registry.observers() if each.owner == "example"]
    assert [f"identify_{kind}s" for kind in offers] + observes == [hook]
