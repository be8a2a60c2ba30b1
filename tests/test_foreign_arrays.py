"""Arrays from outside at the command line: read as what they are, by name and by id, or refused in one message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core.cli.root import run_command_line
from identify_core.store import Store

CKA = ("--evaluator", "measures:linear-cka", "--quiet")


@attrs.frozen(kw_only=True)
class Said:
    """What a verb printed."""

    out: str
    err: str


Verb = Callable[..., Said]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two representations that are one up to a rotation, in several files."""
    where = tmp_path_factory.mktemp("foreign")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    np.save(where / "x.npy", x)
    np.save(where / "short.npy", y[:50])
    np.save(where / "cube.npy", np.stack([x, y], axis=1))
    np.save(where / "ids.npy", np.arange(60))
    order = rng.permutation(60)
    rows = [f"{i},{','.join(map(str, y[i]))},{'ab'[i % 2]}" for i in order]
    (where / "y.csv").write_text("\n".join(("id,z1,z2,z3,kind", *rows)), encoding="utf-8")
    for name, values in (("one", x), ("two", y + 0.3 * rng.normal(size=y.shape))):
        distances = np.linalg.norm(values[:, None] - values[None], axis=-1)
        np.save(where / f"{name}.npy", distances)
    for name, start in (("low", 0), ("mid", 30), ("high", 57)):
        rows = [f"{i},{rng.normal()},{rng.normal()}" for i in range(start, start + 60)]
        (where / f"{name}.csv").write_text("\n".join(("id,a,b", *rows)), encoding="utf-8")
    return where


@pytest.fixture
def verb(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Runs a verb in that folder, in this process."""
    monkeypatch.chdir(folder)

    def run(*arguments: str, status: int = 0) -> Said:
        done = run_command_line(list(arguments))
        out, err = capsys.readouterr()
        assert done == status, err
        return Said(out=" ".join(out.split()), err=" ".join(err.split()))

    return run


def parsed(said: Said) -> Any:
    return json.loads(said.out)


def value(document: Any, label: str = "linear-cka") -> float:
    return float(document["findings"][label]["scalars"][f"{label} median"])


def test_a_table_in_another_order_is_joined_on_its_ids(verb: Verb) -> None:
    arguments = ("compare", "x.npy", "y.csv:z*", "--ids", "x.npy=ids.npy")
    assert value(parsed(verb(*arguments, *CKA, "--json"))) == pytest.approx(1)
    assert value(
        parsed(verb("compare", "x.npy", "y.csv", "--ids", "x.npy=ids.npy", "--factors", "kind", *CKA, "--json"))
    ) == (pytest.approx(1))


def test_layers_are_compared_as_representations_of_their_own(verb: Verb) -> None:
    document = parsed(verb("compare", "cube.npy", "--axes", "sample,layer,latent", *CKA, "--json"))
    assert document["representations"] == ["cube.npy[layer=0]", "cube.npy[layer=1]"]
    assert value(document) == pytest.approx(1)


def test_what_is_imported_from_a_table_keeps_its_ids_and_factors(verb: Verb) -> None:
    verb("import", "y.csv", "--name", "table", "--factors", "kind")
    verb("import", "x.npy", "--name", "array", "--ids", "ids.npy")
    assert value(parsed(verb("compare", "table", "array", *CKA, "--json"))) == pytest.approx(1)
    imported = parsed(verb("import", "cube.npy", "--name", "layers", "--axes", "sample,layer,latent", "--json"))
    assert imported["latents"] == ["imported-layer-0", "imported-layer-1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "cube.npy"), "has 3 axes, 60 × 2 × 3, and nothing says what they are"),
        (("compare", "x.npy", "short.npy"), "x.npy has 60 rows and short.npy has 50, and nothing says which"),
        (("compare", "x.npy", "y.csv:z*"), "y.csv:z* has sample ids and x.npy has none"),
        (("compare", "x.npy"), "x.npy is one representation alone"),
        (("compare", "x.npy", "y.csv"), "the column 'kind' of y.csv holds text"),
        (("import", "cube.npy", "--name", "n"), "has 3 axes"),
        (("import", "x.npy", "short.npy", "--name", "n"), "x.npy has 60 rows and short.npy has 50"),
        (("import", "one.npy", "--name", "n"), "is square and symmetric with a zero diagonal"),
    ],
)
def test_what_could_be_read_in_several_ways_is_refused(verb: Verb, arguments: tuple[str, ...], message: str) -> None:
    assert message in verb(*arguments, status=2).err


def test_dissimilarities_are_compared_as_they_are_and_the_guess_is_said(verb: Verb) -> None:
    said = verb("compare", "one.npy", "two.npy", "--quiet")
    assert "one.npy is square and symmetric with a zero diagonal: taken as dissimilarities" in said.err
    first, second = (np.load(f"{name}.npy")[np.triu_indices(60, 1)] for name in ("one", "two"))
    options = ("--as", "dissimilarities", "--evaluator", "measures:dissimilarities", "--set", "comparison=pearson")
    document = parsed(verb("compare", "one.npy", "two.npy", *options, "--quiet", "--json"))
    assert value(document, "dissimilarities") == pytest.approx(np.corrcoef(first, second)[0, 1])
    latents = parsed(verb("compare", "one.npy", "two.npy", "--as", "representations", *CKA, "--json"))
    assert value(latents) != pytest.approx(value(document, "dissimilarities"), abs=1e-3)


@pytest.mark.shared
def test_monkey_and_human_dissimilarities_agree_as_published(verb: Verb) -> None:
    source = Path(__file__).resolve().parents[2] / "shared" / "data" / "rsa92_rdms.npz"
    if not source.exists():
        pytest.skip("the shared data are not at hand")
    references = (f"{source}:fig1_monkey_IT", f"{source}:fig1_human_IT")
    options = ("--evaluator", "measures:dissimilarities", "--set", "comparison=pearson", "--as", "dissimilarities")
    found = value(parsed(verb("compare", *references, *options, "--quiet", "--json")), "dissimilarities")
    assert found == pytest.approx(0.4912, abs=5e-5)
    said = verb("compare", *references, *CKA).err
    assert "if it is the upper triangle of 92 × 92 dissimilarities, say --as dissimilarities" in said


def test_an_option_goes_to_the_evaluators_that_have_it(verb: Verb) -> None:
    two = ("--evaluator", "measures:mutual-knn", "--evaluator", "measures:linear-cka", "--quiet")
    arguments = ("compare", "cube.npy", "--axes", "sample,layer,latent", *two)
    document = parsed(verb(*arguments, "--set", "k=20", "--json"))
    assert "20" in document["findings"]["mutual-knn"]["conventions"]["estimator"]
    said = verb(*arguments, "--set", "kk=20", status=2).err
    assert "none of the evaluators measures:mutual-knn, measures:linear-cka has an option 'kk'" in said


def test_a_join_that_keeps_little_is_said_first_and_a_smaller_one_needs_a_flag(verb: Verb) -> None:
    said = verb("compare", "low.csv", "mid.csv", *CKA).out
    assert said.startswith("only 30 of the 60 rows of low.csv have a counterpart in all others")
    assert "--partial" in verb("compare", "low.csv", "high.csv", *CKA, status=2).err
    assert parsed(verb("compare", "low.csv", "high.csv", "--partial", *CKA, "--json"))["rows"] == 3


@pytest.fixture(scope="module")
def codes(folder: Path) -> Path:
    """Codes of two factors under other names, as integers."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, (300, 2))
    names = [np.array([5, 0, 9, 2]), np.array([1, 7, 3, 0])]
    np.save(folder / "codes.npy", np.stack([each[column] for each, column in zip(names, truth.T, strict=True)], axis=1))
    np.savez(folder / "truth.npz", truth=truth)
    return folder


def test_symbols_are_kept_as_symbols_and_measures_take_them_so(verb: Verb, codes: Path) -> None:
    given = ("codes.npy", "--factors", "kind:categorical=truth.npz:truth")
    assert "integers taken as numbers" not in verb("import", *given, "--name", "codes", "--as", "symbols").err
    answered = verb("evaluate", "codes", "--evaluator", "measures:infomec", "--evaluator", "measures:explicitness")
    assert "explicitness is left out: it takes numbers, and imported[0] holds symbols" in answered.err
    verb("evaluate", "codes", "--evaluator", "measures:explicitness", status=2)
    assert verb("import", *given, "--name", "ints").err.count("integers taken as numbers") == 1
    verb("evaluate", "ints", "--evaluator", "measures:mig", "--set", "latents=symbols", "--label", "said")
    verb("evaluate", "ints", "--evaluator", "measures:mig", "--label", "undeclared")
    verb("evaluate", "codes", "--evaluator", "measures:mig", "--label", "declared")
    store = Store(Path("identify-store"))
    codes_run, ints = (store.open(name) for name in ("codes", "ints"))
    assert codes_run.latents["imported"].kind == "symbols"
    said, undeclared, declared, infomec = (
        run.findings[label].finding.conventions["estimator"]
        for run, label in ((ints, "said"), (ints, "undeclared"), (codes_run, "declared"), (codes_run, "infomec"))
    )
    assert declared == said != undeclared
    assert "latents read as symbols" in declared
    assert "latents read as symbols" in infomec


def test_symbols_are_declared_for_one_array_or_for_all(verb: Verb, codes: Path) -> None:
    arguments = ("compare", "codes.npy", "codes.npy", "codes.npy", *CKA[:2])
    assert "it takes numbers, and codes.npy holds symbols" in verb(*arguments, "--as", "symbols", status=2).err
    assert "holds symbols" in verb(*arguments, "--as", "codes.npy=symbols", status=2).err
    said = verb(*arguments)
    assert "codes.npy and 2 more: integers taken as numbers, because nothing declares them" in said.err
    assert "integers taken" not in verb(*arguments, "--as", "representations").err
    assert "--as 'symbol' is not a kind of arrays" in verb(*arguments, "--as", "symbol", status=2).err
    assert "did you mean 'symbols'" in verb(*arguments, "--as", "symbol", status=2).err
    assert "is of none of the arrays" in verb(*arguments, "--as", "other.npy=symbols", status=2).err
    twice = ("--as", "symbols", "--as", "representations")
    assert "--as is given 2 times for codes.npy" in verb(*arguments, *twice, status=2).err
    assert "no plugin offers a measure for pairs of symbols" in verb(*arguments[:4], "--as", "symbols", status=3).err
    np.save("numbers.npy", np.zeros((300, 2)))
    mixed = ("import", "codes.npy", "numbers.npy", "--name", "n", "--as", "codes.npy=symbols")
    assert "a run's latents are numbers or symbols, and these are latents and symbols" in verb(*mixed, status=2).err
