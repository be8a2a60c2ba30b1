"""A small plugin and two rivals, for tests of whatever reads specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from identify_core import Dataset, Evaluator, Model, Objective, Preset, hookimpl
from identify_core.options import above, at_least, between, matching, not_empty, option

SMOKE = """\
format = 1
name = "smoke"
seed = 7
replicates = 3

[dataset]
type = "waves"
samples = 64

[model]
type = "dense"
widths = [2, 3]

[objective]
type = "fit"
steps = 100
optimiser = { type = "adam", learning_rate = 0.01 }

[[evaluators]]
type = "grid"
points = 5

[[evaluators]]
type = "grid"
label = "fine"
points = 50
"""

PLAIN = """\
[dataset]
type = "waves"
[objective]
type = "nothing"
"""


@attrs.frozen
class WavesOptions:
    samples: int = option(100, help="How many.", unit="samples", source="section 2", limit=at_least(1))
    noise: float = option(0.0, help="Its standard deviation.", limit=between(0, 1))
    file: Path | None = option(None, help="Read them instead.")
    threshold: float = option(1.0, help="Infinite for never.", infinite=True, limit=above(0))


@attrs.frozen
class StripesOptions:
    width: float = option(1.0, help="Of one stripe.")


@attrs.frozen
class DenseOptions:
    widths: tuple[int, ...] = option((2,), help="Units a layer.", limit=(not_empty(), at_least(1)))
    activation: Literal["relu", "tanh"] = option("relu", help="After each layer.")
    bias: bool = option(True, help="Whether there is one.")
    extra: Mapping[str, Any] = option(attrs.Factory(dict), help="Anything else.")


@attrs.frozen
class SgdOptions:
    type_name: ClassVar[str] = "sgd"
    learning_rate: float = option(0.1, help="The step.", limit=above(0))
    momentum: float = option(0.0, help="What is kept.", limit=between(0, 1))


@attrs.frozen
class AdamOptions:
    type_name: ClassVar[str] = "adam"
    learning_rate: float = option(1e-3, help="The step.", limit=above(0))
    betas: tuple[float, float] = option((0.9, 0.999), help="What is kept.")


@attrs.frozen
class FitOptions:
    steps: int = option(1000, help="Updates.", limit=at_least(1))
    batch: int | None = option(32, help="Samples an update; none for all.", limit=at_least(1))
    patience: int | None = option(None, help="Stop after so many steps without progress.", limit=at_least(1))
    optimiser: SgdOptions | AdamOptions = option(SgdOptions(), help="The rule.")
    weights: Mapping[str, float] = option(attrs.Factory(dict), help="Of each term.", limit=at_least(0))

    def __attrs_post_init__(self) -> None:
        if self.patience is not None and self.patience > self.steps:
            raise ValueError(f"patience {self.patience} is longer than the {self.steps} steps")


@attrs.frozen
class GridOptions:
    points: int | Literal["auto"] = option("auto", help="An axis.", limit=at_least(2))
    axes: tuple[tuple[float, float], ...] = option((), help="Bounds.")
    colour: str = option("grey", help="Of the picture.", limit=matching("[a-z]+", "a lower-case word"))


@attrs.frozen
class ReadOptions:
    path: str = option(help="Where from.", limit=not_empty())


@attrs.frozen
class ReservedOptions:
    label: str = option("", help="A name that specs keep for themselves.")


@attrs.frozen(kw_only=True)
class TextPreset(Preset):
    """A preset without a file."""

    text: str

    def read_text(self) -> str:
        return self.text


class Toy:
    @hookimpl
    def identify_datasets(self) -> Iterable[Dataset]:
        yield Dataset(name="waves", summary="Waves.", source="section 1", options=WavesOptions, target="toy:waves")
        yield Dataset(name="stripes", summary="Stripes.", options=StripesOptions, target="toy:stripes")
        yield Dataset(name="read", summary="From a file.", options=ReadOptions, target="toy:read")
        yield Dataset(name="reserved", summary="Not right.", options=ReservedOptions, target="toy:reserved")

    @hookimpl
    def identify_models(self) -> Iterable[Model]:
        yield Model(name="dense", summary="Dense.", options=DenseOptions, target="toy:dense")

    @hookimpl
    def identify_objectives(self) -> Iterable[Objective]:
        yield Objective(name="fit", summary="Fit.", options=FitOptions, target="toy:fit", autocast=True)
        yield Objective(name="nothing", summary="Train nothing.", target="toy:nothing")

    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        yield Evaluator(name="grid", summary="Grid.", options=GridOptions, target="toy:grid", arity="run")
        yield Evaluator(name="norm", summary="Norm.", target="toy:norm", arity="representation")

    @hookimpl
    def identify_presets(self) -> Iterable[Preset]:
        yield TextPreset(name="smoke", summary="Ends in seconds.", resource="toy:smoke", source="section 3", text=SMOKE)
        yield TextPreset(name="plain", summary="The least.", resource="toy:plain", text=PLAIN)


class Rival:
    """Offers a name that the toy has too, and one that the third has too."""

    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        yield Evaluator(name="norm", summary="Another norm.", target="rival:norm", arity="representation")
        yield Evaluator(name="angle", summary="Angles.", target="rival:angle", arity="pair")


class Third:
    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        yield Evaluator(name="angle", summary="More angles.", target="third:angle", arity="pair")
        yield Evaluator(name="length", summary="Lengths.", target="third:length", arity="pair")


toy, rival, third = Toy(), Rival(), Third()
