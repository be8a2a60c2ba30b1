"""The changelog and the deprecations: what is announced, since when, and that nothing outlives its removal version."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from identify_core import __version__
from identify_core.deprecation import deprecated

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SOURCES = sorted([*(ROOT / "core" / "src").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")])
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
NEEDED = ("since", "removal", "instead")
SPELT_OUT = "deprecated() takes its name and {} as written-out texts, so that they can be found"


def sections(changelog: str) -> dict[str, str]:
    """Each release with the text below its heading, newest first."""
    parts = HEADING.split(changelog)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def complaints_about_changelog(changelog: str, version: str) -> Iterator[str]:
    """What is wrong with a changelog when `version` is running."""
    releases = [each for each in sections(changelog) if each != "Unreleased"]
    if "Unreleased" in list(sections(changelog))[1:]:
        yield "what is unreleased is not at the top"
    if not releases or releases[0] != version:
        yield f"its first heading is {releases[0] if releases else 'missing'!r}, not '## {version}'"
    for release in releases:
        if not re.fullmatch(r"\d+\.\d+\.\d+", release):
            yield f"the heading {release!r} is not a version X.Y.Z"
    versions = [Version(each) for each in releases if re.fullmatch(r"\d+\.\d+\.\d+", each)]
    if versions != sorted(versions, reverse=True) or len(set(versions)) != len(versions):
        yield "its releases are not in order, newest first, each once"
    for release, text in sections(changelog).items():
        if not text.strip():
            yield f"{release} says nothing"


def complaints_about_deprecations(source: str, changelog: str, version: str) -> Iterator[str]:
    """What is wrong with the deprecations of a module when `version` is running."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "IdentifyDeprecationWarning":
            yield "a warning is made without deprecated(), and so without versions"
        elif name == "warn" and any("DeprecationWarning" in ast.unparse(each) for each in [*node.args, *node.keywords]):
            yield "a deprecation is given without deprecated(), and so without versions"
        elif name == "deprecated":
            yield from _complaints_about_call(node, changelog, version)


def _complaints_about_call(call: ast.Call, changelog: str, version: str) -> Iterator[str]:
    said = {each.arg: each.value for each in call.keywords} | {"what": call.args[0] if call.args else None}
    texts = {key: node.value for key, node in said.items() if isinstance(node, ast.Constant)}
    missing = [key for key in NEEDED if not isinstance(texts.get(key), str)]
    what = texts.get("what")
    if missing or not isinstance(what, str):
        yield SPELT_OUT.format(", ".join(NEEDED))
        return
    since, removal = str(texts["since"]), str(texts["removal"])
    try:
        deprecated(what, since=since, removal=removal, instead=str(texts["instead"]))
    except ValueError as error:
        yield str(error)
        return
    running = Version(version)
    if Version(removal).release <= running.release[:2]:
        yield f"{what} was to be removed in {removal}, and {version} is running: remove it"
    if Version(since).release > running.release[:2]:
        yield f"{what} is deprecated since {since}, which is not out while {version} is running"
    announced = "".join(text for release, text in sections(changelog).items() if release.startswith(f"{since}."))
    if f"`{what}`" not in announced or f"removed in {removal}" not in announced:
        yield f"CHANGELOG.md does not say under {since} that `{what}` will be removed in {removal}"


def test_the_changelog_keeps_its_conventions() -> None:
    assert list(complaints_about_changelog(CHANGELOG, __version__)) == []


@pytest.mark.parametrize(
    ("changelog", "complaint"),
    [
        ("# Changelog\n", "its first heading is 'missing', not '## 0.3.0'"),
        ("## 0.2.0\n\nx\n", "its first heading is '0.2.0', not '## 0.3.0'"),
        ("## 0.3.0\n\nx\n## Older\n\nx\n", "the heading 'Older' is not a version X.Y.Z"),
        ("## 0.3.0\n\nx\n## 0.1.0\n\nx\n## 0.2.0\n\nx\n", "its releases are not in order, newest first, each once"),
        ("## 0.3.0\n\nx\n## 0.2.0\n", "0.2.0 says nothing"),
        ("## 0.3.0\n\nx\n## Unreleased\n\nx\n", "what is unreleased is not at the top"),
    ],
)
def test_a_changelog_that_breaks_them_is_caught(changelog: str, complaint: str) -> None:
    assert list(complaints_about_changelog(changelog, "0.3.0")) == [complaint]


def test_every_deprecation_of_the_repository_is_announced_and_none_is_overdue() -> None:
    assert len(SOURCES) > 100
    found = {
        path.name: complaints
        for path in SOURCES
        if path.name != "deprecation.py"
        and (
            complaints := list(complaints_about_deprecations(path.read_text(encoding="utf-8"), CHANGELOG, __version__))
        )
    }
    assert found == {}


ANNOUNCED = "## 0.3.0\n\nx\n\n## 0.2.0\n\n* Deprecated: `old`, removed in 0.4; use `new`.\n"
SOUND = 'hookspec(warn_on_impl=deprecated("old", since="0.2", removal="0.4", instead="new"))'


def test_a_sound_deprecation_passes() -> None:
    assert list(complaints_about_deprecations(SOUND, ANNOUNCED, "0.3.0")) == []


@pytest.mark.parametrize(
    ("source", "version", "complaint"),
    [
        (SOUND, "0.4.0", "old was to be removed in 0.4, and 0.4.0 is running: remove it"),
        (SOUND, "1.0.2", "old was to be removed in 0.4, and 1.0.2 is running: remove it"),
        (SOUND, "0.1.0", "old is deprecated since 0.2, which is not out while 0.1.0 is running"),
        (
            SOUND.replace('"old"', '"odd"'),
            "0.3.0",
            "CHANGELOG.md does not say under 0.2 that `odd` will be removed in 0.4",
        ),
        (SOUND.replace("0.4", "0.5"), "0.3.0", "CHANGELOG.md does not say under 0.2 that `old` will be removed in 0.5"),
        (SOUND.replace('since="0.2", ', ""), "0.3.0", SPELT_OUT.format("since, removal, instead")),
        (SOUND.replace('"0.4"', "NEXT"), "0.3.0", SPELT_OUT.format("since, removal, instead")),
        (SOUND.replace("0.4", "0.2"), "0.3.0", "old cannot be removed in 0.2: it is deprecated only since 0.2"),
        (
            'IdentifyDeprecationWarning("old")',
            "0.3.0",
            "a warning is made without deprecated(), and so without versions",
        ),
        (
            'warnings.warn("old is old", DeprecationWarning)',
            "0.3.0",
            "a deprecation is given without deprecated(), and so without versions",
        ),
        (
            'warnings.warn("old is old", category=FooDeprecationWarning, stacklevel=2)',
            "0.3.0",
            "a deprecation is given without deprecated(), and so without versions",
        ),
    ],
)
def test_a_deprecation_that_breaks_the_rules_is_caught(source: str, version: str, complaint: str) -> None:
    assert list(complaints_about_deprecations(source, ANNOUNCED, version)) == [complaint]
