"""A resolved spec written out is the same spec; its hash says what decides the results."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_core.plugins import Registry
from identify_core.spec import ResolvedSpec, load_spec
from identify_core.spec.explain import explain
from identify_core.spec.template import write_template

RATES = st.floats(1e-9, 1e9)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4)
ANYTHING = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS | st.just("type"), inner, max_size=2),
    max_leaves=4,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.integers(0, 2**63 - 1),
    "replicates": st.integers(1, 99),
    "device": st.sampled_from(["cpu", "cuda:1"]),
    "name": st.sampled_from(["a", "b.c-d_e"]),
    "requires": st.just({"identify-core": ">=0.1"}),
    "dataset.threshold": st.floats(0, exclude_min=True),
    "dataset.file": st.sampled_from(["none", "a b/ü"]),
    "model.widths": st.lists(st.integers(1, 9), min_size=1, max_size=3),
    "model.extra": st.dictionaries(TEXTS, ANYTHING, max_size=2),
    "objective.batch": st.sampled_from(["none", 4]),
    "objective.patience": st.sampled_from(["none", 4]),
    "objective.weights": st.dictionaries(TEXTS, RATES, max_size=2),
    "objective.optimiser": st.sampled_from([{"type": "sgd"}, {"type": "sgd", "momentum": 0.5}, {"betas": [0.1, 0.2]}]),
    "evaluators.0": st.fixed_dictionaries(
        {"points": st.sampled_from(["auto", 3])}, optional={"axes": st.just([[0, 1]])}
    ),
    "evaluators.fine.label": st.sampled_from(["fine", "coarse"]),
    "evaluators": st.sampled_from([[], [{"type": "rival:norm"}, {"type": "grid", "colour": "red"}]]),
    "sweep": st.just({"seed": [1, 2], "objective.steps": [3]}),
}
FLAGS = st.sets(st.sampled_from(sorted(VALUES))).flatmap(
    lambda keys: st.fixed_dictionaries(
        {key: VALUES[key] for key in keys if not ("evaluators" in keys and key.startswith("evaluators."))}
    )
)


def _reload(registry: Registry, text: str, **arguments: Any) -> ResolvedSpec:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "spec.toml")
        file.write_text(text, encoding="utf-8")
        return load_spec(registry, file=file, **arguments)


@settings(deadline=None)
@given(flags=FLAGS, preset=st.sampled_from(["smoke", "plain"]))
def test_a_written_spec_is_the_same_spec(toy_registry: Registry, flags: dict[str, Any], preset: str) -> None:
    if preset == "plain":
        flags = {key: each for key, each in flags.items() if key in ("seed", "name", "dataset.file", "evaluators")}
    spec = load_spec(toy_registry, plugin="toy", preset=preset, flags=flags)
    assert tomllib.loads(spec.as_toml()) == spec.as_dict()
    for text in (spec.as_toml(), write_template(spec)):
        again = _reload(toy_registry, text)
        assert again == spec
        assert again.as_toml() == spec.as_toml()
        assert again.hash == spec.hash
        assert again.notes == ()


@settings(deadline=None)
@given(flags=FLAGS)
def test_every_value_is_explained(toy_registry: Registry, flags: dict[str, Any]) -> None:
    spec = load_spec(toy_registry, plugin="toy", flags=flags)
    rows = {row.key: row for row in explain(spec)}
    assert rows["seed"].value == spec.seed
    assert str(rows["seed"].origin) == ("--seed" if "seed" in flags else "preset smoke, line 3")
    assert [each.value for each in rows["seed"].replaced] == ([7] if "seed" in flags else [])
    batch = rows["objective.batch"]
    assert batch.value == flags.get("objective.batch", 32)
    assert batch.origin.layer == ("flag" if "objective.batch" in flags else "default")


def test_the_hash_forgets_what_changes_nothing(toy_registry: Registry) -> None:
    spec = load_spec(toy_registry, plugin="toy")
    same = {"name": "other", "requires": {"identify-core": ">=0"}, "sweep": {"seed": [1]}, "objective.batch": 32}
    assert load_spec(toy_registry, plugin="toy", flags=same | {"dataset.type": "toy:waves"}).hash == spec.hash
    assert len(spec.hash) == 64


@pytest.mark.parametrize(
    "override",
    [
        "seed=8",
        "replicates=4",
        "device=cpu",
        "dtype=float64",
        "autocast=bfloat16",
        "dataset.samples=65",
        "dataset.threshold=inf",
        "model.bias=false",
        "objective.batch=none",
        "objective.optimiser.betas=[0.9, 0.99]",
        "evaluators=[]",
        "evaluators.fine.label=coarse",
    ],
)
def test_the_hash_tells_everything_else(toy_registry: Registry, override: str) -> None:
    spec, other = (load_spec(toy_registry, plugin="toy", overrides=each) for each in ([], [override]))
    assert spec.hash != other.hash


def test_none_is_left_out_where_it_is_the_default_and_spelled_out_elsewhere(toy_registry: Registry) -> None:
    table = load_spec(toy_registry, plugin="toy", overrides=["objective.batch=none"]).as_dict()["objective"]
    assert table["batch"] == "none"
    assert "patience" not in table


def test_a_spec_without_a_model(toy_registry: Registry) -> None:
    assert "model" not in load_spec(toy_registry, plugin="toy", preset="plain").as_dict()


TEMPLATE = """\
# Made for a test.
# Run it.

# The version of the spec format (1).
format = 1

# The running plugin, whose components need no owner in their names (a string).
plugin = "toy"
"""


def test_a_template_explains_every_option(toy_registry: Registry) -> None:
    text = write_template(load_spec(toy_registry, plugin="toy"), heading="Made for a test.\nRun it.")
    assert text.startswith(TEMPLATE)
    assert (
        """
[dataset]
# Waves. Source: section 1.
type = "waves"

# How many (a whole number, at least 1; in samples). Source: section 2.
samples = 64

# Its standard deviation (a number, between 0 and 1).
# noise = 0.0

# Read them instead (a path or "none").
# file = "none"
"""
        in text
    )
    assert (
        """
# The rule (a table with type = "sgd" or a table with type = "adam").
[objective.optimiser]
type = "adam"

# The step (a number, above 0).
learning_rate = 0.01

# What is kept (a list of 2: a number, a number).
# betas = [0.9, 0.999]
"""
        in text
    )
    assert '[[evaluators]]\n# Grid.\ntype = "grid"\nlabel = "fine"\n' in text
    assert max(map(len, text.splitlines())) <= 100


def test_every_comment_with_a_value_can_be_switched_on(toy_registry: Registry) -> None:
    spec = load_spec(toy_registry, plugin="toy")
    lines = write_template(spec).splitlines()
    active = [line.removeprefix("# ") if " = " in line and not line.endswith(".") else line for line in lines]
    assert active != lines
    again = _reload(toy_registry, "\n".join(active))
    assert again.requires == {"toy": ">=0.1,<0.2"}
    assert attrs.evolve(again, requires={}) == spec
    assert all(row.origin.layer == "file" for row in explain(again))


def test_a_template_of_a_foreign_component_names_its_owner(toy_registry: Registry) -> None:
    spec = load_spec(toy_registry, plugin="toy", flags={"evaluators": [{"type": "length"}]})
    assert 'type = "third:length"' in write_template(spec)
