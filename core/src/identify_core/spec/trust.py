"""Trust: the code and the files that a spec names, and whether they are honoured where the spec comes from a store.

What users give in their own command they may name. A stored spec is data: what it names counts where this user's key
signed it, or where the command trusts it by name.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from identify_core.errors import IdentifyError, SpecError
from identify_core.kinds import option_fields
from identify_core.saying import say
from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.resolved import ResolvedSpec
from identify_core.spec.signatures import is_signed, sign


@attrs.frozen(kw_only=True)
class Named:
    """Something outside of the spec that one of its values names.

    Args:
        path: the key path of the value.
        value: the value as text, which is what `--trust-code` takes.
        kind: what would be done with it.
    """

    path: KeyPath
    value: str
    kind: Literal["code", "file"]

    def __str__(self) -> str:
        done = "imported and run" if self.kind == "code" else "read"
        if self.kind == "code" and "://" in self.value:
            done = "asked, and what it answers can run code here"
        return f"{write_key_path(self.path)}: {say(self.value)} would be {done}"


class TrustError(SpecError):
    """A stored spec names what neither the user's own signature nor the command vouches for.

    Args:
        owner: whose spec it is: "the run 2026...".
        reason: why it counts as somebody else's.
        named: what it names.
    """

    def __init__(self, owner: str, reason: str, named: Sequence[Named]) -> None:
        flags = " ".join(f"--trust-code {shlex.quote(value)}" for value in dict.fromkeys(each.value for each in named))
        super().__init__(
            f"{owner} comes from elsewhere ({reason}), and its spec names what only you can trust",
            problems=list(dict.fromkeys(str(each) for each in named)),
            hint=f"if you know what that does, and trust it, add {flags}",
        )
        self.owner, self.reason, self.named = owner, reason, tuple(named)


def names_in(options: Any, path: KeyPath = ()) -> tuple[Named, ...]:
    """What the values of structured options name; a default is the plugin's own and names nothing foreign."""
    return tuple(_names_in(options, path))


def names_of(spec: ResolvedSpec) -> tuple[Named, ...]:
    """What a spec names, in the order of its tables."""
    found: list[Named] = []
    for table, chosen in (("dataset", spec.dataset), ("model", spec.model), ("objective", spec.objective)):
        if chosen is not None:
            found += names_in(chosen.options, (table,))
    for each in spec.evaluators:
        found += names_in(each.options, ("evaluators", each.label))
    return tuple(found)


def signature_of(spec: ResolvedSpec, *, warn: Callable[[str], None]) -> str:
    """The signature that a run of this user keeps with its spec; empty where the spec names nothing.

    Args:
        spec: a spec that the user gave.
        warn: told where the user's key cannot be made or used; the run is worth more than its signature.
    """
    return sign_names(names_of(spec), spec.as_toml(), warn=warn)


def refuse_foreign_names(
    spec: ResolvedSpec, *, text: str, signature: object, trusted: Collection[str], owner: str
) -> None:
    """Refuse a stored spec that names what neither its signature nor the command vouches for.

    Args:
        spec: the spec, loaded from `text`.
        text: the file's content.
        signature: what the store keeps as the signature of the text.
        trusted: what `--trust-code` named.
        owner: whose spec it is, for the message: "the run 2026...".

    Raises:
        TrustError: it names such things; each is a problem.
    """
    refuse_unsigned(names_of(spec), text=text, signature=signature, trusted=trusted, owner=owner)


def refuse_unsigned(
    names: Sequence[Named], *, text: str, signature: object, trusted: Collection[str], owner: str
) -> None:
    """Refuse a stored text that names what neither its signature nor the command vouches for.

    Args:
        names: what it names.
        text: the file's content.
        signature: what the store keeps as the signature of the text.
        trusted: what `--trust-code` named.
        owner: whose text it is, for the message.

    Raises:
        TrustError: there are such names; each is a problem.
    """
    doubtful = [named for named in names if named.value not in trusted]
    if not doubtful:
        return
    reason = "no signature of yours"
    try:
        if is_signed(text, signature):
            return
    except IdentifyError as error:
        reason = error.message
    raise TrustError(owner, reason, doubtful)


def sign_names(names: Sequence[Named], text: str, *, warn: Callable[[str], None]) -> str:
    """The signature of a text of this user; empty where it names nothing.

    Args:
        names: what it names.
        text: to be signed.
        warn: told where the user's key cannot be made or used; what is made is worth more than its signature.
    """
    if not names:
        return ""
    try:
        return sign(text)
    except IdentifyError as error:
        warn(f"{error.message}; {error.hint}")
        return ""


def _names_in(value: Any, path: KeyPath) -> Iterator[Named]:
    if attrs.has(type(value)):
        for field in option_fields(type(value)):
            each = getattr(value, field.name)
            kind = _kind(field)
            if kind is None:
                yield from _names_in(each, (*path, field.name))
            elif each != _default(field):
                yield from (
                    Named(path=place, value=text, kind=kind) for place, text in _texts(each, (*path, field.name))
                )
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _names_in(each, (*path, key))
    elif isinstance(value, (tuple, list)):
        for index, each in enumerate(value):
            yield from _names_in(each, (*path, index))


def _kind(field: attrs.Attribute[Any]) -> Literal["code", "file"] | None:
    if field.metadata.get("names_code"):
        return "code"
    return "file" if field.metadata.get("names_file") else None


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attrs.NOTHING if default.takes_self else default.factory()
    return default


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every text below a value that names something; an empty one, a number or a flag names nothing."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, (tuple, list)):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))
    elif value is not None and not isinstance(value, (bool, int, float)) and str(value):
        yield path, str(value)
