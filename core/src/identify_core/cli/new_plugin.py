"""`identify new-plugin`: write the distribution of a new plugin, complete and ready to be changed."""

from __future__ import annotations

from pathlib import Path

import click

from identify_core.cli.invocation import Invocation, json_option
from identify_core.cli.output import print_text


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--output",
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder to make; it may exist if it is empty. --dir is its old name.  [default: identify-NAME]",
)
@json_option
@click.pass_obj
def command(invocation: Invocation, name: str, folder: Path | None, as_json: bool) -> None:
    """Write a plugin called NAME: a distribution that installs, runs and passes its tests as it is.

    It has one dataset, one model, one objective, one evaluator and a preset `smoke`, each to be replaced by your own.
    """
    from identify_core.cli.output import print_json
    from identify_core.cli.root import VERBS
    from identify_core.plugins.scaffold import UNKNOWN_AUTHOR, find_author, refuse_bad_name, render, write_whole

    verbs = [verb for section in VERBS.values() for verb in section]
    refuse_bad_name(name, verbs=verbs, installed=_installed(invocation))
    folder = Path(f"identify-{name}") if folder is None else folder
    author = find_author()
    texts = render(name, author=author)
    write_whole(folder, texts)
    following = _next_commands(name, folder)
    if as_json:
        content = {
            "plugin": name,
            "distribution": f"identify-{name}",
            "package": f"identify_{name.replace('-', '_')}",
            "folder": str(folder),
            "files": list(texts),
            "next": following,
        }
        print_json("new-plugin", content)
        return
    print_text(f"wrote {len(texts)} files into {folder}; next:")
    for each in following:
        print_text(f"  {each}")
    if author == UNKNOWN_AUTHOR:
        print_text(f"git knows no user.name: LICENSE and pyproject.toml say {author!r}, replace it")


def _installed(invocation: Invocation) -> set[str]:
    """The names of the plugins and of all distributions whose name begins with the prefix, usable or not."""
    import re
    from importlib import metadata

    plugins = {plugin.name for plugin in invocation.discover(check_requirements=False)}
    names = (str(each.name) for each in metadata.distributions() if each.name)
    canonical = (re.sub(r"[-_.]+", "-", name).lower() for name in names)
    return plugins | {name.removeprefix("identify-") for name in canonical if name.startswith("identify-")}


def _next_commands(name: str, folder: Path) -> list[str]:
    """How to install, run and test it, from the working folder."""
    place = str(folder) if folder.is_absolute() else folder.as_posix()
    # pip takes a folder for one only if it looks like one
    source = place if folder.is_absolute() or place == "." else f"./{place}"
    return [
        f"pip install --editable {_quoted(f'{source}[test]')}",
        f"identify run {name} --preset smoke",
        f"pytest {_quoted(place)}",
    ]


def _quoted(word: str) -> str:
    """As a shell takes it; in double quotes where that is enough, which every system understands."""
    import re
    import shlex

    if re.fullmatch(r"[\w@%+=:,./\\-]+", word):
        return word
    return shlex.quote(word) if re.search(r'["$`!\\]', word) else f'"{word}"'
