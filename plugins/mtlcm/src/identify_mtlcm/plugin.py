"""What the mtlcm plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Evaluator, Model, Objective, Preset, hookimpl, presets_in
from identify_mtlcm.options.baselines import (
    FastIcaOptions,
    GroupSparseOptions,
    IvaeOptions,
    UntrainedOptions,
    WhiteningOptions,
)
from identify_mtlcm.options.evaluators import RecoveryOptions, TaskRankOptions
from identify_mtlcm.options.molecules import EgnnOptions, Qm9Options
from identify_mtlcm.options.networks import MlpOptions
from identify_mtlcm.options.objectives import MtlcmOptions
from identify_mtlcm.options.regression import MtrnOptions
from identify_mtlcm.options.superconduct import SuperconductOptions
from identify_mtlcm.options.synthetic import Linear2024Options, LinearOptions, Nonlinear2024Options, NonlinearOptions

PAPER = "Chen, Horwood, Heo & Hernández-Lobato, TMLR 2024, arXiv 2306.14861"
CODE = "github.com/jdhorwood/mtlcm"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Many tasks over shared latents, drawn by the model or measured."""
    yield Dataset(
        name="linear",
        summary="Latents of many tasks under a linear mixing, with every way to depart from the model.",
        options=LinearOptions,
        target="identify_mtlcm.synthetic.datasets:make_linear",
        sizes="identify_mtlcm.synthetic.sizes:drawn_tasks",
        source=f"{PAPER}, Algorithm 1",
    )
    yield Dataset(
        name="nonlinear",
        summary="Latents of many tasks seen through a frozen random network, with every way to depart from the model.",
        options=NonlinearOptions,
        target="identify_mtlcm.synthetic.datasets:make_nonlinear",
        sizes="identify_mtlcm.synthetic.sizes:drawn_tasks",
        source=f"{PAPER}, Algorithm 1",
    )
    yield Dataset(
        name="linear-2024",
        summary="The study's linear data, draw by draw.",
        options=Linear2024Options,
        target="identify_mtlcm.synthetic.legacy:make_linear_2024",
        sizes="identify_mtlcm.synthetic.sizes:tasks_of_2024",
        source=f"{CODE}, linear_synthetic",
    )
    yield Dataset(
        name="nonlinear-2024",
        summary="The study's nonlinear data, draw by draw.",
        options=Nonlinear2024Options,
        target="identify_mtlcm.synthetic.legacy:make_nonlinear_2024",
        sizes="identify_mtlcm.synthetic.sizes:tasks_of_2024",
        source=f"{CODE}, multitask_synthetic",
    )
    yield Dataset(
        name="superconduct",
        summary="21,263 superconductors: element amounts in, 80 features of the composition and Tc as tasks.",
        options=SuperconductOptions,
        target="identify_mtlcm.superconduct.dataset:make_superconduct",
        sizes="identify_mtlcm.options.superconduct:superconduct_sizes",
        source=f"{PAPER}; Hamidieh (2018), UCI 464",
    )
    yield Dataset(
        name="qm9",
        summary="Molecules as graphs, and their quantum-chemical properties as tasks.",
        options=Qm9Options,
        target="identify_mtlcm.molecules.dataset:make_qm9",
        sizes="identify_mtlcm.options.molecules:qm9_sizes",
        source=f"{PAPER}; Ramakrishnan et al., Scientific Data 1 (2014)",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """Encoders."""
    yield Model(
        name="mlp",
        summary="Dense encoder: hidden layers with one activation, a linear layer to the representation.",
        options=MlpOptions,
        target="identify_mtlcm.networks.mlp:build_mlp",
        sizes="identify_mtlcm.options.networks:mlp_sizes",
        check="identify_mtlcm.networks.mlp:check_mlp",
        source=f"{PAPER}, section 5; {CODE}",
    )
    yield Model(
        name="egnn",
        summary="Equivariant graph network: messages along the bonds of a molecule, a sum over its atoms.",
        options=EgnnOptions,
        target="identify_mtlcm.networks.egnn:build_egnn",
        sizes="identify_mtlcm.options.molecules:egnn_sizes",
        check="identify_mtlcm.networks.egnn:check_egnn",
        source="Satorras, Hoogeboom & Welling, ICML 2021, arXiv 2102.09844",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """The study's two stages, and what they are compared with."""
    yield Objective(
        name="mtrn",
        summary="Multi-task regression: an encoder with one linear head a task, identified up to a linear map.",
        options=MtrnOptions,
        target="identify_mtlcm.objectives.mtrn:train",
        identified_up_to="affine",
        autocast=True,
        source=f"{PAPER}, section 3.1",
    )
    yield Objective(
        name="mtlcm",
        summary="The linear causal model on the inputs, on a regression's representation or on a stored run's latents.",
        options=MtlcmOptions,
        target="identify_mtlcm.objectives.mtlcm:train",
        identified_up_to="permutation-scaling",
        autocast=True,
        source=f"{PAPER}, section 3.2",
    )
    yield Objective(
        name="untrained",
        summary="Baseline: the representation of the encoders as they were drawn.",
        options=UntrainedOptions,
        target="identify_mtlcm.objectives.whitening:keep_untrained",
    )
    yield Objective(
        name="whitening",
        summary="Baseline: principal components at unit variance, or ZCA, of a representation.",
        options=WhiteningOptions,
        target="identify_mtlcm.objectives.whitening:whiten",
        autocast=True,
    )
    yield Objective(
        name="fastica",
        summary="Baseline: independent components of a representation, which need no tasks.",
        options=FastIcaOptions,
        target="identify_mtlcm.objectives.fastica:separate",
        identified_up_to="permutation-scaling",
        autocast=True,
        source="Hyvärinen, IEEE Transactions on Neural Networks 10(3), 1999; Comon, Signal Processing 36(3), 1994",
    )
    yield Objective(
        name="ivae",
        summary="Baseline: a variational autoencoder whose prior is conditioned on target and task.",
        options=IvaeOptions,
        target="identify_mtlcm.objectives.ivae:train",
        identified_up_to="permutation-monotone",
        autocast=True,
        source="Khemakhem, Kingma, Monti & Hyvärinen, AISTATS 2020, arXiv 1907.04809",
    )
    yield Objective(
        name="group-sparse",
        summary="Baseline: multi-task regression whose heads use few latents, task by task and altogether.",
        options=GroupSparseOptions,
        target="identify_mtlcm.objectives.group_sparse:train",
        identified_up_to="permutation-scaling",
        autocast=True,
        source="Lachapelle et al., ICML 2023, arXiv 2211.14666; Fumero et al., NeurIPS 2023, arXiv 2304.07939",
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """What was recovered, and what could be."""
    yield Evaluator(
        name="recovery",
        summary="How much of the true latents and tasks was found, next to floor, ceiling and the study's own figure.",
        options=RecoveryOptions,
        target="identify_mtlcm.evaluators.recovery:evaluate",
        draw="identify_mtlcm.views.recovery:draw",
        arity="run",
        requires={"samples", "factors"},
        consults=("measures:weak-mcc", "measures:pearson-mcc", "measures:spearman-mcc"),
        headline=True,
        larger_is="better",
        source=f"{PAPER}, section 5; {CODE}, eval_A",
    )
    yield Evaluator(
        name="task-rank",
        summary="How many directions of the representation the tasks can determine, and which tasks add none.",
        options=TaskRankOptions,
        target="identify_mtlcm.evaluators.task_rank:evaluate",
        draw="identify_mtlcm.views.task_rank:draw",
        arity="run",
        requires={"samples"},
        source=f"{PAPER}, section 3.1: full column rank of the heads",
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The study's experiments, and departures from its model that its reviewers asked for."""
    return presets_in("identify_mtlcm", first="linear")
