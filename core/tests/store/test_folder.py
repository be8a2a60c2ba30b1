"""Nothing outside a folder is read, written or deleted through it, with descriptors of folders and without."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identify_core.store import folder as folders
from identify_core.store.folder import Folder
from identify_core.store.places import Entry

LINK = "it is a link, and links inside a store are not followed"


@pytest.fixture(params=["relative", "by path"])
def inside(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder with a file and a folder in it, and links next to them that lead to `home`."""
    if request.param == "by path":
        monkeypatch.setattr(folders, "_RELATIVE", False)
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    (home / "diary").write_text("mine")
    (home / "deep" / "diary").write_text("mine too")
    root = tmp_path / "root"
    (root / "own" / "deeper").mkdir(parents=True)
    (root / "file").write_text("content")
    (root / "own" / "deeper" / "file").write_text("deep content")
    (root / "link").symlink_to(home)
    (root / "file-link").symlink_to(home / "diary")
    return Folder.open(root)


@pytest.fixture(autouse=True)
def _home_is_left_alone(tmp_path: Path) -> Any:
    yield
    if (tmp_path / "home").exists():
        files = sorted(each.relative_to(tmp_path).as_posix() for each in (tmp_path / "home").rglob("*"))
        assert files == ["home/deep", "home/deep/diary", "home/diary"]
        assert (tmp_path / "home" / "diary").read_text() == "mine"


THROUGH_LINKS: dict[str, Callable[[Folder], object]] = {
    "enter": lambda folder: folder.enter("link"),
    "enter deeper": lambda folder: folder.enter("link/deep"),
    "make": lambda folder: folder.make("link/new"),
    "scan": lambda folder: folder.scan("link"),
    "read": lambda folder: folder.read("link/diary"),
    "read the link": lambda folder: folder.read("file-link"),
    "open to append": lambda folder: folder.open_file("file-link", os.O_RDWR | os.O_CREAT | os.O_TRUNC),
    "write": lambda folder: folder.write("link/diary", b"theirs"),
    "move out": lambda folder: folder.move("link/diary", folder, "diary"),
    "move in": lambda folder: folder.move("file", folder, "link/diary"),
    "remove": lambda folder: folder.remove("link/diary"),
    "remove if empty": lambda folder: folder.remove_if_empty("link/deep"),
    "sync": lambda folder: folder.sync_all("link"),
    "plain path": lambda folder: folder.plain_path("link/diary"),
    "plain path of the link": lambda folder: folder.plain_path("file-link"),
}


@pytest.mark.parametrize("use", THROUGH_LINKS)
def test_what_is_behind_a_link_is_out_of_reach(inside: Folder, use: str) -> None:
    with pytest.raises(OSError, match=LINK):
        THROUGH_LINKS[use](inside)


@pytest.mark.parametrize("place", ["../home/diary", "own/../../home/diary", "/etc/passwd", "own//file", "."])
def test_a_place_that_leads_out_is_refused(inside: Folder, place: str) -> None:
    for use in (inside.read, inside.remove, inside.enter, inside.kind, inside.plain_path, inside.make):
        with pytest.raises(ValueError, match="is not a place inside a folder of the store"):
            use(place)
    with pytest.raises(ValueError, match="is not a place inside"):
        inside.write(place, b"")


def test_a_link_is_removed_and_replaced_as_the_link(inside: Folder) -> None:
    inside.remove("link")
    inside.write("file-link", b"ours")
    assert [entry.name for entry in inside.scan()] == ["file", "file-link", "own"]
    assert inside.kind("file-link") == "file"


def test_a_folder_goes_with_its_links_and_what_they_lead_to_stays(inside: Folder, tmp_path: Path) -> None:
    (inside.path / "own" / "deeper" / "link").symlink_to(tmp_path / "home")
    (inside.path / "own" / "loop").symlink_to("../own")
    inside.remove("own")
    inside.remove("own")  # what is gone is gone
    assert inside.kind("own") == ""


@pytest.mark.skipif(not folders._RELATIVE, reason="paths are not that long")
def test_a_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    with Folder.open(tmp_path) as root:
        deepest = root.make("deep")
        for _ in range(1100):  # deeper than a path can be long or Python's stack high
            deepest.make_new("a" * 20)
            deepest = deepest.enter("a" * 20)
        deepest.close()
        root.remove("deep")
        assert root.kind("deep") == ""


def test_walking_names_links_and_does_not_follow_them(inside: Folder) -> None:
    (inside.path / "own" / "deeper" / "loop").symlink_to(inside.path)
    assert list(inside.walk()) == [
        ("file", "file"),
        ("file-link", "link"),
        ("link", "link"),
        ("own", "folder"),
        ("own/deeper", "folder"),
        ("own/deeper/file", "file"),
        ("own/deeper/loop", "link"),
    ]
    assert [place for place, _ in inside.walk("own")] == ["own/deeper", "own/deeper/file", "own/deeper/loop"]


def test_walking_ends_where_folders_are_nested_too_deeply(inside: Folder) -> None:
    inside.make("/".join("d" * 110))
    with pytest.raises(OSError, match="folders are nested more than 100 deep"):
        list(inside.walk("d"))


def test_what_is_no_regular_file_is_not_opened(inside: Folder) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no FIFOs on this system")
    os.mkfifo(inside.path / "fifo")
    assert inside.kind("fifo") == "other"
    with pytest.raises(OSError, match="it is not a regular file"):
        inside.read("fifo")
    inside.remove("fifo")
    assert inside.kind("fifo") == ""


def test_a_file_is_read_up_to_a_size(inside: Folder) -> None:
    assert inside.read("own/deeper/file", largest=12) == b"deep content"
    with pytest.raises(ValueError, match="it has more than 11 bytes"):
        inside.read("own/deeper/file", largest=11)


def test_a_file_is_replaced_whole_or_not_at_all(inside: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.write("own/deeper/file", b"new")
    assert inside.read("own/deeper/file") == b"new"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        inside.write("own/deeper/file", b"newer")
    assert inside.read("own/deeper/file") == b"new"
    assert inside.scan("own/deeper") == [Entry("file", "file")]


@pytest.mark.skipif(not folders._RELATIVE, reason="needs descriptors of folders")
def test_a_folder_that_was_moved_or_deleted_is_never_made_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with Folder.open(tmp_path / "run") as run:
        (tmp_path / "run").rename(tmp_path / "moved")
        run.write("a", b"1")
        assert (tmp_path / "moved" / "a").read_bytes() == b"1"
        assert (run.address / "a").read_bytes() == b"1"
        Folder.open(tmp_path).remove("moved")
        for use in (lambda: run.write("b", b""), lambda: run.make("c"), lambda: run.enter().make_new("d")):
            with pytest.raises(FileNotFoundError):
                use()
    assert os.listdir(tmp_path) == []


def test_the_first_folder_may_be_a_link(inside: Folder, tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(inside.path)
    with Folder.open(tmp_path / "store") as store:
        assert store.read("file") == b"content"
        assert store.enter("own").read("deeper/file") == b"deep content"
    with pytest.raises(NotADirectoryError):
        Folder.open(inside.path / "file")
    with pytest.raises(FileNotFoundError):
        Folder.open(inside.path / "none")
    assert Folder.open(inside.path / "some" / "new", make=True).scan() == []


def test_a_closed_folder_reaches_nothing(inside: Folder) -> None:
    if not folders._RELATIVE:
        pytest.skip("there is nothing to close")
    inside.close()
    with pytest.raises(OSError, match="the folder was closed"):
        inside.kind("file")


def test_no_descriptor_is_left_open(inside: Folder) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("the system does not list descriptors")
    before = len(os.listdir("/proc/self/fd"))
    for use in THROUGH_LINKS.values():
        with pytest.raises(OSError, match=LINK):
            use(inside)
    inside.write("own/new", b"1")
    inside.read("own/new")
    inside.remove("own")
    list(inside.walk())
    inside.sync_all()
    assert len(os.listdir("/proc/self/fd")) == before


def test_syncing_leaves_out_what_it_is_told_to(inside: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.make("scratch/deeper").close()
    names = {os.stat(inside.path / place).st_ino: place for place, kind in inside.walk() if kind != "link"}
    names[os.stat(inside.path).st_ino] = "."
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(names[os.fstat(descriptor).st_ino]))
    inside.sync_all(without="scratch")
    expected = ["file", "own/deeper/file", "own/deeper", "own", "."]
    assert synced == (expected if folders._RELATIVE else expected[:2])


def test_what_is_neither_file_nor_folder_is_found_before_anything_is_written(inside: Folder) -> None:
    inside.refuse_links("own")
    with pytest.raises(OSError, match="file-link in it is a link, which no store holds"):
        inside.refuse_links()


def test_a_hard_link_is_not_written_through(inside: Folder, tmp_path: Path) -> None:
    os.link(tmp_path / "home" / "diary", inside.path / "hard")
    with pytest.raises(OSError, match="it is a hard link: the same file has another name"):
        inside.open_file("hard", os.O_RDWR)
    inside.write("hard", b"ours")  # replaces the name, not the file
    assert inside.read("hard") == b"ours"
