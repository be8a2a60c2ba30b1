"""HTML built from elements: whatever is put in as plain text is escaped, so that a page cannot forget to."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "img", "br", "hr", "input", "link", "col"})


class Markup(str):
    """Text that is HTML already; only this module and constants of the page make it."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | int | float | bool | None


def text(child: Child) -> Markup:
    """One child, or several after each other, as HTML: plain strings escaped, `Markup` as it is, None as nothing."""
    if child is None:
        return Markup("")
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(escape(child, quote=True))
    return Markup("".join(text(each) for each in child))


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """`<tag ...>children</tag>`, everything escaped.

    Args:
        tag: the element's name.
        children: strings, markup, None or iterables of them.
        attributes: underscores become hyphens and one at the end is dropped (`class_`, `data_value`); True is an
            attribute without a value, False and None leave it out.
    """
    words = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        words.append(key if value is True else f'{key}="{escape(str(value), quote=True)}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if tag in VOID else f"{opening}{text(children)}</{tag}>")
