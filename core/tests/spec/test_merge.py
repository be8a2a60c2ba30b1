"""Merging: associative, never lower over higher, and a changed type starts its table afresh."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from identify_core.spec.evaluators import apply_edits
from identify_core.spec.layers import Layer
from identify_core.spec.merge import Table, Tree, build, combine, dropped, histories, plain
from identify_core.spec.problems import Problems

KEYS = st.sampled_from(["a", "b", "type"])
LEAVES = st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.just([1])
TABLES = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=3), lambda inner: st.dictionaries(KEYS, LEAVES | inner, max_size=3)
)
EVALUATORS = st.lists(TABLES, max_size=2) | st.dictionaries(st.sampled_from(["0", "1", "x", "y-2"]), TABLES, max_size=2)
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"a": LEAVES, "dataset": LEAVES | TABLES, "model": TABLES, "evaluators": EVALUATORS}
)


def _same(_: str, name: str) -> str:
    return name


def _build(values: dict[str, Any], place: str = "file") -> Tree:
    return build(Layer(kind="file", place=place, values=values), _same)


def _merged(*documents: dict[str, Any]) -> Tree:
    return reduce(combine, [_build(each, f"layer {index}") for index, each in enumerate(documents)])


def _plain(tree: Tree) -> dict[str, Any]:
    evaluators = [plain(each) for each in apply_edits(tree, Problems())]
    root: dict[str, Any] = plain(tree.root)
    return root | {"evaluators": evaluators}


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_merging_is_associative(low: dict[str, Any], middle: dict[str, Any], high: dict[str, Any]) -> None:
    first, second, third = _build(low, "low"), _build(middle, "middle"), _build(high, "high")
    assert combine(combine(first, second), third) == combine(first, combine(second, third))


@given(DOCUMENTS)
def test_an_empty_layer_changes_nothing(values: dict[str, Any]) -> None:
    tree, empty = _build(values), _build({})
    assert _plain(combine(empty, tree)) == _plain(combine(tree, empty)) == _plain(tree)


@given(DOCUMENTS)
def test_a_layer_over_itself_changes_nothing(values: dict[str, Any]) -> None:
    assert _plain(_merged(values, values)) == _plain(_build(values))


def _leaves(values: dict[str, Any], path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Whatever is not a table, and every `type`, by key path; the evaluators apart."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict) and key != "type":
            found |= _leaves(value, (*path, key))
        elif (*path, key) != ("evaluators",):
            found[(*path, key)] = value
    return found


@given(DOCUMENTS, DOCUMENTS)
def test_whatever_the_upper_layer_gives_counts(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = _leaves(_plain(_merged(low, high)))
    for path, value in _leaves({key: each for key, each in high.items() if key != "evaluators"}).items():
        assert merged[path] == value


@given(DOCUMENTS, DOCUMENTS)
def test_nothing_counts_that_no_layer_gave(low: dict[str, Any], high: dict[str, Any]) -> None:
    layers = [{key: node for key, node in each.items() if key != "evaluators"} for each in (low, high)]
    given_leaves = [item for each in layers for item in _leaves(each).items()]
    assert all(item in given_leaves for item in _leaves(_plain(_merged(low, high))).items())


@given(DOCUMENTS, DOCUMENTS)
def test_the_last_given_value_is_the_one_that_counts(low: dict[str, Any], high: dict[str, Any]) -> None:
    root = _merged(low, high).root
    for path, value in _leaves(plain(root)).items():
        assert histories(root)[path][-1].value == value


def test_a_value_between_two_tables_hides_the_lower_one_in_any_grouping() -> None:
    low, middle, high = (_build({"model": {"a": each}}) for each in ({"x": 1}, 2, {"y": 3}))
    grouped = combine(low, combine(middle, high))
    assert grouped == combine(combine(low, middle), high)
    assert plain(grouped.root) == {"model": {"a": {"y": 3}}}


def test_a_later_edit_of_an_evaluator_counts() -> None:
    listed = {"evaluators": [{"type": "x"}]}
    tree = _merged(listed, {"evaluators": {"x": {"a": 1, "b": 1}}}, {"evaluators": {"0": {"a": 2}}})
    assert _plain(tree)["evaluators"] == [{"type": "x", "a": 2, "b": 1}]


def test_a_type_brings_its_own_options() -> None:
    low = {"dataset": {"type": "x", "a": 1}}
    high = {"dataset": {"type": "y", "b": 2}}
    tree = _merged(low, high)
    assert _plain(tree)["dataset"] == {"type": "y", "b": 2}
    assert dropped(tree.root) == ["dataset.a given for x is dropped: dataset.type became 'y' (layer 1)"]


def test_options_of_the_same_type_are_kept() -> None:
    tree = _merged({"dataset": {"type": "x", "a": 1}}, {"dataset": {"type": "x", "b": 2}})
    assert _plain(tree)["dataset"] == {"type": "x", "a": 1, "b": 2}
    assert dropped(tree.root) == []


def test_another_spelling_of_a_component_is_no_change_of_type() -> None:
    layers = [{"dataset": {"type": "waves", "a": 1}}, {"dataset": {"type": "toy:waves", "b": 2}}]
    trees = [
        build(Layer(kind="file", place="", values=each), lambda _, name: name.rpartition(":")[2]) for each in layers
    ]
    assert plain(combine(*trees).root)["dataset"] == {"type": "toy:waves", "a": 1, "b": 2}


def test_options_without_a_type_go_to_the_type_in_force() -> None:
    tree = _merged({"dataset": {"type": "x"}}, {"dataset": {"a": 1}}, {"dataset": {"type": "y"}})
    assert _plain(tree)["dataset"] == {"type": "y"}


def test_options_before_any_type_go_to_the_first() -> None:
    assert _plain(_merged({"dataset": {"a": 1}}, {"dataset": {"type": "y"}}))["dataset"] == {"type": "y", "a": 1}


def test_nested_tables_with_a_type_start_afresh_too() -> None:
    low = {"model": {"a": {"type": "x", "b": 1}}}
    high = {"model": {"a": {"type": "y"}}}
    assert _plain(_merged(low, high))["model"] == {"a": {"type": "y"}}


def test_a_list_of_evaluators_replaces_the_list_below() -> None:
    tree = _merged({"evaluators": [{"type": "x"}, {"type": "y"}]}, {"evaluators": [{"type": "y"}]})
    assert _plain(tree)["evaluators"] == [{"type": "y"}]
    assert [(str(origin), count) for origin, count in tree.replaced] == [("layer 0", 2)]


def test_an_evaluator_is_edited_by_index_or_label() -> None:
    listed = {"evaluators": [{"type": "x", "a": 1}, {"type": "x", "label": "mine"}, {"type": "toy:x"}]}
    edits = {"evaluators": {"0": {"a": 2}, "mine": {"b": 3}, "x-2": {"b": 4}}}
    assert _plain(_merged(listed, edits))["evaluators"] == [
        {"type": "x", "a": 2},
        {"type": "x", "label": "mine", "b": 3},
        {"type": "toy:x", "b": 4},
    ]


def test_a_label_outlives_a_change_of_type() -> None:
    tree = _merged({"evaluators": [{"type": "x", "label": "mine", "a": 1}]}, {"evaluators": {"mine": {"type": "y"}}})
    assert _plain(tree)["evaluators"] == [{"type": "y", "label": "mine"}]


def test_an_empty_list_removes_all_evaluators() -> None:
    assert _plain(_merged({"evaluators": [{"type": "x"}]}, {"evaluators": []}))["evaluators"] == []


def test_the_merged_root_is_a_table() -> None:
    assert isinstance(_merged({"a": 1}, {"a": {"b": 2}}).root, Table)
