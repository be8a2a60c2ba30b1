"""The table of the documentation: InfoMEC of eight published VAEs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from identify_measures import infomec

pytestmark = pytest.mark.shared

PAGE = Path(__file__).resolve().parents[4] / "docs" / "explanation" / "infomec.md"
NAMES = {"btcvae": "btcvae", "btcvae, α = −5": "btcvae_dsprites_a-5", "btcvae, α = 0": "btcvae_dsprites_a0"}
NAMES |= {"btcvae, α = 5": "btcvae_dsprites_a5"}


@pytest.mark.slow
def test_the_table_says_what_is_found(vaes: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    latents, factors = vaes
    lines = PAGE.read_text(encoding="utf-8").partition("## Eight published VAEs")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][2:]
    assert len(rows) == len(latents) == 8
    for name, active, *values in rows:
        codes = latents[NAMES.get(name, name)]
        found = infomec(codes, factors, kinds="ordinal")
        held = infomec(codes, factors, kinds="ordinal", infoe="held-out")
        scores = (found.infom, found.infoe, found.infoc, found.infom_gap, found.infoc_gap, held.infoe)
        assert int(active) == found.active.sum(), name
        assert [float(each) for each in values] == pytest.approx([score.value for score in scores], abs=0.0051), name


def test_what_the_page_says_of_other_variants(vaes: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    latents, factors = vaes
    for variant, active, infoc in (("library", 7, 0.40), ("tripod", 5, 0.45)):
        found = infomec(latents["betaB"], factors, kinds="ordinal", variant=variant)  # type: ignore[arg-type]
        assert found.active.sum() == active
        assert found.infoc.value == pytest.approx(infoc, abs=0.005)
