"""Which strategy a module gets where that is left to us."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from identify_core.errors import OptionsError
from identify_core.replicates.strategy import choose_strategy

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Heavy(nn.Linear):
    """A layer that says that it fills a CPU."""

    loops_on_cpu = True


def test_a_model_may_ask_for_a_loop_on_a_cpu() -> None:
    module = nn.Sequential(nn.Sequential(Heavy(2, 2)), nn.Linear(2, 1))
    strategy, reason = choose_strategy(module, CPU, "auto")
    assert strategy == "loop"
    assert "the model says" in reason
    assert choose_strategy(module, CUDA, "auto") == ("vmap", "")
    assert choose_strategy(module, CPU, "vmap") == ("vmap", "")
    assert choose_strategy(nn.Linear(2, 2), CPU, "auto") == ("vmap", "")


def test_a_misspelt_strategy_is_not_taken_for_one() -> None:
    with pytest.raises(OptionsError, match='strategy: "Loop" is not one of "auto", "vmap", "loop"; did you mean'):
        choose_strategy(nn.Linear(2, 2), CPU, "Loop")  # type: ignore[arg-type]
