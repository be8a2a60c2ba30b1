"""Stored requests: everything that a comparison is made from, as text in the store, and read back to go on with it.

The text is data, as everything in a store is. It names files, and code where an evaluator's options do: these count
where this user's key signed the text, or where the command trusts them by name.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.comparisons.foreign.door import Terms
from identify_core.comparisons.foreign.locations import locate
from identify_core.comparisons.references import Group, open_groups
from identify_core.errors import StoreError, UsageError
from identify_core.plugins import Registry
from identify_core.spec import FORMAT, Chosen
from identify_core.spec.choice import choose_stored_evaluators
from identify_core.spec.trust import Named, names_in, refuse_unsigned
from identify_core.store import Store, StoredLatents, StoredRun

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Request


def _as_texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@attrs.frozen(kw_only=True)
class Asked:
    """What a user named, in words that mean the same to another process.

    Args:
        references: runs by id, and files as they were written.
        folder: the working folder, which relative paths of files start from.
        latents: as for `open_groups`.
        split: as for `open_groups`; empty for any.
        terms: how arrays are read.
        states: of each file its size and the time of its last change; empty texts for runs.
    """

    references: tuple[str, ...] = attrs.field(converter=_as_texts)
    folder: str = attrs.field(factory=lambda: str(Path.cwd()))
    latents: tuple[str, ...] = attrs.field(default=(), converter=_as_texts)
    split: str = ""
    terms: Terms = attrs.field(factory=Terms)
    states: tuple[str, ...] = attrs.field(default=(), converter=_as_texts)

    @classmethod
    def of(cls, named: Sequence[Any], store: Store, **more: Any) -> Asked | None:
        """Of references, open runs and latents of runs; None where something is in memory alone.

        Args:
            named: as for `open_groups`.
            store: where the runs must lie.
            more: the other fields.
        """
        references = [_reference_of(each, store) for each in named]
        if any(each is None for each in references):
            return None
        return cls(references=[each for each in references if each is not None], **more)

    def open(self, store: Store) -> list[Group]:
        """What is meant; as `open_groups`."""
        return open_groups(self.references, store, latents=self.latents, split=self.split or None, terms=self.terms)

    def pinned(self, groups: Sequence[Group]) -> Asked:
        """The same with runs by their ids, and the files' sizes and times."""
        references, states = [], []
        for reference, group in zip(self.references, groups, strict=True):
            located = locate(reference)
            rest = reference[len(reference.partition(":")[0].partition("[")[0]) :]
            references.append(f"{group.name}{rest}" if located is None else reference)
            states.append("" if located is None else _state(located.path))
        return attrs.evolve(self, references=references, states=states)

    def as_dict(self) -> dict[str, Any]:
        """In plain TOML types."""
        return {
            "references": self.references,
            "folder": self.folder,
            "latents": self.latents,
            "split": self.split,
            "states": self.states,
            **{name: _plain(value) for name, value in attrs.asdict(self.terms).items()},
        }

    def refuse_changes(self) -> None:
        """Refuse files that are not what they were.

        Raises:
            UsageError: one has changed, or is not there any more.
        """
        for reference, state in zip(self.references, self.states, strict=True):
            located = locate(reference) if state else None
            if located is not None and (not located.path.exists() or _state(located.path) != state):
                what = "has changed" if located.path.exists() else "is not there any more"
                raise UsageError(f"{reference} {what} since the comparison began", hint="put it back, or compare again")


def request_as_toml(request: Request) -> str:
    """What was asked, complete enough to ask it again."""
    import tomli_w

    asked = {} if request.asked is None else {"asked": request.asked.as_dict()}
    return tomli_w.dumps(
        {
            "format": FORMAT,
            "name": request.name,
            "seed": request.seed,
            "device": request.device,
            "trust_ids": request.trust_ids,
            "partial": request.partial,
            "expect": request.expect,
            "representations": [each.label for group in request.groups for each in group.representations],
            **asked,
            "evaluators": [{**each.as_dict(), "label": each.label} for each in request.evaluators],
        }
    )


def names_of(asked: Asked | None, evaluators: Sequence[Chosen]) -> tuple[Named, ...]:
    """The files that are compared, and what the options of evaluators name."""
    found = [
        Named(path=("asked", "references", index), value=reference, kind="file")
        for index, reference in enumerate(asked.references if asked is not None else ())
        if asked is not None and asked.states[index]
    ]
    for each in evaluators:
        found += names_in(each.options, ("evaluators", each.label))
    return tuple(found)


@contextlib.contextmanager
def reopened(
    text: str, registry: Registry, store: Store, *, owner: str, signature: object, trusted: Collection[str] = ()
) -> Iterator[Request]:
    """The request of a comparison in the store, in a block that is run in the working folder of then.

    Args:
        text: what `request_as_toml` wrote.
        registry: where evaluators are looked up.
        store: by its absolute path.
        owner: whose text it is, for messages: "the comparison 2026...".
        signature: what the store keeps as the signature of the text.
        trusted: what the user's command trusts by name.

    Raises:
        StoreError: it was begun in a way that cannot be gone on with.
        TrustError: it names what neither the user's own signature nor the command vouches for.
        UsageError: a file has changed or is gone, or so is the working folder.
    """
    from identify_core.comparisons.comparison import Request

    plain = _parsed(text, owner)
    asked = _asked(plain["asked"])
    evaluators = choose_stored_evaluators(registry, plain["evaluators"], owner=owner)
    refuse_unsigned(names_of(asked, evaluators), text=text, owner=owner, signature=signature, trusted=trusted)
    if not Path(asked.folder).is_dir():
        raise UsageError(f"{owner} was begun in the folder {asked.folder}, which is not there")
    with contextlib.chdir(asked.folder):
        asked.refuse_changes()
        yield Request(
            groups=asked.open(store),
            evaluators=evaluators,
            asked=asked,
            registry=registry,
            trusted=tuple(trusted),
            **{key: plain[key] for key in ("name", "seed", "device", "trust_ids", "partial", "expect")},
        )


def _reference_of(thing: object, store: Store) -> str | None:
    if isinstance(thing, str):
        return thing
    if not isinstance(thing, (StoredRun, StoredLatents)):
        return None
    folder = thing.folder if isinstance(thing, StoredRun) else thing.run_folder
    if folder.parent.parent.resolve() != store.path.resolve():
        return None
    return folder.name if isinstance(thing, StoredRun) else f"{folder.name}:{thing.name}"


def _parsed(text: str, owner: str) -> dict[str, Any]:
    plain = tomllib.loads(text)
    if "asked" not in plain:
        raise StoreError(f"{owner} cannot be gone on with: it does not say where its arrays came from")
    return plain


def _asked(plain: Mapping[str, Any]) -> Asked:
    terms = {field.name: plain[field.name] for field in attrs.fields(Terms)}
    own = {field.name: plain[field.name] for field in attrs.fields(Asked) if field.name != "terms"}
    return Asked(terms=Terms(**terms), **own)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)


def _state(path: Path) -> str:
    """The size of a file and the time of its last change; of a folder the sum and the last of all below it."""
    files = [path]
    if path.is_dir():
        files += [Path(where) / name for where, _, names in os.walk(path) for name in names]
    states = [each.stat() for each in files]
    size = sum(each.st_size for each, file in zip(states, files, strict=True) if not file.is_dir())
    return f"{size} bytes in {len(files)}, {max(each.st_mtime_ns for each in states)}"
