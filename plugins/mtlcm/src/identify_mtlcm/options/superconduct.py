"""Options of the dataset `superconduct`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import Known, Sizes, at_least, between, option

_CODE = "jdhorwood/mtlcm, superconduct"


@attrs.frozen
class SuperconductOptions:
    """The options of `superconduct`."""

    folder: str = option(
        "",
        help="The folder with the files, and where a download goes; empty for IDENTIFY_DATA or the cache.",
        names_file=True,
    )
    files: Literal["any", "official", "compositions"] = option(
        "any",
        help="`official` reads train.csv and unique_m.csv, or their archive; `compositions` derives the 81 features "
        "from the table of compositions and the properties of the elements; `any` takes what is there, official first.",
    )
    download: bool = option(
        False, help="Whether the official archive may be downloaded (UCI, 8.3 MB, CC BY 4.0) where it is not there."
    )
    temperature_input: bool = option(
        False,
        help="Whether the critical temperature is an input as well as a task, as in the study: a leak.",
        source=f"{_CODE}: 87 inputs, 81 tasks",
    )
    unlabelled: Literal["keep", "drop"] = option(
        "keep",
        help="What is done with rows whose critical temperature is withheld: kept with a missing target, or left out; "
        "the official files have none.",
    )
    standardise: Literal["train", "all", "none"] = option(
        "train",
        help="The rows whose mean and spread standardise inputs and targets; the study took all.",
        source=_CODE,
    )
    test_part: float = option(
        0.2,
        help="The part that is held out, whole compositions at a time, so that no duplicate lies on both sides; 0 "
        "holds out none and makes the split `test` all rows, as in the study.",
        limit=between(0.0, 0.9),
    )
    split_seed: int = option(0, help="Which compositions are held out.", limit=at_least(0))
    subset: int | None = option(
        None, help="How many rows, drawn without replacement; without it all of them.", limit=at_least(2)
    )
    subset_seed: int = option(
        0, help="Which rows are drawn; the run's seed has no part in it, so that runs can be compared."
    )


_ROWS, _ELEMENTS, _FEATURES = 21_263, 86, 81
_READ = 2  # the table as it is read, and the part that is kept


def superconduct_sizes(options: SuperconductOptions, known: Known) -> Sizes:
    """The dataset `superconduct`: files may hold fewer rows than UCI's, so that their number is not told."""
    rows = _ROWS if options.subset is None else min(options.subset, _ROWS)
    inputs, outputs = _ELEMENTS + options.temperature_input, _FEATURES
    return Sizes(
        parts={
            "tables as they are read": _READ * _ROWS * (_ELEMENTS + _FEATURES + 1) * 8,
            "inputs": rows * inputs * (8 + known.itemsize),
            "targets": rows * outputs * (8 + known.itemsize),
        },
        inputs=(inputs,),
        outputs=(outputs,),
        factors=0,
    )
