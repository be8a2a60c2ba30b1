"""The JSON Schema accepts what loads, and refuses what a schema can refuse."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from identify_core.errors import PluginError
from identify_core.plugins import Registry
from identify_core.spec import load_spec
from identify_core.spec.schema import DIALECT, make_schema

PYTHON = {"object": dict, "array": list, "string": str, "boolean": bool}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _is_of(value: Any, kind: str) -> bool:
    if kind in ("integer", "number"):
        return _is_number(value) and (kind == "number" or float(value).is_integer())
    return isinstance(value, PYTHON[kind])


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """A slow reference of draft 2020-12 for the keywords that are used; any other keyword is an error."""

    def inside(each: dict[str, Any], part: Any) -> bool:
        return accepts(each, part, root)

    properties = schema.get("properties", {})
    prefix = schema.get("prefixItems", [])
    judges = {
        "type": lambda kind: _is_of(value, kind),
        "enum": lambda choices: any(_equal(each, value) for each in choices),
        "const": lambda only: _equal(only, value),
        "not": lambda each: not inside(each, value),
        "anyOf": lambda each: any(inside(one, value) for one in each),
        "oneOf": lambda each: sum(inside(one, value) for one in each) == 1,
        "$ref": lambda path: inside(root["$defs"][path.removeprefix("#/$defs/")], value),
        "minimum": lambda bound: not _is_number(value) or value >= bound,
        "maximum": lambda bound: not _is_number(value) or value <= bound,
        "exclusiveMinimum": lambda bound: not _is_number(value) or value > bound,
        "minItems": lambda bound: not isinstance(value, list) or len(value) >= bound,
        "maxItems": lambda bound: not isinstance(value, list) or len(value) <= bound,
        "minLength": lambda bound: not isinstance(value, str) or len(value) >= bound,
        "minProperties": lambda bound: not isinstance(value, dict) or len(value) >= bound,
        "pattern": lambda text: not isinstance(value, str) or re.search(text, value) is not None,
        "required": lambda keys: not isinstance(value, dict) or set(keys) <= set(value),
        "properties": lambda each: (
            not isinstance(value, dict) or all(inside(each[key], part) for key, part in value.items() if key in each)
        ),
        "additionalProperties": lambda each: (
            not isinstance(value, dict)
            or all(each is not False and inside(each, part) for key, part in value.items() if key not in properties)
        ),
        "prefixItems": lambda each: (
            not isinstance(value, list) or all(map(inside, each[: len(value)], value[: len(each)]))
        ),
        "items": lambda each: not isinstance(value, list) or all(inside(each, part) for part in value[len(prefix) :]),
    }
    notes = {"$schema", "$defs", "title", "description", "default"}
    return all(judges[keyword](each) for keyword, each in schema.items() if keyword not in notes)


@pytest.fixture(scope="module")
def schema(toy_registry: Registry) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(make_schema(toy_registry, "toy"), allow_nan=False))
    return made


@pytest.mark.parametrize("preset", ["smoke", "plain"])
def test_presets_are_accepted(toy_registry: Registry, schema: dict[str, Any], preset: str) -> None:
    assert accepts(schema, load_spec(toy_registry, plugin="toy", preset=preset).as_dict(), schema)


def _spec(path: str, value: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "dataset": {"type": "waves"},
        "model": {"type": "dense"},
        "objective": {"type": "fit", "optimiser": {"type": "sgd"}},
        "evaluators": {"type": "grid"},
    }
    *parents, last = path.split(".")
    node = spec
    for each in parents:
        node = node[each]
    node[last] = value
    spec["evaluators"] = [spec["evaluators"]]
    return spec


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("format", 1, 2),
        ("plugin", "toy", "rival"),
        ("seed", 0, -1),
        ("replicates", 1, 0),
        ("name", "a.b", "../a"),
        ("device", "cuda:1", "gpu"),
        ("dtype", "float64", "float16"),
        ("requires", {"a": ">=1"}, {"a": 1}),
        ("sweep", {"seed": [1], "objective": {"steps": [1]}}, {"seed": 3}),
        ("dataset.type", "toy:waves", "wave"),
        ("dataset.samples", 3, 2.5),
        ("dataset.noise", 1, 1.5),
        ("dataset.file", "none", 3),
        ("model.widths", [1, 2], [0]),
        ("model.widths", [1], []),
        ("model.bias", True, 1),
        ("model.extra", {"x": [1]}, []),
        ("model.activation", "tanh", "tan"),
        ("objective.batch", "none", 0),
        ("objective.optimiser", {"type": "adam", "betas": [0, 1]}, {"type": "adam", "betas": [1]}),
        ("objective.optimiser", {"type": "sgd", "momentum": 0.5}, {"type": "adam", "momentum": 0.5}),
        ("objective.optimiser.learning_rate", 1, 0),
        ("objective.weights", {"a": 0}, {"a": -1}),
        ("evaluators.points", "auto", 1),
        ("evaluators.axes", [[0, 1.5]], [[0]]),
        ("evaluators.label", "fine", "Fine"),
        ("evaluators.type", "length", "angle"),
        ("evaluators.type", "rival:angle", "rival:grid"),
        ("evaluators.colour", "red", "Red"),
        ("evaluators.color", None, "red"),
    ],
)
def test_what_the_schema_refuses(schema: dict[str, Any], path: str, good: Any, bad: Any) -> None:
    if good is not None:
        assert accepts(schema, _spec(path, good), schema)
    assert not accepts(schema, _spec(path, bad), schema)


def test_required_tables_and_options(schema: dict[str, Any]) -> None:
    assert not accepts(schema, {"dataset": {"type": "waves"}}, schema)
    assert not accepts(schema, _spec("dataset", {"type": "read"}), schema)
    assert accepts(schema, _spec("dataset", {"type": "read", "path": "x"}), schema)


def test_the_schema_says_what_options_mean(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == DIALECT
    samples = schema["$defs"]["dataset.toy:waves"]["properties"]["samples"]
    assert samples["description"] == "How many. [samples] Source: section 2"
    assert samples["default"] == 100


def test_without_a_plugin_ambiguous_short_names_are_out(toy_registry: Registry) -> None:
    schema = make_schema(toy_registry)
    names = {each for key, each in schema["$defs"].items() if key.startswith("evaluator.") for each in [key]}
    assert len(names) == 6
    assert schema["$defs"]["evaluator.toy:norm"]["properties"]["type"]["enum"] == ["toy:norm"]
    assert schema["$defs"]["evaluator.toy:grid"]["properties"]["type"]["enum"] == ["grid", "toy:grid"]


def test_a_schema_of_an_unknown_plugin(toy_registry: Registry) -> None:
    with pytest.raises(PluginError, match="there is no plugin 'tyo'"):
        make_schema(toy_registry, "tyo")
