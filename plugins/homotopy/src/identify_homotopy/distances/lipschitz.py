"""The exact distance by Lipschitz maps, from two matrices of distances that are made once a representation."""

from __future__ import annotations

from identify_core import ByRole, Context, Score, Subject
from identify_homotopy.distances.prepared import chosen, distance_score
from identify_homotopy.options.distances import LipschitzOptions
from identify_measures.deformation import lipschitz_profile, smallest_lipschitz


def lipschitz(options: LipschitzOptions, subject: Subject, context: Context) -> dict[str, Score]:
    """How far maps with a bounded Lipschitz constant stay from the second, one score a bound."""
    source, target = chosen(subject)
    away, apart = source.distances(options.source_norm), target.distances("linf")
    half = 0.5 * float(apart.max())
    enough = smallest_lipschitz(away, apart)
    rung = "orthogonal" if options.source_norm == "l2" else "signed-permutation"
    invariant = ByRole(source=(rung,), target=("signed-permutation",))
    profile = lipschitz_profile(away, apart, options.bounds).tolist()
    return {
        f"lipschitz-{bound:g}": distance_score(
            f"lipschitz-{bound:g}",
            value,
            half,
            subject,
            f"exact for constants up to {bound:g} from {options.source_norm} to linf; {enough:.4g} reach 0",
            invariant_to=invariant,
            normalise=options.normalise,
        )
        for bound, value in zip(options.bounds, profile, strict=True)
    }
