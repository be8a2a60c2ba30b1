"""The measure of dissimilarity matrices that are already there, such as published ones."""

from __future__ import annotations

from identify_measures.catalogue.record import Measure
from identify_measures.options.samplewise import DissimilaritiesOptions

DISSIMILARITIES = (
    Measure(
        name="dissimilarities",
        family="samples",
        summary="How alike two matrices of dissimilarities are that are already there, such as those of brains.",
        definition=(
            "the Spearman, Pearson, cosine or Kendall correlation of the upper triangles of two matrices of "
            "dissimilarities, as rsa compares those that it computes"
        ),
        source="Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        standard=True,
        requires=("dissimilarities",),
        options=DissimilaritiesOptions,
        target="identify_measures.evaluators.dissimilarities:dissimilarities",
        estimate="identify_measures.evaluators.dissimilarities:estimate",
        function="identify_measures.samplewise.rsa:compare_dissimilarities",
        touched_by=(),
    ),
)
