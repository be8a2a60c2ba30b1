"""Everything wrong with a study file is told at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from identify_core.errors import SpecError
from identify_core.studies.study_file import read_study


def problems_of(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match="cannot be done") as caught:
        read_study(file)
    return list(caught.value.problems)


def test_what_it_says_is_read(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text('[[runs]]\nlabel = "a"\nplugin = "toy"\n[runs.set]\nobjective.steps = 3\n', encoding="utf-8")
    study = read_study(file)
    assert (study.name, study.title) == ("paper", "paper")
    assert study.runs[0].set == {"objective": {"steps": 3}}
    assert study.place("data/x.npy") == tmp_path / "data" / "x.npy"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is nothing to do: write [[runs]] or [[comparisons]]"),
        ("run = 1\n[[runs]]\nlabel = 'a'\nplugin = 'toy'", "run: there is no such key; did you mean 'runs'?"),
        ("runs = 3", "runs: this is not a list of tables: write [[runs]]"),
        ("[[runs]]\nplugin = 'toy'", "runs.0.label: this option is required"),
        ("[[runs]]\nlabel = 'A b'\nplugin = 'toy'", "runs.0.label: 'A b' is not accepted"),
        ("[[runs]]\nlabel = 'a'", "runs.0: this needs a plugin or a spec"),
        ("[[runs]]\nlabel = 'a'\nspec = 'no.toml'", "runs.0.spec: there is no file"),
        ("[[runs]]\nlabel = 'a'\nplugin = 'toy'\nneeds = ['no']", "runs.0.needs: missing: no"),
        ("[[runs]]\nlabel = 'a'\nplugin = 'toy'\nstep = 1", "runs.0.step"),
        (
            "[[comparisons]]\nlabel = 'c'\nof = ['a']",
            "comparisons.0.of: 'a' is neither a run of this study nor a file",
        ),
        ("[[comparisons]]\nlabel = 'c'\nof = []", "comparisons.0.of: of must not be empty"),
        (
            "[[runs]]\nlabel = 'a'\nplugin = 'toy'\n[[comparisons]]\nlabel = 'c'\nof = ['a']\nexpect = 'liner'",
            "comparisons.0.expect: there is no rung 'liner'",
        ),
        (
            "[[runs]]\nlabel = 'tanh'\nplugin = 'toy'\n[[tables]]\nlabel = 't'\nvalues = ['x']\nof = ['than']",
            "tables.0.of: no run of this study is called 'than'; did you mean 'tanh'?",
        ),
        ("name = '../up'\n[[runs]]\nlabel = 'a'\nplugin = 'toy'", "name: '../up' is not 1 to 60 letters"),
        ("title = 3\n[[runs]]\nlabel = 'a'\nplugin = 'toy'", "title: 3 is not a string"),
        (
            "[[runs]]\nlabel = 'a'\nplugin = 'toy'\n[[runs]]\nlabel = 'a'\nplugin = 'toy'",
            "runs: 2 entries are called 'a'; each needs a label of its own",
        ),
    ],
)
def test_a_problem_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in problems_of(tmp_path / "paper.toml", text))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "step = 1\n[[runs]]\nlabel = 'A'\n[[runs]]\nplugin = 3\n[[tables]]\nlabel = 't'\n"
    assert len(problems_of(tmp_path / "paper.toml", text)) >= 4
