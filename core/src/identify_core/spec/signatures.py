"""Signatures: by a secret key in the user's own data folder, a spec in a store is known to be this user's own.

The key is made when the first spec has to be signed. Whoever can read it can sign in the user's name, so that a key
which others may read is refused. It says who wrote a text, nothing about what the text means.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from identify_core.errors import IdentifyError

_BYTES = 32
_PURPOSE = b"identify: a resolved spec, format 1\n"


def key_file() -> Path:
    """Where this user's key is, whether or not it has been made."""
    from platformdirs import user_data_path

    return user_data_path("identify", appauthor=False) / "spec.key"


def sign(text: str) -> str:
    """The signature of a text, in hexadecimal digits; makes the key where there is none.

    Raises:
        IdentifyError: the key cannot be made or read, or others may read it.
    """
    file = key_file()
    key = _read_key(file)
    return _sign(text, _make_key(file) if key is None else key)


def is_signed(text: str, signature: object) -> bool:
    """Whether this user's key made the signature; makes no key.

    Raises:
        IdentifyError: there is a key that cannot be read, or that others may read.
    """
    if not isinstance(signature, str) or not signature.isascii():
        return False
    key = _read_key(key_file())
    return key is not None and hmac.compare_digest(_sign(text, key), signature)


def _sign(text: str, key: bytes) -> str:
    return hmac.new(key, _PURPOSE + text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _read_key(file: Path) -> bytes | None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(file, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(file, f"cannot be read: {error.strerror or error}") from error
    with open(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _unusable(file, "is not a regular file")
        if os.name == "posix" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
            raise _unusable(file, f"may be read or written by others (mode {stat.S_IMODE(found.st_mode):o})")
        key = opened.read(_BYTES + 1)
    if len(key) != _BYTES:
        raise _unusable(file, f"does not have {_BYTES} bytes")
    return key


def _make_key(file: Path) -> bytes:
    """A new key, whole from its first moment on; of two processes at once one makes it and both read it."""
    beside = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as new:
            new.write(secrets.token_bytes(_BYTES))
        try:
            os.link(beside, file)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        raise IdentifyError(
            f"the key that signs your runs cannot be made in {file.parent}: {error.strerror or error}",
            hint="make that folder writable; until then --trust-code is asked for when such a run is resumed",
        ) from error
    key = _read_key(file)
    assert key is not None  # it was linked a moment ago
    return key


def _unusable(file: Path, reason: str) -> IdentifyError:
    return IdentifyError(
        f"the key {file}, by which your own runs are known, {reason}",
        hint="remove it: a new one is made, and --trust-code is asked for where an older run names code or files",
    )
