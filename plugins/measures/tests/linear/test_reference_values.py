"""Every measure of the family on the reference arrays, against the agreed values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import identify_measures as measures
from identify_core import Score

PAIRS: dict[str, Callable[[Any, Any], Score]] = {
    "cka.linear": measures.linear_cka,
    "cka.linear.debiased": measures.debiased_cka,
    "cka.angular": measures.angular_cka,
    "cca.mean": measures.cca,
    "cca.r2": measures.cca_r2,
    "svcca.var99": measures.svcca,
    "pwcca": measures.pwcca,
    "procrustes.angular": measures.procrustes_angular,
    "procrustes.disparity": measures.procrustes_disparity,
    "procrustes.normalised": measures.procrustes_normalised,
    "procrustes.similarity": measures.procrustes_similarity,
    "procrustes.size_and_shape": measures.procrustes,
    "shape.alpha0.5": measures.shape_metric,
    "gulp.lambda0": measures.gulp,
    "linreg.r2.variance": measures.linear_r2,
    "linreg.r2.uniform": lambda x, y: measures.linear_r2(x, y, average="uniform"),
}
LATENTS: dict[str, Callable[[Any, Any], Score]] = {
    "mcc.strong.pearson": measures.pearson_mcc,
    "mcc.strong.pearson.oos": lambda z, estimate: measures.pearson_mcc(z, estimate, fit=1000),
    "mcc.weak.pearson": measures.weak_mcc,
    "mcc.weak.spearman": lambda z, estimate: measures.weak_mcc(z, estimate, correlation_of="ranks"),
    "linreg.R.uniform": lambda z, estimate: measures.linear_r2(estimate, z, average="root"),
    "linreg.r2.uniform.zh2z": lambda z, estimate: measures.linear_r2(estimate, z, average="uniform"),
}


@pytest.mark.shared
@pytest.mark.parametrize("data", ["small", "indep"])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str, data: str, reference: Mapping[str, Any]) -> None:
    score = PAIRS[name](reference[f"{data}.X"], reference[f"{data}.Y"])
    assert score.value == pytest.approx(reference["values"][f"{name}|{data}"]["value"], abs=1e-8, rel=1e-12)


@pytest.mark.shared
def test_whitened_shapes(reference: Mapping[str, Any]) -> None:
    score = measures.shape_metric(reference["small.X"], reference["small.Y"], alpha=0.0)
    assert score.value == pytest.approx(reference["values"]["shape.alpha0.0|small"]["value"], abs=1e-8)


@pytest.mark.shared
@pytest.mark.parametrize("name", LATENTS)
def test_latents(name: str, reference: Mapping[str, Any]) -> None:
    score = LATENTS[name](reference["mcc.Z"], reference["mcc.noisy"])
    assert score.value == pytest.approx(reference["values"][f"{name}|noisy"]["value"], abs=1e-8)


@pytest.mark.shared
def test_total_correlation(reference: Mapping[str, Any]) -> None:
    score = measures.total_correlation(reference["dis.codes.noisy"][:2000])
    assert score.value == pytest.approx(reference["values"]["unsupervised.gaussian_tc|noisy"]["value"], abs=1e-8)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["cka.linear", "cka.linear.debiased", "cca.mean", "procrustes.angular"])
def test_float32_loses_nothing_to_a_large_mean(name: str, reference: Mapping[str, Any]) -> None:
    x, y = ((reference[f"small.{side}"] + 100).astype(np.float32) for side in "XY")
    assert PAIRS[name](x, y).value == pytest.approx(reference["values"][f"{name}|small"]["value"], abs=1e-5)
