"""The tree under arrays.zarr read as JSON, without zarr: paths, shapes, attributes, and a checksum for each node."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from identify_core.store.files import parse_json
from identify_core.store.folder import Folder
from identify_core.store.layout import NODE_FILE

_BLOCK = 1 << 20
_LARGEST_METADATA = 1 << 28
_MOST_AXES = 32
_DEEPEST = 32


@attrs.frozen(kw_only=True)
class Node:
    """An array or a group.

    Args:
        path: where it is below arrays.zarr, with forward slashes; empty for the root.
        root: the folder arrays.zarr.
        metadata: its zarr.json as written.
    """

    path: str
    root: Path
    metadata: Mapping[str, Any] = attrs.field(repr=False)

    def open(self) -> Folder:
        """Its folder, in which no link is followed."""
        with Folder.open(self.root.parent) as run:
            return run.enter(_place(self.root, self.path))

    @property
    def is_array(self) -> bool:
        return self.metadata.get("node_type") == "array"

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.metadata.get("attributes", {}))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.metadata["shape"])

    @property
    def dtype(self) -> str:
        """The stored type, or the one that the array had where it was stored in a wider one."""
        return str(self.attributes.get("dtype") or self.metadata["data_type"])

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self.metadata.get("dimension_names") or ())

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of what one file holds: a shard where there are shards, a chunk otherwise."""
        return tuple(self.metadata["chunk_grid"]["configuration"]["chunk_shape"])

    @property
    def file_count(self) -> int:
        """How many files hold its values; every one of them is always written."""
        return math.prod(math.ceil(size / chunk) for size, chunk in zip(self.shape, self.chunks, strict=True))


def read_node(root: Path, path: str) -> Node:
    """Read one node's zarr.json.

    Raises:
        OSError: there is none, it cannot be read, or it is behind a link.
        ValueError: it is not a Zarr v3 node.
    """
    with Folder.open(root.parent) as run:
        metadata = parse_json(run.read(f"{_place(root, path)}/{NODE_FILE}", largest=_LARGEST_METADATA))
    node = Node(path=path, root=root, metadata=metadata)
    if metadata.get("zarr_format") != 3 or metadata.get("node_type") not in ("array", "group"):
        raise ValueError("it is not a Zarr v3 array or group")
    if not isinstance(metadata.get("attributes", {}), dict):
        raise ValueError("its attributes are not a mapping")
    if node.is_array and not _makes_sense(node):
        raise ValueError("its shape and chunks do not make sense")
    return node


def _place(root: Path, path: str) -> str:
    """Where a node is in the folder of its run."""
    return f"{root.name}/{path}" if path else root.name


def _makes_sense(node: Node) -> bool:
    try:
        sizes = [*node.shape, *node.chunks]
        whole = all(type(size) is int and 0 <= size < 2**63 for size in sizes)
        return (
            whole
            and len(node.shape) <= _MOST_AXES
            and min(node.chunks, default=1) > 0
            and isinstance(node.metadata["data_type"], str)
            and node.file_count >= 0
        )
    except (KeyError, TypeError, ValueError):
        return False


def check_still_there(root: Path, path: str) -> None:
    """Make sure that what was read of a node was read before it was deleted; a node loses its place first.

    Otherwise zarr has taken chunks that were gone for zeros, and a group may have seemed to have no arrays.

    Raises:
        ValueError: it was deleted meanwhile.
    """
    if not (root / path / NODE_FILE).is_file():
        raise ValueError("it was deleted while it was read")


def child_names(root: Path, path: str) -> list[str]:
    """The file names of a group's children, sorted, links among them; empty where there is no such group."""
    try:
        with Folder.open(root.parent) as run:
            entries = run.scan(_place(root, path))
    except OSError:
        return []
    return [each.name for each in entries if each.kind in ("folder", "link") and not each.name.startswith(".")]


def walk(root: Path, path: str = "") -> Iterator[tuple[str, Node | None, str]]:
    """Every node below `path`, itself included, as (path, node or None, what is wrong with it), parents first."""
    try:
        node = read_node(root, path)
    except (OSError, ValueError) as error:
        yield path, None, f"{NODE_FILE} is missing" if isinstance(error, FileNotFoundError) else str(error)
        node = None
    else:
        yield path, node, ""
    if path.count("/") >= _DEEPEST:
        yield path, None, f"groups are nested more than {_DEEPEST} deep"
    elif node is None or not node.is_array:
        for name in child_names(root, path):
            yield from walk(root, f"{path}/{name}" if path else name)


def is_within(path: str, group: str) -> bool:
    """Whether a node is the group or below it."""
    return path == group or path.startswith(f"{group}/")


def unlisted_findings(root: Path, document: Mapping[str, Any]) -> list[str]:
    """Paths of finding groups that run.json does not name: replaced ones, and what a killed process left.

    Args:
        root: the folder arrays.zarr.
        document: the run's run.json.
    """
    listed = {str(entry.get("group")) for entry in document.get("findings", {}).values()}
    return [path for name in child_names(root, "findings") if (path := f"findings/{name}") not in listed]


def checksum(node: Node) -> str:
    """The SHA-256 of a node: of its zarr.json and, for an array, of every file that holds values, names included."""
    digest = hashlib.sha256()
    sizes = value_files(node) if node.is_array else {}
    with node.open() as folder:
        for name in [NODE_FILE, *sorted(sizes, key=lambda place: place.split("/"))]:
            with folder.open_file(name) as file:
                digest.update(f"{name}|{os.fstat(file.fileno()).st_size}|".encode())
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def value_files(node: Node) -> dict[str, int]:
    """The files of an array's values that are there, below its folder, with their sizes in bytes.

    Raises:
        OSError: something among them is not a regular file, such as a link.
    """
    found = {}
    with node.open() as folder:
        for place, kind in folder.walk():
            if kind == "folder" or place == NODE_FILE:
                continue
            with folder.open_file(place) as file:
                found[place] = os.fstat(file.fileno()).st_size
    return found


def checksums(root: Path, path: str = "", *, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Path to checksum of every node below `path`, the root as `.`.

    Args:
        root: the folder arrays.zarr.
        path: where to begin.
        known: checksums of nodes that were written before; those are not read again.

    Raises:
        ValueError: a node is damaged, or a known one is missing.
    """
    known = known or {}
    found = {}
    for where, node, problem in walk(root, path):
        if node is None:
            raise ValueError(f"{where or '.'}: {problem}")
        found[where or "."] = known.get(where or ".") or checksum(node)
    if missing := sorted(set(known) - set(found)):
        raise ValueError(f"{missing[0]}: it is missing")
    return found


def replaced_checksums(known: Mapping[str, str], root: Path, path: str, *, old: str | None = None) -> dict[str, str]:
    """The known checksums with those of a node that was just written, sorted by path.

    Args:
        known: path to checksum.
        root: the folder arrays.zarr.
        path: of the new node, which may replace one of that path.
        old: of a further node, which is gone with all below it.
    """
    gone = [each for each in (path, old) if each is not None]
    kept = {each: value for each, value in known.items() if not any(is_within(each, group) for group in gone)}
    return dict(sorted((kept | checksums(root, path)).items()))
