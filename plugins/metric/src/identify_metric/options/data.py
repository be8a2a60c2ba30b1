"""Options of the datasets: where files lie, and which rows are held out."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, between, option

_STUDY = "Syrota et al., ICML 2025, arXiv 2502.13757"
_SPLIT_SEED = "Which rows are drawn; the run's seed has no part in it, so that runs can be compared."


@attrs.frozen
class DigitsOptions:
    """The options of `digits`."""

    test: int = option(297, help="Rows held out for evaluation, drawn by the seed.", limit=at_least(2))
    validation: int = option(200, help="Rows held out for early stopping, drawn by the seed.", limit=at_least(1))


@attrs.frozen
class ImageOptions:
    """Where the files of a public set of images lie, and how many of its rows are used."""

    folder: str = option(
        "",
        help="The folder with the files, and where a download and the converted images go; empty for IDENTIFY_DATA or "
        "the cache.",
        names_file=True,
    )
    download: bool = option(False, help="Whether the files may be downloaded where they are not there.")
    validation: int = option(
        5000,
        help="Training rows held out for early stopping; a set with validation rows of its own uses those.",
        source="the study's code stops on the test rows",
        limit=at_least(1),
    )
    train_rows: int | None = option(None, help="Training rows used; all without it.", limit=at_least(1))
    test_rows: int | None = option(None, help="Test rows used; all without it.", limit=at_least(2))
    split_seed: int = option(0, help=_SPLIT_SEED, limit=at_least(0))


@attrs.frozen
class CelebaOptions(ImageOptions):
    """The options of `celeba`."""

    crop: int = option(148, help="Height and width of the middle that is cut out.", source=_STUDY, limit=at_least(1))
    side: int = option(64, help="Height and width to which that is resized.", source=_STUDY, limit=at_least(8))


@attrs.frozen
class HeldOutOptions:
    """Which rows of one's own data are held out: by a hash of their names, so that more data move none of them."""

    test_part: float = option(0.15, help="Part of the rows held out for evaluation.", limit=between(0.0, 0.9))
    validation_part: float = option(0.1, help="Part of the others held out for early stopping.", limit=between(0, 0.9))
    split_seed: int = option(0, help=_SPLIT_SEED, limit=at_least(0))


@attrs.frozen
class FolderOptions(HeldOutOptions):
    """The options of `image-folder`."""

    folder: str = option("", help="The folder with the pictures; those of a subfolder share a label.", names_file=True)
    side: int = option(64, help="Height and width to which pictures are resized.", unit="pixels", limit=at_least(8))
    crop: int | None = option(
        None, help="Height and width of the middle that is cut out first; the whole without it.", limit=at_least(1)
    )


@attrs.frozen
class TableOptions(HeldOutOptions):
    """The options of `table`."""

    file: str = option("", help="A CSV file whose first line names the columns, or an .h5ad file.", names_file=True)
    array: str = option("X_pca", help="In an .h5ad file: the array of `obsm` that holds the components.")
    components: int | None = option(None, help="Leading columns used; all without it.", limit=at_least(1))
    labels: tuple[str, ...] = option((), help="Columns that are labels, not numbers of the input.")
    ids: str = option("", help="The column that names the rows; without it they are numbered.")
    scale: Literal["first", "none"] = option(
        "first", help="What all columns are divided by: the standard deviation of the first, or nothing."
    )


@attrs.frozen
class CellsOptions(HeldOutOptions):
    """The options of `cells`."""

    cells: int = option(2000, help="How many are generated.", limit=at_least(20))
    types: int = option(12, help="Clusters, in classes of about three.", limit=at_least(2))
    components: int = option(50, help="Principal components, of falling variance.", source=_STUDY, limit=at_least(2))
    data_seed: int = option(0, help="Which cells; the run's seed has no part in it.", limit=at_least(0))
