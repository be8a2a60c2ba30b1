"""A small run to study, two untrained autoencoders on forty digits; and a server of files."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from identify_core import Replicates, RunSubject, Subject
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_metric.datasets.digits import make_digits
from identify_metric.networks.dense import build_dense
from identify_metric.options.data import DigitsOptions
from identify_metric.options.models import DenseOptions


@pytest.fixture(scope="session")
def subject(tmp_path_factory):
    """Two replicates of a small autoencoder, untrained, on 40 digits."""
    context = make_context(tmp_path_factory.mktemp("run"), count=2)
    samples = make_digits(DigitsOptions(test=40), context)
    modules = []
    for seed in range(2):
        torch.manual_seed(seed)
        options = DenseOptions(latent_dim=2, decoders=2, hidden=(16,), activation="tanh")
        modules.append(build_dense(options, samples.shape, context))
    replicates = Replicates.from_modules(modules).eval()
    z = 3 * replicates(samples.split("test").tensor("x")).detach().numpy()
    return run_subject(samples, replicates, z), context


def run_subject(samples, replicates, z, name="run", fingerprints=None):
    ids = samples.ids[samples.splits["test"]]
    opened = []
    group = tuple(
        represent(
            z[r],
            f"z[{r}]",
            ids=ids,
            run_id=name,
            latents="z",
            replicate=r,
            identified_up_to="isometry",
            fingerprints=fingerprints,
            load_run=lambda: opened[0],
        )
        for r in range(len(z))
    )
    run = RunSubject(
        run_id="run",
        count=len(z),
        model_name="metric:dense",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: replicates,
        load_history=dict,
        findings={},
        latents={"z": group},
    )
    opened.append(run)
    return Subject(representations=group, run=run)


@pytest.fixture(scope="session", name="run_subject")
def _run_subject():
    """Makes a subject of samples, replicates and latents."""
    return run_subject


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder over HTTP and gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ExitStack() as stack:

        def begin(folder: Path) -> str:
            handler = functools.partial(Quiet, directory=str(folder))
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield begin
