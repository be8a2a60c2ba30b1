"""Deformations: how well a map of a stated class carries one representation onto another, exactly or in a bracket.

Every function takes the source first and the target second, with paired rows, and computes in float64.
"""

from __future__ import annotations

from identify_measures.deformation.bounded import bounded_minimax as bounded_minimax
from identify_measures.deformation.euclidean import kirszbraun as kirszbraun
from identify_measures.deformation.fits import CLASSES as CLASSES
from identify_measures.deformation.fits import fit as fit
from identify_measures.deformation.heads import lipschitz_heads as lipschitz_heads
from identify_measures.deformation.heads import probe_distance as probe_distance
from identify_measures.deformation.heads import sampled_heads as sampled_heads
from identify_measures.deformation.heads import unit_heads as unit_heads
from identify_measures.deformation.lawson import isometry_bound as isometry_bound
from identify_measures.deformation.lawson import minimax as minimax
from identify_measures.deformation.least_squares import LinearSource as LinearSource
from identify_measures.deformation.least_squares import explained as explained
from identify_measures.deformation.least_squares import precision_rank as precision_rank
from identify_measures.deformation.lipschitz import between_envelopes as between_envelopes
from identify_measures.deformation.lipschitz import lipschitz_distance as lipschitz_distance
from identify_measures.deformation.lipschitz import lipschitz_profile as lipschitz_profile
from identify_measures.deformation.lipschitz import row_distances as row_distances
from identify_measures.deformation.lipschitz import smallest_lipschitz as smallest_lipschitz
from identify_measures.deformation.maps import AffineMap as AffineMap
from identify_measures.deformation.maps import Bracket as Bracket
from identify_measures.deformation.maps import Norm as Norm
from identify_measures.deformation.maps import reduce_rows as reduce_rows
from identify_measures.deformation.maps import row_norms as row_norms
from identify_measures.deformation.programs import coordinate_minimax as coordinate_minimax
