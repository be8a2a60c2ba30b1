"""Formats: each reads the same rows, in spans, whatever the type of its numbers, and none loads objects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
import scipy.io
import torch
import zarr
from safetensors.torch import save_file

from identify_core.comparisons.foreign.door import Opened, Terms, open_outside
from identify_core.errors import UsageError

VALUES = np.arange(12.0).reshape(4, 3)


def one(reference: str, **terms: Any) -> Opened:
    (opened,) = open_outside([reference], Terms(**terms))
    return opened


def write_all() -> None:
    """The same array in every format."""
    np.save("a.npy", VALUES)
    np.savez("b.npz", z=VALUES, other=VALUES + 1)
    np.savez_compressed("packed.npz", z=VALUES)
    group = zarr.open_group("c.zarr", mode="w")
    group.create_array("deep/er/z", data=VALUES, chunks=(2, 2))  # chunked across the latent axis too
    zarr.create_array("sharded.zarr", data=VALUES, chunks=(1, 3), shards=(2, 3))
    zarr.create_array("two.zarr", data=VALUES, chunks=(3, 2), zarr_format=2)
    save_file({"z": torch.from_numpy(VALUES)}, "d.safetensors")
    save_file({"z": torch.from_numpy(VALUES).bfloat16()}, "half.safetensors")
    save_file({"z": torch.from_numpy(VALUES).to(torch.float8_e4m3fn)}, "eighth.safetensors")
    torch.save({"state": [torch.from_numpy(VALUES).bfloat16()]}, "e.pt")
    torch.save(torch.from_numpy(VALUES), "alone.pth")
    with h5py.File("f.h5", "w") as file:
        file.create_dataset("in/it/z", data=VALUES, chunks=(2, 3), compression="gzip")
        file["labels"] = ["a", "b", "c", "d"]
    with h5py.File("g.mat", "w", userblock_size=512) as file:  # as MATLAB 7.3 writes it: axes the other way round
        file["z"] = VALUES.T
    with open("g.mat", "r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file")
    scipy.io.savemat("h.mat", {"z": VALUES, "text": "none"})
    scipy.io.savemat("four.mat", {"z": VALUES}, format="4")
    frame = pandas.DataFrame(VALUES, columns=["z0", "z1", "z2"])
    frame.to_csv("i.csv", index=False)
    frame.to_csv("indexed.csv")
    frame.to_csv("j.tsv", sep="\t", index=False)
    frame.to_csv("k.csv.gz", index=False)
    frame.to_csv("semicolons.csv", sep=";", index=False)
    np.savetxt("bare.csv", VALUES, delimiter=",")
    frame.to_parquet("l.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"z": VALUES.tolist()}), "lists.parquet")


ALL = (
    *("a.npy", "b.npz:z", "packed.npz", "c.zarr/deep/er/z", "c.zarr", "c.zarr/deep", "sharded.zarr", "two.zarr"),
    *("d.safetensors:z", "half.safetensors", "eighth.safetensors", "e.pt:state/0", "e.pt", "alone.pth"),
    *("f.h5:in/it/z", "f.h5:/in/it/z", "f.h5", "g.mat", "h.mat", "four.mat:z"),
    *("i.csv", "indexed.csv", "i.csv:z*", "i.csv:z0,z1,z2", "j.tsv", "k.csv.gz", "semicolons.csv", "bare.csv"),
    *("l.parquet", "lists.parquet:z"),
)


def test_every_format_reads_the_same_rows() -> None:
    write_all()
    for reference in ALL:
        (each,) = one(reference).representations()
        assert each.shape == (4, 3), reference
        np.testing.assert_array_equal(each.values(), VALUES, err_msg=reference)
        np.testing.assert_array_equal(each.rows(1, 3), VALUES[1:3], err_msg=reference)
        assert each.values().dtype.isnative
        assert not each.has_ids, reference


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_obs_names_are_the_ids_and_obs_the_columns_of_an_annotated_file() -> None:
    anndata = pytest.importorskip("anndata", reason="its lowest versions do not go with those of zarr")
    obs = pandas.DataFrame({"kind": pandas.Categorical(list("abca")), "size": [1.0, 2, 3, 4]}, index=list("wxyz"))
    anndata.AnnData(obs=obs, obsm={"X_pca": VALUES}).write_h5ad("m.h5ad")
    for reference in ("m.h5ad:X_pca", "m.h5ad:obsm/X_pca", "m.h5ad"):
        (each,) = one(reference).representations()
        np.testing.assert_array_equal(each.rows(1, 3), VALUES[1:3])
        assert each.has_ids
    opened = one("m.h5ad", factors=("kind", "size:ordinal"))
    assert opened.ids is not None
    assert opened.ids.tolist() == list("wxyz")
    assert opened.factors["kind"].values.tolist() == list("abca")
    assert opened.factors["kind"].kind == "categorical"
    assert opened.factors["size"].kind == "ordinal"


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "f2", "i1", ">u2", "i8", "?", np.longdouble])
def test_every_type_of_number_is_read_as_its_values(dtype: Any) -> None:
    values = (VALUES > 4).astype(dtype) if dtype == "?" else VALUES.astype(dtype)
    np.save("a.npy", values)
    np.savez("b.npz", z=np.asfortranarray(values))
    for reference in ("a.npy", "b.npz"):
        (each,) = one(reference).representations()
        found = each.rows(1, 4)
        np.testing.assert_array_equal(found, values[1:4].astype(float))
        assert found.dtype.isnative
        assert found.dtype.kind == "f"
        assert found.dtype.itemsize <= 8
        torch.from_numpy(np.array(found))


def test_a_big_endian_zarr_and_hdf5_are_read_as_their_values() -> None:
    zarr.create_array("z.zarr", data=VALUES.astype(">f4"), zarr_format=2)
    with h5py.File("f.h5", "w") as file:
        file["z"] = VALUES.astype(">f4")
    for reference in ("z.zarr", "f.h5"):
        np.testing.assert_array_equal(one(reference).representations()[0].values(), VALUES)


def test_raw_values_without_a_type_are_named_as_such() -> None:
    np.save("a.npy", np.zeros((4, 3), dtype="V2"))
    with pytest.raises(UsageError, match="holds raw values of 2 bytes without a type of number") as error:
        one("a.npy")
    assert "float32" in error.value.hint


def objects() -> None:
    np.save("o.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    np.savez("o.npz", z=np.asarray([{}], dtype=object))


class Harmful:
    """What would run code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path("ran").touch, ())


def pickled() -> None:
    torch.save({"z": Harmful()}, "h.pt")
    torch.save(torch.zeros(3, 2), "old.pt", _use_new_zipfile_serialization=False)


def structured() -> None:
    np.save("r.npy", np.zeros(3, dtype=[("a", "f8"), ("b", "i4")]))


def damaged_header() -> None:
    np.save("v.npy", VALUES)
    content = bytearray(Path("v.npy").read_bytes())
    content[6] = 9
    Path("v.npy").write_bytes(content)


def sparse() -> None:
    torch.save(torch.eye(3).to_sparse(), "s.pt")


@pytest.mark.parametrize(
    ("write", "reference", "message", "hint"),
    [
        (lambda: None, "no.npy", r"there is no file no\.npy", ""),
        (objects, "o.npy", "holds pickled objects, which are never loaded", "save it as numbers"),
        (objects, "o.npz:z", "o.npz:z holds pickled objects", "save it as numbers"),
        (pickled, "h.pt", "holds other Python objects than tensors, which are never loaded", "save the tensors alone"),
        (pickled, "old.pt", "is a Python pickle, which is never loaded", "torch.save"),
        (sparse, "s.pt", "is a sparse, quantised or empty tensor", "to_dense"),
        (damaged_header, "v.npy", "v.npy is not a NumPy file, or its header is damaged", "again"),
        (structured, "r.npy", "holds records of the fields a, b", "table"),
        (lambda: np.save("a.npy", VALUES), "a.npy:key", "holds one array and has no key 'key'", ""),
        (lambda: np.savez("b.npz", z=VALUES, o=VALUES), "b.npz", "holds 2 arrays", "say which, as in b.npz:o"),
        (lambda: np.savez("b.npz", z=VALUES), "b.npz:zz", "has no array 'zz'", "did you mean 'z'?"),
        (lambda: np.savez("empty.npz"), "empty.npz", "holds no array", ""),
        (lambda: np.save("c.npy", VALUES + 1j), "c.npy", "holds complex numbers, not real numbers", ""),
        (lambda: torch.save(torch.ones(3, 2) + 1j, "c.pt"), "c.pt", "holds complex numbers", ""),
        (lambda: save_file({"z": torch.ones(3) + 1j}, "c.safetensors"), "c.safetensors", "complex numbers", ""),
        (lambda: scipy.io.savemat("c.mat", {"z": VALUES + 1j}), "c.mat", "holds complex numbers", ""),
        (lambda: scipy.io.savemat("c.mat", {"z": "text"}), "c.mat:z", "is a char, not a matrix of numbers", ""),
        (lambda: np.save("t.npy", np.array(["a"])), "t.npy", "holds text, not real numbers", ""),
        (lambda: np.save("n.npy", np.zeros((0, 3))), "n.npy", "is empty", ""),
        (lambda: np.save("n.npy", np.array(1.0)), "n.npy", "holds a single number", ""),
    ],
)
def test_what_is_not_an_array_of_real_numbers_is_one_message(
    write: Any, reference: str, message: str, hint: str
) -> None:
    write()
    with pytest.raises(UsageError, match=message) as error:
        one(reference).representations()[0].values()
    assert hint in error.value.hint
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("f.h5", "h5py", "hdf5"), ("l.parquet", "pyarrow.parquet", "parquet"), ("h.mat", "scipy.io", "matlab")],
)
def test_a_package_that_is_not_installed_is_named_with_its_command(
    name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("f.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    Path("l.parquet").write_bytes(b"PAR1")
    Path("h.mat").write_bytes(b"MATLAB 5.0")
    monkeypatch.setitem(sys.modules, module, None)
    package = module.partition(".")[0]
    with pytest.raises(UsageError, match=f"reading .*{name} needs {package}, which is not installed") as error:
        one(name)
    assert error.value.hint == f"pip install 'identify-core[{extra}]'"


def test_an_array_of_several_axes_that_the_file_names_needs_no_flag() -> None:
    zarr.create_array("c.zarr", data=np.stack([VALUES, -VALUES], axis=1), dimension_names=["sample", "layer", "latent"])
    with h5py.File("f.h5", "w") as file:
        file["z"] = np.stack([VALUES, -VALUES], axis=1)
        for number, label in enumerate(("sample", "layer", "latent")):
            file["z"].dims[number].label = label
    for reference in ("c.zarr", "f.h5"):
        first, second = one(reference).representations()
        assert (first.label, second.label) == (f"{reference}[layer=0]", f"{reference}[layer=1]")
        np.testing.assert_array_equal(second.values(), -VALUES)
