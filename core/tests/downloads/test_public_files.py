"""Public files: looked for in order, checked before use, downloaded on request only, resumed where a transfer broke."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from identify_core.contexts.context import Context
from identify_core.downloads.public_files import DATA_VARIABLE, FilePlaces, check_file, missing_file, obtain_file
from identify_core.downloads.transfers import PublicFile, ResumingDownloader, file_sum
from identify_core.errors import Interrupted, RunError, UsageError
from identify_core.testing.contexts import make_context

pytest.importorskip("pooch")

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SUM = hashlib.sha256(CONTENT).hexdigest()
BLOCK = 1 << 16  # what the downloader writes at a time; less than a block is lost when a transfer breaks


class Server:
    """What a test's server gives, how it fails, and what it was asked for."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.tag = '"one"'
        self.ranges = True  # whether it answers range requests
        self.cut_after: list[int] = []  # bytes after which the next answers break off, one each
        self.statuses: list[int] = []  # the next answers' statuses, where they are not success
        self.requests: list[dict[str, str]] = []
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/data.bin"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.requests.append(dict(handler.headers))
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        asked = handler.headers.get("Range")
        condition = handler.headers.get("If-Range")
        start = 0
        if asked and self.ranges and condition in (None, self.tag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.content):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(self.content)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        else:
            handler.send_response(200)
        rest = self.content[start:]
        handler.send_header("Content-Length", str(len(rest)))
        handler.send_header("ETag", self.tag)
        handler.end_headers()
        if self.cut_after:
            rest = rest[: self.cut_after.pop(0)]
            handler.close_connection = True
        handler.wfile.write(rest)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with server.serving():
        yield server


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path / "scratch")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilePlaces:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return FilePlaces(collection="toy", folder=str(tmp_path / "mine"))


def published(server: Server, **changes: Any) -> PublicFile:
    file = PublicFile(
        name="data.bin", url=server.url, sha256=SUM, size=len(CONTENT), licence="CC0", source="doi 10.1/toy"
    )
    return attrs.evolve(file, **changes)


def mine(places: FilePlaces) -> Path:
    folder = Path(places.folder)
    folder.mkdir(exist_ok=True)
    return folder


def test_the_users_folder_comes_first_then_the_variable_then_the_cache(
    tmp_path: Path, places: FilePlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "variable"))
    expected = [tmp_path / "mine", tmp_path / "variable" / "toy", tmp_path / "variable"]
    assert list(places.folders[:3]) == expected
    assert places.folders[3].name == "toy"
    assert places.target == tmp_path / "mine"
    assert FilePlaces(collection="toy").target == tmp_path / "variable" / "toy"
    for folder in reversed(places.folders):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data.bin").write_bytes(CONTENT)
        assert places.find("absent", "data.bin") == folder / "data.bin"


def test_a_file_that_is_there_is_never_downloaded(places: FilePlaces, context: Context, server: Server) -> None:
    (mine(places) / "data.bin").write_bytes(CONTENT)
    assert obtain_file(published(server), places, context, download=True) == mine(places) / "data.bin"
    assert server.requests == []


def test_without_leave_nothing_is_downloaded_and_the_message_says_everything(
    places: FilePlaces, context: Context, server: Server
) -> None:
    with pytest.raises(RunError) as caught:
        obtain_file(published(server), places, context, alternatives=["data.csv"])
    message, hint = caught.value.message, caught.value.hint
    assert message.startswith("there is no data.bin or data.csv in ")
    assert all(str(folder) in message for folder in places.folders)
    for part in (server.url, "1.0 MB", "CC0", "doi 10.1/toy", "dataset.download = true", DATA_VARIABLE):
        assert part in hint
    assert server.requests == []


def test_a_file_without_an_address_says_where_to_put_it(places: FilePlaces) -> None:
    error = missing_file(PublicFile(name="private.csv", licence="on request"), places)
    assert "private.csv" in error.message
    assert error.hint == "put it into one of these folders by hand (on request)"


def test_a_download_is_the_file_and_leaves_nothing_else(places: FilePlaces, context: Context, server: Server) -> None:
    path = obtain_file(published(server), places, context, download=True)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["data.bin"]
    assert obtain_file(published(server), places, context, download=True) == path
    assert len(server.requests) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(places: FilePlaces, context: Context, server: Server) -> None:
    server.cut_after = [4 * BLOCK, 3 * BLOCK]
    path = obtain_file(published(server), places, context, download=True)
    assert path.read_bytes() == CONTENT
    assert [each.get("Range") for each in server.requests] == [None, "bytes=262144-", "bytes=458752-"]


def test_a_later_process_goes_on_too(places: FilePlaces, context: Context, server: Server) -> None:
    server.cut_after = [4 * BLOCK, 0, 0, 0, 0]
    with pytest.raises(RunError, match="broke off after 262144 bytes: the connection broke") as caught:
        obtain_file(published(server), places, context, download=True)
    assert "run it again to go on from there" in caught.value.hint
    with pytest.raises(RunError, match="a download has begun there and stopped after 262144 of 1048576 bytes"):
        obtain_file(published(server), places, context)
    server.requests.clear()
    assert obtain_file(published(server), places, context, download=True).read_bytes() == CONTENT
    assert [each.get("Range") for each in server.requests] == ["bytes=262144-"]


def test_a_server_without_ranges_begins_anew(places: FilePlaces, context: Context, server: Server) -> None:
    server.ranges, server.cut_after = False, [4 * BLOCK]
    assert obtain_file(published(server), places, context, download=True).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_file_that_changed_meanwhile_begins_anew(places: FilePlaces, context: Context, server: Server) -> None:
    server.cut_after = [4 * BLOCK, 0, 0, 0, 0]
    with pytest.raises(RunError, match="broke off"):
        obtain_file(published(server, sha256="", size=0), places, context, download=True)
    server.content, server.tag = CONTENT[::-1], '"two"'
    path = obtain_file(published(server, sha256="", size=0), places, context, download=True)
    assert path.read_bytes() == CONTENT[::-1]


def test_a_part_of_unknown_origin_is_not_continued_without_a_checksum(
    places: FilePlaces, context: Context, server: Server
) -> None:
    (mine(places) / "data.bin.part").write_bytes(b"something else")
    path = obtain_file(published(server, sha256="", size=0), places, context, download=True)
    assert path.read_bytes() == CONTENT
    assert server.requests[0].get("Range") is None


def test_a_complete_part_is_taken_as_it_is(places: FilePlaces, context: Context, server: Server) -> None:
    (mine(places) / "data.bin.part").write_bytes(CONTENT)
    assert obtain_file(published(server), places, context, download=True).read_bytes() == CONTENT
    (mine(places) / "data.bin").rename(mine(places) / "data.bin.part")
    with (mine(places) / "data.bin.part").open("ab") as part:
        part.write(b"too long")
    assert obtain_file(published(server), places, context, download=True).read_bytes() == CONTENT


def test_another_file_than_the_published_one_is_refused_and_not_kept(
    places: FilePlaces, context: Context, server: Server
) -> None:
    server.content = CONTENT[::-1]
    actual = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(RunError, match=f"its SHA-256 is {actual}, expected {SUM}; it was not kept"):
        obtain_file(published(server), places, context, download=True)
    assert list(mine(places).iterdir()) == []


def test_a_found_file_is_checked_with_both_sums_in_the_message(
    places: FilePlaces, context: Context, server: Server
) -> None:
    wrong = CONTENT[::-1]
    (mine(places) / "data.bin").write_bytes(wrong)
    with pytest.raises(RunError, match=f"is {hashlib.sha256(wrong).hexdigest()}, expected {SUM}") as caught:
        obtain_file(published(server), places, context, download=True)
    assert server.url in caught.value.hint
    assert (mine(places) / "data.bin").read_bytes() == wrong


def test_a_partial_file_is_refused_with_both_sizes(places: FilePlaces, context: Context, server: Server) -> None:
    (mine(places) / "data.bin").write_bytes(CONTENT[:1000])
    with pytest.raises(RunError, match="is incomplete: it has 1000 of 1048576 bytes"):
        obtain_file(published(server), places, context)


def test_the_first_download_counts_without_a_published_sum(
    places: FilePlaces, context: Context, server: Server
) -> None:
    file = published(server, sha256="", size=0)
    path = obtain_file(file, places, context, download=True)
    assert (path.parent / "data.bin.sha256").read_text() == f"{SUM}  data.bin\n"
    assert any("nobody published a checksum of data.bin" in warning for warning in context.warnings)
    check_file(path, file)
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(RunError, match=f"when it was first downloaded: its SHA-256 is .*, expected {SUM}"):
        obtain_file(file, places, context)


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusing_server_is_told_with_its_status(
    status: int, places: FilePlaces, context: Context, server: Server
) -> None:
    server.statuses = [status]
    with pytest.raises(RunError, match=f"answers {status} .* for data.bin") as caught:
        obtain_file(published(server), places, context, download=True)
    assert caught.value.hint == f"fetch it by hand (doi 10.1/toy) and put it into {places.folder}"
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(places: FilePlaces, context: Context, server: Server) -> None:
    server.statuses = [503, 429]
    assert obtain_file(published(server), places, context, download=True).read_bytes() == CONTENT


def test_no_network_is_told_in_words(places: FilePlaces, context: Context) -> None:
    file = PublicFile(name="data.bin", url="http://127.0.0.1:9/data.bin", source="doi 10.1/toy")
    with pytest.raises(RunError, match=r"from http://127\.0\.0\.1:9/data\.bin: Connection refused") as caught:
        obtain_file(file, places, context, download=True)
    assert "by hand" in caught.value.hint


def test_an_address_that_is_none_is_told_in_words(places: FilePlaces, context: Context) -> None:
    with pytest.raises(RunError, match=r"data\.bin cannot be downloaded from http://"):
        obtain_file(PublicFile(name="data.bin", url="http://"), places, context, download=True)


def test_a_stop_keeps_what_has_come(tmp_path: Path, places: FilePlaces, server: Server) -> None:
    asked = iter([False, False, True])
    stopping = make_context(tmp_path / "scratch", stop_requested=lambda: next(asked, True))
    with pytest.raises(Interrupted, match="bytes are kept"):
        obtain_file(published(server), places, stopping, download=True)
    assert 0 < (mine(places) / "data.bin.part").stat().st_size < len(CONTENT)
    server.requests.clear()
    obtain_file(published(server), places, make_context(tmp_path / "scratch"), download=True)
    assert server.requests[0]["Range"].startswith("bytes=")


class Bar:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.unit = ""
        self.done = 0

    def advance(self, n: int = 1) -> None:
        self.done += n

    def describe(self, text: str) -> None:
        """Nobody looks."""


class Watching:
    """A display that keeps its bar and its messages."""

    def __init__(self) -> None:
        self.bar = Bar()
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)

    def warning(self, text: str) -> None:
        self.messages.append(text)

    def values(self, step: int, scalars: Any) -> None:
        """Nothing is logged."""

    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Bar]:
        self.bar.total, self.bar.unit = total, unit
        yield self.bar


def test_progress_counts_bytes_through_breaks_and_new_beginnings(
    tmp_path: Path, places: FilePlaces, server: Server
) -> None:
    server.ranges, server.cut_after = False, [4 * BLOCK]
    display = Watching()
    obtain_file(published(server), places, make_context(tmp_path / "scratch", display=display), download=True)
    assert (display.bar.total, display.bar.unit, display.bar.done) == (len(CONTENT), "bytes", len(CONTENT))


def test_two_processes_do_not_write_one_part(tmp_path: Path, places: FilePlaces, server: Server) -> None:
    """While another process holds the lock this one waits, and takes what the other has fetched."""
    folder = mine(places)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom identify_core.store.folder import Folder\n"
        "from identify_core.store.locks import acquire\n"
        f"lock = acquire(Folder.open(Path({str(folder)!r})), 'data.bin.lock')\n"
        "print('held', flush=True)\nsys.stdin.readline()\n"
        f"Path({str(folder)!r}, 'data.bin').write_bytes(bytes(range(256)) * 4096)\nlock.release(remove=True)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == "held\n"
        display = Watching()

        def message(text: str) -> None:
            display.messages.append(text)
            if other.stdin is not None and not other.stdin.closed:
                other.stdin.write("go\n")
                other.stdin.close()

        display.message = message  # type: ignore[method-assign]
        obtain_file(published(server), places, make_context(tmp_path / "scratch", display=display), download=True)
    assert "waiting for another process, which is downloading data.bin" in display.messages
    assert server.requests == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_in_words(places: FilePlaces, context: Context, server: Server) -> None:
    mine(places).chmod(0o500)
    with pytest.raises(RunError, match=r"data\.bin cannot be written to"):
        obtain_file(published(server), places, context, download=True)


def test_a_folder_that_is_a_file_is_told_in_words(places: FilePlaces, context: Context, server: Server) -> None:
    Path(places.folder).write_text("not a folder")
    with pytest.raises(RunError, match=r"data\.bin cannot be written to .*: ") as caught:
        obtain_file(published(server), places, context, download=True)
    assert DATA_VARIABLE in caught.value.hint


def test_without_pooch_the_extra_is_named(
    places: FilePlaces, context: Context, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(UsageError, match=r"downloading data\.bin needs pooch, which is not installed") as caught:
        obtain_file(published(server), places, context, download=True)
    assert caught.value.hint == "pip install 'identify-core[fetch]'"


def test_importing_it_costs_neither_pooch_nor_arrays() -> None:
    heavy = "{'pooch', 'requests', 'numpy', 'torch'}"
    code = f"import sys, identify_core.downloads.public_files\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_sum_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(CONTENT * 3)
    assert file_sum(tmp_path / "big") == hashlib.sha256(CONTENT * 3).hexdigest()


def test_the_downloader_waits_longer_each_time(
    tmp_path: Path, context: Context, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    server.statuses = [503, 503, 503]
    downloader = ResumingDownloader(file=published(server), folder=tmp_path, context=context)
    downloader(server.url, str(tmp_path / "data.bin"), None)
    assert waited == [1.0, 2.0, 4.0]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
