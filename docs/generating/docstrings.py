"""Google docstrings and signatures taken apart, and written as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from generating.markdown import fence, prose, table

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example):$", re.MULTILINE)


class UndocumentedError(Exception):
    """Something public has no docstring, or an argument is not in it."""


@attrs.frozen(kw_only=True)
class Docstring:
    """The parts of a docstring.

    Args:
        text: paragraphs before the first section.
        arguments: name to meaning, of `Args` and `Attributes`.
        returns: the section `Returns`.
        raises: name of each error to when it is raised.
        example: the code of `Example`.
    """

    text: str
    arguments: Mapping[str, str]
    returns: str
    raises: Mapping[str, str]
    example: str


def read_docstring(of: Any, called: str) -> Docstring:
    """Take the docstring of something apart.

    Raises:
        UndocumentedError: it has none of its own.
    """
    raw = of.__doc__ if not isinstance(of, property) else of.fget.__doc__
    if not raw or not raw.strip():
        raise UndocumentedError(f"{called} has no docstring")
    first, *pieces = _SECTION.split(inspect.cleandoc(raw))
    sections = dict(zip(pieces[::2], pieces[1::2], strict=True))
    return Docstring(
        text=first.strip(),
        arguments=_entries(sections.get("Args", "")) | _entries(sections.get("Attributes", "")),
        returns=" ".join(sections.get("Returns", "").split()),
        raises=_entries(sections.get("Raises", "")),
        example=textwrap.dedent(sections.get("Example", "").strip("\n")),
    )


def _entries(section: str) -> dict[str, str]:
    """`name: meaning`, the meaning going on in lines that are indented further."""
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(section.strip("\n")).splitlines():
        if line and not line[0].isspace():
            name, _, meaning = line.partition(":")
            found[name] = meaning.strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def paragraphs(text: str) -> str:
    """The text of a docstring as Markdown; indented blocks in it are shown as they are."""
    blocks = re.split(r"\n{2,}(?=\S)", text)
    shown = []
    for block in blocks:
        lead, found, rest = block.partition("\n\n    ")
        shown.append(prose(" ".join(lead.split())))
        if found:
            shown.append(fence("text", textwrap.dedent(f"    {rest}")))
    return "\n\n".join(shown)


def type_text(annotation: Any) -> str:
    """An annotation as it stands in the source."""
    if annotation in (inspect.Parameter.empty, None) and annotation is not None:
        return ""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return text.replace("np.ndarray[Any, Any]", "np.ndarray").replace("typing.", "")


def signature_text(name: str, function: Callable[..., Any]) -> str:
    """`name(arguments) -> type`, on several lines where it is long."""
    signature = inspect.signature(function)
    parts: list[str] = []
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.name == "self" or (not parts and parameter.name == "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        parts.append(_parameter(parameter))
    result = type_text(signature.return_annotation)
    end = f" -> {result}" if result else ""
    short = f"{name}({', '.join(parts)}){end}"
    if len(short) <= 96:
        return short
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){end}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else stars
    kind = type_text(parameter.annotation)
    text = f"{stars}{parameter.name}{f': {kind}' if kind else ''}"
    if parameter.default is parameter.empty:
        return text
    return f"{text}{' = ' if kind else '='}{default_text(parameter.default)}"


def default_text(value: Any) -> str:
    """A default as it would be written; dots for what has no short text."""
    if value is attrs.NOTHING:
        return "..."
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        # A default that follows from the record's other fields has no text of its own.
        return "..." if value.takes_self else default_text(value.factory())
    if isinstance(value, frozenset) and not value:
        return "frozenset()"
    if isinstance(value, Mapping) and not value:
        return "{}"
    if isinstance(value, type):
        return value.__name__
    return repr(value) if isinstance(value, (bool, int, float, str, tuple, dict, type(None))) else "..."


def details(documented: Docstring, function: Callable[..., Any] | None, called: str) -> list[str]:
    """Arguments, result and errors as Markdown.

    Raises:
        UndocumentedError: `function` has an argument that the docstring does not name.
    """
    parts = []
    if documented.arguments:
        if function is not None:
            _refuse_forgotten(documented, function, called)
        rows = [(f"`{name}`", prose(meaning)) for name, meaning in documented.arguments.items()]
        parts.append(table(("argument", "meaning"), rows))
    if documented.returns:
        parts.append(f"Returns {prose(documented.returns)}")
    parts += [f"Raises `{error}`: {prose(when)}" for error, when in documented.raises.items()]
    return [*parts, *shown_example(documented)]


def shown_example(documented: Docstring) -> list[str]:
    """The example of a docstring, where it is one that a test executes."""
    return [fence("{code-block} pycon", documented.example)] if documented.example.startswith(">>>") else []


def _refuse_forgotten(documented: Docstring, function: Callable[..., Any], called: str) -> None:
    for name in inspect.signature(function).parameters:
        if name not in ("self", "cls") and name not in documented.arguments and f"`{name}`" not in documented.text:
            raise UndocumentedError(f"{called}: the docstring says nothing about the argument {name!r}")
