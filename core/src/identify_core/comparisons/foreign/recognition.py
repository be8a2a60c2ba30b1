"""What a path from outside is, judged by its content: a format that is read, or one message that says what it is."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from identify_core.errors import UsageError
from identify_core.suggestions import nearest

FORMATS = "csv, tsv, parquet, .npy, .npz, Zarr, HDF5 (.h5, .hdf5, .nc), .h5ad, .mat, .safetensors and .pt are read"

_SUFFIXES = {
    ".npy": "npy",
    ".npz": "npz",
    ".zarr": "zarr",
    ".safetensors": "safetensors",
    ".csv": "text",
    ".tsv": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".nc": "hdf5",
    ".h5ad": "hdf5",
    ".mat": "mat",
    ".pt": "pt",
    ".pth": "pt",
}
_NAMES = {
    "npy": "NumPy",
    "npz": "NumPy",
    "safetensors": "safetensors",
    "parquet": "parquet",
    "hdf5": "HDF5",
    "mat": "MATLAB",
    "pt": "PyTorch",
}
_MAGIC = (
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"PAR1", "parquet"),
    (b"MATLAB 5.0", "mat"),
    (b"MATLAB 7.3", "hdf5"),
)
_COMPRESSED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_HEAD = 4096
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def array_suffix(name: str) -> bool:
    """Whether a file of this name would hold arrays or tables."""
    return name.lower().endswith((*_SUFFIXES, ".csv.gz", ".tsv.gz"))


def is_array_folder(path: Path) -> bool:
    """Whether a folder is a Zarr or N5 store, or called one."""
    if not path.is_dir():
        return False
    return path.suffix in (".zarr", ".n5") or any((path / each).is_file() for each in (*_ZARR_FILES, "attributes.json"))


def recognise(path: Path) -> str:
    """The format of a path: npy, npz, zarr, safetensors, text, parquet, hdf5, mat or pt.

    Raises:
        UsageError: there is nothing, or something that is not read here; the message says what it is.
    """
    if path.is_dir():
        if is_array_folder(path):
            return "zarr"
        raise UsageError(f"{path} is a folder, not a file of arrays", hint=_for_folder(path))
    if not path.exists():
        broken = " (it is a link to a file that is not there)" if path.is_symlink() else ""
        raise UsageError(f"there is no file {path}{broken}", hint=like_another(path))
    if not path.is_file():
        raise UsageError(f"{path} is a device or a pipe, not a file of arrays", hint=FORMATS)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    by_name = _SUFFIXES.get(path.suffix.lower(), "")
    if path.name.lower().endswith((".csv.gz", ".tsv.gz")) and head.startswith(b"\x1f\x8b"):
        return "text"
    return _by_content(path, head, by_name)


def _by_content(path: Path, head: bytes, by_name: str) -> str:
    for magic, format_ in _MAGIC:
        if head.startswith(magic):
            return format_
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(path, by_name)
    _refuse_impostors(path, head)
    if by_name in ("text", "safetensors", "mat"):  # text has no signature, nor has MATLAB's version 4
        return by_name
    if len(head) > 8 and head[8:9] == b"{" and 8 + int.from_bytes(head[:8], "little") <= path.stat().st_size:
        return "safetensors"
    if by_name in _NAMES:
        raise UsageError(
            f"{path} is not a {_NAMES[by_name]} file: it begins with {_begins(head)}",
            hint="it may be damaged, or of another format: write or download it again",
        )
    raise UsageError(f"{path} is not a file of arrays that is read here: it begins with {_begins(head)}", hint=FORMATS)


def _refuse_impostors(path: Path, head: bytes) -> None:
    """Refuse what stands in the place of an array, in words that say what it is."""
    if not head:
        raise UsageError(f"{path} is empty", hint="write or download it again")
    text = head.lstrip(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        raise UsageError(
            f"{path} is a Git LFS pointer, not the file that it stands for", hint="git lfs pull fetches that file"
        )
    if b"/annex/objects/" in head[:256]:
        raise UsageError(
            f"{path} is a git-annex pointer, not the file that it stands for", hint=f"git annex get {path}"
        )
    if re.match(rb"<(!doctype|html|head|body|\?xml|!--)", text):
        raise UsageError(
            f"{path} is a web page (it begins with {_begins(head)}), not a file of arrays",
            hint="the download gave an error or a log-in page: fetch the file itself",
        )
    for magic, name in _COMPRESSED:
        if head.startswith(magic):
            raise UsageError(f"{path} is compressed with {name}", hint="unpack it first; of these only csv.gz is read")
    if re.match(rb"\x80[\x02-\x05]", head):
        raise UsageError(
            f"{path} is a Python pickle, which is never loaded: it may run code",
            hint="save the arrays with np.savez, or tensors with torch.save of PyTorch 1.6 or later",
        )


def _in_zip(path: Path, by_name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{path} is a damaged archive: {error}", hint="write or download it again") from error
    if any(name.endswith("data.pkl") for name in names):
        return "pt"
    if by_name == "npz" or any(name.endswith(".npy") for name in names):
        return "npz"
    what = "an Excel workbook" if any(name.startswith("xl/") for name in names) else "a zip archive without arrays"
    if any(name.rpartition("/")[2] in _ZARR_FILES for name in names):
        what = "a zipped Zarr store"
    raise UsageError(f"{path} is {what}", hint=f"unpack it, or save it as csv; {FORMATS}")


def _begins(head: bytes) -> str:
    return repr(head[:16])[1:]


def _for_folder(path: Path) -> str:
    if (path / "run.json").exists():
        return f"name the run by its id: {path.name}"
    return f"{FORMATS}; a run that is called so is named by its id, as `identify runs ls` lists it"


def like_another(path: Path) -> str:
    """The hint that a file of the folder has a name like the one that is not there; empty where none has."""
    try:
        close = nearest(path.name, [each.name for each in path.parent.iterdir()])
    except OSError:
        return ""
    return f"did you mean {str(path.with_name(close))!r}?" if close else ""
