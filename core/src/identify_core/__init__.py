"""identify: how much of what a neural network learned is determined, and how much is arbitrary.

The front door: everything that a plugin or a notebook needs. Each name is loaded on first use, so that this package
itself imports neither torch nor zarr nor numpy. A plugin's tests have a second door, `identify_core.testing`; all other
modules are the core's own and may move in any release.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from identify_core.version import __version__ as __version__

if TYPE_CHECKING:
    from identify_core.cli.invocation import Invocation as Invocation
    from identify_core.cli.invocation import json_option as json_option
    from identify_core.cli.invocation import store_option as store_option
    from identify_core.cli.output import print_json as print_json
    from identify_core.cli.output import stderr_console as stderr_console
    from identify_core.cli.output import stdout_console as stdout_console
    from identify_core.cli.root import run_command_line as run_command_line
    from identify_core.compare.planning import Cost as Cost
    from identify_core.compare.planning import Work as Work
    from identify_core.components import Arity as Arity
    from identify_core.components import Check as Check
    from identify_core.components import Command as Command
    from identify_core.components import Dataset as Dataset
    from identify_core.components import Evaluator as Evaluator
    from identify_core.components import Model as Model
    from identify_core.components import NoOptions as NoOptions
    from identify_core.components import Objective as Objective
    from identify_core.components import Preset as Preset
    from identify_core.components import Requirement as Requirement
    from identify_core.components import load_target as load_target
    from identify_core.data import Factor as Factor
    from identify_core.data import Latents as Latents
    from identify_core.data import Samples as Samples
    from identify_core.data import Shape as Shape
    from identify_core.deprecation import IdentifyDeprecationWarning as IdentifyDeprecationWarning
    from identify_core.deprecation import deprecated as deprecated
    from identify_core.downloading import PublicFile as PublicFile
    from identify_core.downloading import file_sum as file_sum
    from identify_core.errors import IdentifyError as IdentifyError
    from identify_core.errors import Interrupted as Interrupted
    from identify_core.errors import OptionsError as OptionsError
    from identify_core.errors import PluginError as PluginError
    from identify_core.errors import RunError as RunError
    from identify_core.errors import SpecError as SpecError
    from identify_core.errors import StoreError as StoreError
    from identify_core.errors import UsageError as UsageError
    from identify_core.factor_kinds import FactorKind as FactorKind
    from identify_core.factors import doubt_of_kind as doubt_of_kind
    from identify_core.factors import read_factor as read_factor
    from identify_core.fetching import FilePlaces as FilePlaces
    from identify_core.fetching import check_file as check_file
    from identify_core.fetching import missing_file as missing_file
    from identify_core.fetching import obtain_file as obtain_file
    from identify_core.findings import Figure as Figure
    from identify_core.findings import Finding as Finding
    from identify_core.findings import LabelledArray as LabelledArray
    from identify_core.findings import Scalar as Scalar
    from identify_core.findings import Table as Table
    from identify_core.hookspecs import IdentifySpecs as IdentifySpecs
    from identify_core.hookspecs import hookimpl as hookimpl
    from identify_core.kinds import check_option as check_option
    from identify_core.optimisers import Adam as Adam
    from identify_core.optimisers import Adamax as Adamax
    from identify_core.optimisers import Optimiser as Optimiser
    from identify_core.optimisers import Schedule as Schedule
    from identify_core.optimisers import Sgd as Sgd
    from identify_core.optimisers import optimiser as optimiser
    from identify_core.options import above as above
    from identify_core.options import at_least as at_least
    from identify_core.options import between as between
    from identify_core.options import matching as matching
    from identify_core.options import not_empty as not_empty
    from identify_core.options import option as option
    from identify_core.plugins import Registered as Registered
    from identify_core.plugins import Registry as Registry
    from identify_core.plugins import load_registry as load_registry
    from identify_core.polishing.course import Course as Course
    from identify_core.polishing.course import PolishResult as PolishResult
    from identify_core.polishing.course import widen as widen
    from identify_core.polishing.lbfgs import Minima as Minima
    from identify_core.polishing.lbfgs import minimise as minimise
    from identify_core.polishing.lbfgs import polish as polish
    from identify_core.replicates import Batch as Batch
    from identify_core.replicates import Call as Call
    from identify_core.replicates import Loss as Loss
    from identify_core.replicates import Replicates as Replicates
    from identify_core.replicates import Strategy as Strategy
    from identify_core.replicates import pure as pure
    from identify_core.report.figures import DIVERGING as DIVERGING
    from identify_core.report.figures import GRID as GRID
    from identify_core.report.figures import INK as INK
    from identify_core.report.figures import MUTED as MUTED
    from identify_core.report.figures import PALETTE as PALETTE
    from identify_core.report.figures import SEQUENTIAL as SEQUENTIAL
    from identify_core.report.figures import house_style as house_style
    from identify_core.report.figures import new_figure as new_figure
    from identify_core.report.figures import save_figure as save_figure
    from identify_core.run.calling import make_samples as make_samples
    from identify_core.run.calling import model_builder as model_builder
    from identify_core.run.checkpoints import read_checkpoint as read_checkpoint
    from identify_core.run.checkpoints import write_checkpoint as write_checkpoint
    from identify_core.run.context import Context as Context
    from identify_core.run.display import Progress as Progress
    from identify_core.run.engine import describe_components as describe_components
    from identify_core.run.provenance import describe_machine as describe_machine
    from identify_core.run.streams import Streams as Streams
    from identify_core.run.subject import Representation as Representation
    from identify_core.run.subject import RunSubject as RunSubject
    from identify_core.run.subject import Subject as Subject
    from identify_core.rungs import RUNGS as RUNGS
    from identify_core.rungs import Rung as Rung
    from identify_core.rungs import draw_ladder as draw_ladder
    from identify_core.rungs import includes as includes
    from identify_core.rungs import lowest as lowest
    from identify_core.scores import Chance as Chance
    from identify_core.scores import Direction as Direction
    from identify_core.scores import Interval as Interval
    from identify_core.scores import Score as Score
    from identify_core.scores import Verdict as Verdict
    from identify_core.sizes import Known as Known
    from identify_core.sizes import Sizes as Sizes
    from identify_core.sizes import dense_parameters as dense_parameters
    from identify_core.spec import Chosen as Chosen
    from identify_core.spec import ResolvedSpec as ResolvedSpec
    from identify_core.spec import load_spec as load_spec
    from identify_core.store import RunSummary as RunSummary
    from identify_core.store import RunWriter as RunWriter
    from identify_core.store import Store as Store
    from identify_core.store import StoredFinding as StoredFinding
    from identify_core.store import StoredLatents as StoredLatents
    from identify_core.store import StoredRun as StoredRun
    from identify_core.store import find_store_path as find_store_path
    from identify_core.suggestions import did_you_mean as did_you_mean
    from identify_core.training import FitResult as FitResult
    from identify_core.training import Group as Group
    from identify_core.training import Turn as Turn
    from identify_core.training import fit as fit
    from identify_core.training import squared_error as squared_error

_ROOMS = {
    "cli.invocation": ("Invocation", "json_option", "store_option"),
    "cli.output": ("print_json", "stderr_console", "stdout_console"),
    "cli.root": ("run_command_line",),
    "compare.planning": ("Cost", "Work"),
    "components": (
        "Arity",
        "Check",
        "Command",
        "Dataset",
        "Evaluator",
        "Model",
        "NoOptions",
        "Objective",
        "Preset",
        "Requirement",
        "load_target",
    ),
    "data": ("Factor", "Latents", "Samples", "Shape"),
    "deprecation": ("IdentifyDeprecationWarning", "deprecated"),
    "errors": (
        "IdentifyError",
        "Interrupted",
        "OptionsError",
        "PluginError",
        "RunError",
        "SpecError",
        "StoreError",
        "UsageError",
    ),
    "downloading": ("PublicFile", "file_sum"),
    "factor_kinds": ("FactorKind",),
    "factors": ("doubt_of_kind", "read_factor"),
    "fetching": ("FilePlaces", "check_file", "missing_file", "obtain_file"),
    "findings": ("Figure", "Finding", "LabelledArray", "Scalar", "Table"),
    "hookspecs": ("IdentifySpecs", "hookimpl"),
    "kinds": ("check_option",),
    "optimisers": ("Adam", "Adamax", "Optimiser", "Schedule", "Sgd", "optimiser"),
    "options": ("above", "at_least", "between", "matching", "not_empty", "option"),
    "plugins": ("Registered", "Registry", "load_registry"),
    "polishing.course": ("Course", "PolishResult", "widen"),
    "polishing.lbfgs": ("Minima", "minimise", "polish"),
    "replicates": ("Batch", "Call", "Loss", "Replicates", "Strategy", "pure"),
    "report.figures": (
        "DIVERGING",
        "GRID",
        "INK",
        "MUTED",
        "PALETTE",
        "SEQUENTIAL",
        "house_style",
        "new_figure",
        "save_figure",
    ),
    "run.calling": ("make_samples", "model_builder"),
    "run.checkpoints": ("read_checkpoint", "write_checkpoint"),
    "run.context": ("Context",),
    "run.display": ("Progress",),
    "run.engine": ("describe_components",),
    "run.provenance": ("describe_machine",),
    "run.streams": ("Streams",),
    "run.subject": ("Representation", "RunSubject", "Subject"),
    "rungs": ("RUNGS", "Rung", "draw_ladder", "includes", "lowest"),
    "scores": ("Chance", "Direction", "Interval", "Score", "Verdict"),
    "sizes": ("Known", "Sizes", "dense_parameters"),
    "spec": ("Chosen", "ResolvedSpec", "load_spec"),
    "store": ("RunSummary", "RunWriter", "Store", "StoredFinding", "StoredLatents", "StoredRun", "find_store_path"),
    "suggestions": ("did_you_mean",),
    "training": ("FitResult", "Group", "Turn", "fit", "squared_error"),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted(["__version__", *_HOMES])


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
