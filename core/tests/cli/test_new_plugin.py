"""`identify new-plugin`: which names it takes, that it writes all or nothing, and what it writes."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.cli.root import VERBS, run_command_line
from identify_core.components import NAME_PATTERN
from identify_core.errors import UsageError
from identify_core.plugins.scaffold import (
    LONGEST_NAME,
    UNKNOWN_AUTHOR,
    find_author,
    refuse_bad_name,
    render,
    write_whole,
)
from identify_core.testing.fixtures import InstallDistribution, Project

ALL_VERBS = frozenset(verb for section in VERBS.values() for verb in section)
SHORTEST, LONGEST = "x", "a" + "-b2" * 9 + "-c"
SUPERUSER = os.geteuid() == 0


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Git's settings for this test alone; the file that holds them."""
    file = tmp_path / "gitconfig"
    file.write_text('[user]\n    name = "Ada Lovelace"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    return file


def refused(name: str, installed: tuple[str, ...] = ()) -> tuple[str, str]:
    """The message and the name that it suggests."""
    with pytest.raises(UsageError) as caught:
        refuse_bad_name(name, verbs=ALL_VERBS, installed=installed)
    better = caught.value.hint.removeprefix("for example: identify new-plugin ")
    refuse_bad_name(better, verbs=ALL_VERBS, installed=installed)
    return caught.value.message, better


@pytest.mark.parametrize("name", [SHORTEST, "spirals", "two-moons", "ica2", LONGEST])
def test_good_names_are_taken(name: str) -> None:
    refuse_bad_name(name, verbs=ALL_VERBS, installed=())


@pytest.mark.parametrize(
    ("name", "message", "better"),
    [
        ("My_Spirals", "must be lower-case words joined by hyphens", "my-spirals"),
        ("mySpirals", "must be lower-case words joined by hyphens", "my-spirals"),
        ("two moons", "must be lower-case words", "two-moons"),
        ("2-moons", "beginning with a letter", "moons"),
        ("-moons", "beginning with a letter", "moons"),
        ("naïve", "must be lower-case words", "nave"),
        ("../moons", "must be lower-case words", "moons"),
        ("", "must be lower-case words", "plugin"),
        ("流形", "must be lower-case words", "plugin"),
        ("m" * (LONGEST_NAME + 1), f"at most {LONGEST_NAME} characters", "m" * (LONGEST_NAME - 3)),
        ("identify", "on PyPI it is a library of pre-commit", "my-identify"),
        ("Identify", "must be lower-case words", "my-identify"),
        ("identify-spirals", "repeats the prefix", "spirals"),
        ("core", "identify-core is a distribution of this project", "my-core"),
        ("run", "it is a verb of the command line", "my-run"),
        ("new-plugin", "it is a verb of the command line", "my-new-plugin"),
        ("Run", "must be lower-case words", "my-run"),
        ("genni", "it is a plugin of this project", "my-genni"),
        ("quantization", "it is a plugin of this project", "my-quantization"),
    ],
)
def test_bad_names_are_refused_with_a_better_one(name: str, message: str, better: str) -> None:
    said, suggested = refused(name)
    assert message in said
    assert suggested == better


def test_names_of_installed_plugins_and_distributions_are_refused(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("rings-of-somebody", plugins={"rings": "rings"})
    install_distribution("identify-waves")
    for name in ("rings", "waves"):
        assert run_command_line(["new-plugin", name]) == 2
        error = capsys.readouterr().err
        assert f"the name '{name}' is taken: a plugin or distribution of that name is installed here" in error
        assert f"hint: for example: identify new-plugin my-{name}" in error
        assert not Path(f"identify-{name}").exists()


@given(st.text(max_size=60))
def test_every_refusal_suggests_a_name_that_is_taken(name: str) -> None:
    try:
        refuse_bad_name(name, verbs=ALL_VERBS, installed=())
    except UsageError:
        refused(name)
    else:
        assert NAME_PATTERN.fullmatch(name)


def test_it_writes_a_distribution_and_says_what_to_type(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["new-plugin", "two-moons"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    first, *commands = said.out.splitlines()
    assert re.fullmatch(r"wrote \d+ files into identify-two-moons; next:", first)
    assert commands == [
        '  pip install --editable "./identify-two-moons[test]"',
        "  identify run two-moons --preset smoke",
        "  pytest identify-two-moons",
    ]
    written = {file.relative_to(project.path).as_posix() for file in project.path.rglob("*") if file.is_file()}
    assert written == {f"identify-two-moons/{path}" for path in render("two-moons", author="Ada Lovelace")}
    for path in (
        "pyproject.toml",
        ".gitignore",
        ".github/workflows/test.yml",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "src/identify_two_moons/plugin.py",
        "src/identify_two_moons/py.typed",
        "src/identify_two_moons/presets/smoke.toml",
        "tests/test_conformance.py",
    ):
        assert f"identify-two-moons/{path}" in written


def test_json_lists_the_files(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["new-plugin", "moons", "--dir", "here/my moons", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "identify/new-plugin/1"
    assert (document["plugin"], document["distribution"], document["package"]) == (
        "moons",
        "identify-moons",
        "identify_moons",
    )
    assert document["folder"] == str(Path("here/my moons"))
    assert document["files"] == sorted(document["files"])
    assert all((project.path / "here/my moons" / file).is_file() for file in document["files"])
    words = [shlex.split(command) for command in document["next"]]
    assert words == [
        ["pip", "install", "--editable", "./here/my moons[test]"],
        ["identify", "run", "moons", "--preset", "smoke"],
        ["pytest", "here/my moons"],
    ]


def test_it_fills_the_working_folder_if_that_is_empty(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["new-plugin", "moons", "--dir", "."]) == 0
    assert (project.path / "pyproject.toml").is_file()
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[1:]] == [
        'pip install --editable ".[test]"',
        "identify run moons --preset smoke",
        "pytest .",
    ]


def test_a_folder_with_something_in_it_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.path / "identify-moons").mkdir()
    (project.path / "identify-moons" / "thesis.tex").write_text("all of it")
    assert run_command_line(["new-plugin", "moons"]) == 2
    error = capsys.readouterr().err
    assert "the folder identify-moons is not empty" in error
    assert "hint: name another one with --dir" in error
    assert [file.name for file in (project.path / "identify-moons").iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        write_whole(tmp_path / "file", {"a": ""})
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        write_whole(tmp_path / "file" / "below", {"a": ""})


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """The superuser may write anywhere: be somebody else for the test."""
    if not SUPERUSER:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    locked = tmp_path_factory.getbasetemp()
    if not SUPERUSER:
        locked = tmp_path_factory.mktemp("locked")
        locked.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written: Permission denied") as caught:
        write_whole(locked / "below", {"a": ""})
    assert caught.value.hint == "name another one with --dir"


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_what_fails_half_way_leaves_nothing(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "outer" / "inner"
    if there:
        folder.mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        write_whole(folder, {"a": "a file", "b": "a file", "b/c": "below a file"})
    assert [each for each in tmp_path.rglob("*") if each.name != "gitconfig"] == (
        [tmp_path / "outer", folder] if there else []
    )


def test_what_fails_while_moving_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def fail_at_b(source: Path, target: Path) -> None:
        if target.name == "b":
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_at_b)
    with pytest.raises(UsageError, match="No space left on device"):
        write_whole(tmp_path / "new", {"a/a": "", "a-file": "", "b": ""})
    assert not (tmp_path / "new").exists()


def test_the_same_name_gives_the_same_files() -> None:
    assert render("moons", author="A") == render("moons", author="A")
    assert set(render("moons", author="A").values()) != set(render("rings", author="A").values())


@pytest.mark.parametrize("name", [SHORTEST, "two-moons", LONGEST])
def test_nothing_of_the_template_is_left(name: str) -> None:
    for path, text in render(name, author="Ada Lovelace").items():
        assert not re.search(r"your[-_]plugin|dot-|__pycache__", path)
        assert not re.search(r"your[-_]plugin|1970", text), path
        assert UNKNOWN_AUTHOR not in text
        assert text.endswith("\n") or not text


def test_the_pyproject_is_that_of_a_plugin() -> None:
    texts = render("two-moons", author='Ada "the Countess" \\ Lovelace', core="3.14.1", year=1843)
    content = tomllib.loads(texts["pyproject.toml"])
    project = content["project"]
    assert project["name"] == "identify-two-moons"
    assert project["authors"] == [{"name": 'Ada "the Countess" \\ Lovelace'}]
    assert "identify-core>=3.14,<3.15" in project["dependencies"]
    assert project["optional-dependencies"]["test"] == ["identify-core[testing]"]
    assert project["entry-points"]["identify"] == {"two-moons": "identify_two_moons.plugin"}
    assert content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/identify_two_moons"]
    assert 'Copyright (c) 1843 Ada "the Countess" \\ Lovelace' in texts["LICENSE"]


def test_the_licence_is_this_projects_with_the_authors_name() -> None:
    ours = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8").splitlines()
    theirs = render("moons", author="Ada Lovelace")["LICENSE"].splitlines()
    different = [line for line, other in zip(theirs, ours, strict=True) if line != other]
    assert different == [f"Copyright (c) {datetime.now(UTC).year} Ada Lovelace"]


def test_modules_say_their_subject_and_the_light_ones_are_light() -> None:
    texts = render("moons", author="A")
    for path, text in texts.items():
        if path.endswith(".py"):
            assert ast.get_docstring(ast.parse(text)), path
    for path in ("__init__", "plugin", "options"):
        assert not re.search(r"import (torch|numpy|zarr)", texts[f"src/identify_moons/{path}.py"])


@pytest.mark.parametrize("name", [SHORTEST, LONGEST])
def test_it_is_as_clean_as_its_own_settings_ask(name: str, tmp_path: Path) -> None:
    """The shortest and the longest name, for which lines could be joined or broken another way."""
    pytest.importorskip("ruff")
    write_whole(tmp_path / "new", render(name, author="A"))
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path / "new",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_author_is_whom_git_knows(author: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert find_author() == "Ada Lovelace"
    author.write_text("")
    assert find_author() == UNKNOWN_AUTHOR
    assert run_command_line(["new-plugin", "moons"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "git knows no user.name: LICENSE and pyproject.toml say 'Your Name', replace it"
    assert "Your Name" in (tmp_path / "identify-moons" / "LICENSE").read_text()


def test_without_git_the_author_is_a_placeholder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_author() == UNKNOWN_AUTHOR
