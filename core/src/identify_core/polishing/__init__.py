"""Polishing: second-order methods that carry trained replicates down to a minimum to float64 accuracy."""

from __future__ import annotations

from identify_core.polishing.course import PolishResult
from identify_core.polishing.gauss_newton import Residuals
from identify_core.polishing.lbfgs import lbfgs
from identify_core.polishing.levenberg_marquardt import levenberg_marquardt

__all__ = ["PolishResult", "Residuals", "lbfgs", "levenberg_marquardt"]
