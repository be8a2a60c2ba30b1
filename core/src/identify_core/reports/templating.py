"""Templates: HTML is written by Jinja2 alone, which escapes whatever it is given as plain text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> Markup:
    """A template of this package, filled in.

    Args:
        template: its file name, or `file.html:macro` for one macro of it.
        values: what it shows; plain strings are escaped, `Markup` is not.
    """
    file, _, macro = template.partition(":")
    found = _environment().get_template(file)
    if not macro:
        return Markup(found.render(**values))
    return Markup(getattr(found.module, macro)(**values))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from identify_core.reports.numerals import typeset, typeset_words
    from identify_core.saying import words_of

    environment = Environment(
        loader=PackageLoader("identify_core.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"typeset": typeset, "numerals": typeset_words, "words": words_of}
    return environment
