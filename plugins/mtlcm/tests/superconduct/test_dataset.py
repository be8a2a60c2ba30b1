"""The superconductor dataset: which files, which rows, which inputs and tasks, and every message on the way."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from identify_core import Context, OptionsError, RunError
from identify_core.testing.contexts import make_context
from identify_mtlcm.options.superconduct import SuperconductOptions
from identify_mtlcm.superconduct import files
from identify_mtlcm.superconduct.dataset import composition_keys, make_superconduct
from identify_mtlcm.superconduct.features import FEATURE_NAMES, PROPERTIES, compute_features
from identify_mtlcm.superconduct.formulas import ELEMENTS, composition_matrix
from identify_mtlcm.tasks import task_rows

SHARED = Path(__file__).parents[5] / "shared" / "data"
FORMULAS = ["MgB2", "Ba0.2La1.8Cu1O4", "Y1Ba2Cu3O6.95", "Nb3Sn", "Mg2B4", "La2CuO4", "Nb0.6Ti0.4", "Hg1", "YBa2Cu3O7"]
FORMULAS = [*FORMULAS, *(f"Nb{1 + number / 16}Sn{number / 8}" for number in range(1, 40))]
TEMPERATURES = np.linspace(0.5, 130.0, len(FORMULAS))
KNOWN = ("Mg", "B", "Ba", "La", "Cu", "O", "Y", "Nb", "Sn", "Ti", "Hg")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path / "scratch")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, no other place to look at, and no published checksums."""
    monkeypatch.delenv("IDENTIFY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("ARCHIVE", "FEATURES", "COMPOSITIONS"):
        monkeypatch.setattr(files, name, attrs.evolve(getattr(files, name), sha256="", size=0))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def element_properties() -> np.ndarray:
    generator = np.random.default_rng(0)
    table = np.full((86, 8), np.nan)
    for element in KNOWN:
        table[ELEMENTS.index(element)] = generator.uniform(1.0, 300.0, 8)
    return table


def as_csv(header: list[str], rows: list[list[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def compositions_csv(*, numbered: bool = False, temperatures: np.ndarray = TEMPERATURES) -> str:
    cells = [
        [*([number] if numbered else []), *amounts, "" if np.isnan(temperature) else temperature, formula]
        for number, (amounts, temperature, formula) in enumerate(
            zip(composition_matrix(FORMULAS).tolist(), temperatures.tolist(), FORMULAS, strict=True)
        )
    ]
    return as_csv([*(["row"] if numbered else []), *ELEMENTS, "critical_temp", "material"], cells)


def features_csv() -> str:
    features = compute_features(composition_matrix(FORMULAS), element_properties())
    return as_csv([*FEATURE_NAMES, "critical_temp"], np.column_stack([features, TEMPERATURES]).tolist())


def properties_csv() -> str:
    table = element_properties()
    rows = [[element, *table[ELEMENTS.index(element)].tolist()] for element in KNOWN]
    return as_csv(["element", *PROPERTIES], rows)


def write_official(folder: Path) -> None:
    (folder / "train.csv").write_text(features_csv())
    (folder / "unique_m.csv").write_text(compositions_csv())


def write_compositions(folder: Path, temperatures: np.ndarray = TEMPERATURES) -> None:
    text = compositions_csv(numbered=True, temperatures=temperatures)
    (folder / "superconduct_unique_m.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "superconduct_element_properties.csv").write_text(properties_csv())


def write_archive(folder: Path, names: tuple[str, ...] = ("train.csv", "unique_m.csv")) -> None:
    with zipfile.ZipFile(folder / "superconductivty+data.zip", "w") as archive:
        for name in names:
            archive.writestr(name, features_csv() if name == "train.csv" else compositions_csv())


def options(folder: Path, **more: object) -> SuperconductOptions:
    return SuperconductOptions(folder=str(folder), **more)  # type: ignore[arg-type]


def test_three_ways_to_the_files_give_the_same_samples(folder: Path, context: Context, tmp_path: Path) -> None:
    made = []
    for number, write in enumerate((write_official, write_archive, write_compositions)):
        place = tmp_path / str(number)
        place.mkdir()
        write(place)
        made.append(make_superconduct(options(place), context))
    for other in made[1:]:
        assert list(other.ids) == list(made[0].ids)
        assert list(other.splits["test"]) == list(made[0].splits["test"])
        torch.testing.assert_close(other.tensor("x"), made[0].tensor("x"))
        torch.testing.assert_close(other.tensor("y"), made[0].tensor("y"), rtol=1e-5, atol=1e-5)
    assert [each.facts["files"] for each in made] == [
        "train.csv, unique_m.csv",
        "superconductivty+data.zip",
        "superconduct_unique_m.csv.gz, superconduct_element_properties.csv",
    ]


def test_the_corrected_preset_has_no_leak_and_is_standardised_by_its_training_rows(
    folder: Path, context: Context
) -> None:
    write_official(folder)
    samples = make_superconduct(options(folder), context)
    x, y = samples.tensor("x").double(), samples.tensor("y").double()
    assert (x.shape[1], y.shape[1], samples.facts["tasks"], samples.facts["leak"]) == (86, 81, 81, False)
    train = samples.splits["train"]
    varying = x[train].std(0) > 0
    assert varying.sum() < 86 == varying.numel()
    assert x[train][:, varying].mean(0).abs().max() < 1e-5
    assert (x[train][:, varying].std(0, correction=0) - 1).abs().max() < 1e-5
    assert (x[:, ~varying] == 0).all()
    assert y[train].mean(0).abs().max() < 1e-5
    names = samples.truths["task-names"].values
    assert (names[0], names[-1], len(names)) == ("mean_atomic_mass", "critical_temp", 81)
    assert "number_of_elements" not in names
    scale, mean = samples.truths["target-scale"].values, samples.truths["target-mean"].values
    np.testing.assert_allclose(y[:, -1] * scale[-1] + mean[-1], TEMPERATURES, rtol=1e-5)
    assert task_rows(samples).count == 81
    assert task_rows(samples).names[-1] == "critical_temp"


def test_the_studys_inputs_hold_a_task(folder: Path, context: Context) -> None:
    write_official(folder)
    study = make_superconduct(options(folder, temperature_input=True, standardise="all", test_part=0.0), context)
    assert study.shape.inputs == (87,)
    torch.testing.assert_close(study.tensor("x")[:, -1], study.tensor("y")[:, -1])
    assert study.truths["input-names"].values[-1] == "critical_temp"
    assert list(study.splits["train"]) == list(study.splits["test"]) == list(range(len(FORMULAS)))
    assert study.tensor("y").double().mean(0).abs().max() < 1e-6


def test_duplicates_never_lie_on_both_sides(folder: Path, context: Context) -> None:
    """MgB2 and Mg2B4 are one composition: their inputs differ in amounts only, their features not at all."""
    write_official(folder)
    amounts = composition_matrix(FORMULAS)
    keys = composition_keys(amounts)
    assert keys[0] == keys[4]
    assert len(set(keys)) == len(keys) - 1
    sides = set()
    for seed in range(12):
        samples = make_superconduct(options(folder, split_seed=seed, test_part=0.4), context)
        test = set(samples.splits["test"])
        assert (0 in test) == (4 in test)
        sides.add(0 in test)
        assert {keys[row] for row in test}.isdisjoint(keys[row] for row in samples.splits["train"])
    assert sides == {True, False}


def test_withheld_temperatures_are_missing_targets_or_their_rows_are_left_out(folder: Path, context: Context) -> None:
    temperatures = TEMPERATURES.copy()
    temperatures[[1, 5]] = np.nan
    write_compositions(folder, temperatures)
    kept = make_superconduct(options(folder), context)
    assert len(kept) == len(FORMULAS)
    assert kept.facts["unlabelled"] == 2
    assert kept.tensor("y")[:, -1].isnan().nonzero().flatten().tolist() == [1, 5]
    assert not kept.tensor("y")[:, :-1].isnan().any()
    dropped = make_superconduct(options(folder, unlabelled="drop", temperature_input=True), context)
    assert sorted(set(range(len(FORMULAS))) - set(dropped.ids.tolist())) == [1, 5]
    assert not dropped.tensor("x").isnan().any()
    assert [warning.split(": ")[1] for warning in context.warnings] == [
        "their target in that task is missing",
        "they are left out",
    ]
    with pytest.raises(OptionsError, match=r"2 of 48 rows of .* so that it can be no input of theirs"):
        make_superconduct(options(folder, temperature_input=True), context)


def test_ids_are_row_numbers_and_a_subset_does_not_follow_the_runs_seed(folder: Path, tmp_path: Path) -> None:
    write_compositions(folder)
    contexts = [make_context(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    first, second = (make_superconduct(options(folder, subset=30), each) for each in contexts)
    assert len(first) == 30
    assert list(first.ids) == list(second.ids)
    assert first.fingerprint == second.fingerprint
    other = make_superconduct(options(folder, subset=30, subset_seed=1), contexts[0])
    assert list(other.ids) != list(first.ids)
    whole = make_superconduct(options(folder, standardise="none"), contexts[0])
    some = make_superconduct(options(folder, standardise="none", subset=30), contexts[0])
    torch.testing.assert_close(whole.tensor("y")[some.ids], some.tensor("y"))


def test_files_are_named_where_there_are_none(folder: Path, context: Context) -> None:
    with pytest.raises(RunError, match=r"there is no superconductivty\+data\.zip or train\.csv with") as caught:
        make_superconduct(options(folder), context)
    assert str(folder) in caught.value.message
    assert "archive.ics.uci.edu" in caught.value.hint
    with pytest.raises(RunError) as official:
        make_superconduct(options(folder, files="official"), context)
    assert "element_properties" not in official.value.message
    with pytest.raises(RunError, match=r"there is no superconduct_unique_m\.csv\.gz with superconduct_element_prop"):
        make_superconduct(options(folder, files="compositions"), context)
    write_compositions(folder)
    (folder / "superconduct_element_properties.csv").unlink()
    with pytest.raises(RunError, match=r"there is no superconduct_element_properties\.csv"):
        make_superconduct(options(folder), context)


def test_other_files_than_the_published_ones_are_refused(
    folder: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_official(folder)
    monkeypatch.setattr(files, "FEATURES", attrs.evolve(files.FEATURES, sha256="0" * 64))
    with pytest.raises(RunError, match=r"train\.csv is not what it should be: its SHA-256 is .*, expected 000"):
        make_superconduct(options(folder), context)
    monkeypatch.setattr(files, "FEATURES", attrs.evolve(files.FEATURES, size=10**9))
    with pytest.raises(RunError, match=r"train\.csv is incomplete: it has \d+ of 1000000000 bytes"):
        make_superconduct(options(folder), context)


def test_the_published_sums_are_whole() -> None:
    from identify_mtlcm.superconduct.files import ARCHIVE, COMPOSITIONS, FEATURES

    for file in (ARCHIVE, COMPOSITIONS, FEATURES):
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.size > 4_000_000


def damaged(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("train.csv", "mean_fie", "mean_foe", r"it has the column 'mean_foe' where 'mean_fie' is expected"),
        ("train.csv", ",critical_temp", "", r"train\.csv is not the table of UCI 464: it has 81 columns instead of 82"),
        ("train.csv", "\n2.0,", "\nnone,", r"train\.csv, unique_m\.csv cannot be read: could not convert"),
        ("unique_m.csv", "material", "name", r"it has the column 'name' where 'material' is expected"),
        ("unique_m.csv", ",MgB2", ",MgB3", r"row 0 of unique_m\.csv: the formula MgB3 does not fit its amounts"),
        ("unique_m.csv", ",MgB2", ",Mg?", r"cannot be read: 'Mg\?' is not a formula"),
        ("unique_m.csv", ",0.5,MgB2", ",0.6,MgB2", r"differ in the critical temperature of row 0: they are not of one"),
        ("unique_m.csv", ",MgB2", "", r"line 2 of unique_m\.csv has 87 cells instead of 88"),
    ],
)
def test_damaged_official_files_are_told_apart(
    name: str, old: str, new: str, message: str, folder: Path, context: Context
) -> None:
    write_official(folder)
    damaged(folder, name, old, new)
    with pytest.raises(RunError, match=message):
        make_superconduct(options(folder), context)


def test_tables_of_different_lengths_are_refused(folder: Path, context: Context) -> None:
    write_official(folder)
    text = (folder / "train.csv").read_text().splitlines()
    (folder / "train.csv").write_text("\n".join(text[:-1]))
    with pytest.raises(RunError, match=r"train\.csv has 47 rows and unique_m\.csv 48: they must agree"):
        make_superconduct(options(folder), context)


def test_a_truncated_archive_and_a_foreign_one_are_told(folder: Path, context: Context) -> None:
    write_archive(folder, ("train.csv",))
    with pytest.raises(RunError, match=r"holds no unique_m\.csv, but train\.csv"):
        make_superconduct(options(folder), context)
    path = folder / "superconductivty+data.zip"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunError, match=r"superconductivty\+data\.zip is damaged or incomplete") as caught:
        make_superconduct(options(folder), context)
    assert caught.value.hint == "fetch it again"


def test_a_truncated_table_of_compositions_is_told(folder: Path, context: Context) -> None:
    write_compositions(folder)
    path = folder / "superconduct_unique_m.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=r"superconduct_unique_m\.csv\.gz is damaged or incomplete"):
        make_superconduct(options(folder), context)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nMg,", "\nXx,", r"superconduct_element_properties\.csv names 'Xx', which is not an element"),
        ("\nMg,", "\nHe,", r"cannot be read: the properties of Mg are not known, but row 0 contains it"),
        ("\nMg,", "\nMg,-", r"holds a property that is not positive"),
        ("fie", "foe", r"it has the column 'foe' where 'fie' is expected"),
    ],
)
def test_wrong_element_properties_are_told(old: str, new: str, message: str, folder: Path, context: Context) -> None:
    write_compositions(folder)
    damaged(folder, "superconduct_element_properties.csv", old, new)
    with pytest.raises(RunError, match=message):
        make_superconduct(options(folder), context)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_the_real_table_has_the_duplicates_that_the_literature_reports(context: Context) -> None:
    samples = make_superconduct(SuperconductOptions(folder=str(SHARED)), context)
    assert len(samples) == 21_263
    assert samples.facts["unlabelled"] == 2_126
    assert samples.facts["duplicate-part"] == pytest.approx(0.287, abs=1e-3)
    assert samples.facts["constant-inputs"] == 9  # elements of which no superconductor of the table is made
    assert task_rows(samples.split("train")).count == 81
    study = make_superconduct(
        SuperconductOptions(
            folder=str(SHARED), temperature_input=True, unlabelled="drop", standardise="all", test_part=0.0
        ),
        context,
    )
    assert study.shape.inputs == (87,)
    assert len(study) == 19_137
    assert study.facts["duplicate-part"] == pytest.approx(0.277, abs=1e-3)
