"""References are the inputs, where they are comparable, and the encoder as it was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.testing.contexts import make_context
from identify_mtlcm.evaluators.references import INPUTS, UNTRAINED, reference_latents


def encoder(shape: Any) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(shape.inputs[0], 3), torch.nn.Dropout(0.5))


@pytest.mark.parametrize(("observed", "there"), [(4, True), (8, True), (9, False)])
def test_inputs_are_compared_where_they_are_not_much_wider_than_the_truth(
    plant: Any, tmp_path: Path, observed: int, there: bool
) -> None:
    planted = plant(observed=observed)
    run = planted.subject({"z": [planted.truth]}).run
    found = dict(reference_latents(run, planted.rows, make_context(tmp_path)))
    assert (INPUTS in found) == there
    if there:
        np.testing.assert_allclose(found[INPUTS], planted.samples.tensor("x").numpy()[planted.rows])


def test_the_untrained_encoder_is_the_run_s_own_first_replicate_without_dropout(plant: Any, tmp_path: Path) -> None:
    planted = plant(observed=9)
    run: Any = planted.subject({"z": [planted.truth]}).run
    run.model_name = "mtlcm:mlp"
    context = make_context(tmp_path, seed=3, model=encoder)
    found = dict(reference_latents(run, planted.rows, context))
    module = context.build_model(run.shape, replicate=0).eval()
    with torch.no_grad():
        expected = module(planted.samples.tensor("x")[torch.as_tensor(planted.rows)]).numpy()
    assert list(found) == [UNTRAINED]
    np.testing.assert_allclose(found[UNTRAINED], expected, rtol=1e-6)
