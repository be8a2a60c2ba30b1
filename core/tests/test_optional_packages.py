"""What is said of a package that is missing, or there and broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from identify_core import UsageError, optional_package


def test_a_missing_package_is_named_with_what_installs_it() -> None:
    with pytest.raises(UsageError, match=r"^reading a needs nowhere, which is not installed") as caught:
        optional_package("nowhere.inside", purpose="reading a", instead="give a table")
    assert caught.value.hint == "pip install nowhere, or give a table"


@pytest.mark.parametrize("fault", ["import nowhere_else", "raise ImportError('no libfoo.so')"])
def test_a_package_that_is_there_and_broken_is_not_called_missing(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"broken_package, which cannot be imported: (No module|no lib)"):
        optional_package("broken_package", purpose="reading a")
