"""Presets of a plugin that are files of its package's folder `presets`: what the comment at their top says of them."""

from __future__ import annotations

import re
from importlib.resources import files

from identify_core.components import Preset

FOLDER = "presets"
_SENTENCE = re.compile(r".*?[.!?](?=\s|$)")
_SOURCE = "Source: "


def presets_in(package: str, *, first: str = "smoke") -> tuple[Preset, ...]:
    """The presets that are files of a package's folder `presets`, sorted by name.

    A plugin without the hook `identify_presets` has those of its package. The comment at the top of a file says what
    `identify describe` tells: its first sentence is the summary, and what follows a line's `Source:` is the source.

    Args:
        package: as it is imported; empty for a plugin that is in none.
        first: the one that runs where none is named; it comes before the others.

    Example:
        >>> from identify_core import presets_in
        >>> [preset.name for preset in presets_in("identify_core.testing")]
        []
    """
    if not package:
        return ()
    folder = files(package).joinpath(FOLDER)
    if not folder.is_dir():
        return ()
    names = [each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")]
    names.sort(key=lambda each: (each != first, each))
    return tuple(_preset(package, each, folder.joinpath(f"{each}.toml").read_text(encoding="utf-8")) for each in names)


def _preset(package: str, name: str, text: str) -> Preset:
    about, _, source = _top_comment(text).partition(f"\n{_SOURCE}")
    about = " ".join(about.split())
    sentence = _SENTENCE.match(about)
    return Preset(
        name=name,
        summary=sentence[0] if sentence else about,
        resource=f"{package}:{FOLDER}/{name}.toml",
        source=" ".join(source.split()).removesuffix("."),
    )


def _top_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line[1:].strip())
    return "\n".join(lines)
