"""What a plugin ships about its own checks is read as data, and what is given by hand wins over it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from identify_core.errors import PluginError
from identify_core.testing.conformance import Settings
from identify_core.testing.conformance.shipped import with_shipped

CONTENT = """
smoke_seconds = 90
[options."dataset:molecules"]
folder = "data"
[skip]
"row-order evaluator:streaming" = "in the order given"
[shapes]
"model:lenet" = { inputs = [1, 28, 28], outputs = [10] }
[tolerance]
"evaluator:forest" = 1
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipping_probe"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shipping_probe", raising=False)
    return folder


def read(package: Path, content: str, **given: object) -> Settings:
    (package / "conformance.toml").write_text(content)
    settings = Settings(plugin="probe", **given)  # type: ignore[arg-type]
    return with_shipped(settings, "shipping_probe.plugin")


def test_everything_that_is_data_can_be_shipped(package: Path) -> None:
    settings = read(package, CONTENT)
    assert settings.options == {"dataset:molecules": {"folder": "data"}}
    assert settings.skip == {"row-order evaluator:streaming": "in the order given"}
    assert settings.shapes == {"model:lenet": ((1, 28, 28), (10,))}
    assert settings.tolerance == {"evaluator:forest": 1}
    assert settings.smoke_seconds == 90


def test_what_is_given_by_hand_wins_item_by_item(package: Path) -> None:
    shapes = {"model:other": ((2,), (3,))}
    settings = read(package, CONTENT, tolerance={"evaluator:forest": 0.5}, shapes=shapes, smoke_seconds=5.0)
    assert settings.tolerance == {"evaluator:forest": 0.5}
    assert settings.shapes == {"model:lenet": ((1, 28, 28), (10,)), **shapes}
    assert settings.smoke_seconds == 5.0


@pytest.mark.parametrize(
    "given",
    [{"options": {"dataset:molecules": {"folder": "here"}}}, {"skip": {"dataset:molecules": ""}}],
    ids=["options", "an empty reason"],
)
def test_what_the_file_skips_can_be_asked_after_all(package: Path, given: dict[str, object]) -> None:
    content = '[skip]\n"dataset:molecules" = "needs its files"\n"dataset:other" = "needs its files"'
    assert read(package, content).skip.keys() == {"dataset:molecules", "dataset:other"}
    assert read(package, content, **given).skip.keys() == {"dataset:other"}


@pytest.mark.parametrize("module", ["shipping_probe.plugin", "single_file", "absent_package.plugin"])
def test_no_file_changes_nothing(package: Path, module: str) -> None:
    settings = Settings(plugin="probe")
    assert with_shipped(settings, module) == settings


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("skip = 1", "skip in conformance.toml is not a table"),
        ("[skip]\na = ''", "skip.'a' in conformance.toml is ''"),
        ("[tolerance]\na = 'much'", "tolerance.'a' in conformance.toml is 'much'"),
        ("[options]\na = 3", "options.'a' in conformance.toml is 3"),
        ("[shapes]\na = { inputs = [1] }", "shapes.'a' in conformance.toml is"),
        ("smoke_seconds = 0", "smoke_seconds in conformance.toml is 0"),
        ("[tolerances]", "has an unknown key 'tolerances'"),
        ("[skip", "shipping_probe/conformance.toml cannot be read"),
    ],
)
def test_a_wrong_file_is_one_message(package: Path, content: str, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        read(package, content)
    assert said in caught.value.message
