"""Options of the datasets: which rows are evaluated, which are held out, and where files lie."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, between, option

_CODE = "kylehkhsu/latent_quantization"


@attrs.frozen
class SplitOptions:
    """Which images are trained on and which are evaluated: what all datasets share."""

    evaluated: int = option(
        10_000,
        help="How many images are evaluated at most: the split `test`, drawn by split_seed over all combinations.",
        source=f"{_CODE}: num_val_data",
        limit=at_least(1),
    )
    held_out: Literal["none", "images", "pairs"] = option(
        "none",
        help="What is kept from training: `none`, so that training sees the evaluated images too, as in the study; "
        "`images`, the evaluated ones; `pairs`, every image with one of some combinations of two factors' values, of "
        "which the evaluated ones are drawn.",
        source=f"{_CODE}: the evaluated images are the first of the training set",
    )
    pair: tuple[str, ...] = option(
        (), help='With held_out = "pairs": the names of the two factors; without them the first two.'
    )
    pair_share: float = option(
        0.2, help='With held_out = "pairs": which part of their combinations is held out.', limit=between(0.01, 0.9)
    )
    split_seed: int = option(
        0,
        help="Which images are drawn; the run's seed has no part in it, so that runs can be compared.",
        limit=at_least(0),
    )

    def __attrs_post_init__(self) -> None:
        if self.pair and (self.held_out != "pairs" or len(set(self.pair)) != 2):
            raise ValueError(f'pair is {self.pair}: it names two factors, and belongs to held_out = "pairs"')


@attrs.frozen
class GeneratedOptions(SplitOptions):
    """The options of `generated`."""

    side: int = option(32, help="Height and width of an image.", unit="pixels", limit=at_least(8))


@attrs.frozen
class FileOptions(SplitOptions):
    """Where the files of a public set of images lie: what all of them share."""

    folder: str = option(
        "",
        help="The folder with the files, and where a download and the converted images go; empty for IDENTIFY_DATA or "
        "the cache.",
        names_file=True,
    )
    download: bool = option(False, help="Whether the file may be downloaded where it is not there.")


@attrs.frozen
class DspritesOptions(FileOptions):
    """The options of `dsprites`."""

    files: Literal["any", "full", "grid"] = option(
        "any",
        help="`full` is the published file of 737,280 images, `grid` a file of 46,080 of them on a coarser grid "
        "(dsprites_grid46080.npz); `any` takes what is there, the full one first.",
    )


@attrs.frozen
class Mpi3dOptions(FileOptions):
    """The options of `mpi3d`."""

    variant: Literal["complex", "toy", "realistic", "real"] = option(
        "complex", help="Which images: 460,800 real ones of complex shapes, as in the study, or 1,036,800 others."
    )


@attrs.frozen
class ResizedOptions(FileOptions):
    """The options of sets whose images are made smaller."""

    side: int = option(
        64,
        help="Height and width to which images are resized, by antialiased bicubic interpolation.",
        unit="pixels",
        source=_CODE,
        limit=at_least(8),
    )


@attrs.frozen
class ImageFolderOptions(ResizedOptions):
    """The options of `image-folder`."""

    index: str = option(
        "index.csv",
        help="The file in the folder that names the images: a column `file`, and a column for each factor.",
        names_file=True,
    )
