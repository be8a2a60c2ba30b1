"""Assembling: from what a solver found to a `CausalModel`, with its likelihood and everything a reader should know."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import scipy.optimize
import torch

from identify_mtlcm.causal.frame import Frame, task_rank
from identify_mtlcm.causal.joint_diagonalisation import diagonalise, whitening
from identify_mtlcm.causal.likelihood import CausalParameters, DefinitenessError, negative_log_likelihood
from identify_mtlcm.causal.model import CausalModel, Note
from identify_mtlcm.causal.residuals import Residuals
from identify_mtlcm.causal.scales import scales_given
from identify_mtlcm.causal.separation import separation_of
from identify_mtlcm.causal.statistics import Moments, TaskStatistics, named_tasks
from identify_mtlcm.options.causal import CausalOptions

_CERTAIN = 1e-6  # 1 - c at the least: γ = a / (1 - c) stays finite
_CONTRADICTED = 0.05
_STANDARD_ERRORS = 3.0
_RETRIES = 6
_STATIONARY = 0.05  # mini-batches leave some noise in where Adam ends


@attrs.frozen(kw_only=True, eq=False)
class Solution:
    """What a solver found, in the coordinates that it worked in.

    Args:
        mixing: A, (r, r).
        variances: λ, (T, r), within [σ_s², 1].
        effects: a, (T, r).
        spurious_noise: σ_s, (1, 1) or (T, 1).
        converged: whether the solver ended by itself.
        notes: what it did.
        warnings: what went wrong on the way.
    """

    mixing: torch.Tensor
    variances: torch.Tensor
    effects: torch.Tensor
    spurious_noise: torch.Tensor
    converged: bool
    notes: Mapping[str, Note]
    warnings: tuple[str, ...] = ()


def assemble(
    statistics: TaskStatistics,
    moments: Moments,
    residuals: Residuals,
    frame: Frame,
    solution: Solution,
    options: CausalOptions,
) -> CausalModel:
    """Order and sign the latents, read c and γ off λ and a, and compute the likelihood and the diagnoses.

    Args:
        statistics: of h.
        moments: in the coordinates of `frame`.
        residuals: of `moments`.
        frame: the coordinates that the solver worked in.
        solution: what it found.
        options: of the model.
    """
    solution, seen = _in_order(solution, residuals, frame)
    parameters = _parameters(solution, options)
    value, stationarity, jitter = _likelihood(parameters, moments)
    if frame.rank == statistics.width:
        value -= float(torch.linalg.slogdet(frame.scaling).logabsdet)
    if options.solver == "adam":
        solution = attrs.evolve(solution, converged=stationarity < _STATIONARY)
    separation = separation_of(_diagonalised(seen, options))
    scales = scales_given(seen.variances(), seen.explained(), seen.weights, solution.spurious_noise)
    known = task_rank(residuals, whitening(residuals), moments.counts)
    missing = statistics.width - frame.rank
    warnings = (
        *solution.warnings,
        *_of_the_data(statistics, residuals, frame, known),
        *_of_the_fit(solution, seen, options, jitter, stationarity),
        *([separation.sentence] if bool(separation.unseparated.any()) else []),
    )
    return CausalModel(
        mixing=frame.mixing(solution.mixing),
        centre=torch.zeros_like(statistics.centre) if options.centring == "none" else statistics.centre,
        probabilities=_beside(parameters.probabilities, missing),
        gamma=_beside(parameters.gamma, missing),
        kinds=_beside(scales.causal, missing),
        units=torch.cat([scales.factors, scales.factors.new_ones(missing)]),
        spurious_noise=solution.spurious_noise.clone(),
        observation_noise=options.observation_noise,
        scaling=frame.scaling,
        centring=options.centring,
        nll=value,
        unseparated=_with_missing(separation.unseparated, missing),
        separation=separation.sentence,
        rank=frame.rank,
        task_rank=known,
        notes={
            "solver": options.solver,
            "converged": solution.converged,
            "relative-gradient": stationarity,
            **solution.notes,
            "jitter": jitter,
            "shared-rows": moments.shared,
            "tasks-lent-rows": int((residuals.lent > 0).sum()),
            "latents-of-one-kind": int(scales.one_kind.sum()),
            "pairs-not-separated": int(separation.unseparated.sum()) // 2,
        },
        warnings=warnings,
    )


def _parameters(solution: Solution, options: CausalOptions) -> CausalParameters:
    """c and γ from λ and a."""
    lowest = solution.spurious_noise.square()
    c = ((solution.variances - lowest) / (1 - lowest)).clamp(torch.finfo(torch.float64).tiny, 1 - _CERTAIN)
    return CausalParameters(
        mixing=solution.mixing,
        logits=torch.logit(c),
        gamma=solution.effects / (1 - c),
        spurious_noise=solution.spurious_noise,
        noise_covariance=options.observation_noise**2 * torch.eye(len(c.T), dtype=c.dtype, device=c.device),
    )


def _with_missing(unseparated: torch.Tensor, missing: int) -> torch.Tensor:
    """With the latents that do not exist, which nothing tells from each other."""
    size = len(unseparated) + missing
    whole = torch.zeros(size, size, dtype=torch.bool, device=unseparated.device)
    whole[: size - missing, : size - missing] = unseparated
    whole[size - missing :, size - missing :] = ~torch.eye(missing, dtype=torch.bool, device=unseparated.device)
    return whole


def _in_order(solution: Solution, residuals: Residuals, frame: Frame) -> tuple[Solution, Residuals]:
    """Latents from the largest mean residual variance downwards, each with the sign that its column of A asks for."""
    unmixing = torch.linalg.inv(solution.mixing)
    sizes = residuals.weights @ residuals.seen_through(unmixing).variances()
    order = sizes.argsort(descending=True, stable=True)
    columns = (frame.lift @ solution.mixing)[:, order]
    largest = columns.gather(0, columns.abs().argmax(0)[None])[0]
    signs = torch.where(largest < 0, -1.0, 1.0).to(columns)
    solution = attrs.evolve(
        solution,
        mixing=solution.mixing[:, order] * signs,
        variances=solution.variances[:, order],
        effects=solution.effects[:, order] * signs,
    )
    return solution, residuals.seen_through(signs[:, None] * unmixing[order])


def _diagonalised(seen: Residuals, options: CausalOptions) -> Residuals:
    """The residuals of the joint diagonaliser next to the solution, its latents in the solution's order.

    Separation is judged at a maximum, which the study's training may not have reached; the other solvers are there.
    """
    if options.solver != "adam" or seen.width == 1:
        return seen
    start = torch.diag(seen.pooled().diagonal().rsqrt())
    found = diagonalise(seen, start, iterations=options.iterations, tolerance=options.tolerance).unmixing
    likeness = (found / found.norm(dim=1, keepdim=True)).square()
    rows, columns = scipy.optimize.linear_sum_assignment(-likeness.cpu().numpy())
    order = torch.empty(seen.width, dtype=torch.long, device=found.device)
    order[torch.as_tensor(columns, device=order.device)] = torch.as_tensor(rows, device=order.device)
    return seen.seen_through(found[order])


def _likelihood(parameters: CausalParameters, moments: Moments) -> tuple[float, float, float]:
    """The mean negative log-likelihood, the largest entry of its relative gradient Aᵀ ∂A, and the jitter it needed."""
    jitter = 0.0
    for trial in range(_RETRIES):
        try:
            gradient = negative_log_likelihood(parameters, moments, jitter=jitter)
            return float(gradient.value), float((parameters.mixing.T @ gradient.mixing).abs().max()), jitter
        except DefinitenessError:
            size = float((parameters.mixing.square() @ parameters.variances.amax(0)).max())
            jitter = size * 10.0 ** (2 * trial - 14)
    return math.nan, math.nan, jitter


def _of_the_data(statistics: TaskStatistics, residuals: Residuals, frame: Frame, known: int) -> list[str]:
    d, said = statistics.width, []
    constant = statistics.constant.nonzero().flatten().tolist()
    if constant:
        said.append(f"the target of {named_tasks(constant)} does not vary: it tells nothing of the latents' means")
    short = int((residuals.lent > 0).sum())
    if short:
        said.append(
            f"{short} of {residuals.count} tasks have fewer than {2 * frame.rank} residual degrees of "
            f"freedom, too few for a covariance of {frame.rank} latents: they were lent rows of the pooled covariance"
        )
    if frame.rank < d:
        said.append(
            f"the representation has rank {frame.rank}, not {d}: {d - frame.rank} of the latents do not exist and are "
            "zero on every row"
        )
    if known < frame.rank:
        said.append(
            f"the targets of {residuals.count} tasks know of {known} of {frame.rank} directions of the representation "
            "beyond sampling error: what a network learned from them in the others is arbitrary"
        )
    return said


def _of_the_fit(
    solution: Solution, seen: Residuals, options: CausalOptions, jitter: float, stationarity: float
) -> list[str]:
    said = []
    if not solution.converged:
        more = "adam.epochs" if options.solver == "adam" else "iterations"
        said.append(
            f"the solver '{options.solver}' stopped before it converged: the relative gradient of the likelihood is "
            f"{stationarity:.2g}; raise {more}"
        )
    if jitter:
        said.append(
            f"a covariance was not positive definite: {jitter:.3g} was added to the diagonals for the likelihood"
        )
    lowest = solution.spurious_noise.square()
    error = (2 / seen.freedom.clamp_min(1.0)).sqrt()[:, None]
    below = float((seen.variances() * (1 + _STANDARD_ERRORS * error) < lowest).double().mean())
    if below > _CONTRADICTED:
        said.append(
            f"{below:.0%} of the residual variances lie significantly below the spurious variance σ_s²: the noise is "
            "not what the options say; this changes the latents' scale and the probabilities, not their directions"
        )
    return said


def _beside(values: torch.Tensor, missing: int) -> torch.Tensor:
    return torch.cat([values, values.new_zeros(len(values), missing)], dim=1)
