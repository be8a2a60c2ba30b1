"""Tables of one's own from CSV and .h5ad, and generated cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from identify_core import IdentifyError, OptionsError, RunError
from identify_core.testing.contexts import make_context
from identify_metric.datasets.tables import make_cells, make_table
from identify_metric.options.data import CellsOptions, TableOptions


def components(rows: int = 60) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 4)) * [3, 2, 1, 0.5]


def write_csv(path: Path, x: np.ndarray) -> None:
    lines = ["cell,type,a,b,c,d"]
    lines += [f"c{n},{'xy'[n % 2]},{','.join(map(repr, row))}" for n, row in enumerate(x.tolist())]
    path.write_text("\n".join(lines) + "\n")


def test_a_table_is_read_from_csv(tmp_path: Path) -> None:
    x = components()
    write_csv(tmp_path / "cells.csv", x)
    options = TableOptions(file=str(tmp_path / "cells.csv"), labels=("type",), ids="cell", components=3)
    samples = make_table(options, make_context(tmp_path / "run"))
    np.testing.assert_allclose(samples.tensor("x"), x[:, :3] / x[:, 0].std(), rtol=1e-6)
    assert samples.ids[3] == "c3"
    assert samples.factors["type"].values[:2].tolist() == ["x", "y"]
    assert sorted(np.concatenate(list(samples.splits.values())).tolist()) == list(range(60))


def test_a_table_is_read_from_h5ad_as_anndata_writes_it(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    x = components()
    obs = pandas.DataFrame(
        {"type": pandas.Categorical([None, *["xy"[n % 2] for n in range(1, 60)]]), "depth": np.arange(60)},
        index=[f"c{n}" for n in range(60)],
    )
    anndata.AnnData(X=np.zeros((60, 1)), obs=obs, obsm={"X_pca": x}).write_h5ad(tmp_path / "cells.h5ad")
    options = TableOptions(file=str(tmp_path / "cells.h5ad"), labels=("type", "depth"), scale="none")
    samples = make_table(options, make_context(tmp_path / "run"))
    np.testing.assert_allclose(samples.tensor("x"), x, rtol=1e-6)
    assert samples.ids[:2].tolist() == ["c0", "c1"]
    assert samples.factors["type"].values[:3].tolist() == ["", "y", "x"]
    assert samples.factors["depth"].values[5] == 5
    for wrong, said in (
        ({"array": "X_umap"}, "has no array 'X_umap'; it has X_pca"),
        ({"labels": ("t",)}, "no column 't'"),
    ):
        with pytest.raises(OptionsError, match=said):
            make_table(TableOptions(file=options.file, **wrong), make_context(tmp_path / "run"))


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n", {}, "has 1 lines"),
        ("a,b\n1,2\n3\n", {}, "line 3 of .* has 1 cells; the first line names 2"),
        ("a,b\n1,x\n", {}, "holds text where numbers are wanted"),
        ("a,b\n1,nan\n", {}, "row 0 of .* has nan in component 1"),
        ("a,b\n1,2\n1,3\n", {}, "the first component of .* is constant"),
        ("a,b\n1,2\n2,3\n", {"components": 3}, "3 components are wanted, and .* has 2"),
        ("a,b\n1,2\n", {"labels": ("t",)}, "has no column 't'; it has a, b"),
    ],
)
def test_tables_that_are_not_sound_are_refused(tmp_path: Path, text: str, options: dict, said: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(IdentifyError, match=said):
        make_table(TableOptions(file=str(tmp_path / "x.csv"), **options), make_context(tmp_path / "run"))


def test_a_table_has_to_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="no table is named"):
        make_table(TableOptions(), make_context(tmp_path))
    with pytest.raises(RunError, match="there is no file"):
        make_table(TableOptions(file=str(tmp_path / "none.csv")), make_context(tmp_path))


def test_generated_cells_lie_in_their_types(tmp_path: Path) -> None:
    samples = make_cells(CellsOptions(cells=600, types=6), make_context(tmp_path))
    x, kinds = samples.tensor("x").numpy(), samples.factors["type"].values
    centres = np.stack([x[kinds == kind].mean(0) for kind in range(6)])
    nearest = ((x[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == kinds).mean() > 0.95
    assert x.std(0)[0] > 3 * x.std(0)[-1]
    assert len(set(zip(kinds.tolist(), samples.factors["class"].values.tolist(), strict=True))) == 6
    again = make_cells(CellsOptions(cells=600, types=6), make_context(tmp_path, seed=5))
    assert again.fingerprint == samples.fingerprint  # the run's seed has no part in it
