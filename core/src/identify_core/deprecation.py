"""Deprecation: what will be removed says so for at least one minor release, with the version that removes it.

    warnings.warn(deprecated("context.restart", since="0.2", removal="0.4", instead="context.restore"), stacklevel=2)

    @hookspec(warn_on_impl=deprecated("identify_losses", since="0.2", removal="0.4", instead="identify_objectives"))
    @hookspec(warn_on_impl_args={"folder": deprecated("folder", since="0.2", removal="0.4", instead="run_id")})

pluggy gives the latter two when a plugin that implements the hook, or names the argument, is registered. All versions
are written out where `deprecated` is called, so that the suite finds every call: it fails when a removal version has
come, and when CHANGELOG.md does not name what is deprecated under the version that began it.
"""

from __future__ import annotations

import re

_RELEASE = re.compile(r"(\d+)\.(\d+)")


class IdentifyDeprecationWarning(DeprecationWarning):
    """Something that a plugin or a script uses will be removed.

    Test suites see it; turn it into an error there to be told early:
    `filterwarnings = ["error::identify_core.IdentifyDeprecationWarning"]`.
    """


def deprecated(what: str, *, since: str, removal: str, instead: str) -> IdentifyDeprecationWarning:
    """The warning that something will be removed, to be given or handed to pluggy.

    Args:
        what: the name of what is deprecated, as CHANGELOG.md writes it.
        since: the first release that warns, as `X.Y`.
        removal: the release that will no longer have it, later than `since`, as `X.Y`.
        instead: what to use; a name, or words.

    Raises:
        ValueError: a version is none, or the removal does not come after the warning.
    """
    first, last = _release(since), _release(removal)
    if last <= first:
        raise ValueError(f"{what} cannot be removed in {removal}: it is deprecated only since {since}")
    return IdentifyDeprecationWarning(
        f"{what} is deprecated since identify-core {since} and will be removed in {removal}; use {instead}"
    )


def _release(text: str) -> tuple[int, int]:
    found = _RELEASE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a release such as '0.2'")
    return int(found[1]), int(found[2])
