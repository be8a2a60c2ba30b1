"""A deprecation warns with both of its versions, through a call and through pluggy, and becomes an error on request."""

from __future__ import annotations

import re
import warnings

import pluggy
import pytest

from identify_core.deprecation import IdentifyDeprecationWarning, deprecated

OLD = {"since": "0.2", "removal": "0.4", "instead": "the new one"}
hookspec = pluggy.HookspecMarker("probe")
hookimpl = pluggy.HookimplMarker("probe")


class Specs:
    """An API in which a hook and an argument are on their way out."""

    @hookspec(warn_on_impl=deprecated("old_hook", **OLD))
    def old_hook(self) -> None:
        """Deprecated."""

    @hookspec(warn_on_impl_args={"folder": deprecated("new_hook's folder", **OLD)})
    def new_hook(self, folder: str, run_id: str) -> None:
        """One argument is deprecated."""


def manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("probe")
    manager.add_hookspecs(Specs)
    return manager


def test_it_says_since_when_until_when_and_what_instead() -> None:
    warning = deprecated("context.restart", since="0.2", removal="0.10", instead="context.restore")
    assert str(warning) == (
        "context.restart is deprecated since identify-core 0.2 and will be removed in 0.10; use context.restore"
    )
    assert issubclass(IdentifyDeprecationWarning, DeprecationWarning)
    with pytest.warns(IdentifyDeprecationWarning, match="removed in 0.10"):
        warnings.warn(warning, stacklevel=1)


@pytest.mark.parametrize(
    ("since", "removal", "message"),
    [
        ("0.2", "0.2", "cannot be removed in 0.2: it is deprecated only since 0.2"),
        ("0.10", "0.9", "cannot be removed in 0.9"),
        ("2", "3.0", "'2' is not a release such as '0.2'"),
        ("0.2", "soon", "'soon' is not a release"),
        ("0.2.1", "0.3", "'0.2.1' is not a release"),
    ],
)
def test_versions_that_make_no_sense_are_refused(since: str, removal: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        deprecated("x", since=since, removal=removal, instead="y")


def test_implementing_a_deprecated_hook_warns() -> None:
    class Plugin:
        @hookimpl
        def old_hook(self) -> None:
            pass

    with pytest.warns(IdentifyDeprecationWarning, match="old_hook is deprecated since identify-core 0.2"):
        manager().register(Plugin())


def test_naming_a_deprecated_argument_warns_and_leaving_it_away_does_not() -> None:
    class Old:
        @hookimpl
        def new_hook(self, folder: str) -> None:
            pass

    class New:
        @hookimpl
        def new_hook(self, run_id: str) -> None:
            pass

    with pytest.warns(IdentifyDeprecationWarning, match="new_hook's folder is deprecated"):
        manager().register(Old())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager().register(New())
