"""Adam: the study's own training of the linear causal model on mini-batches, for parity.

As in its code: A from U(±1/√d), the logits of c and γ from N(0, 1); Adam over all of them; shuffled mini-batches of
(row, target, task); a learning rate that falls where the mean loss of an epoch does not; γ frozen at first, if wanted;
a batch whose covariances lose definiteness is tried once more with 10⁻⁶ on their diagonals. Value and gradient are
those of the exact likelihood in closed form from the batch's statistics, in float64.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch

from identify_core import Context, Interrupted
from identify_mtlcm.causal.assembling import Solution, assemble
from identify_mtlcm.causal.batches import Batches, blocks_of
from identify_mtlcm.causal.frame import frame_of
from identify_mtlcm.causal.likelihood import CausalParameters, DefinitenessError, Gradient, negative_log_likelihood
from identify_mtlcm.causal.model import CausalModel
from identify_mtlcm.causal.residuals import residuals_of
from identify_mtlcm.causal.statistics import Moments, gather_statistics
from identify_mtlcm.options.causal import AdamOptions, CausalOptions
from identify_mtlcm.tasks import TaskRows


def fit_by_adam(
    h: torch.Tensor,
    rows: TaskRows,
    options: CausalOptions,
    *,
    generator: torch.Generator,
    context: Context | None = None,
    name: str = "causal-adam",
) -> CausalModel:
    """Train the model as the study does; centring "none" is its own, which subtracts nothing.

    Args:
        h: the representation, (n, d).
        rows: the targets of the same rows.
        options: of the model; `options.adam` holds those of the training.
        generator: draws the start and the order of the batches.
        context: of a run: progress, checkpoints, history (`<name>-loss`, `<name>-learning-rate`).
        name: told apart where a run trains several.

    Raises:
        OptionsError: the representation is constant or not finite.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    statistics = gather_statistics(blocks_of(h, rows), rows.count)
    centred = statistics.moments(options.centring)
    frame = frame_of(statistics, centred, options.standardise)
    moments = centred.seen_through(frame.scaling)
    batches = Batches.of(h, rows, statistics, frame, options)
    training = Training.begin(frame.rank, rows.count, options, generator, h.device)
    _train(training, batches, moments, options.adam, generator, context, name)
    return assemble(statistics, moments, residuals_of(moments), frame, _solution(training, options), options)


@attrs.define(kw_only=True, eq=False)
class Training:
    """What is trained, and how far it has come.

    Args:
        mixing: A, (r, r).
        logits: of c, (T, r).
        gamma: γ, (T, r).
        spurious_noise: σ_s, (1, 1) or (T, 1); its sign means nothing.
        learned_noise: whether σ_s is trained.
        noise_covariance: of the observation noise, (r, r).
        epoch: epochs made.
        steps: steps made.
        retried: batches that were tried again with jitter.
        skipped: batches that were skipped because that did not help.
        loss: the mean of the last epoch.
    """

    mixing: torch.Tensor
    logits: torch.Tensor
    gamma: torch.Tensor
    spurious_noise: torch.Tensor
    learned_noise: bool
    noise_covariance: torch.Tensor
    epoch: int = 0
    steps: int = 0
    retried: int = 0
    skipped: int = 0
    loss: float = float("nan")

    @classmethod
    def begin(
        cls, width: int, count: int, options: CausalOptions, generator: torch.Generator, device: torch.device
    ) -> Training:
        """The study's initial values."""

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=generator).to(device)

        uniform = 2 * torch.rand(width, width, dtype=torch.float64, generator=generator).to(device) - 1
        noise = options.spurious_noise
        learned = isinstance(noise, str)
        return cls(
            mixing=uniform / width**0.5,
            logits=normal(count, width),
            gamma=normal(count, width),
            spurious_noise=normal(count if noise == "per-task" else 1, 1)
            if isinstance(noise, str)
            else torch.full((1, 1), noise, dtype=torch.float64, device=device),
            learned_noise=learned,
            noise_covariance=options.observation_noise**2 * torch.eye(width, dtype=torch.float64, device=device),
        )

    @property
    def leaves(self) -> list[torch.Tensor]:
        """What Adam moves."""
        fixed = [self.mixing, self.logits, self.gamma]
        return [*fixed, self.spurious_noise] if self.learned_noise else fixed

    def parameters(self, tasks: torch.Tensor | slice) -> CausalParameters:
        """The parameters of some tasks."""
        noise = self.spurious_noise
        return CausalParameters(
            mixing=self.mixing,
            logits=self.logits[tasks],
            gamma=self.gamma[tasks],
            spurious_noise=noise[tasks] if len(noise) > 1 else noise,
            noise_covariance=self.noise_covariance,
        )

    def give_gradient(self, gradient: Gradient, tasks: torch.Tensor | slice, frozen_gamma: bool) -> None:
        """Put the gradient of some tasks where Adam finds it: zero for the other tasks, none for what is frozen."""

        def spread(like: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
            whole = torch.zeros_like(like)
            whole[tasks] = part
            return whole

        self.mixing.grad = gradient.mixing
        self.logits.grad = spread(self.logits, gradient.logits)
        self.gamma.grad = None if frozen_gamma else spread(self.gamma, gradient.gamma)
        if self.learned_noise:
            per_task = len(self.spurious_noise) > 1
            noise = gradient.spurious_noise
            self.spurious_noise.grad = spread(self.spurious_noise, noise) if per_task else noise


def _train(
    training: Training,
    batches: Batches,
    moments: Moments,
    options: AdamOptions,
    generator: torch.Generator,
    context: Context | None,
    name: str,
) -> None:
    optimiser = torch.optim.Adam(training.leaves, lr=options.learning_rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser,
        mode="min",
        patience=options.patience,
        factor=options.factor,
        threshold=options.threshold,
        min_lr=options.lowest_rate,
    )
    saved = None if context is None else context.restore(section=name)
    if saved is not None:
        _restore(saved, training, optimiser, plateau, generator)
    whole = torch.arange(len(moments.counts), device=moments.counts.device)
    while training.epoch < options.epochs:
        losses = []
        parts = [(whole, moments)] if options.batch_size is None else batches.shuffled(options.batch_size, generator)
        for tasks, part in parts:
            loss = _step(training, optimiser, tasks, part, options)
            if loss is not None:
                losses.append(loss)
        training.epoch += 1
        if not losses:
            training.loss = float("nan")
            break
        training.loss = float(torch.stack(losses).mean())
        if options.scheduler:
            plateau.step(training.loss)
        if context is not None:
            rate = optimiser.param_groups[0]["lr"]
            context.log(training.epoch, **{f"{name}-loss": training.loss, f"{name}-learning-rate": rate})
            stop = context.should_stop()
            if stop or context.checkpoint_due():
                context.checkpoint(_state(training, optimiser, plateau, generator), section=name)
            if stop:
                raise Interrupted(f"stopped at epoch {training.epoch} of '{name}'; a checkpoint was written")
    if context is not None:
        context.checkpoint(_state(training, optimiser, plateau, generator), section=name, write=False)


def _step(
    training: Training, optimiser: torch.optim.Adam, tasks: torch.Tensor, part: Moments, options: AdamOptions
) -> torch.Tensor | None:
    """One step; the loss before it, or None where the batch was skipped."""
    parameters = training.parameters(tasks)
    try:
        gradient = negative_log_likelihood(parameters, part)
    except DefinitenessError:
        training.retried += 1
        try:
            gradient = negative_log_likelihood(parameters, part, jitter=options.retry_jitter)
        except DefinitenessError:
            training.skipped += 1
            return None
    training.give_gradient(gradient, tasks, frozen_gamma=training.epoch < options.gamma_warm_up)
    optimiser.step()
    training.steps += 1
    return gradient.value


def _solution(training: Training, options: CausalOptions) -> Solution:
    parameters = training.parameters(slice(None))
    warnings = []
    if training.retried:
        warnings.append(
            f"the covariances of {training.retried} batches of the solver 'adam' lost their definiteness: each "
            f"was tried again with {options.adam.retry_jitter:g} on the diagonal, and {training.skipped} were skipped"
        )
    return Solution(
        mixing=training.mixing,
        variances=parameters.variances,
        effects=parameters.effects,
        spurious_noise=training.spurious_noise.abs(),
        converged=True,
        notes={
            "epochs": training.epoch,
            "steps": training.steps,
            "batches-retried": training.retried,
            "batches-skipped": training.skipped,
            "last-loss": training.loss,
        },
        warnings=tuple(warnings),
    )


def _state(
    training: Training,
    optimiser: torch.optim.Adam,
    plateau: torch.optim.lr_scheduler.ReduceLROnPlateau,
    generator: torch.Generator,
) -> dict[str, Any]:
    """For a checkpoint."""
    return {
        "leaves": list(training.leaves),
        "moments": [
            {key: optimiser.state[leaf][key] for key in ("step", "exp_avg", "exp_avg_sq")}
            if leaf in optimiser.state
            else None
            for leaf in training.leaves
        ],
        "rate": optimiser.param_groups[0]["lr"],
        "best": float(plateau.best),
        "bad epochs": plateau.num_bad_epochs,
        "generator": generator.get_state(),
        "counts": [training.epoch, training.steps, training.retried, training.skipped],
        "loss": training.loss,
    }


def _restore(
    saved: dict[str, Any],
    training: Training,
    optimiser: torch.optim.Adam,
    plateau: torch.optim.lr_scheduler.ReduceLROnPlateau,
    generator: torch.Generator,
) -> None:
    for leaf, value, moments in zip(training.leaves, saved["leaves"], saved["moments"], strict=True):
        leaf.copy_(value)
        if moments is not None:
            optimiser.state[leaf] = {key: each.clone() for key, each in moments.items()}
    optimiser.param_groups[0]["lr"] = saved["rate"]
    plateau.best, plateau.num_bad_epochs = saved["best"], saved["bad epochs"]
    generator.set_state(saved["generator"])
    training.epoch, training.steps, training.retried, training.skipped = saved["counts"]
    training.loss = saved["loss"]
