"""Loading: layers in their order, every problem at once, and the origin of every value."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import PluginError, SpecError, UsageError
from identify_core.plugins import Registry
from identify_core.spec import ResolvedSpec, choose_evaluator, load_spec

Load = Callable[..., ResolvedSpec]


@pytest.fixture
def load(toy_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load(text, ...)`: load_spec with the text as the file `spec.toml`; without one, no file."""
    monkeypatch.chdir(tmp_path)

    def load(text: str | None = None, **arguments: Any) -> ResolvedSpec:
        file = None
        if text is not None:
            file = Path("spec.toml")
            file.write_text(text)
        return load_spec(toy_registry, **{"plugin": "toy", "file": file, **arguments})

    return load


def _problems(load: Load, text: str | None = None, **arguments: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(text, **arguments)
    return list(caught.value.problems)


LEAST = '[dataset]\ntype = "waves"\n[objective]\ntype = "fit"\n'


def test_the_first_preset_counts_where_nothing_is_said(load: Load) -> None:
    spec = load()
    assert (spec.plugin, spec.name, spec.seed, spec.replicates) == ("toy", "smoke", 7, 3)
    assert spec.objective.options.optimiser.learning_rate == 0.01
    assert [each.label for each in spec.evaluators] == ["grid", "fine"]
    assert spec.dataset.registered.qualified_name == "toy:waves"


def test_defaults_below_preset_below_file_below_set_below_flags(load: Load) -> None:
    text = "seed = 1\n[objective]\nsteps = 200\nbatch = 8\n"
    spec = load(text, preset="smoke", overrides=["seed=2", "objective.batch=16"], flags={"seed": 3, "device": None})
    options = spec.objective.options
    assert (spec.seed, options.steps, options.batch, spec.replicates) == (3, 200, 16, 3)
    assert options.patience is None
    assert {key: str(spec.origin(key)) for key in _KEYS} == _KEYS
    assert [str(each.origin) for each in spec.given_at(("seed",))] == [
        "preset smoke, line 3",
        "spec.toml:1",
        "--set seed=2",
        "--seed",
    ]


_KEYS = {
    "plugin": "the plugin that was asked for",
    "seed": "--seed",
    "device": "default",
    "replicates": "preset smoke, line 4",
    "objective.batch": "--set objective.batch=16",
    "objective.steps": "spec.toml:3",
    "objective.optimiser.learning_rate": "preset smoke, line 17",
    "objective.optimiser.betas": "default",
    "model.widths.0": "preset smoke, line 12",
    "evaluators.fine.points": "preset smoke, line 26",
    "evaluators.1.colour": "default",
    "evaluators.nobody.points": "default",
}


def test_a_file_without_a_preset_stands_alone(load: Load) -> None:
    spec = load(LEAST)
    assert spec.model is None
    assert spec.evaluators == ()
    assert (spec.name, spec.seed, spec.objective.options.steps) == ("toy", 0, 1000)


def test_the_spec_may_name_its_plugin(load: Load) -> None:
    assert load('plugin = "toy"\n' + LEAST, plugin=None).plugin == "toy"
    assert load(plugin=None, overrides=["plugin=toy"]).name == "smoke"


def test_no_plugin_anywhere(load: Load) -> None:
    with pytest.raises(SpecError, match="does not say which plugin runs it"):
        load(LEAST, plugin=None)


def test_another_plugin_than_the_one_asked_for(load: Load) -> None:
    assert _problems(load, 'plugin = "rival"\n' + LEAST) == [
        "plugin: the spec is for the plugin 'rival', but 'toy' was asked to run it (spec.toml:1)"
    ]


def test_a_plugin_that_is_no_string(load: Load) -> None:
    assert _problems(load, "plugin = 3\n", plugin=None) == ["plugin: 3 is not a string (spec.toml:1)"]


def test_unknown_plugins_and_presets(load: Load) -> None:
    with pytest.raises(PluginError, match="there is no plugin 'tyo'"):
        load(plugin="tyo")
    with pytest.raises(UsageError, match="the plugin 'toy' has no preset 'smok'") as caught:
        load(preset="smok")
    assert caught.value.hint == "did you mean 'smoke'?"
    with pytest.raises(UsageError, match="the plugin 'rival' has no presets"):
        load(plugin="rival")


WRONG = """\
format = 1
sed = 3
seed = -1
replicates = 0
device = "gpu"
dtype = "float16"
name = "../up"
autocast = true

[dataset]
type = "wave"
samples = 2.5

[model]
type = "dense"
widths = []
activaton = "tanh"
extra = { deep = [nan] }

[objective]
type = "fit"
patience = 2000
steps = 3

[objective.optimiser]
type = "adam"
learning_rate = "fast"

[[evaluators]]
type = "grid"
points = true
label = "Fine"

[[evaluators]]
kind = "grid"

[sweep]
seed = 3
"objective.stps" = [1]
"""


def test_every_problem_at_once_with_key_path_origin_and_nearest_name(load: Load) -> None:
    assert _problems(load, WRONG, overrides=["evaluators.5.points=3"]) == [
        "sed: there is no such key; did you mean 'seed'? (spec.toml:2)",
        'dtype: "float16" is not one of "float32", "float64"; did you mean \'float64\'? (spec.toml:6)',
        'autocast: true is not one of "off", "bfloat16", "float16" (spec.toml:8)',
        "name: '../up' is not accepted: name must be at most 100 letters, digits, dots, hyphens and underscores, "
        "no dot first (spec.toml:7)",
        "seed: -1 is too small: seed must be at least 0 (spec.toml:3)",
        "replicates: 0 is too small: replicates must be at least 1 (spec.toml:4)",
        "device: 'gpu' is not accepted: device must be auto, cpu, mps, cuda or a numbered one such as cuda:1 "
        "(spec.toml:5)",
        "dataset.type: there is no dataset 'wave'; did you mean 'waves'? (spec.toml:11)",
        "model.activaton: there is no such option; did you mean 'activation'? (spec.toml:17)",
        "model.extra.deep.0: nan is not a finite number (spec.toml:18)",
        "model.widths: widths must not be empty (spec.toml:16)",
        'objective.optimiser.learning_rate: "fast" is not a number (spec.toml:27)',
        "evaluators.5: there is no such evaluator; there are: Fine, evaluator (--set evaluators.5.points=3)",
        'evaluators.0.label: "Fine" must be lower-case words joined by hyphens, at most 100 characters, in quotes '
        "(spec.toml:32)",
        'evaluators.0.points: true is not a whole number or "auto" (spec.toml:31)',
        "evaluators.1.type: this is required; there are: rival:norm, rival:angle, third:angle, third:length, grid, "
        "norm (spec.toml:34)",
        "sweep.seed: 3 must be a list of the values to try (spec.toml:38)",
    ]


def test_options_that_do_not_go_together(load: Load) -> None:
    text = '[dataset]\ntype = "waves"\n[objective]\ntype = "fit"\npatience = 2000\n'
    said = "objective: patience 2000 is longer than the 1000 steps"
    assert _problems(load, text) == [f"{said} (steps: default; patience: spec.toml:5)"]
    assert _problems(load, text, overrides=["objective.steps=7"]) == [
        "objective: patience 2000 is longer than the 7 steps (steps: --set objective.steps=7; patience: spec.toml:5)"
    ]


def test_missing_tables(load: Load) -> None:
    assert _problems(load, "", overrides=["dataset=waves"]) == [
        'dataset: "waves" is not a table: write [dataset] and below it type = "..." (--set dataset=waves)',
        'objective: this table is required: write [objective] and below it type = "..."; there are: fit, nothing',
    ]


def test_a_required_option_that_no_layer_gives(load: Load) -> None:
    text = '[dataset]\ntype = "read"\n[objective]\ntype = "fit"\n'
    assert _problems(load, text) == ["dataset.path: this option is required: a string (spec.toml:1)"]


@pytest.mark.parametrize("value", ["3", '[{type = "grid"}, 3]', '{type = "grid"}'])
def test_evaluators_that_are_no_list_of_tables(load: Load, value: str) -> None:
    (problem,) = _problems(load, LEAST, overrides=[f"evaluators={value}"])
    assert problem.startswith("evaluators: ")
    assert "is not a list of tables: write [[evaluators]] (--set evaluators=" in problem


def test_a_key_that_is_no_table_but_should_be(load: Load) -> None:
    assert _problems(load, "sweep = 3\nrequires = 3\n" + LEAST) == [
        "requires: 3 is not a table of strings (spec.toml:2)",
        'sweep: it must be a table such as "objective.steps" = [100, 1000] (spec.toml:1)',
    ]


def test_short_names_of_several_owners_are_ambiguous_unless_one_is_the_running_plugins_own(load: Load) -> None:
    text = (
        LEAST + '[[evaluators]]\ntype = "norm"\n[[evaluators]]\ntype = "length"\n[[evaluators]]\ntype = "rival:norm"\n'
    )
    spec = load(text)
    names = [each.registered.qualified_name for each in spec.evaluators]
    assert names == ["toy:norm", "third:length", "rival:norm"]
    assert [each.label for each in spec.evaluators] == ["norm", "length", "norm-2"]
    (problem,) = _problems(load, LEAST + '[[evaluators]]\ntype = "angle"\n')
    assert "several plugins offer the evaluator 'angle': rival:angle" in problem
    assert "write the qualified name" in problem


def test_labels_are_unique_and_given_ones_come_first(load: Load) -> None:
    text = LEAST + '[[evaluators]]\ntype = "grid"\n[[evaluators]]\ntype = "norm"\nlabel = "grid"\n'
    assert [each.label for each in load(text).evaluators] == ["grid-2", "grid"]
    (problem,) = _problems(load, text + '[[evaluators]]\ntype = "norm"\nlabel = "grid"\n')
    assert problem == ('evaluators.2.label: "grid" is the label of evaluators.1 too: labels are unique (spec.toml:12)')


def test_a_file_may_edit_the_evaluators_of_a_preset(load: Load) -> None:
    spec = load('[evaluators.fine]\npoints = 9\n[evaluators.0]\ncolour = "red"\n', preset="smoke")
    assert [(each.options.points, each.options.colour) for each in spec.evaluators] == [(5, "red"), (9, "grey")]
    assert str(spec.origin("evaluators.fine.points")) == "spec.toml:2"


def test_a_file_that_lists_evaluators_replaces_the_presets(load: Load) -> None:
    spec = load('[[evaluators]]\ntype = "norm"\n', preset="smoke", overrides=["evaluators.norm.type=grid"])
    assert [each.registered.name for each in spec.evaluators] == ["grid"]
    assert spec.notes == ("the list of 2 evaluators that began at preset smoke, line 19 is replaced as a whole",)


def test_another_type_drops_the_options_of_the_old_one_and_says_so(load: Load) -> None:
    spec = load(overrides=["dataset.type=stripes", "dataset.width=2", "objective.optimiser.type=sgd"])
    assert spec.dataset.options.width == 2.0
    assert spec.objective.options.optimiser.learning_rate == 0.1
    assert spec.notes == (
        "dataset.samples given for toy:waves is dropped: dataset.type became 'stripes' (--set dataset.type=stripes)",
        "objective.optimiser.learning_rate given for adam is dropped: objective.optimiser.type became 'sgd' "
        "(--set objective.optimiser.type=sgd)",
    )


def test_the_qualified_name_is_the_same_type(load: Load) -> None:
    spec = load(overrides=["dataset.type=toy:waves"])
    assert spec.dataset.options.samples == 64
    assert spec.notes == ()


def test_none_is_spelled_out(load: Load) -> None:
    assert load(overrides=["objective.batch=none"]).objective.options.batch is None


def test_autocast_needs_an_objective_that_allows_it_and_float32(load: Load) -> None:
    assert load(overrides=["autocast=bfloat16"]).autocast == "bfloat16"
    assert _problems(load, overrides=["autocast=bfloat16", "dtype=float64", "objective.type=nothing"]) == [
        'autocast: "bfloat16" is nothing that toy:nothing can train in: write "off" (--set autocast=bfloat16)',
        'autocast: "bfloat16" does not go together with dtype = "float64": autocast needs float32 '
        "(--set autocast=bfloat16)",
    ]


def test_version_bounds(load: Load) -> None:
    assert load('[requires]\nidentify-core = ">=0.1"\ntoy = ""\n' + LEAST).requires == {
        "identify-core": ">=0.1",
        "toy": "",
    }
    assert _problems(load, '[requires]\npytest = "new"\nattrs = 3\n' + LEAST) == [
        "requires.attrs: 3 is not a string (spec.toml:3)"
    ]
    assert _problems(load, '[requires]\npytest = "new"\n' + LEAST) == [
        'requires.pytest: "new" is not a version bound such as ">=0.1" (spec.toml:2)'
    ]


@pytest.mark.parametrize(("seed", "is_valid"), [(0, True), (2**63 - 1, True), (2**63, False), (-1, False)])
def test_seeds(load: Load, seed: int, is_valid: bool) -> None:
    if is_valid:
        assert load(flags={"seed": seed}).seed == seed
    else:
        assert len(_problems(load, flags={"seed": seed})) == 1


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices(load: Load, device: str) -> None:
    assert load(flags={"device": device}).device == device


def test_infinity_is_refused_where_it_means_nothing(load: Load) -> None:
    assert load(overrides=["dataset.threshold=inf"]).dataset.options.threshold == float("inf")
    assert _problems(load, overrides=["dataset.noise=nan", "objective.optimiser.learning_rate=inf"]) == [
        "dataset.noise: nan is not a finite number (--set dataset.noise=nan)",
        "objective.optimiser.learning_rate: inf is not a finite number (--set objective.optimiser.learning_rate=inf)",
    ]


SWEEP = """\
[sweep]
seed = [0, 1]
"objective.optimiser.learning_rate" = [0.1, 1]
objective.steps = [10]
"evaluators.0.points" = [3, "auto"]
"evaluators.fine.axes" = [[[0, 1]]]
"objective.weights.a" = [0.5]
"""


def test_a_sweep_is_a_table_of_lists_by_key_path(load: Load) -> None:
    spec = load(SWEEP, preset="smoke")
    assert dict(spec.sweep) == {
        "seed": (0, 1),
        "objective.optimiser.learning_rate": (0.1, 1),
        "objective.steps": (10,),
        "evaluators.grid.points": (3, "auto"),
        "evaluators.fine.axes": ([[0, 1]],),
        "objective.weights.a": (0.5,),
    }


def test_a_sweep_over_types_allows_the_options_of_each(load: Load) -> None:
    text = '[sweep]\n"dataset.type" = ["waves", "stripes"]\n"dataset.width" = [1.0]\n"dataset.samples" = [3]\n'
    assert list(load(text, preset="smoke").sweep) == ["dataset.type", "dataset.width", "dataset.samples"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed = []", "[] must be a list of the values to try"),
        ("sed = [1]", "there is nothing to vary at this key path; did you mean 'seed'?"),
        ("name = ['a']", "there is nothing to vary at this key path"),
        ("seed = [-1]", "-1 is too small"),
        ('"objective.steps" = [1, 2.5]', "2.5 is not a whole number"),
        ('"objective.stps" = [1]', "there is no such option; did you mean 'steps'?"),
        ('"objective.steps.deep" = [1]', "there is no such option"),
        ('"objective.optimiser.rate" = [1]', "there is no such option"),
        ('"evaluators.foo.points" = [1]', "there is nothing to vary at this key path"),
        ('"objective" = [1]', "there is nothing to vary at this key path"),
        ('"dataset.type" = ["wave"]', "there is no dataset 'wave'; did you mean 'waves'?"),
        ('"dataset.type" = [1]', "1 is not a string"),
        ('"a..b" = [1]', "'a..b' is not a dotted key"),
    ],
)
def test_sweeps_that_vary_nothing(load: Load, line: str, message: str) -> None:
    (problem,) = _problems(load, f"[sweep]\n{line}\n", preset="smoke")
    assert problem.startswith("sweep.")
    assert message in problem
    assert problem.endswith("(spec.toml:2)")


def test_an_option_with_a_reserved_name_is_the_plugins_fault(load: Load) -> None:
    with pytest.raises(PluginError, match="the dataset toy:reserved has an option 'label', which specs reserve"):
        load(overrides=["dataset.type=reserved"])


def test_an_evaluator_by_its_name_alone(toy_registry: Registry) -> None:
    chosen = choose_evaluator(toy_registry, "grid", ["points=3", "axes=[[0, 1]]"])
    assert (chosen.label, chosen.options.points, chosen.options.axes) == ("grid", 3, ((0.0, 1.0),))
    assert choose_evaluator(toy_registry, "norm", plugin="rival", label="mine").registered.owner == "rival"
    with pytest.raises(SpecError, match="there are 3 problems with the evaluator's options") as caught:
        choose_evaluator(toy_registry, "grid", ["points=1", "type=norm", "label=x"])
    assert caught.value.problems == (
        "type: there is no such option; there are: axes, colour, points (--set type=norm)",
        "label: there is no such option; there are: axes, colour, points (--set label=x)",
        "points: 1 is too small: points must be at least 2 (--set points=1)",
    )
    with pytest.raises(UsageError, match="there is no evaluator 'gird'"):
        choose_evaluator(toy_registry, "gird")


def test_a_label_is_found_without_all_that_could_be(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("identify_core.spec.evaluators.count", lambda start: iter(_noted(start, made)))
    spec = load(LEAST + '[[evaluators]]\ntype = "grid"\n' * 3)
    assert [each.label for each in spec.evaluators] == ["grid", "grid-2", "grid-3"]
    assert len(made) < 20


def _noted(start: int, made: list[int]) -> Iterator[int]:
    for number in itertools.count(start):
        made.append(number)
        yield number
