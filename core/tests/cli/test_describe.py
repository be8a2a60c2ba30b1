"""`identify describe`: everything that a plugin says about its components reaches the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest

from identify_core.cli.root import run_command_line
from identify_core.rungs import RUNGS
from identify_core.testing.fixtures import InstallDistribution

pytestmark = pytest.mark.usefixtures("project", "probe")

SOURCE = """
from typing import Literal
import attrs
from identify_core import Command, Dataset, Evaluator, Model, Objective, Preset, hookimpl
from identify_core.options import at_least, option

@attrs.frozen
class Inner:
    depth: int = option(2, help="How deep.")

@attrs.frozen
class Options:
    count: int = option(help="How many.", limit=at_least(1))
    rate: float = option(0.1, help="How fast.", unit="per step", source="Eq. 3")
    mode: Literal["a", "b"] = option("a", help="Which way.")
    widths: tuple[int, ...] = option((2, 3), help="How wide.")
    seed: int | None = option(None, help="Which seed.")
    inner: Inner = option(attrs.Factory(Inner), help="What is inside.")

@hookimpl
def identify_datasets():
    yield Dataset(name="rings", summary="Two rings [exactly].", target="probe_heavy:rings", options=Options,
                  source="Section 2")
    yield Dataset(name="both", summary="A dataset.", target="probe_heavy:both")

@hookimpl
def identify_models():
    yield Model(name="both", summary="A model.", target="probe_heavy:model")

@hookimpl
def identify_objectives():
    yield Objective(name="fit", summary="Fit it.", target="probe_heavy:fit", identified_up_to="linear")

@hookimpl
def identify_evaluators():
    yield Evaluator(name="score", summary="Score it.", target="probe_heavy:score", arity="pair",
                    invariant_to=["orthogonal"], requires={"weights", "factors"}, bounds=(0, None),
                    larger_is="more similar")

@hookimpl
def identify_presets():
    yield Preset(name="smoke", summary="Quick.", resource="probe_resources:smoke.toml", source="Table 1")
    yield Preset(name="gone", summary="Lost.", resource="probe_resources:gone.toml")

@hookimpl
def identify_run_started(run_id):
    pass
"""


@pytest.fixture
def probe(install_distribution: InstallDistribution) -> None:
    site = install_distribution(
        "probe-plugin", version="2.0", plugins={"probe": "probe_described"}, modules={"probe_described": SOURCE}
    )
    resources = site / "probe_resources"
    resources.mkdir()
    (resources / "__init__.py").touch()
    (resources / "smoke.toml").write_text('format = 1\n[dataset]\ntype = "rings"\n')


def text_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command_line(["describe", *arguments]) == 0
    return capsys.readouterr().out


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text_of(capsys, *arguments, "--json"))
    return document


def test_all_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    text = text_of(capsys)
    assert "probe  (probe-plugin 2.0)" in text
    assert "2 datasets, 1 model, 1 objective, 1 evaluator, 2 presets" in text
    document = json_of(capsys)
    assert document["schema"] == "identify/plugin-overview/1"
    assert "probe" in [plugin["name"] for plugin in document["plugins"]]


def test_a_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    text = text_of(capsys, "probe")
    assert "datasets\n  rings  Two rings [exactly].\n  both   A dataset.\n" in text
    assert "presets\n  smoke  Quick." in text
    assert "observes runs: identify_run_started" in text
    document = json_of(capsys, "probe")
    assert document["schema"] == "identify/plugin/1"
    assert document["offers"]["dataset"][0] == {
        "name": "rings",
        "summary": "Two rings [exactly].",
        "source": "Section 2",
    }


@pytest.mark.parametrize("name", ["probe:rings", "rings"])
def test_the_options_of_a_component(capsys: pytest.CaptureFixture[str], name: str) -> None:
    document = json_of(capsys, name)
    assert document["schema"] == "identify/components/1"
    (component,) = document["components"]
    assert (component["kind"], component["name"]) == ("dataset", "probe:rings")
    assert (component["target"], component["source"]) == ("probe_heavy:rings", "Section 2")
    options = {option["name"]: option for option in component["options"]}
    assert list(options) == ["count", "rate", "mode", "widths", "seed", "inner", "inner.depth"]
    assert options["count"] == {
        "name": "count",
        "type": "a whole number",
        "required": True,
        "default": None,
        "help": "How many.",
        "unit": "",
        "source": "",
        "limits": ["at least 1"],
    }
    assert (options["rate"]["default"], options["rate"]["unit"], options["rate"]["source"]) == (
        0.1,
        "per step",
        "Eq. 3",
    )
    assert options["mode"]["type"] == 'one of "a", "b"'
    assert options["widths"]["default"] == [2, 3]
    assert options["seed"]["default"] == "none"
    assert options["inner.depth"]["default"] == 2


def test_the_options_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = text_of(capsys, "probe:rings")
    assert "dataset probe:rings\nTwo rings [exactly].\nSource: Section 2\n" in text
    assert "  count  required\n      a whole number; at least 1\n      How many.\n" in text
    assert "  rate = 0.1\n      a number; in per step\n      How fast.\n      Source: Eq. 3\n" in text
    assert '  mode = "a"\n' in text
    assert "  inner.depth = 2\n" in text
    assert "It has no options." in text_of(capsys, "probe:score")


def test_what_objectives_and_evaluators_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Identified up to: linear\n" in text_of(capsys, "probe:fit")
    text = text_of(capsys, "probe:score")
    assert (
        "Looks at: pair\nInvariant to: orthogonal\nRequires: factors, weights\nTakes: numbers\nBounds: 0, none\n"
        in text
    )
    assert "Larger is: more similar\n" in text
    assert json_of(capsys, "probe:score")["components"][0]["requires"] == ["factors", "weights"]


def test_a_name_of_two_kinds_describes_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each["kind"] for each in json_of(capsys, "probe:both")["components"]] == ["dataset", "model"]
    text = text_of(capsys, "both")
    assert "dataset probe:both" in text
    assert "model probe:both" in text


def test_a_preset_shows_its_spec(capsys: pytest.CaptureFixture[str]) -> None:
    text = text_of(capsys, "probe:smoke")
    assert "preset probe:smoke\nQuick.\nSource: Table 1\n" in text
    assert 'format = 1\n[dataset]\ntype = "rings"\n' in text


def test_the_ladder_and_a_rung(capsys: pytest.CaptureFixture[str]) -> None:
    assert "├── affine" in text_of(capsys, "rungs")
    text = text_of(capsys, "rung", "similarity")
    assert "similarity:  f(z) = s Q z + b" in text
    assert "Translations: contained\n" in text
    assert "Contains directly: orthogonal\nContained directly in: affine\n" in text
    assert "Relative to: the constant L" in text_of(capsys, "rung", "lipschitz")
    document = json_of(capsys, "rungs")
    assert [each["name"] for each in document["rungs"]] == list(RUNGS)
    one = json_of(capsys, "rung", "isometry")
    assert (one["schema"], one["relative_to"]) == ("identify/rung/1", "the two decoders")


@pytest.mark.parametrize(
    ("arguments", "status", "message", "hint"),
    [
        (["prob"], 2, "there is no plugin, component or preset 'prob'", "did you mean 'probe'?"),
        (["probe:ring"], 2, "there is no plugin, component or preset 'probe:ring'", "did you mean 'probe:rings'?"),
        (["prbe:rings"], 3, "there is no plugin 'prbe'", "did you mean 'probe'?"),
        (["probe:gone"], 3, "the preset 'gone' is missing its file", ""),
        (["rung", "liner"], 2, "there is no rung 'liner'", "did you mean 'linear'?"),
        (["rung", "linear", "affine"], 2, "describe takes one rung, not linear, affine", ""),
        (["probe", "rings"], 2, "describe takes one name, not 'probe rings'", "describe rung NAME"),
    ],
)
def test_wrong_names_are_answered(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str, hint: str
) -> None:
    assert run_command_line(["describe", *arguments]) == status
    shown = capsys.readouterr().err
    assert message in shown
    assert hint in shown


def test_a_plugin_that_cannot_be_used_says_why(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("off-plugin", plugins={"off": "absent_module"})
    assert run_command_line(["describe", "off"]) == 3
    assert "it is broken: ModuleNotFoundError" in capsys.readouterr().err
