"""The pages of the records that plugins yield and of the objects that their targets receive and return."""

from __future__ import annotations

import inspect

from generating.classes import class_section, function_section, record_section
from generating.markdown import page, table

from identify_core import components, options
from identify_core.atomic_files import replacing
from identify_core.components import Check, Command, Dataset, Evaluator, Model, Objective, Preset
from identify_core.contexts.context import Context
from identify_core.contexts.display import Progress
from identify_core.contexts.streams import Streams
from identify_core.data import Factor, Latents, Samples, Shape
from identify_core.data.blocks import row_blocks
from identify_core.data.holding_out import draw_subset, hold_out_combinations, hold_out_keys
from identify_core.data.mapped import MappedColumn
from identify_core.evaluation.subjects import Representation, RunSubject, Subject
from identify_core.findings import Figure, Finding, LabelledArray, Table
from identify_core.optional_packages import optional_package
from identify_core.replicates import Replicates
from identify_core.scores import Chance, Interval, Measured, Score, Verdict
from identify_core.spec.named_code import import_named
from identify_core.store import Store, StoredFinding, StoredLatents, StoredRun
from identify_core.store.summary import RunSummary
from identify_core.training import FitResult, Group, Turn, fit, squared_error
from identify_core.training.courses import PolishResult
from identify_core.training.dense import dense_network
from identify_core.training.gaussians import gaussian_divergence, gaussian_log_likelihood
from identify_core.training.minimise import Minima, minimise, polish
from identify_core.training.optimisers import Adam, Adamax, Sgd, optimiser
from identify_core.training.schedules import Schedule

RECORDS = (Dataset, Model, Objective, Evaluator, Preset, Command, Check)
LIMITS = ("at_least", "above", "between", "not_empty", "matching")

TARGETS = """\
A component's target is named by a string, `"package.module:function"`, and imported only when the component runs: heavy
imports belong into that module. It is called by position with these arguments; `options` is an instance of the
component's own options class, already checked."""

SIGNATURES = (
    ("dataset", "target(options, context)", "[`Samples`](#samples)"),
    ("model", "target(options, shape, context)", "an `nn.Module`: one replicate"),
    ("model's `check`", "check(options, shape)", "nothing; raises `OptionsError` for sizes that cannot be"),
    ("objective", "target(options, replicates, samples, context)", "[`Latents`](#latents) and [`Finding`](#finding)s"),
    (
        "evaluator",
        "target(options, subject, context)",
        "[`Finding`](#finding); for a pair or a representation a number, [`Measured`](#measured) or "
        "[`Verdict`](#verdict)",
    ),
    (
        "evaluator with `together`",
        "target(options, subjects, context)",
        "a number, [`Measured`](#measured) or [`Verdict`](#verdict) for each of the subjects, in their order",
    ),
    ("evaluator's `prepare`", "prepare(representations, context)", "anything: it is `subject.prepared` for every pair"),
    ("evaluator's `estimate`", "estimate(options, sizes)", "what `identify compare --dry-run` shows"),
    ("evaluator's `draw`", "draw(options, finding, context)", "[`Figure`](#figure)s, from the finding alone"),
    ("command", "a `click.Command`", ""),
    ("check", "target()", "complaints: none, one string or several"),
)


def records_page() -> str:
    """The records with which a plugin offers something, and its options."""
    return page(
        "# Records and options",
        inspect.cleandoc(components.__doc__ or "").partition("\n\n")[2],
        "All of them come from `identify_core`: `from identify_core import Dataset, Model, Evaluator, hookimpl`. "
        "What a target is called with is told in [what a target receives and returns](targets.md).",
        *(record_section(each, with_members=False) for each in RECORDS),
        "## Options",
        "A component's options are a frozen attrs class in a light module, each field made by `option`. "
        "A class without fields, `NoOptions`, is the default.",
        function_section(options.option, level="###"),
        table(("limit", "keeps"), [(f"`{name}{_arguments(name)}`", _first(getattr(options, name))) for name in LIMITS]),
    )


def _arguments(limit: str) -> str:
    names = list(inspect.signature(getattr(options, limit)).parameters)
    return f"({', '.join(names)})"


def _first(documented: object) -> str:
    return inspect.cleandoc(documented.__doc__ or "").partition("\n\n")[0]


def targets_page() -> str:
    """What targets are called with, and what they return."""
    return page(
        "# What a target receives and returns",
        TARGETS,
        table(
            ("target", "is called as", "returns"),
            [(name, f"`{call}`" if "(" in call else call, returns) for name, call, returns in SIGNATURES],
        ),
        "Arrays have their shapes in parentheses: R replicates, n samples, d latent dimensions, P parameters.",
        class_section(Context),
        class_section(Progress),
        class_section(Streams),
        *(record_section(each) for each in (Samples, MappedColumn, Factor, Shape, Latents)),
        *(function_section(each) for each in (hold_out_keys, hold_out_combinations, draw_subset, row_blocks)),
        *(function_section(each) for each in (replacing, optional_package, import_named)),
        *(record_section(each) for each in (Subject, Representation)),
        class_section(RunSubject),
        *(
            record_section(each)
            for each in (Finding, Table, LabelledArray, Figure, Measured, Score, Interval, Chance, Verdict)
        ),
    )


def training_page() -> str:
    """Replicates and how to train them."""
    return page(
        "# Replicates and training",
        "An objective is given `Replicates` and trains them as it likes. `fit` is there for the usual case: it stops "
        "each replicate by itself, writes the history and checkpoints, and resumes to the same bits.",
        class_section(Replicates, call="replicates"),
        function_section(fit),
        *(record_section(each, with_members=False) for each in (Turn, Group)),
        record_section(FitResult),
        function_section(squared_error),
        *(record_section(each) for each in (Adam, Adamax, Sgd)),
        function_section(optimiser),
        record_section(Schedule),
        function_section(minimise),
        record_section(Minima),
        function_section(polish),
        record_section(PolishResult),
        *(function_section(each) for each in (dense_network, gaussian_log_likelihood, gaussian_divergence)),
    )


def store_page() -> str:
    """Reading a store from Python."""
    return page(
        "# Reading a store",
        "From Python a store is read without a plugin, and without executing anything that lies in it. The layout of "
        "its folders is told in [runs, seeds and the store](../explanation/runs.md#the-store).",
        class_section(Store, constructed=True),
        class_section(StoredRun),
        *(record_section(each) for each in (StoredLatents, StoredFinding, RunSummary)),
    )
