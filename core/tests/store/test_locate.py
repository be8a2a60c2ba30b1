"""Which store is meant: the flag, else the variable, else identify.toml, else the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import UsageError
from identify_core.store import find_store_path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IDENTIFY_STORE", raising=False)
    monkeypatch.setattr("click.get_app_dir", lambda _: str(tmp_path / "home"))


def test_the_nearest_wins(tmp_path: Path, monkeypatch: Any) -> None:
    assert find_store_path() == Path("identify-store")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "identify.toml").write_text('[store]\npath = "/mine"\n')
    assert find_store_path() == Path("/mine")
    (tmp_path / "identify.toml").write_text('[store]\npath = "ours"\n')
    assert find_store_path() == tmp_path / "ours"
    monkeypatch.setenv("IDENTIFY_STORE", "variable")
    assert find_store_path() == Path("variable")
    assert find_store_path("flag") == Path("flag")


def test_home_is_expanded(monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert find_store_path("~/runs") == Path("/home/me/runs")


def test_a_file_that_names_no_store_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "identify.toml").write_text('[plugins]\ndisabled = ["a"]\n')
    assert find_store_path() == Path("identify-store")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[store", "cannot be read"),
        ("[store]\npath = 3\n", r"has 3 as \[store\] path, which is not a path"),
        ('[store]\npath = ""\n', r"has '' as \[store\] path, which is not a path"),
        ('[store]\npaht = "runs"\n', "has an unknown key in \\[store\\]: 'paht'"),
        ('[store]\npath = "runs"\nmode = 3\n', "has an unknown key in \\[store\\]: 'mode'"),
        ('store = "runs"\n', None),
    ],
)
def test_a_file_that_is_wrong_says_so(tmp_path: Path, text: str, message: str | None) -> None:
    file = tmp_path / "identify.toml"
    file.write_text(text)
    if message is None:
        assert find_store_path(configurations=[file]) == tmp_path / "runs"
        return
    with pytest.raises(UsageError, match=message):
        find_store_path(configurations=[file])
