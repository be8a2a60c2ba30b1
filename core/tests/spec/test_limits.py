"""What a spec may cost: its size, its nesting, its keys, what a message repeats of it, and names that become files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core.errors import SpecError
from identify_core.plugins import Registry
from identify_core.spec import load_spec
from identify_core.spec.layers import (
    DEEPEST,
    LARGEST_FILE,
    MOST_STATEMENTS,
    find_lines,
    read_file_layer,
    read_override,
    read_text_layer,
    refuse_excess,
)
from identify_core.spec.resolved import ResolvedSpec
from identify_core.testing.memory import peak_memory

Load = Callable[..., ResolvedSpec]


@pytest.fixture
def load(toy_registry: Registry, tmp_path: Path) -> Load:
    """`load(text)`: the text as a spec file of the plugin `toy`."""

    def load(text: str) -> ResolvedSpec:
        file = tmp_path / "spec.toml"
        file.write_text(text, encoding="utf-8")
        return load_spec(toy_registry, plugin="toy", file=file)

    return load


PLAIN = '[dataset]\ntype = "waves"\n[objective]\ntype = "nothing"\n'


def read(text: str) -> None:
    read_text_layer(text, kind="file", place="spec.toml")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * DEEPEST + "]" * DEEPEST,
        "a = " + "{a=" * DEEPEST + "1" + "}" * DEEPEST,
        ".".join("a" * DEEPEST) + " = 1",
        ".".join(['"a"'] * DEEPEST) + " = 1",
        f"[{'.'.join('a' * DEEPEST)}]",
        "a = [" + "1.5, " * 1000 + "]",
        "a = [" + "[1.5], " * 1000 + "]",
        'a = """' + "[{.." * 1000 + '"""',
        "# " + "[{.." * 1000,
        "a = '" + "[" * 1000 + "'",
    ],
)
def test_what_a_spec_may_hold(text: str) -> None:
    refuse_excess(text, "the spec file spec.toml")


@pytest.mark.parametrize(
    "text",
    [
        "b = 1\na = " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "b = 1\na = " + "{a=" * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1),
        "b = 1\n" + ".".join("a" * (DEEPEST + 1)) + " = 1",
        "b = 1\n" + " . ".join(['"a"'] * (DEEPEST + 1)) + " = 1",
        f"b = 1\n[{'.'.join('a' * (DEEPEST + 1))}]",
        "b = 1\na = " + "[" * 1_000_000,
    ],
)
def test_what_is_nested_too_deep_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(SpecError, match="nested deeper than 64 levels on line 2"):
        read(text)


@pytest.mark.parametrize("statement", ["key{} = 1", "[table{}]", "[[list{}]]"])
def test_no_spec_has_thousands_of_keys(statement: str) -> None:
    most = "\n".join(statement.format(number) for number in range(MOST_STATEMENTS))
    read(most)
    with pytest.raises(SpecError, match="has 5,001 keys, more than any spec needs; at most 5,000"):
        read(f"{most}\n{statement.format('x')}")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_bytes(b"#" * LARGEST_FILE)
    read_file_layer(file)
    file.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(SpecError, match="has more than 1,000,000 bytes") as caught:
        read_file_layer(file)
    assert "a file of their own" in caught.value.hint


@pytest.mark.parametrize(
    "number", ["9" * 500_000, "-1_" + "9_" * 499_998 + "9", "0." + "0" * 500_000, "0xF" + "f" * 499_999]
)
def test_a_number_of_thousands_of_digits_is_refused_before_it_is_parsed(number: str) -> None:
    with (
        peak_memory() as peak,
        pytest.raises(SpecError, match=r"has a number of [45]\d\d,\d\d\d digits on line 2; at most 1,000"),
    ):
        read(f"\na = [1, {number}]")
    assert peak.kilobytes < 20_000


def test_long_keys_and_a_thousand_digits_are_no_long_numbers() -> None:
    read(f"{'a' * 5_000} = {'1' * 1_000}\n")


@pytest.mark.parametrize("text", ['"' * 50_001, '"""' + '\\"""' * 50_000, "'" * 50_001, "[" * 60 + '"' * 50_000])
def test_quotes_that_never_close_cost_no_time(text: str) -> None:
    with pytest.raises(SpecError, match="is not TOML"):
        read(text)


def test_values_of_many_tokens_cost_no_time() -> None:
    text = f"a = [{'[1], ' * 100_000}]\nb = 1\n"
    assert find_lines(text) == {("a",): 1, ("b",): 2}


def test_twenty_problems_are_shown_and_the_others_counted(load: Load) -> None:
    wrong = "\n".join(f"key{number} = 1" for number in range(300))
    for text in (f"{wrong}\n{PLAIN}", PLAIN.replace('"waves"', f'"waves"\n{wrong}')):
        with pytest.raises(SpecError, match="there are 300 problems with the spec") as caught:
            load(text)
        assert len(caught.value.problems) == 21
        assert caught.value.problems[-1] == "and 280 more"


def test_twenty_wrong_values_of_a_list_are_enough(load: Load) -> None:
    many = ", ".join(['"x"'] * 100_000)
    with pytest.raises(SpecError, match="there are 21 problems") as caught:
        load(f'{PLAIN}[model]\ntype = "dense"\nwidths = [{many}]\n')
    assert caught.value.problems[19].startswith("model.widths.19: ")
    assert caught.value.problems[-1] == "and 1 more"


def test_a_name_is_repeated_up_to_80_characters(load: Load) -> None:
    name = "a" * 5_000
    for text in (
        PLAIN.replace("waves", name),
        f"{name} = 1\n{PLAIN}",
        PLAIN.replace('"waves"', f'"waves"\n{name} = 1'),
        f'name = "{name}"\n{PLAIN}',
        f'{PLAIN}[[evaluators]]\ntype = "grid"\nlabel = "{name}"\n',
        f'plugin = "{name}"\n{PLAIN}',
    ):
        with pytest.raises(SpecError) as caught:
            load(text)
        assert "a" * 81 not in "".join(caught.value.problems)
        assert "a" * 70 in "".join(caught.value.problems)


def test_a_label_that_no_file_can_have_is_refused(load: Load) -> None:
    grid = PLAIN + '[[evaluators]]\ntype = "grid"\nlabel = "{}"\n'
    load(grid.format("a" * 100))
    with pytest.raises(SpecError) as caught:
        load(grid.format("a" * 101))
    assert "at most 100 characters" in caught.value.problems[0]


def test_hundreds_of_evaluators_get_labels_of_their_own(load: Load) -> None:
    spec = load(PLAIN + '[[evaluators]]\ntype = "grid"\n' * 2_000)
    assert [spec.evaluators[each].label for each in (0, 1, -1)] == ["grid", "grid-2", "grid-2000"]


def test_a_key_of_a_sweep_is_not_nested_without_measure(load: Load) -> None:
    key = ".".join(['\\"a\\"'] * 100_000)
    with pytest.raises(SpecError) as caught:
        load(f'{PLAIN}[sweep]\n"{key}" = [1]\n')
    assert "is nested deeper than 64 levels" in caught.value.problems[0]
    assert len(caught.value.problems[0]) < 500


def test_a_value_of_set_that_is_nested_without_measure_is_a_text() -> None:
    text = "[" * 100_000
    assert read_override(f"a.b={text}") == (("a", "b"), text)
