"""One file over HTTP: resumed where it broke off, checked before it is put in place."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 1 << 18
DEFAULT_CONNECT_TIMEOUT_S = 10.0

Progress = Callable[[int, int | None], None]
"""Told (bytes so far, bytes in all or None) after every chunk."""


class DownloadError(OSError):
    """The file could not be fetched; the message is one line that says why and what to do."""


class ChecksumError(DownloadError):
    """What arrived is not the file that was asked for."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    url: str, target: Path, sha256_prefix: str, *, timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Download ``url`` to ``target``.

    What arrives is kept in ``<target>.part`` and continued by the next call (HTTP Range); it takes ``target``'s name
    only when its SHA-256 begins with ``sha256_prefix``.

    Args:
        timeout_s: for the connection, and for any single silence of the server, seconds.

    Raises:
        DownloadError: no connection, an HTTP error, or a transfer that broke off.
        ChecksumError: a wrong checksum; what arrived was deleted.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _transfer(url, part, timeout_s, progress)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"{url}: the server answered {error.code} {error.reason}; check the address") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise DownloadError(f"{url} cannot be reached ({reason}); internet is needed for this one command") from None
    except http.client.HTTPException as error:
        raise DownloadError(f"{url}: broken answer ({type(error).__name__}); run the same command again") from None
    found = file_sha256(part)
    if not found.startswith(sha256_prefix):
        part.unlink()
        raise ChecksumError(f"{url}: wrong checksum: SHA-256 expected to begin with {sha256_prefix}, got {found}; "
                            "what arrived was deleted, run the same command again")
    os.replace(part, target)
    return target


def _transfer(url: str, part: Path, timeout_s: float, progress: Progress) -> None:
    """Append what is missing to ``part``; begins anew when the server cannot continue."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing: the checksum decides
        raise
    with answer:
        begins_at = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        continues = answer.status == http.client.PARTIAL_CONTENT and begins_at
        done = have if continues else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else None
        progress(done, total)
        with part.open("ab" if continues else "wb") as file:
            while chunk := answer.read(CHUNK_BYTES):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    if total is not None and done < total:
        raise DownloadError(f"{url}: the transfer broke off at {done} of {total} bytes; "
                            "run the same command again, it continues from there")
