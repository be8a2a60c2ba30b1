"""Provenance: what a run was made with, as plain JSON."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("identify-core", "torch", "numpy", "zarr", "safetensors", "attrs", "pluggy")


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Versions, device and platform.

    Args:
        device: where the run computes.
    """
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return {
        "python": platform.python_version(),
        "packages": package_versions(_PACKAGES),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": name,
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "argv": sys.argv,
        "git": git_state(Path.cwd()),
    }


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions; packages that are not installed are left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit that `folder` is at and whether it has changes; None outside a work tree or without git."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=folder,
                capture_output=True,
                encoding="utf-8",
                errors="replace",  # names of files need be no text
                timeout=5,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}


class Clock:
    """Wall and CPU seconds since it was made, with what earlier parts of an interrupted run took.

    Args:
        earlier: `seconds()` of the part before the interruption.
    """

    def __init__(self, earlier: dict[str, float] | None = None) -> None:
        earlier = earlier or {}
        self._wall = time.monotonic() - earlier.get("wall", 0.0)
        self._cpu = time.process_time() - earlier.get("cpu", 0.0)

    def seconds(self) -> dict[str, float]:
        """Elapsed `wall` and `cpu` seconds, rounded to milliseconds."""
        return {
            "wall": round(time.monotonic() - self._wall, 3),
            "cpu": round(time.process_time() - self._cpu, 3),
        }
