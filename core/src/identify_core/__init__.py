"""identify: how much of what a neural network learned is determined, and how much is arbitrary.

The front door: everything that a plugin or a notebook needs. Each name is loaded on first use, so that this package
itself imports neither torch nor zarr nor numpy. A plugin's tests have a second door, `identify_core.testing`; all other
modules are the core's own and may move in any release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.doors import lazy_names
from identify_core.old_names import install_old_names
from identify_core.version import __version__ as __version__

if TYPE_CHECKING:
    from identify_core.atomic_files import replacing as replacing
    from identify_core.cli.invocation import Invocation as Invocation
    from identify_core.cli.invocation import json_option as json_option
    from identify_core.cli.invocation import store_option as store_option
    from identify_core.cli.output import print_json as print_json
    from identify_core.cli.output import stderr_console as stderr_console
    from identify_core.cli.output import stdout_console as stdout_console
    from identify_core.cli.root import run_command_line as run_command_line
    from identify_core.comparisons.estimates import Cost as Cost
    from identify_core.comparisons.estimates import Work as Work
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
    from identify_core.components import Takes as Takes
    from identify_core.components import load_target as load_target
    from identify_core.contexts.checkpoints import read_checkpoint as read_checkpoint
    from identify_core.contexts.checkpoints import write_checkpoint as write_checkpoint
    from identify_core.contexts.context import Context as Context
    from identify_core.contexts.display import Progress as Progress
    from identify_core.contexts.streams import Streams as Streams
    from identify_core.data import Factor as Factor
    from identify_core.data import Latents as Latents
    from identify_core.data import Samples as Samples
    from identify_core.data import Shape as Shape
    from identify_core.data.blocks import row_blocks as row_blocks
    from identify_core.data.factors import doubt_of_kind as doubt_of_kind
    from identify_core.data.factors import read_factor as read_factor
    from identify_core.data.holding_out import draw_subset as draw_subset
    from identify_core.data.holding_out import hold_out_combinations as hold_out_combinations
    from identify_core.data.holding_out import hold_out_keys as hold_out_keys
    from identify_core.data.mapped import MappedColumn as MappedColumn
    from identify_core.deprecation import IdentifyDeprecationWarning as IdentifyDeprecationWarning
    from identify_core.deprecation import deprecated as deprecated
    from identify_core.downloads.image_files import map_images as map_images
    from identify_core.downloads.image_files import read_idx as read_idx
    from identify_core.downloads.image_files import read_pictures as read_pictures
    from identify_core.downloads.image_files import resized as resized
    from identify_core.downloads.public_files import FilePlaces as FilePlaces
    from identify_core.downloads.public_files import check_file as check_file
    from identify_core.downloads.public_files import missing_file as missing_file
    from identify_core.downloads.public_files import obtain_file as obtain_file
    from identify_core.downloads.transfers import PublicFile as PublicFile
    from identify_core.downloads.transfers import file_sum as file_sum
    from identify_core.errors import IdentifyError as IdentifyError
    from identify_core.errors import Interrupted as Interrupted
    from identify_core.errors import OptionsError as OptionsError
    from identify_core.errors import PluginError as PluginError
    from identify_core.errors import RunError as RunError
    from identify_core.errors import SpecError as SpecError
    from identify_core.errors import StoreError as StoreError
    from identify_core.errors import UsageError as UsageError
    from identify_core.evaluation.joined import JoinedLatents as JoinedLatents
    from identify_core.evaluation.joined import join_latents as join_latents
    from identify_core.evaluation.subjects import Representation as Representation
    from identify_core.evaluation.subjects import RunSubject as RunSubject
    from identify_core.evaluation.subjects import Subject as Subject
    from identify_core.evaluation.targets import make_samples as make_samples
    from identify_core.evaluation.targets import model_builder as model_builder
    from identify_core.factor_kinds import FactorKind as FactorKind
    from identify_core.findings import Figure as Figure
    from identify_core.findings import Finding as Finding
    from identify_core.findings import LabelledArray as LabelledArray
    from identify_core.findings import Scalar as Scalar
    from identify_core.findings import Scored as Scored
    from identify_core.findings import Table as Table
    from identify_core.hookspecs import IdentifySpecs as IdentifySpecs
    from identify_core.hookspecs import hookimpl as hookimpl
    from identify_core.kinds import check_option as check_option
    from identify_core.optional_packages import optional_package as optional_package
    from identify_core.options import above as above
    from identify_core.options import at_least as at_least
    from identify_core.options import between as between
    from identify_core.options import matching as matching
    from identify_core.options import not_empty as not_empty
    from identify_core.options import option as option
    from identify_core.plugins import Registered as Registered
    from identify_core.plugins import Registry as Registry
    from identify_core.plugins import load_registry as load_registry
    from identify_core.plugins.preset_files import presets_in as presets_in
    from identify_core.replicates import Batch as Batch
    from identify_core.replicates import Call as Call
    from identify_core.replicates import Loss as Loss
    from identify_core.replicates import Replicates as Replicates
    from identify_core.replicates import Strategy as Strategy
    from identify_core.replicates import pure as pure
    from identify_core.reports.figures import DIVERGING as DIVERGING
    from identify_core.reports.figures import GRID as GRID
    from identify_core.reports.figures import INK as INK
    from identify_core.reports.figures import MUTED as MUTED
    from identify_core.reports.figures import PALETTE as PALETTE
    from identify_core.reports.figures import SEQUENTIAL as SEQUENTIAL
    from identify_core.reports.figures import classical_scaling as classical_scaling
    from identify_core.reports.figures import heat_map as heat_map
    from identify_core.reports.figures import house_style as house_style
    from identify_core.reports.figures import new_figure as new_figure
    from identify_core.reports.figures import save_figure as save_figure
    from identify_core.rungs import RUNGS as RUNGS
    from identify_core.rungs import Rung as Rung
    from identify_core.rungs import draw_ladder as draw_ladder
    from identify_core.rungs import includes as includes
    from identify_core.rungs import lowest as lowest
    from identify_core.runs.engine import describe_components as describe_components
    from identify_core.scores import ByRole as ByRole
    from identify_core.scores import Chance as Chance
    from identify_core.scores import Direction as Direction
    from identify_core.scores import Interval as Interval
    from identify_core.scores import Invariance as Invariance
    from identify_core.scores import Measured as Measured
    from identify_core.scores import Role as Role
    from identify_core.scores import Score as Score
    from identify_core.scores import Verdict as Verdict
    from identify_core.scores import invariance_of as invariance_of
    from identify_core.sizes import Known as Known
    from identify_core.sizes import Sizes as Sizes
    from identify_core.sizes import dense_parameters as dense_parameters
    from identify_core.spec import Chosen as Chosen
    from identify_core.spec import ResolvedSpec as ResolvedSpec
    from identify_core.spec import load_spec as load_spec
    from identify_core.spec.named_code import import_named as import_named
    from identify_core.spreads import Spread as Spread
    from identify_core.store import RunSummary as RunSummary
    from identify_core.store import RunWriter as RunWriter
    from identify_core.store import Store as Store
    from identify_core.store import StoredFinding as StoredFinding
    from identify_core.store import StoredLatents as StoredLatents
    from identify_core.store import StoredRun as StoredRun
    from identify_core.store import find_store_path as find_store_path
    from identify_core.store.provenance import describe_machine as describe_machine
    from identify_core.suggestions import did_you_mean as did_you_mean
    from identify_core.sweeps.cluster import check_one_at_a_time as check_one_at_a_time
    from identify_core.sweeps.cluster import dask_client as dask_client
    from identify_core.training import FitResult as FitResult
    from identify_core.training import Group as Group
    from identify_core.training import Turn as Turn
    from identify_core.training import fit as fit
    from identify_core.training import squared_error as squared_error
    from identify_core.training.courses import Course as Course
    from identify_core.training.courses import PolishResult as PolishResult
    from identify_core.training.courses import widen as widen
    from identify_core.training.dense import ACTIVATIONS as ACTIVATIONS
    from identify_core.training.dense import dense_network as dense_network
    from identify_core.training.gaussians import gaussian_divergence as gaussian_divergence
    from identify_core.training.gaussians import gaussian_log_likelihood as gaussian_log_likelihood
    from identify_core.training.minimise import Minima as Minima
    from identify_core.training.minimise import minimise as minimise
    from identify_core.training.minimise import polish as polish
    from identify_core.training.optimisers import Adam as Adam
    from identify_core.training.optimisers import Adamax as Adamax
    from identify_core.training.optimisers import Optimiser as Optimiser
    from identify_core.training.optimisers import Sgd as Sgd
    from identify_core.training.optimisers import optimiser as optimiser
    from identify_core.training.schedules import Schedule as Schedule
    from identify_core.verbs.functions import compare as compare
    from identify_core.verbs.functions import evaluate as evaluate
    from identify_core.verbs.functions import list_runs as list_runs
    from identify_core.verbs.functions import open as open  # noqa: A004 - `ic.open`
    from identify_core.verbs.functions import resume as resume
    from identify_core.verbs.functions import run as run
    from identify_core.verbs.pictures import plot as plot
    from identify_core.verbs.pictures import report as report
    from identify_core.verbs.results import OpenComparison as OpenComparison
    from identify_core.verbs.results import OpenRun as OpenRun
    from identify_core.verbs.results import OpenSweep as OpenSweep
    from identify_core.verbs.sweeps import sweep as sweep

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "atomic_files": ("replacing",),
        "cli.invocation": ("Invocation", "json_option", "store_option"),
        "cli.output": ("print_json", "stderr_console", "stdout_console"),
        "cli.root": ("run_command_line",),
        "comparisons.estimates": ("Cost", "Work"),
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
            "Takes",
            "load_target",
        ),
        "contexts.checkpoints": ("read_checkpoint", "write_checkpoint"),
        "contexts.context": ("Context",),
        "contexts.display": ("Progress",),
        "contexts.streams": ("Streams",),
        "data": ("Factor", "Latents", "Samples", "Shape"),
        "data.blocks": ("row_blocks",),
        "data.factors": ("doubt_of_kind", "read_factor"),
        "data.holding_out": ("draw_subset", "hold_out_combinations", "hold_out_keys"),
        "data.mapped": ("MappedColumn",),
        "deprecation": ("IdentifyDeprecationWarning", "deprecated"),
        "downloads.image_files": ("map_images", "read_idx", "read_pictures", "resized"),
        "downloads.public_files": ("FilePlaces", "check_file", "missing_file", "obtain_file"),
        "downloads.transfers": ("PublicFile", "file_sum"),
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
        "evaluation.joined": ("JoinedLatents", "join_latents"),
        "evaluation.subjects": ("Representation", "RunSubject", "Subject"),
        "evaluation.targets": ("make_samples", "model_builder"),
        "factor_kinds": ("FactorKind",),
        "findings": ("Figure", "Finding", "LabelledArray", "Scalar", "Scored", "Table"),
        "hookspecs": ("IdentifySpecs", "hookimpl"),
        "kinds": ("check_option",),
        "optional_packages": ("optional_package",),
        "options": ("above", "at_least", "between", "matching", "not_empty", "option"),
        "plugins.preset_files": ("presets_in",),
        "plugins": ("Registered", "Registry", "load_registry"),
        "replicates": ("Batch", "Call", "Loss", "Replicates", "Strategy", "pure"),
        "reports.figures": (
            "DIVERGING",
            "GRID",
            "INK",
            "MUTED",
            "PALETTE",
            "SEQUENTIAL",
            "classical_scaling",
            "heat_map",
            "house_style",
            "new_figure",
            "save_figure",
        ),
        "rungs": ("RUNGS", "Rung", "draw_ladder", "includes", "lowest"),
        "runs.engine": ("describe_components",),
        "scores": (
            "ByRole",
            "Chance",
            "Direction",
            "Interval",
            "Invariance",
            "Role",
            "Measured",
            "Score",
            "Verdict",
            "invariance_of",
        ),
        "sizes": ("Known", "Sizes", "dense_parameters"),
        "spec": ("Chosen", "ResolvedSpec", "load_spec"),
        "spec.named_code": ("import_named",),
        "spreads": ("Spread",),
        "store": ("RunSummary", "RunWriter", "Store", "StoredFinding", "StoredLatents", "StoredRun", "find_store_path"),
        "store.provenance": ("describe_machine",),
        "suggestions": ("did_you_mean",),
        "sweeps.cluster": ("check_one_at_a_time", "dask_client"),
        "training": ("FitResult", "Group", "Turn", "fit", "squared_error"),
        "training.courses": ("Course", "PolishResult", "widen"),
        "training.dense": ("ACTIVATIONS", "dense_network"),
        "training.gaussians": ("gaussian_divergence", "gaussian_log_likelihood"),
        "training.minimise": ("Minima", "minimise", "polish"),
        "training.optimisers": ("Adam", "Adamax", "Optimiser", "Sgd", "optimiser"),
        "training.schedules": ("Schedule",),
        "verbs.functions": ("compare", "evaluate", "list_runs", "open", "resume", "run"),
        "verbs.pictures": ("plot", "report"),
        "verbs.results": ("OpenComparison", "OpenRun", "OpenSweep"),
        "verbs.sweeps": ("sweep",),
    },
)
__all__.insert(0, "__version__")

install_old_names()
