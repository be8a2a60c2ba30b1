"""Hostile specs: each ends in one message, at most one CPU second and 50 MB above a benign one; prints the figures."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from identify_core.testing.fixtures import Project


def _measuring() -> ModuleType:
    """The module next to this file, which no package holds."""
    spec = importlib.util.spec_from_file_location("attack_measuring", Path(__file__).with_name("measuring.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


measuring = _measuring()

BENIGN = """\
plugin = "genni"
[dataset]
type = "teacher"
[model]
type = "fcn"
[objective]
type = "equivalence"
[[evaluators]]
type = "convergence"
"""


def hostile_specs() -> Iterator[tuple[str, bytes]]:
    """A hundred specs with what each of them is."""
    texts = dict(_shapes())
    texts |= {f"{name}, again": text for name, text in _sizes()}
    rng = random.Random(0)
    for number in range(100 - len(texts)):
        texts[f"damaged {number}"] = _damaged(rng)
    yield from texts.items()


def _shapes() -> Iterator[tuple[str, bytes]]:
    """Nesting, numbers and names without measure, in every table of a spec."""
    for depth in (65, 1_000, 100_000):
        yield f"{depth} lists in one another", _with("model", f"widths = {'[' * depth}{']' * depth}")
        yield f"{depth} lists never closed", _with("model", f"widths = {'[' * depth}")
        yield f"{depth} inline tables", _with("model", f"a = {'{a=' * depth}1{'}' * depth}")
        yield f"a key of {depth} dots", _with("model", f"{'.'.join(['a'] * depth)} = 1")
        yield f"a key of {depth} quoted parts", _with("model", ".".join(['"a"'] * depth) + " = 1")
        yield f"a header of {depth} dots", _with("model", f"[{'.'.join(['a'] * depth)}]")
    for digits in (20, 4_000, 6_000, 500_000):
        for table, key in (("model", "widths"), ("dataset", "samples"), ("objective", "learning_rate")):
            yield f"an integer of {digits} digits for {key}", _with(table, f"{key} = {'9' * digits}")
    for length in (81, 255, 10_000, 400_000):
        name = "a" * length
        yield f"a type of {length} characters", BENIGN.replace('"fcn"', f'"{name}"').encode()
        yield f"an option of {length} characters", _with("model", f"{name} = 1")
        yield f"a label of {length} characters", _with("evaluators", f'label = "{name}"')
        yield f"a name of {length} characters", f'name = "{name}"\n{BENIGN}'.encode()
        yield f"a plugin of {length} characters", BENIGN.replace('"genni"', f'"{name}"', 1).encode()


def _sizes() -> Iterator[tuple[str, bytes]]:
    """Much of everything, and bytes that are not text."""
    for count in (100, 4_000, 60_000):
        keys = "\n".join(f"key{number} = 1" for number in range(count))
        yield f"{count} unknown keys", (keys + "\n" + BENIGN).encode()
        yield f"{count} unknown options", _with("model", keys)
        yield f"{count} evaluators", (BENIGN + '[[evaluators]]\ntype = "convergence"\n' * count).encode()
        yield f"{count} edits of evaluators", "".join(f"[evaluators.e{n}]\na = 1\n" for n in range(count)).encode()
        yield f"{count} requirements", f"{BENIGN}[requires]\n{keys}".encode()
        yield f"{count} lists to sweep", f"{BENIGN}[sweep]\n{keys}".encode()
        yield (
            f"{count} wrong values in a list",
            _with("model", f"widths = [{', '.join(['x'] * count)}]".replace("x", '"x"')),
        )
        yield f"{count} lists in a list", _with("model", f"widths = [{', '.join(['[1]'] * count)}]")
    yield "a million quotes", b'"' * 999_000
    yield "quotes that escape", b'a = """' + b'\\"""' * 240_000
    yield "two megabytes", b"# " + b"x" * 2_000_000
    yield "no text", bytes(range(256)) * 100
    yield "a lone surrogate", _with("model", 'activation = "\\ud800"')
    yield "control characters", _with("model", 'activation = "\\u001b]52;c;aGk=\\u0007"')
    yield "a null byte", BENIGN.encode() + b"\x00"
    yield "nothing", b""
    for field, value in (("seed", "nan"), ("replicates", "inf"), ("device", '"cuda:9999999"'), ("name", '"../../x"')):
        yield f"{field} = {value}", f"{field} = {value}\n{BENIGN}".encode()
    yield "a run outside of the store", _with("dataset", 'teacher_run = "../../x"')


def _with(table: str, line: str) -> bytes:
    header = f"[[{table}]]" if table == "evaluators" else f"[{table}]"
    return BENIGN.replace(f"{header}\n", f"{header}\n{line}\n", 1).encode()


def _damaged(rng: random.Random) -> bytes:
    content = bytearray(BENIGN.encode())
    for _ in range(rng.randint(1, 20)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


SPECS = dict(hostile_specs())


def test_there_are_a_hundred_of_them() -> None:
    assert len(SPECS) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["validate", "run"])
def test_hostile_specs_end_in_one_message(verb: str, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """`run` is given those alone that `validate` refuses, and is compared with a spec that is wrong in one word."""
    file = project.path / "spec.toml"

    def take(content: bytes, verb: str = verb) -> measuring.Ended:  # type: ignore[name-defined]
        file.write_bytes(content)
        return measuring.measure([verb, "--spec", file.name], folder=project.path, environment=project.environment)

    benign = take(BENIGN.encode() if verb == "validate" else _with("model", 'activation = "tahn"'))
    assert benign.status == (0 if verb == "validate" else 2), benign.err
    specs = SPECS if verb == "validate" else {n: s for n, s in SPECS.items() if take(s, "validate").status}
    wrong, cpu, memory = {}, 0.0, 0.0
    for name, content in specs.items():
        ended = take(content)
        cpu, memory = max(cpu, ended.cpu), max(memory, ended.memory)
        if complaints := ended.complaints(benign=benign):
            wrong[name] = complaints
    with capsys.disabled():
        sys.stdout.write(
            f"\n{verb}: {len(specs) - len(wrong)} of {len(specs)} hostile specs in one message; at most {cpu:.2f} CPU "
            f"seconds and {memory:.0f} MB, the benign one {benign.cpu:.2f} and {benign.memory:.0f}\n"
        )
    assert not wrong, "\n".join(f"{name}: {'; '.join(found)}" for name, found in wrong.items())
