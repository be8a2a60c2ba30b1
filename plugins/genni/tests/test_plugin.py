"""The plugin as a whole: what it offers is light, complete and cited; its presets run and give the released numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest

from identify_core import (
    Registry,
    Store,
    StoredRun,
    load_registry,
    load_spec,
    load_target,
    presets_in,
    run_command_line,
)
from identify_genni import plugin
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.subspace.adaptive import refine

PRESETS = [preset.name for preset in presets_in("identify_genni", first="fcn")]
LENET = """
[dataset]
type = "teacher"
input_shape = {shape}
[model]
type = "lenet"
[objective]
type = "equivalence"
"""
COMPONENTS = [
    *plugin.identify_datasets(),
    *plugin.identify_models(),
    *plugin.identify_objectives(),
    *plugin.identify_evaluators(),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("genni",), strict=True)


def run_preset(name: str, store: Path, *overrides: str) -> StoredRun:
    sets = [part for each in overrides for part in ("--set", each)]
    assert run_command_line(["run", "genni", "--preset", name, "--store", str(store), "--quiet", *sets]) == 0
    return Store(store).open("@last")


def test_importing_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, identify_genni.plugin; "
        "print([name for name in ('torch', 'numpy', 'zarr', 'matplotlib', 'sklearn', 'scipy', 'yaml') "
        "if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: f"{each.kind}-{each.name}")
def test_every_target_exists_and_every_option_says_what_it_means(component):
    assert callable(component.load())
    for extra in ("check", "draw"):
        if getattr(component, extra, ""):
            assert callable(load_target(getattr(component, extra)))
    for field in attrs.fields(component.options):
        assert len(field.metadata["help"]) > 10


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_spec_that_cites_its_source(registry, name):
    spec = load_spec(registry, plugin="genni", preset=name)
    (preset,) = (each for each in registry.presets("genni") if each.name == name)
    assert "Source: " in preset.read_text()
    assert preset.source
    assert spec.evaluators[0].label == "convergence"


def test_the_presets_are_those_that_are_promised():
    assert PRESETS == ["fcn", "digits", "fcn-2020", "lenet", "lenet-2020", "linear", "smoke", "tanh"]


def test_the_example_is_a_valid_spec(registry):
    example = Path(__file__).parents[3] / "examples" / "genni.toml"
    spec = load_spec(registry, plugin="genni", file=example)
    labels = [each.label for each in spec.evaluators]
    assert labels == ["convergence", "subspace", "nullity", "symmetry", "trace"]


def test_the_smoke_preset_runs_every_evaluator(tmp_path, capsys):
    run = run_preset("smoke", tmp_path)
    assert {"outcome", "convergence", "subspace", "nullity", "symmetry", "trace"} <= set(run.findings)
    assert run.findings["outcome"].finding.scalars["converged"] == 3
    assert run.document["failures"] == {}
    assert len(list((run.folder / "figures").glob("*.png"))) >= 5
    # The first example of `compare --help` works on what this plugin leaves in the store.
    capsys.readouterr()
    run_command_line(["compare", "--help"])
    example = re.search(r"identify (compare @last\S*)", capsys.readouterr().out)
    assert run_command_line([*example[1].split(), "--store", str(tmp_path), "--quiet"]) == 0


def kept(finding):
    return int(finding.arrays["equivalent"].values.sum())


def test_the_released_grids_come_out_again(tmp_path):
    run = run_preset("fcn-2020", tmp_path)
    # The caches 2d_loss/Nov09_16-57-20 and 3d_loss/Nov09_12-38-52: smallest and largest J, points under 0.025.
    for label, shape, smallest, largest, published, relative in (
        ("grid-2d", (35, 35), 6.8e-11, 11.26, 287, 3),
        ("grid-3d", (50, 50, 50), 1.1e-9, 28.9, 18_289, 66),
    ):
        finding, scaled = run.findings[label].finding, run.findings[f"{label}-relative"].finding
        values = finding.arrays["values"].values
        assert values.shape == shape
        assert float(values.min()) == pytest.approx(smallest, rel=0.02)
        assert float(values.max()) == pytest.approx(largest, rel=1e-3)
        assert kept(finding) == published
        assert kept(scaled) == relative
        np.testing.assert_array_equal(scaled.arrays["values"].values, values)
        for tolerance in (finding.scalars["epsilon"], scaled.scalars["epsilon"]):
            found = refine(values.reshape(-1).take, shape, tolerance, levels=2, safety=SubspaceOptions().safety)
            np.testing.assert_array_equal(found.filled <= tolerance, values <= tolerance)
            assert found.evaluated.mean() < 0.5
    # The coordinates of networks 1 and 2 in that basis, but for the signs that LAPACK left to chance.
    coordinates = np.abs(run.findings["grid-2d"].finding.arrays["net-coordinates"].values)
    expected = [[0, 0], [1.6825997829437256, 0], [1.2556530237197876, 0.4062860906124115]]
    np.testing.assert_allclose(coordinates, expected, atol=1e-6)


# The coordinates of networks 1 and 2 in the cache 2d_loss/Nov08_16-27-01, which ran from -20 to 25 along both axes.
LENET_COORDINATES = np.array([[12.365550994873047, 0.0], [6.0948028564453125, -10.673152923583984]])


def test_the_lenet_grid_lies_where_the_release_had_it(registry):
    spec = load_spec(registry, plugin="genni", preset="lenet-2020")
    grids = [each.options for each in spec.evaluators if each.label.startswith("grid")]
    assert [each.epsilon_absolute for each in grids] == [0.0025, None]
    for options in grids:
        own = list(zip(options.lower, options.upper, strict=True))
        signs = np.sign(np.diag(LENET_COORDINATES))  # of the release; ours are positive
        assert [tuple(sorted(sign * np.array(ends))) for sign, ends in zip(signs, own, strict=True)] == [(-20, 25)] * 2


@pytest.mark.slow
def test_the_released_lenet_grid_comes_out_again(tmp_path):
    run = run_preset("lenet-2020", tmp_path)
    finding = run.findings["grid-2d"].finding
    values = finding.arrays["values"].values
    assert values.shape == (15, 15)
    assert float(values.min()) == pytest.approx(5.44e-6, rel=1e-3)
    assert float(values.max()) == pytest.approx(3674.5, rel=1e-4)
    assert kept(finding) == 82
    assert kept(run.findings["grid-2d-relative"].finding) == 0
    # The release made its basis in float32, of 61,706 parameters.
    found = finding.arrays["net-coordinates"].values[1:]
    np.testing.assert_allclose(found, np.abs(LENET_COORDINATES), rtol=1e-5, atol=2e-5)
    found = refine(values.reshape(-1).take, values.shape, 0.0025, levels=2, safety=SubspaceOptions().safety)
    np.testing.assert_array_equal(found.filled <= 0.0025, values <= 0.0025)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("[1]", "takes images of shape (channels, height, width)"),
        ("[1, 18, 18]", "lenet cannot take images of height 18"),
        (["model.width=3"], "width is given without num_layers"),
        (["model.activation=swish"], "activation"),
        (["dataset.teacher_file=nowhere.safetensors", "dataset.teacher_seed=none"], "there is no file"),
    ],
)
def test_a_wrong_spec_is_told_and_leaves_nothing(tmp_path, capsys, overrides, message):
    if isinstance(overrides, str):
        (tmp_path / "spec.toml").write_text(LENET.format(shape=overrides))
        arguments = ["--spec", str(tmp_path / "spec.toml")]
    else:
        arguments = ["--preset", "smoke", *(part for each in overrides for part in ("--set", each))]
    assert run_command_line(["run", "genni", *arguments, "--store", str(tmp_path / "store"), "--quiet"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "store").exists() or Store(tmp_path / "store").runs() == []
