"""What the mtlcm plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

PAPER = "Chen, Horwood, Heo & Hernández-Lobato, TMLR 2024, arXiv 2306.14861"
