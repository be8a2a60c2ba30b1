"""What was recovered of the tasks: which latents cause the target, and what the target adds to the others."""

from __future__ import annotations

import attrs
import numpy as np

from identify_mtlcm.evaluators.alignment import Alignment, Array


@attrs.frozen(kw_only=True)
class IndicatorRecovery:
    """How well causal indicators were told.

    Args:
        accuracy: share of (task, latent) entries on the right side of one half.
        majority: what always saying the more frequent answer would give.
        auc: probability that a causal entry has a larger probability than a spurious one, ties counting half; None
            where all entries are of one kind.
    """

    accuracy: float
    majority: float
    auc: float | None


def indicator_recovery(causal: Array, probabilities: Array, alignment: Alignment) -> IndicatorRecovery:
    """Causal indicators against fitted probabilities, latent matched with latent.

    Args:
        causal: c, (T, d), bool.
        probabilities: (T, d').
        alignment: of the latents.
    """
    truth = causal[:, alignment.true].astype(bool)
    said = probabilities[:, alignment.estimated]
    share = float(truth.mean())
    return IndicatorRecovery(
        accuracy=float(((said > 0.5) == truth).mean()),
        majority=max(share, 1 - share),
        auc=area_under_curve(truth.ravel(), said.ravel()),
    )


def area_under_curve(positive: Array, score: Array) -> float | None:
    """The Mann-Whitney statistic over the product of the group sizes; None where a group is empty.

    Args:
        positive: (n,), bool.
        score: (n,).
    """
    from scipy.stats import rankdata

    count, other = int(positive.sum()), int((~positive).sum())
    if not count or not other:
        return None
    ranks = rankdata(score)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * other))


@attrs.frozen(kw_only=True)
class GammaRecovery:
    """How well the slopes of the spurious latents on the targets were told.

    Args:
        error: root mean squared error over the spurious entries, in the units of the true latents.
        relative: that over the root mean square of the true slopes.
        correlation: with the true slopes.
    """

    error: float
    relative: float
    correlation: float


def gamma_recovery(gamma: Array, causal: Array, effects: Array, alignment: Alignment) -> GammaRecovery | None:
    """True slopes γ against fitted ones on the entries that are spurious in truth; None where there are none.

    A fitted latent is s times a true one, so that its slope is s γ. Matches without correlation say nothing of a slope
    and count with an estimate of zero.

    Args:
        gamma: (T, d), in the units of the true latents.
        causal: (T, d), bool.
        effects: fitted γ (1 − c), (T, d'): what the target adds to each latent.
        alignment: of the latents.
    """
    spurious = ~causal[:, alignment.true].astype(bool)
    if not spurious.any():
        return None
    scales = alignment.scales
    scaled = np.divide(
        effects[:, alignment.estimated], scales, out=np.zeros((len(gamma), len(scales))), where=scales != 0
    )
    truth, said = gamma[:, alignment.true][spurious], scaled[spurious]
    error = float(np.sqrt(np.mean((said - truth) ** 2)))
    size = float(np.sqrt(np.mean(truth**2)))
    varied = len(truth) > 1 and truth.std() > 0 and said.std() > 0
    return GammaRecovery(
        error=error,
        relative=error / size if size else float("nan"),
        correlation=float(np.corrcoef(truth, said)[0, 1]) if varied else float("nan"),
    )
