"""The folder layout of the 2020 code: which runs, saved steps and cached grids an experiment folder holds.

`models/{run}/step_{k}/model_{i}.pt`, `runs/{run}/config.yml`, and `postprocessing/{name}[/step_{k}][/{time}]/data.pkl`
with `meta.yml` next to it (genni 1.0.3, save_load.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import torch
import yaml

from identify_core import UsageError

_STEP = re.compile(r"step_(\d+)")
_MODEL = re.compile(r"model_(\d+)\.pt")
_HINT = "give an experiment's folder, such as experiments/FCN_Sample, which holds models/ and runs/"


@attrs.frozen(kw_only=True, eq=False)
class LegacyRun:
    """One run id of an experiment.

    Args:
        name: the run id, such as 1604791948.6427572.
        config: its config.yml.
        steps: the numbers of the saved steps, increasing.
        states: the state dict of every network at every step: `states[step][network]`.
    """

    name: str
    config: dict[str, Any]
    steps: tuple[int, ...]
    states: dict[int, list[dict[str, torch.Tensor]]]

    def updates(self, step: int) -> int:
        """How many updates were made before a step was saved: the last one is numbered one too high."""
        return min(step, int(self.config["num_steps"])) if self.config.get("num_steps") else step


@attrs.frozen(kw_only=True)
class LegacyGrid:
    """A cached loss grid: a pickled array and its settings.

    Args:
        name: where it lies below postprocessing, joined by hyphens.
        data: the pickle.
        meta: the YAML with Python tags.
    """

    name: str
    data: Path
    meta: Path


def read_runs(folder: Path, only: str | None = None) -> list[LegacyRun]:
    """Every run of an experiment folder, or the one named `only`, in the order of their ids.

    Raises:
        UsageError: the folder has another layout, or a file is missing, damaged or unsafe.
    """
    models = folder / "models"
    if not models.is_dir():
        raise UsageError(f"{folder} holds no folder models/, so it is not an experiment of the 2020 code", hint=_HINT)
    names = sorted(path.name for path in models.iterdir() if path.is_dir())
    if only is not None:
        if only not in names:
            raise UsageError(f"{models} holds no run {only!r}; it holds {', '.join(names) or 'none'}")
        names = [only]
    if not names:
        raise UsageError(f"{models} holds no runs", hint=_HINT)
    return [_read_run(folder, name) for name in names]


def find_grids(folder: Path) -> list[LegacyGrid]:
    """The cached grids of an experiment folder, sorted by name; one without its meta.yml is left out."""
    return [
        LegacyGrid(
            name="-".join(data.parent.relative_to(folder / "postprocessing").parts),
            data=data,
            meta=data.with_name("meta.yml"),
        )
        for data in sorted((folder / "postprocessing").rglob("data.pkl"))
        if data.with_name("meta.yml").is_file()
    ]


def _read_run(folder: Path, name: str) -> LegacyRun:
    config = _read_config(folder / "runs" / name / "config.yml")
    steps: dict[int, Path] = {}
    for path in (folder / "models" / name).iterdir():
        if match := _STEP.fullmatch(path.name):
            steps[int(match.group(1))] = path
    if not steps:
        raise UsageError(f"{folder / 'models' / name} holds no folders step_0, step_1, …", hint=_HINT)
    states = {step: _read_step(steps[step]) for step in sorted(steps)}
    counts = {step: len(networks) for step, networks in states.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"step_{step}: {count}" for step, count in counts.items())
        raise UsageError(f"the saved steps of {name} hold different numbers of networks ({said})")
    return LegacyRun(name=name, config=config, steps=tuple(states), states=states)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    needed = ("net_name", "net_params", "data_meta", "model_seed")
    missing = [key for key in needed if not isinstance(found, dict) or key not in found]
    if missing:
        raise UsageError(f"{path} is not a configuration of the 2020 code: it lacks {', '.join(missing)}")
    config: dict[str, Any] = found
    return config


def _read_step(folder: Path) -> list[dict[str, torch.Tensor]]:
    """The networks of one step, by their number and not by the order of the listing."""
    found = {
        int(match.group(1)): path for path in folder.iterdir() if (match := _MODEL.fullmatch(path.name)) is not None
    }
    if sorted(found) != list(range(len(found))) or not found:
        raise UsageError(f"{folder} must hold model_0.pt, model_1.pt, … without a gap; it holds {sorted(found)}")
    return [_read_network(found[number]) for number in range(len(found))]


def _read_network(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content["model_state_dict"])
    except Exception as error:  # damaged and unsafe files fail in many ways; the reason is kept
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} holds no network that can be read safely: {reason}") from error
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UsageError(f"{path} holds something else than tensors in its state dict")
    return state
