"""How much memory a synthetic dataset takes, told before it is taken."""

from __future__ import annotations

from identify_core import Known, OptionsError, Sizes
from identify_mtlcm.options.synthetic import Legacy2024Options, SyntheticOptions

_BYTES = 8


def memory_needed(options: SyntheticOptions | Legacy2024Options, rows: int) -> float:
    """What making the dataset takes at its peak, in GB (10⁹ bytes).

    All rows in float64: latents with their draws and factors, inputs with their noise, the final columns.

    Args:
        options: the sizes.
        rows: of all splits together.
    """
    numbers = rows * (5 * options.latents + 4 * options.observed_dimension + 8)
    numbers += 12 * options.tasks * options.latents
    return _BYTES * numbers / 1e9


def drawn_tasks(options: SyntheticOptions, known: Known) -> Sizes:
    """The datasets `linear` and `nonlinear`."""
    return _of_rows(options, options.tasks * options.points, options.tasks * options.test_points)


def tasks_of_2024(options: Legacy2024Options, known: Known) -> Sizes:
    """The datasets `linear-2024` and `nonlinear-2024`."""
    return _of_rows(options, options.tasks * options.points, options.tasks * options.query_points)


def _of_rows(options: SyntheticOptions | Legacy2024Options, train: int, test: int) -> Sizes:
    needed = round(1e9 * memory_needed(options, train + test))
    return Sizes(
        parts={"latents, draws and observed features": needed},
        samples=train + test,
        test_samples=test,
        inputs=(options.observed_dimension,),
        factors=options.latents,
    )


def refuse_beyond_memory(options: SyntheticOptions | Legacy2024Options, rows: int) -> None:
    """Refuse sizes that need more than the option `memory`.

    Raises:
        OptionsError: they do.
    """
    needed = memory_needed(options, rows)
    if needed > options.memory:
        raise OptionsError(
            f"{rows} rows of {options.latents} latents and {options.observed_dimension} observed features need about "
            f"{needed:.3g} GB of memory, more than the {options.memory:g} GB that the option memory allows",
            hint="take fewer tasks, points or features, or raise memory",
        )
