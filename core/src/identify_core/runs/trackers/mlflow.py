"""MLflow: a run's scalars as it goes on, its spec as parameters, its findings' numbers; on this machine by default."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from identify_core.hookspecs import hookimpl
from identify_core.runs.trackers.names import flat_spec, tagged, tracking_folder

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"
DATABASE = "mlflow.db"
_ID = "identify.run"
_MOST_PARAMETERS = 100  # of one call
_LONGEST = 500  # characters of a parameter


class MlflowTracker:
    """Writes `<store>/tracking/mlflow/mlflow.db`, which `mlflow ui --backend-store-uri sqlite:///...` shows.

    MLFLOW_TRACKING_URI sends to a server instead; the experiment is `identify` unless MLFLOW_EXPERIMENT_NAME says
    otherwise. A resumed run goes on in the same run of MLflow.
    """

    name = "mlflow"

    def __init__(self) -> None:
        self._client: Any = None
        self._run = ""

    @hookimpl
    def identify_run_started(self, run_id: str, spec: Mapping[str, Any], folder: str) -> None:
        """Open the run, or the one that was interrupted, and write its spec as parameters."""
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=os.environ.get(URI_VARIABLE) or _local(folder))
        name = os.environ.get(EXPERIMENT_VARIABLE, "identify")
        there = self._client.get_experiment_by_name(name)
        experiment = there.experiment_id if there is not None else self._client.create_experiment(name)
        earlier = self._client.search_runs([experiment], filter_string=f"tags.`{_ID}` = '{run_id}'")
        if earlier:
            self._run = earlier[0].info.run_id
            self._client.set_terminated(self._run, status="RUNNING")
            return
        tags = {_ID: run_id, "mlflow.runName": str(spec.get("name", run_id))}
        self._run = self._client.create_run(experiment, tags=tags).info.run_id
        parameters = [Param(key, str(value)[:_LONGEST]) for key, value in flat_spec(spec)]
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            self._client.log_batch(self._run, params=parameters[start : start + _MOST_PARAMETERS])

    @hookimpl
    def identify_run_logged(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Write one step's values."""
        self._client.log_batch(self._run, metrics=list(_metrics(scalars, step)))

    @hookimpl
    def identify_run_finished(self, status: str, scalars: Mapping[str, Any]) -> None:
        """Write the headline numbers as metrics, and close."""
        numbers = {f"finding/{name}": value for name, value in scalars.items()}
        self._client.log_batch(self._run, metrics=list(_metrics(numbers, 0)))
        ended = {"finished": "FINISHED", "interrupted": "KILLED"}.get(status, "FAILED")
        self._client.set_terminated(self._run, status=ended)


def _metrics(scalars: Mapping[str, Any], step: int) -> Iterator[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for name, value in tagged(scalars):
        if math.isfinite(value):
            yield Metric(name, value, now, step)


def _local(folder: str) -> str:
    place = tracking_folder(folder, MlflowTracker.name)
    place.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(place / DATABASE).as_posix()}"
