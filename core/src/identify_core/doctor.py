"""What `identify doctor` looks at: Python, torch, devices, requirements, commands, plugins and the store."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

import attrs

from identify_core.components import load_target
from identify_core.errors import IdentifyError
from identify_core.plugins import Registered, Registry
from identify_core.plugins.discovery import unmet_requirements
from identify_core.plugins.status import PluginStatus
from identify_core.stdout import kept_for_results
from identify_core.version import __version__

Verdict = Literal["good", "notice", "problem"]

_TORCH_SECONDS = 120
_LITTLE_DISK = 1 << 30
_TORCH_REPORT = """
import json, torch
devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
mps = torch.backends.mps.is_available()
print("\\n" + json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "devices": devices, "mps": mps,
                          "threads": torch.get_num_threads()}))
"""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """One thing that was looked at.

    Args:
        topic: python, torch, devices, requirements, command, plugins, checks or store.
        verdict: good; a notice, which stops nothing; or a problem, which makes `identify doctor` exit with 1.
        text: what is so, in one sentence.
        hint: what to do about it.
    """

    topic: str
    verdict: Verdict
    text: str
    hint: str = ""


def diagnose(
    load_registry: Callable[[], Registry], store_path: Callable[[], Path], *, verbs: Iterable[str]
) -> Iterator[Diagnosis]:
    """Look at everything, one topic after the other; a topic that fails is a problem and stops no other.

    Args:
        load_registry: imports the plugins.
        store_path: finds the store.
        verbs: the built-in verbs, which hide plugins of the same name.
    """
    yield from _python()
    yield from _torch()
    yield from _requirements()
    yield from _command(shutil.which("identify"))
    try:
        registry = load_registry()
    except IdentifyError as error:
        yield Diagnosis(topic="plugins", verdict="problem", text=error.message, hint=error.hint)
    else:
        yield from _plugins(registry, set(verbs))
        for check in registry.components("check"):
            yield from _run_check(check)
    try:
        yield from _store(store_path())
    except IdentifyError as error:
        yield Diagnosis(topic="store", verdict="problem", text=error.message, hint=error.hint)


def _python() -> Iterator[Diagnosis]:
    version = platform.python_version()
    text = f"Python {version} at {sys.executable}, identify-core {__version__}"
    allowed = _metadata_of_core().get("Requires-Python")
    if allowed is not None:
        from packaging.specifiers import SpecifierSet

        if not SpecifierSet(allowed).contains(version, prereleases=True):
            yield Diagnosis(topic="python", verdict="problem", text=f"{text}, which needs Python {allowed}")
            return
    yield Diagnosis(topic="python", verdict="good", text=text)


def _metadata_of_core() -> Any:
    try:
        return metadata.metadata("identify-core")
    except metadata.PackageNotFoundError:  # used from a source tree that is not installed
        return {}


def _torch() -> Iterator[Diagnosis]:
    if util.find_spec("torch") is None:
        yield Diagnosis(
            topic="torch", verdict="problem", text="torch is not installed", hint="pip install -c constraints.txt torch"
        )
        return
    # In a process of its own: a broken torch can end the interpreter, and a working one costs two seconds of start-up.
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TORCH_REPORT], capture_output=True, text=True, timeout=_TORCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        yield Diagnosis(topic="torch", verdict="problem", text=f"importing torch takes longer than {_TORCH_SECONDS} s")
        return
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        yield Diagnosis(topic="torch", verdict="problem", text=f"torch cannot be imported: {reason}")
        return
    report = json.loads(done.stdout.strip().splitlines()[-1])
    cuda = f"built for CUDA {report['cuda']}" if report["cuda"] else "built without CUDA"
    yield Diagnosis(topic="torch", verdict="good", text=f"torch {report['version']}, {cuda}")
    devices = [f"cuda:{index} ({name})" for index, name in enumerate(report["devices"])]
    devices += ["mps"] if report["mps"] else []
    devices.append(f"cpu ({report['threads']} threads)")
    yield Diagnosis(topic="devices", verdict="good", text=f"{', '.join(devices)}; auto takes the first")


def _requirements() -> Iterator[Diagnosis]:
    unmet = list(unmet_requirements())
    for text in unmet:
        yield Diagnosis(topic="requirements", verdict="problem", text=text, hint="pip install -c constraints.txt .")
    if not unmet:
        yield Diagnosis(topic="requirements", verdict="good", text="every required distribution is installed")


def _command(found: str | None) -> Iterator[Diagnosis]:
    """Which program the shell starts as `identify`."""
    hint = "python -m identify_core works everywhere"
    if found is None:
        yield Diagnosis(topic="command", verdict="notice", text="the shell finds no command identify", hint=hint)
    elif (owner := _owner_of(Path(found))) == "ours":
        yield Diagnosis(topic="command", verdict="good", text=f"identify is {found}")
    else:
        yield Diagnosis(topic="command", verdict="notice", text=f"identify is {found}, {owner}", hint=hint)
    with contextlib.suppress(metadata.PackageNotFoundError):
        text = (
            f"the distribution identify {metadata.version('identify')} is pre-commit's library; nothing of ours is "
            "imported under that name, the two do not meet"
        )
        yield Diagnosis(topic="command", verdict="good", text=text)


def _owner_of(program: Path) -> str:
    try:
        content = program.read_bytes()
    except OSError as error:
        return f"which cannot be read ({error.strerror})"
    if b"identify_core" in content:
        shebang = content.partition(b"\n")[0].removeprefix(b"#!").decode(errors="replace").strip()
        is_here = not Path(shebang).is_absolute() or Path(shebang) == Path(sys.executable)
        return "ours" if is_here or Path(shebang).parent == Path(sys.executable).parent else f"of {shebang}"
    if b"MagickCore" in content or b"ImageMagick" in content or "magick" in program.resolve().name:
        return "which is ImageMagick's"
    return "which is another program's"


def _plugins(registry: Registry, verbs: set[str]) -> Iterator[Diagnosis]:
    for plugin in registry.plugins:
        yield _plugin(plugin)
        if plugin.name in verbs:
            yield Diagnosis(
                topic="plugins",
                verdict="notice",
                text=f"the commands of the plugin {plugin.name!r} cannot be reached: a built-in verb has that name",
                hint=f"its components can: identify run {plugin.name}",
            )
    if not registry.plugins:
        yield Diagnosis(topic="plugins", verdict="notice", text="no plugins are installed")


def _plugin(plugin: PluginStatus) -> Diagnosis:
    if plugin.status == "available":
        return Diagnosis(topic="plugins", verdict="good", text=f"{plugin.name} ({plugin.owner}) is available")
    verdict: Verdict = "notice" if plugin.status == "disabled" else "problem"
    text = f"{plugin.name} ({plugin.owner}) is {plugin.status}: {plugin.reason}"
    hint = "uninstall one of them, or switch one off: --disable-plugin DISTRIBUTION"
    return Diagnosis(topic="plugins", verdict=verdict, text=text, hint=hint if plugin.status == "shadowed" else "")


def _run_check(check: Registered) -> Iterator[Diagnosis]:
    try:
        with kept_for_results():
            answer = load_target(check.component.target)()
            complaints = [answer] if isinstance(answer, str) else list(answer or ())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin's check may raise anything, and must stop no other
        complaints = [f"the check itself failed: {type(error).__name__}: {error}"]
    for complaint in complaints:
        yield Diagnosis(topic="checks", verdict="problem", text=f"{check.qualified_name}: {complaint}")
    if not complaints:
        yield Diagnosis(topic="checks", verdict="good", text=f"{check.qualified_name}: {check.component.summary}")


def _store(path: Path) -> Iterator[Diagnosis]:
    from identify_core.store import Store

    if not path.exists():
        yield Diagnosis(topic="store", verdict="good", text=f"there is no store at {path} yet; the first run makes it")
        yield from _place(path.absolute().parent)
        return
    store = Store(path)
    runs = store.runs()
    counts = Counter(run.status for run in runs)
    said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items())) or "no runs"
    yield Diagnosis(topic="store", verdict="good", text=f"the store at {path} holds {said}")
    for run in runs:
        if run.status == "damaged":
            text = f"the run {run.id} is damaged: {run.problem}"
            yield Diagnosis(topic="store", verdict="problem", text=text, hint=f"identify runs verify {run.id}")
    staged = [run.id for run in runs if run.status in ("interrupted", "never began") and not run.committed]
    if staged:
        hint = "identify resume RUN continues one, identify runs prune removes them"
        text = f"unfinished runs take up space: {', '.join(staged)}"
        yield Diagnosis(topic="store", verdict="notice", text=text, hint=hint)
    leftovers = len(store.leftovers())
    if leftovers:
        text = f"{leftovers} left-overs of runs that were deleted or ended"
        yield Diagnosis(topic="store", verdict="notice", text=text, hint="identify runs prune removes them")
    yield from _place(path)


def _place(folder: Path) -> Iterator[Diagnosis]:
    """Whether a folder, or where it does not exist the nearest one above it, can be written and has room."""
    while not folder.exists():
        folder = folder.parent
    try:
        # Asking the permissions is not enough: root may write where a read-only file system still refuses.
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"{folder} cannot be written: {error.strerror or error}"
        yield Diagnosis(topic="store", verdict="problem", text=text, hint="name another store with --store")
        return
    if free < _LITTLE_DISK:
        text = f"only {free / 2**20:.0f} MiB are free at {os.fspath(folder)}"
        yield Diagnosis(topic="store", verdict="notice", text=text)
