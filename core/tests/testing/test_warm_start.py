"""A command forked from a warm process is what a process of its own would be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from identify_core.testing.command_line import plain_environment
from identify_core.testing.distributions import write_distribution
from identify_core.testing.warm_start import WarmStart, warm_start

TELLS = """
import os, sys
print(os.environ.get("MARK"), os.getcwd(), "torch" in sys.modules, sys.stdin.read())
"""


@pytest.fixture
def warm() -> WarmStart:
    start = warm_start()
    if start is None:
        pytest.skip("processes cannot be forked here")
    return start


def said(warm: WarmStart, folder: Path, **variables: str) -> str:
    """What a plugin prints while it is loaded; it goes to stderr."""
    site = folder / f"site-{len(list(folder.iterdir()))}"
    write_distribution(site, "tells-plugin", plugins={"tells": "tells"}, modules={"tells": TELLS})
    paths = os.pathsep.join([str(site), variables.pop("PYTHONPATH", "")])
    environment = {**plain_environment(), "PYTHONPATH": paths, **variables}
    done = warm.run(["list-plugins", "--check", "--json"], folder=folder, environment=environment)
    assert done.returncode == 0, done.stderr
    assert '"tells"' in done.stdout
    return done.stderr


def test_it_has_the_folder_the_variables_and_the_plugins_of_its_own(warm: WarmStart, tmp_path: Path) -> None:
    assert f"here {tmp_path} True \n" in said(warm, tmp_path, MARK="here")
    assert f"None {tmp_path} True \n" in said(warm, tmp_path)


def test_variables_that_are_read_at_start_have_it_start(warm: WarmStart, tmp_path: Path) -> None:
    assert f"None {tmp_path} False \n" in said(warm, tmp_path, OMP_NUM_THREADS="2")


def test_a_module_in_the_place_of_an_imported_one_has_it_start(warm: WarmStart, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "json5.py").write_text("")
    assert f"None {tmp_path} True \n" in said(warm, tmp_path, PYTHONPATH=str(tmp_path / "other"))
    (tmp_path / "other" / "torch.py").write_text("")
    assert f"None {tmp_path} False \n" in said(warm, tmp_path, PYTHONPATH=str(tmp_path / "other"))


def test_errors_are_apart_or_in_their_place(warm: WarmStart, tmp_path: Path) -> None:
    order = ["describe", "nothing-of-this-name"]
    apart = warm.run(order, folder=tmp_path, environment=plain_environment())
    assert (apart.returncode, apart.stdout) == (2, "")
    assert apart.stderr.startswith("error: ")
    merged = warm.run(order, folder=tmp_path, environment=plain_environment(), merged=True)
    assert (merged.stdout, merged.stderr) == (apart.stderr, "")
