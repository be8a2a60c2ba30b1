"""The frozen records with which a plugin offers its components; importing them costs neither torch nor zarr.

A record names a component, its options class and, as a `"module:attribute"` string, the target that does the work. The
target's module is imported only when the component runs.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

import attrs

from identify_core.errors import PluginError
from identify_core.kinds import check_option, fits
from identify_core.names import NAME_PATTERN as NAME_PATTERN
from identify_core.scores import ByRole, Direction, Invariance

TARGET_PATTERN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

Arity = Literal["representation", "pair", "group", "run"]
"""What a subject holds: one representation, a pair of them, a group of all that are compared, or a whole run."""
Requirement = Literal["factors", "weights", "modules", "samples", "history", "decoder", "dissimilarities"]
"""What an evaluator needs of a run besides latents; where it is missing, the evaluator is left out with a reason."""
Takes = Literal["numbers", "symbols"]
"""What values are to an evaluator: numbers, or symbols of which only whether two are the same counts."""


def _check_name(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not NAME_PATTERN.fullmatch(value):
        raise ValueError(f"{attribute.name} {value!r} must be lower-case words joined by hyphens, such as 'mutual-knn'")


def _check_target(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or (value and not TARGET_PATTERN.fullmatch(value)):
        raise ValueError(f"{attribute.name} {value!r} must be a 'package.module:attribute' string")


def _check_options(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not (isinstance(value, type) and attrs.has(value)):
        raise ValueError(f"{attribute.name} {value!r} must be an attrs class")


def _check_each(_: object, attribute: attrs.Attribute[Any], values: Iterable[object]) -> None:
    for value in values:
        check_option(attribute.name, value, Requirement)


def load_target(target: str) -> Any:
    """Import the object that a `"module:attribute"` string names.

    Raises:
        PluginError: the module or the attribute does not exist, or importing the module fails.
    """
    module_name, _, path = target.partition(":")
    try:
        loaded: Any = importlib.import_module(module_name)
    except Exception as error:  # a plugin's module can fail in any way; the reason is kept
        raise PluginError(f"the target {target!r} cannot be imported: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(loaded, part):
            raise PluginError(f"the target {target!r} does not exist: {module_name} has no attribute {path!r}")
        loaded = getattr(loaded, part)
    return loaded


def _as_tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _as_invariance(names: ByRole | Iterable[str]) -> Invariance:
    return names if isinstance(names, ByRole) else tuple(names)


def _as_set(names: Iterable[Requirement]) -> frozenset[Requirement]:
    return frozenset(names)


def _as_kinds(names: Iterable[Takes]) -> frozenset[Takes]:
    return frozenset(names)


def _check_takes(_: object, attribute: attrs.Attribute[Any], values: frozenset[Takes]) -> None:
    if not values:
        raise ValueError(f"{attribute.name} is empty: say numbers, symbols, or both")
    for value in values:
        check_option(attribute.name, value, Takes)


@attrs.frozen
class NoOptions:
    """The options of a component that has none."""


@attrs.frozen(kw_only=True)
class Component:
    """What every component has.

    Args:
        name: lower-case words joined by hyphens, unique within its plugin and kind.
        summary: one line for listings.
        target: `"module:function"`; what it is called with depends on the kind of component.
        options: a frozen attrs class in a light module, its fields made by `identify_core.option`.
        source: the paper's section or equation, or where else the method is described.
    """

    kind: ClassVar[str]

    name: str = attrs.field(validator=_check_name)
    summary: str = attrs.field(validator=attrs.validators.instance_of(str))
    target: str = attrs.field(validator=_check_target)
    options: type = attrs.field(default=NoOptions, validator=_check_options)
    source: str = attrs.field(default="", validator=attrs.validators.instance_of(str))

    def load(self) -> Callable[..., Any]:
        """Import the target."""
        loaded: Callable[..., Any] = load_target(self.target)
        return loaded


@attrs.frozen(kw_only=True)
class Dataset(Component):
    """`target(options, context) -> Samples`.

    Args:
        sizes: `"module:function"` in a light module, called as `sizes(options, known) -> Sizes` before anything is
            allocated: what the samples take, and how many and how wide they are. Empty: it is not told.
    """

    kind: ClassVar[str] = "dataset"

    sizes: str = attrs.field(default="", validator=_check_target)


@attrs.frozen(kw_only=True)
class Model(Component):
    """`target(options, shape, context) -> nn.Module`: one replicate, initialised from torch's current global generator.

    The core seeds that generator with the replicate's own stream before the call.

    Args:
        check: `"module:function"`, called as `check(options, shape)` before anything is built or trained; it raises
            `OptionsError` for sizes that the architecture cannot take. Empty: every size is fine.
        sizes: as for a dataset: the parameters of one replicate, from which the core reckons the weights of all.
    """

    kind: ClassVar[str] = "model"

    check: str = attrs.field(default="", validator=_check_target)
    sizes: str = attrs.field(default="", validator=_check_target)


@attrs.frozen(kw_only=True)
class Objective(Component):
    """`target(options, replicates, samples, context) -> Iterable[Latents | Finding]`.

    It trains the replicates in place, then says what to keep.

    Args:
        identified_up_to: the name of the rung up to which theory says its latents are identified; empty for none.
        autocast: whether training under bfloat16 or float16 autocast makes sense.
        sizes: as for a dataset: what it allocates next to the weights, such as the latents that it keeps.
    """

    kind: ClassVar[str] = "objective"

    identified_up_to: str = ""
    autocast: bool = False
    sizes: str = attrs.field(default="", validator=_check_target)


@attrs.frozen(kw_only=True)
class Evaluator(Component):
    """`target(options, subject, context) -> Finding | Iterable[Finding]`; for a pair a number, `Measured` or `Verdict`.

    Of one representation or a pair it gives a number, or `Measured` where there is more to say of it, or a mapping of
    names to them; the core makes a `Score` of each with what this record says. `Score` itself is taken as it is. Of one
    representation it may also be `Scored`, which has arrays with its scores.

    Args:
        arity: what a subject holds: one representation, a pair of them, a group (all that are compared, of one run or
            several), or all that a run left.
        invariant_to: names of the largest rungs under which the value does not change; for `pair` and `representation`.
            `ByRole(source=, target=)` for a directed measure of which they are not the same for both.
        requires: what the subject must have besides latents; `dissimilarities` where it takes such matrices instead.
            In a comparison each representation opens its own run for them.
        takes: whether latents may be numbers, whose order and distances count, symbols, of which only whether two are
            the same counts, or either. Of what it does not take it is left out with a reason; an evaluator of arity
            `run` looks for itself.
        bounds: the smallest and the largest value of the headline scalar, None where there is none.
        larger_is: what a larger headline scalar means.
        is_metric: for a pair: whether it satisfies the triangle inequality on the classes that it compares.
        prepare: for a pair: `"module:function"`, called once as `prepare(representations, context)` with all that are
            compared; its result is `subject.prepared` in every call. Evaluators that name the same function share one
            result, so that n representations cost n preparations and the pairs are cheap.
        estimate: for a pair: `"module:function"`, called as `estimate(options, sizes) -> Cost` with (n, d) of every
            representation, for `identify compare --dry-run`.
        symmetric: for a pair: whether swapping the two gives the same value. Where it does not, the pair comes in both
            orders, as `subject.source` and `subject.target`.
        together: for a pair: whether the target is called once with all pairs, as `target(options, subjects, context)`,
            and gives one result for each, in their order. For what is cheaper for many pairs at once than one by one,
            such as maps that are trained side by side.
        standard: whether `identify compare` runs it where no evaluator is named.
        headline: whether its sentence is the answer of a run, printed first and at the top of the page; of several in a
            spec the first counts.
        consults: qualified names of pair evaluators, of other plugins as a rule, whose scores it asks for with
            `context.score`; a missing plugin is not an error here, `context.can_score` says which are there.
        draw: `"module:function"`, called as `draw(options, finding, context) -> Iterable[Figure]`; it draws from what
            the finding stores alone, so that `identify plot` can draw again without computing again.
    """

    kind: ClassVar[str] = "evaluator"

    prepare: str = attrs.field(default="", validator=_check_target)
    estimate: str = attrs.field(default="", validator=_check_target)
    symmetric: bool = True
    together: bool = False
    standard: bool = False
    headline: bool = False
    consults: tuple[str, ...] = attrs.field(default=(), converter=_as_tuple)
    arity: Arity = attrs.field(validator=fits(Arity))
    invariant_to: Invariance = attrs.field(default=(), converter=_as_invariance)
    requires: frozenset[Requirement] = attrs.field(default=frozenset(), converter=_as_set, validator=_check_each)
    takes: frozenset[Takes] = attrs.field(default=frozenset({"numbers"}), converter=_as_kinds, validator=_check_takes)
    bounds: tuple[float | None, float | None] = (None, None)
    larger_is: Direction = attrs.field(default="neither", validator=fits(Direction))
    is_metric: bool = False
    draw: str = attrs.field(default="", validator=_check_target)

    def __attrs_post_init__(self) -> None:
        if self.together and self.arity != "pair":
            raise ValueError(f"together is for evaluators of pairs, and {self.name!r} studies a {self.arity}")
        if isinstance(self.invariant_to, ByRole) and (self.symmetric or self.arity != "pair"):
            raise ValueError(
                f"{self.name!r} has an invariance by role, and is not a pair evaluator with symmetric=False"
            )


@attrs.frozen(kw_only=True)
class Preset:
    """A complete spec that a plugin ships.

    Args:
        name: what `--preset NAME` takes.
        summary: one line for listings.
        resource: `"package:path/to/file.toml"` inside the plugin's distribution.
        source: the paper's section whose experiment it is.
    """

    kind: ClassVar[str] = "preset"

    name: str = attrs.field(validator=_check_name)
    summary: str
    resource: str
    source: str = ""

    def read_text(self) -> str:
        """The spec file's text, unparsed."""
        from importlib.resources import files

        package, _, path = self.resource.partition(":")
        try:
            return files(package).joinpath(path).read_text(encoding="utf-8")
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise PluginError(f"the preset {self.name!r} is missing its file {self.resource!r}") from error


@attrs.frozen(kw_only=True)
class Command:
    """A click command under the plugin's own group: `identify PLUGIN NAME`.

    Args:
        name: what follows the plugin's name on the command line.
        summary: one line for the group's help, which imports no target.
        target: `"module:attribute"`, a `click.Command`.
    """

    kind: ClassVar[str] = "command"

    name: str = attrs.field(validator=_check_name)
    summary: str
    target: str = attrs.field(validator=_check_target)


@attrs.frozen(kw_only=True)
class Check:
    """A check for `identify doctor`: `target() -> None | str | Iterable[str]`; what it returns are complaints.

    Args:
        name: of the check.
        summary: what is so where it has nothing to complain about, in a few words.
        target: `"module:function"`, called without arguments by `identify doctor` alone.
    """

    kind: ClassVar[str] = "check"

    name: str = attrs.field(validator=_check_name)
    summary: str
    target: str = attrs.field(validator=_check_target)
