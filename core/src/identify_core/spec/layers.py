"""Layers: what a preset, a file, `--set` and flags each say, as plain TOML values with the place of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import attrs

from identify_core.errors import SpecError
from identify_core.saying import echo
from identify_core.spec.keypaths import DEEPEST, KeyPath, read_key_path, write_key_path

FORMAT = 1

LayerKind = Literal["default", "preset", "file", "set", "flag"]

LARGEST_FILE = 1_000_000
"""Bytes that a spec may have."""
MOST_STATEMENTS = 5_000
"""Keys and table headers that a spec may have."""
LONGEST_NUMBER = 1_000
"""Digits that a number in a spec may have: a parser spends a hundred bytes on each."""

# Every alternative is possessive or of one character class, so that a text of any content is read in linear time; what
# is never closed reaches to the end.
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+(?:"{3,5}|\Z)'
    + r"|'''(?:[^']++|'{1,2}(?!'))*+(?:'{3,5}|\Z)"
    + r'|"(?:[^"\\\n]++|\\.)*+(?:"|(?=\n)|\Z)'
    + r"|'[^'\n]*+(?:'|(?=\n)|\Z)|#[^\n]*+|[\[\]{}=\n]|[^\"'#\[\]{}=\n]++",
    re.DOTALL,
)
_LONG_NUMBER = re.compile(rf"(?:0x|[0-9])[0-9A-Fa-f_]{{{LONGEST_NUMBER},}}+")


@attrs.frozen(kw_only=True)
class Origin:
    """Where a value came from; `str()` is how messages say it.

    Args:
        layer: the kind of layer.
        place: the preset, file, `--set` text or flag.
        line: the line in a preset or file, counted from 1; 0 where there is none.
    """

    layer: LayerKind
    place: str = ""
    line: int = 0

    def __str__(self) -> str:
        if self.layer == "default":
            return "default"
        if self.layer == "preset":
            return f"preset {self.place}" + (f", line {self.line}" if self.line else "")
        return self.place + (f":{self.line}" if self.line else "")


DEFAULT = Origin(layer="default")


@attrs.frozen(kw_only=True)
class Layer:
    """One layer: nested plain values, and the line on which each key path was given.

    Args:
        kind: what sort of layer it is.
        place: as in `Origin`.
        values: nested dicts, lists and scalars as tomllib reads them.
        lines: key path to line; a path that is missing stands on the line of its nearest ancestor.
        places: key path to place, for layers in which every key has its own: `--set` and flags.
    """

    kind: LayerKind
    place: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int] = attrs.field(factory=dict)
    places: Mapping[KeyPath, str] = attrs.field(factory=dict)

    def origin(self, path: KeyPath) -> Origin:
        """Where the value at a key path of this layer was given."""
        ancestors = [path[:length] for length in range(len(path), 0, -1)]
        below = [each for each in self.places if path and each[: len(path)] == path]
        place = next((self.places[each] for each in (*ancestors, *below) if each in self.places), self.place)
        line = next((self.lines[each] for each in ancestors if each in self.lines), 0)
        return Origin(layer=self.kind, place=place, line=line)


def read_file_layer(file: Path) -> Layer:
    """A spec file.

    Raises:
        SpecError: it is missing, a folder, unreadable, not UTF-8, not TOML, or of a newer format.
    """
    return read_text_layer(read_spec_text(file), kind="file", place=str(file))


def read_spec_text(file: Path) -> str:
    """The text of a spec file.

    Raises:
        SpecError: it is missing, a folder, unreadable, larger than `LARGEST_FILE` or not UTF-8.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise SpecError(f"the spec file {file} does not exist", hint="write one with `identify init`") from error
    except IsADirectoryError as error:
        raise SpecError(f"{file} is a folder, not a spec file", hint="give the path of a TOML file") from error
    except OSError as error:
        raise SpecError(f"the spec file {file} cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST_FILE:
        raise SpecError(
            f"the spec file {file} has more than {LARGEST_FILE:,} bytes, which no spec needs",
            hint="data belong into a file of their own, which an option of a dataset names",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError(
            f"the spec file {file} is not UTF-8: byte {content[error.start]:#04x} on line {line}",
            hint="save the file as UTF-8",
        ) from error


@lru_cache(maxsize=2)  # a verb looks at its spec before it imports plugins, and again after
def read_text_layer(text: str, *, kind: LayerKind, place: str) -> Layer:
    """The text of a spec file or preset.

    Raises:
        SpecError: it is not TOML, has too much in it, or is of a newer format than this version reads.
    """
    said = f"the preset {place}" if kind == "preset" else f"the spec file {place}"
    refuse_excess(text, said)
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise SpecError(f"{said} is not TOML: {error}", hint=_hint_of_format(text, place)) from error
    number = values.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise SpecError(
            f"{said} has format {number}; this version of identify reads format {FORMAT}",
            hint="install a newer identify-core",
        )
    return Layer(kind=kind, place=place, values=values, lines=find_lines(text.replace("\r\n", "\n")))


def _hint_of_format(text: str, place: str) -> str:
    """What to do about a spec that is written in another format."""
    ending = Path(place).suffix.lower()
    written = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}.get(ending)
    if written is None:
        beginning = text.lstrip()[:200]
        looks_like_yaml = re.match(r"(---\s|[\w-]+:\s)", beginning) is not None
        written = "JSON" if beginning.startswith("{") else "YAML" if looks_like_yaml else None
    if written is None:
        return ""
    return f"specs are TOML, and this is {written}: `identify init PLUGIN --output spec.toml` writes one to start from"


def read_overrides(overrides: Sequence[str]) -> Layer:
    """`--set KEY=VALUE` texts as one layer; where two name the same key the later one counts.

    Raises:
        SpecError: some of them cannot be read; every one of those is a problem of the error.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    for text in overrides:
        place = f"--set {text}"
        try:
            path, value = read_override(text)
            _put(values, path, value)
        except ValueError as error:
            problems.append(f"{place}: {error}")
        else:
            places[path] = place
    if problems:
        raise SpecError("an override cannot be read", problems=problems, hint="write --set objective.steps=2000")
    return Layer(kind="set", place="--set", values=values, places=places)


def read_override(text: str) -> tuple[tuple[str, ...], Any]:
    """`a.b=VALUE` as key path and value: the value is TOML where it parses as such, else the bare string.

    Raises:
        ValueError: there is no `=`, or what stands before it is not a dotted key.
    """
    path, value = _split(text)
    return path, _read_value(value)


def refuse_excess(text: str, said: str) -> None:
    """Refuse a text whose nesting or number of keys would cost a reader more than any spec is worth.

    Args:
        text: TOML, or something that is not.
        said: what it is, for the message.

    Raises:
        SpecError: it is nested deeper than `DEEPEST`, has more than `MOST_STATEMENTS` keys and headers, or a number
            of more than `LONGEST_NUMBER` digits.
    """
    nested, line, statements, in_value, dots = 0, 1, 0, False, 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        first = token[0]
        if first in "[{":
            statements += nested == 0 and not in_value  # a header
            nested, dots = nested + 1, 0
        elif first in "]}":
            nested, dots = max(0, nested - 1), 0
        elif first == "=":
            statements, in_value, dots = statements + 1, True, 0
        elif first == "\n":
            in_value, dots = in_value and nested > 0, 0
        elif first not in "\"'#":  # bare words, numbers, and the dots and commas between strings
            parts = [part.count(".") for part in token.split(",")]
            deepest = max(dots + parts[0], *parts)
            dots = parts[-1] if len(parts) > 1 else deepest
            if deepest >= DEEPEST:
                raise _too_deep(said, line)
            if len(token) > LONGEST_NUMBER and (number := _LONG_NUMBER.search(token)):
                digits = sum(character != "_" for character in number.group())
                raise SpecError(f"{said} has a number of {digits:,} digits on line {line}; at most {LONGEST_NUMBER:,}")
        if nested > DEEPEST:
            raise _too_deep(said, line)
        line += token.count("\n")
    if statements > MOST_STATEMENTS:
        raise SpecError(f"{said} has {statements:,} keys, more than any spec needs; at most {MOST_STATEMENTS:,}")


def _too_deep(said: str, line: int) -> SpecError:
    return SpecError(f"{said} is nested deeper than {DEEPEST} levels on line {line}, which no spec needs")


def _split(text: str) -> tuple[tuple[str, ...], str]:
    for match in re.finditer("=", text):
        try:
            path = read_key_path(text[: match.start()].strip())
        except ValueError:
            continue
        return path, text[match.end() :].strip()
    if "=" not in text:
        raise ValueError(f"{echo(text)!r} has no value: write KEY=VALUE")
    raise ValueError(f"{echo(text.partition('=')[0])!r} is not a dotted key such as objective.steps")


def read_lists(texts: Sequence[str]) -> Layer:
    """`--over KEY=VALUES` texts as one layer of the table `[sweep]`; where two name the same key the later one counts.

    The values are a TOML list, or stand between commas as in `seed=0,1,2` and `dataset.mixing=random,identity`.

    Raises:
        SpecError: some of them cannot be read; every one of those is a problem of the error.
    """
    problems: list[str] = []
    lists: dict[str, list[Any]] = {}
    places: dict[KeyPath, str] = {}
    for text in texts:
        place = f"--over {text}"
        try:
            path, values = _split(text)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        key = write_key_path(path)
        lists[key] = _read_list(values)
        places["sweep", key] = place
    if problems:
        raise SpecError("a list of values cannot be read", problems=problems, hint="write --over seed=0,1,2")
    return Layer(kind="flag", place="--over", values={"sweep": lists} if lists else {}, places=places)


def read_combination(values: Mapping[str, Any]) -> Layer:
    """One combination of a sweep, dotted key to value, as a layer above all others."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        _put(nested, read_key_path(key), value)
    return Layer(kind="flag", place="the sweep", values=nested)


def _read_list(text: str) -> list[Any]:
    whole = _read_value(text)
    if isinstance(whole, list):
        return whole
    listed = _read_value(f"[{text}]")
    if isinstance(listed, list):
        return listed
    return [_read_value(each.strip()) for each in text.split(",")]


def read_flags(flags: Mapping[str, Any]) -> Layer:
    """Command-line flags, dotted key to value, as the uppermost layer; None means that the flag was not given."""
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    for key, value in flags.items():
        if value is not None:
            path = read_key_path(key)
            _put(values, path, value)
            places[path] = f"--{key}"
    return Layer(kind="flag", place="flags", values=values, places=places)


def find_lines(text: str) -> dict[KeyPath, int]:
    """The line of every key and header of a valid TOML text, by key path; array-of-tables elements by index."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        if statement.startswith("["):
            depth = 2 if statement.startswith("[[") else 1
            table = _within(read_key_path(statement[depth:-depth].strip()), counts, depth == 2)
            lines.setdefault(table, number)
        else:
            path, _ = _split(statement)
            lines.setdefault(table + path, number)
    return lines


def _within(path: tuple[str, ...], counts: dict[KeyPath, int], opens_element: bool) -> KeyPath:
    """A header's path with the index of the element that it stands in, for each array of tables on its way."""
    here: KeyPath = ()
    for position, part in enumerate(path):
        here = (*here, part)
        if position == len(path) - 1 and opens_element:
            counts[here] = counts.get(here, -1) + 1
        if here in counts:
            here = (*here, counts[here])
    return here


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or `key =` of a valid TOML text with its line; comments and values are left out."""
    line, start, depth, in_value = 1, 0, 0, False
    parts: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "\n" and (depth == 0 or not in_value):
            if start:
                yield start, "".join(parts).strip()
            start, parts, in_value, depth = 0, [], False, 0
        elif not token.startswith("#"):
            if not start and not token.isspace():
                start = line
            if not in_value:
                parts.append(token)
            in_value = in_value or token == "="
            depth += (token in ("[", "{")) - (token in ("]", "}"))
        line += token.count("\n")
    if start:
        yield start, "".join(parts).strip()


def _read_value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, a number of too many digits, or nested without measure
        return text
    return document["value"] if document.keys() == {"value"} else text


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for depth, part in enumerate(parents):
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ValueError(f"{'.'.join(path[: depth + 1])} was given a value before, so it has no keys")
    values[last] = value
