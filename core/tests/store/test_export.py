"""An export holds what the run holds, in files that other programs read without executing anything."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from identify_core.data import Latents
from identify_core.errors import StoreError, UsageError
from identify_core.store import RunSummary, RunWriter, Store, StoredRun, export_run

Write = Callable[..., RunSummary]

KEYS = {
    "samples/ids",
    "samples/fingerprints",
    "samples/splits/train",
    "samples/splits/test",
    "samples/factors/angle",
    "latents/hidden-1",
    "ids/hidden-1",
    "weights/0.weight",
    "weights/mean",
    "history/loss/steps",
    "history/loss/values",
    "findings/subspace/grid",
}


@pytest.fixture
def run(store: Store, write_run: Write) -> StoredRun:
    return store.open(write_run().id)


def read_csv(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_npz_holds_every_array_and_no_pickle(run: StoredRun, tmp_path: Path) -> None:
    exported = export_run(run, tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        assert set(archive) == set(exported.keys) == KEYS | {"run.json", "spec.toml"}
        np.testing.assert_array_equal(archive["latents/hidden-1"][1], run.latents["hidden-1"].values(1))
        assert archive["latents/hidden-1"].dtype == np.float32
        assert archive["ids/hidden-1"].tolist() == [119, 113, 115]
        assert str(archive["spec.toml"]) == run.spec_text


def test_safetensors_holds_every_array_of_numbers(store: Store, tmp_path: Path) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        values = [np.ones((2, 3), dtype="f4"), np.zeros((2, 1), dtype="f4")]
        writer.write_latents(Latents(name="h", values=values, split="", ids=np.array(["a", "b"])))  # type: ignore[arg-type]
        writer.write_weights({"parameters/c": np.ones((1, 2), dtype="c16")})
        writer.commit()
    exported = export_run(store.open("@last"), tmp_path / "run.safetensors")
    tensors = load_file(tmp_path / "run.safetensors")
    assert set(tensors) == {"latents/h/0", "latents/h/1"}
    np.testing.assert_array_equal(tensors["latents/h/0"], values[0])
    assert exported.left_out == {
        "ids/h": "safetensors holds no text",
        "weights/c": "safetensors holds no complex128",
    }


def test_a_folder_holds_everything(run: StoredRun, tmp_path: Path) -> None:
    export_run(run, tmp_path / "out")
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    arrays = {f"{key}.npy" for key in KEYS if not key.startswith("history")}
    assert files == arrays | {"history/loss.csv", "findings/subspace/axes.csv", "run.json", "spec.toml"}
    np.testing.assert_array_equal(np.load(tmp_path / "out/findings/subspace/grid.npy", allow_pickle=False), np.eye(3))
    assert read_csv(tmp_path / "out/findings/subspace/axes.csv") == [["axis", "size [m]"], ["a", "1.5"], ["b", "-inf"]]


@pytest.mark.parametrize(
    ("only", "head", "row"),
    [
        ("history/loss", ["step", "replicate-0", "replicate-1"], ["1", "2.0", "3.0"]),
        (
            "latents/hidden-1",
            ["replicate", "sample", "latent-0", "latent-1", "latent-2"],
            ["0", "113", "3.0", "4.0", "5.0"],
        ),
        ("findings/subspace/axes", ["axis", "size [m]"], ["b", "-inf"]),
        ("findings/subspace/grid", ["u", "v", "value"], ["0", "1", "0.0"]),
        ("samples/ids", ["sample", "value"], ["1", "101"]),
    ],
)
def test_csv_holds_one_thing_as_rows(
    run: StoredRun, tmp_path: Path, only: str, head: list[str], row: list[str]
) -> None:
    export_run(run, tmp_path / "a.csv", only=[only])
    rows = read_csv(tmp_path / "a.csv")
    assert rows[0] == head
    assert rows[2] == row


def test_csv_numbers_come_back_in_their_own_precision(store: Store, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(5, 2)).astype("f4")
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_history({"loss": (np.arange(5), values)})
        writer.commit()
    export_run(store.open("@last"), tmp_path / "a.csv", only=["history/loss"])
    read = np.array(read_csv(tmp_path / "a.csv")[1:])[:, 1:].astype("f4")
    assert read.tobytes() == values.tobytes()


def test_only_what_matches(run: StoredRun, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "a.safetensors", only=["weights/*"]).keys == ("weights/0.weight", "weights/mean")
    assert set(export_run(run, tmp_path / "out", only=["history/*"]).keys) == {"history/loss"}


@pytest.mark.parametrize(
    ("name", "only", "message"),
    [
        ("a.h5", [], r"cannot export to 'a\.h5': the ending must be"),
        ("a.csv", [], r"a \.csv file holds one thing, but 12 of this run's match"),
        ("a.csv", ["nothing"], r"a \.csv file holds one thing, but 0 of this run's match: findings/subspace/axes"),
        ("a.npz", ["nothing"], "nothing in the run matches 'nothing'; there are: findings/subspace/grid"),
        ("out", ["nothing"], "nothing in the run matches 'nothing'"),
        ("there.npz", [], "(?m)exists$"),
        ("full", [], "exists and is not empty"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    run: StoredRun, tmp_path: Path, name: str, only: list[str], message: str
) -> None:
    (tmp_path / "there.npz").write_text("old")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "old").write_text("old")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(UsageError, match=message):
        export_run(run, tmp_path / name, only=only)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "there.npz").read_text() == "old"


def test_a_file_is_replaced_only_when_told_to(run: StoredRun, tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_text("old")
    export_run(run, tmp_path / "run.npz", replace=True)
    assert np.load(tmp_path / "run.npz", allow_pickle=False)["samples/ids"].tolist() == list(range(100, 120))


@pytest.mark.parametrize("name", ["run.npz", "run.safetensors", "out"])
def test_a_damaged_run_leaves_no_half_export(run: StoredRun, tmp_path: Path, name: str) -> None:
    (run.folder / "arrays.zarr/weights/mean/c.0.0").unlink()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(StoreError, match=r"its chunk c\.0\.0 is missing"):
        export_run(run, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == before


def test_damaged_metadata_is_said(run: StoredRun, tmp_path: Path) -> None:
    (run.folder / "arrays.zarr/weights/mean/zarr.json").write_text("{")
    with pytest.raises(StoreError, match=r"weights/mean of the run .* cannot be read: it is not JSON"):
        export_run(run, tmp_path / "run.npz")


def test_names_that_are_no_file_names_stay_in_the_folder(store: Store, tmp_path: Path) -> None:
    history: dict[str, Any] = {"../../loss": (np.arange(2), np.zeros(2))}
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_history(history)
        writer.commit()
    run = store.open("@last")
    assert set(run.history()) == {"../../loss"}
    export_run(run, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*.csv")]
    assert not (tmp_path / "loss.csv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out", "store"}
