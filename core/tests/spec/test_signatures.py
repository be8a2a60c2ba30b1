"""The key that signs a user's own specs: made once, for its owner alone, and never trusted where others may read it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from identify_core.errors import IdentifyError
from identify_core.spec.signatures import is_signed, key_file, sign
from identify_core.testing.fixtures import Project

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")


def test_what_this_user_signed_is_known_and_nothing_else_is(project: Project) -> None:
    signature = sign("a spec")
    assert is_signed("a spec", signature)
    for text, said in (("another", signature), ("a spec", signature[:-1]), ("a spec", None), ("a spec", 7), ("a", "ü")):
        assert not is_signed(text, said)


def test_to_ask_makes_no_key(project: Project) -> None:
    assert not is_signed("a spec", "0" * 64)
    assert not key_file().exists()


def test_another_key_is_another_user(project: Project) -> None:
    signature = sign("a spec")
    key_file().unlink()
    assert not is_signed("a spec", signature)
    assert sign("a spec") != signature


@posix
def test_the_key_is_readable_by_its_owner_alone(project: Project) -> None:
    before = os.umask(0)
    try:
        sign("a spec")
    finally:
        os.umask(before)
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert [each.name for each in key_file().parent.iterdir()] == [key_file().name]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_refused(project: Project, mode: int) -> None:
    signature = sign("a spec")
    key_file().chmod(mode)
    for attempt in (lambda: sign("a spec"), lambda: is_signed("a spec", signature)):
        with pytest.raises(IdentifyError, match="may be read or written by others") as caught:
            attempt()
        assert caught.value.hint.startswith("remove it")


@posix
def test_a_key_that_is_a_link_or_a_pipe_is_refused(project: Project) -> None:
    sign("a spec")
    elsewhere = key_file().with_name("elsewhere")
    key_file().rename(elsewhere)
    key_file().symlink_to(elsewhere)
    with pytest.raises(IdentifyError, match="cannot be read"):
        sign("a spec")
    key_file().unlink()
    os.mkfifo(key_file(), 0o600)
    with pytest.raises(IdentifyError, match="is not a regular file"):
        sign("a spec")


def test_a_key_that_was_cut_short_is_refused(project: Project) -> None:
    sign("a spec")
    key_file().write_bytes(b"short")
    with pytest.raises(IdentifyError, match="does not have 32 bytes"):
        sign("a spec")


def test_no_folder_for_a_key_is_said(project: Project) -> None:
    key_file().parent.parent.mkdir(parents=True)
    key_file().parent.write_text("a file is in the way")
    with pytest.raises(IdentifyError, match="cannot be read: Not a directory"):
        sign("a spec")


def test_many_at_once_make_one_key(project: Project) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: sign("a spec"), range(64)))) == 1
