"""Making the distribution of a new plugin: which names it may have, its files from the template, written whole.

The template is the folder `template` next to this module: a complete distribution of a plugin called `your-plugin`, of
which a few words are replaced. What installers and linters leave in it, caches and hidden files, is not part of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from identify_core.errors import UsageError
from identify_core.names import NAME_PATTERN
from identify_core.version import __version__

LONGEST_NAME = 30  # the lines of the template have room for so much
OF_THIS_PROJECT = ("genni", "homotopy", "measures", "metric", "mtlcm", "quantization")
OF_THE_CORE = ("core", "workspace")  # identify-core and identify-workspace are distributions
UNKNOWN_AUTHOR = "Your Name"

_GOOD = f"lower-case words joined by hyphens, at most {LONGEST_NAME} characters, beginning with a letter"
_BOUND = ">=0.0,<0.1"
_YEAR = "1970"
_WORDS = re.compile("|".join(map(re.escape, ("your_plugin", "your-plugin", UNKNOWN_AUTHOR, _BOUND, _YEAR))))
_DOT = "dot-"  # begins the names of files that begin with a dot where they are written


def refuse_bad_name(name: str, *, verbs: Iterable[str], installed: Iterable[str]) -> None:
    """Check that a plugin can have this name.

    Args:
        name: the wish.
        verbs: the built-in verbs of the command line.
        installed: names of the installed plugins, and of distributions without the prefix `identify-`.

    Raises:
        UsageError: it cannot; the message says why and the hint names one that it can have.
    """
    verbs, installed = frozenset(verbs), frozenset(installed)
    reason = _reason_against(name, verbs, installed)
    if reason:
        better = _corrected(name)
        if _reason_against(better, verbs, installed):
            better = f"my-{better}"[:LONGEST_NAME].rstrip("-")
        raise UsageError(reason, hint=f"for example: identify new-plugin {better}")


def _reason_against(name: str, verbs: frozenset[str], installed: frozenset[str]) -> str:
    if name == "identify":
        return (
            "the name 'identify' is taken: on PyPI it is a library of pre-commit, and here the command and the prefix "
            "of every plugin"
        )
    if not NAME_PATTERN.fullmatch(name) or len(name) > LONGEST_NAME:
        return f"the name {name!r} cannot be a plugin's; it must be {_GOOD}"
    if name.startswith("identify-"):
        return f"the name {name!r} repeats the prefix: the distribution is called identify-NAME already"
    if name in OF_THE_CORE:
        return f"the name {name!r} is taken: identify-{name} is a distribution of this project"
    if name in verbs:
        return f"the name {name!r} is taken: it is a verb of the command line, which always wins over a plugin"
    if name in OF_THIS_PROJECT:
        return f"the name {name!r} is taken: it is a plugin of this project"
    if name in installed:
        return f"the name {name!r} is taken: a plugin or distribution of that name is installed here"
    return ""


def _corrected(name: str) -> str:
    """The nearest name of the right form."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
    words = re.sub(r"^(identify-)+", "", words).lstrip("0123456789-")
    return words[: LONGEST_NAME - len("my-")].rstrip("-") or "plugin"


def find_author() -> str:
    """Whom git knows the user as; a placeholder where it knows nothing."""
    try:
        asked = subprocess.run(
            ["git", "config", "--get", "user.name"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):  # no git, or one that does not answer
        return UNKNOWN_AUTHOR
    name = " ".join(asked.stdout.split())
    return name if asked.returncode == 0 and name and name.isprintable() else UNKNOWN_AUTHOR


def render(name: str, *, author: str, core: str = __version__, year: int | None = None) -> dict[str, str]:
    """Path to text of every file of the distribution, sorted by path.

    Args:
        name: of the plugin.
        author: who holds the licence.
        core: the version of the core whose minor release the plugin is bound to.
        year: of the licence; this one unless given.
    """
    major, minor = (int(part) for part in core.split(".")[:2])
    words = {
        "your_plugin": name.replace("-", "_"),
        "your-plugin": name,
        UNKNOWN_AUTHOR: author,
        _BOUND: f">={major}.{minor},<{major}.{minor + 1}",
        _YEAR: str(datetime.now(UTC).year if year is None else year),
    }
    toml = {**words, UNKNOWN_AUTHOR: author.replace("\\", "\\\\").replace('"', '\\"')}

    def replaced(text: str, words: Mapping[str, str]) -> str:
        return _WORDS.sub(lambda word: words[word[0]], text)

    template = files("identify_core").joinpath("template")
    return dict(
        sorted(
            (replaced(path, words), replaced(text, toml if path.endswith(".toml") else words))
            for path, text in _read(template)
        )
    )


def _read(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    for each in folder.iterdir():
        if each.name.startswith((".", "__pycache__")):
            continue
        name = f".{each.name.removeprefix(_DOT)}" if each.name.startswith(_DOT) else each.name
        if each.is_dir():
            yield from _read(each, f"{above}{name}/")
        else:
            yield f"{above}{name}", each.read_text(encoding="utf-8")


def write_whole(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files into a new or empty folder: all of them or none.

    Args:
        folder: it is made with the folders above it; where it exists it must be empty.
        texts: relative path to text.

    Raises:
        UsageError: the folder is a file, is not empty, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is not empty" if folder.is_dir() else "is a file"
            raise UsageError(f"the folder {folder} {what}", hint="name another one with --dir")
        made = _make_folders(folder)
        try:
            _fill(folder, texts)
        except BaseException:
            for each in reversed(made):
                each.rmdir()
            raise
    except OSError as error:
        raise UsageError(
            f"the folder {folder} cannot be written: {error.strerror or error}", hint="name another one with --dir"
        ) from error


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; which ones were not there, outermost first."""
    made: list[Path] = []
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir()
            made.append(each)
    except OSError:
        for each in reversed(made):
            each.rmdir()
        raise
    return made


def _fill(folder: Path, texts: Mapping[str, str]) -> None:
    """Write everything into a folder of its own inside, then move the entries out of it."""
    staging = Path(tempfile.mkdtemp(prefix=".new-plugin-", dir=folder))
    moved: list[Path] = []
    try:
        for path, text in texts.items():
            file = staging / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        for entry in sorted(staging.iterdir()):
            os.rename(entry, folder / entry.name)
            moved.append(folder / entry.name)
    except BaseException:
        for each in moved:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise
    finally:
        shutil.rmtree(staging)
