"""Axes: named by the file or by the user, else refused with what they could be; never guessed beyond two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray

from identify_core.comparisons.foreign.door import Terms, open_outside
from identify_core.errors import UsageError

CUBE = np.arange(60.0).reshape(3, 4, 5)


def shapes(reference: str, axes: str = "") -> dict[str, tuple[int, int]]:
    (opened,) = open_outside([reference], Terms(axes=axes))
    return {each.label: each.shape for each in opened.representations()}


def test_three_axes_that_nothing_names_are_refused_with_the_readings_and_their_flags() -> None:
    np.save("a.npy", np.zeros((3000, 5, 2)))
    with pytest.raises(UsageError, match=r"a\.npy has 3 axes, 3000 × 5 × 2, and nothing says what they are") as error:
        shapes("a.npy")
    assert "--axes sample,layer,latent (5 representations of 3000 samples × 2 latents)" in error.value.hint
    assert "--axes replicate,sample,latent (3000 representations of 5 samples × 2 latents)" in error.value.hint
    assert "--axes sample,latent,latent (1 representation of 3000 samples × 10 latents)" in error.value.hint


def test_four_axes_that_nothing_names_are_refused() -> None:
    np.save("a.npy", np.zeros((2, 2, 2, 2)))
    with pytest.raises(UsageError, match="has 4 axes, 2 × 2 × 2 × 2") as error:
        shapes("a.npy")
    assert "sample,layer,token,latent" in error.value.hint


@pytest.mark.parametrize(
    ("axes", "labels", "shape", "index", "expected"),
    [
        ("sample,layer,latent", [f"a.npy[layer={i}]" for i in range(4)], (3, 5), 2, CUBE[:, 2]),
        ("replicate,sample,latent", [f"a.npy[replicate={i}]" for i in range(3)], (4, 5), 1, CUBE[1]),
        ("latent,sample,layer", [f"a.npy[layer={i}]" for i in range(5)], (4, 3), 4, CUBE[:, :, 4].T),
        ("sample,latent,latent", ["a.npy"], (3, 20), 0, CUBE.reshape(3, 20)),
        ("latent,sample,latent", ["a.npy"], (4, 15), 0, CUBE.transpose(1, 0, 2).reshape(4, 15)),
        ("layer,replicate,samples", [f"a.npy[layer={i},replicate={j}]" for i in range(3) for j in range(4)], (5, 1), 5,
         CUBE[1, 1][:, None]),
    ],
)  # fmt: skip
def test_named_axes_are_read_as_named(axes: str, labels: list[str], shape: Any, index: int, expected: Any) -> None:
    np.save("a.npy", CUBE)
    (opened,) = open_outside(["a.npy"], Terms(axes=axes))
    found = opened.representations()
    assert [each.label for each in found] == labels
    assert {each.shape for each in found} == {shape}
    np.testing.assert_array_equal(found[index].values(), expected)
    np.testing.assert_array_equal(found[index].rows(1, 3), expected[1:3])


def test_one_of_several_representations_can_be_named() -> None:
    np.save("a.npy", CUBE)
    assert shapes("a.npy[layer=2]", "sample,layer,latent") == {"a.npy[layer=2]": (3, 5)}
    with pytest.raises(UsageError, match="has no layer 9: there are 0 to 3"):
        shapes("a.npy[layer=9]", "sample,layer,latent")
    with pytest.raises(UsageError, match="has no axis 'seed' that tells representations apart"):
        shapes("a.npy[seed=1]", "sample,layer,latent")


def test_one_and_two_axes_are_samples_and_latents() -> None:
    np.save("flat.npy", np.arange(5))
    np.save("two.npy", CUBE[0])
    assert shapes("flat.npy") == {"flat.npy": (5, 1)}
    assert shapes("two.npy") == {"two.npy": (4, 5)}
    assert shapes("two.npy", "latent,sample") == {"two.npy": (5, 4)}


def test_the_names_of_xarray_are_believed() -> None:
    xarray.Dataset({"z": (("latent", "sample"), CUBE[0])}).to_zarr("a.zarr", zarr_format=2, consolidated=False)
    xarray.Dataset({"z": (("seed", "sample", "latent"), CUBE)}).to_zarr("b.zarr", zarr_format=3, consolidated=False)
    assert shapes("a.zarr") == {"a.zarr": (5, 4)}
    assert list(shapes("b.zarr").items())[1] == ("b.zarr[seed=1]", (4, 5))


def test_names_that_say_nothing_here_are_shown() -> None:
    xarray.Dataset({"z": (("time", "unit", "depth"), CUBE)}).to_zarr("a.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(UsageError, match="the file calls them time, unit, depth"):
        shapes("a.zarr")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("layer,latent", "names no axis 'sample'"),
        ("sample,sample,latent", "names the axis 'sample' 2 times"),
        ("sample,2,latent", "'2' is not a name of an axis"),
        ("sample,layer,token,latent", r"names 4 axes, but a\.npy has 3"),
    ],
)
def test_axes_that_make_no_sense_are_one_message(axes: str, message: str) -> None:
    np.save("a.npy", CUBE)
    with pytest.raises(UsageError, match=message):
        shapes("a.npy", axes)
