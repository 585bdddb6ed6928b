"""Archives of a public data set: which there are, fetched whole from one of several mirrors, and unpacked."""

from __future__ import annotations

import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maxsight_core.engine.download import ChecksumError, DownloadError, Progress, fetch, file_sha256
from training.data.sample import SampleError

COCO_2017 = Path(__file__).with_name("coco2017.yaml")
ATTEMPTS = 3
"""Times that a mirror is asked for a file before the next one is."""
PAUSE_S = 2.0
"""Before the second attempt; twice as long before the third."""
COPY_BYTES = 1 << 20
_GIB = 2**30


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Archive(_Strict):
    """One file of a mirror. ``extracted_bytes``: room that its content takes."""

    path: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    extracted_bytes: int = Field(gt=0)

    @property
    def name(self) -> str:
        """File name."""
        return self.path.rsplit("/", 1)[-1]


class Part(_Strict):
    """One annotation file, the folder of its pictures, what they are for, and the archives that hold both."""

    annotations: str
    images: str
    use: Literal["learn", "test"]
    archives: tuple[str, ...] = Field(min_length=1)


class Collection(_Strict):
    """A data set in archives; see ``training/data/coco2017.yaml``."""

    mirrors: tuple[str, ...] = Field(min_length=1)
    archives: dict[str, Archive] = Field(min_length=1)
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Collection:
        unknown = sorted({name for part in self.parts for name in part.archives} - self.archives.keys())
        if unknown:
            raise ValueError(f"parts name archives that are not listed: {', '.join(unknown)}")
        return self


def read_collection(file: Path) -> Collection:
    """The collection of a YAML file; SampleError lists what is wrong with it."""
    try:
        return Collection(**yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SampleError(f"{file}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, TypeError) as error:
        raise SampleError(f"{file}: expected YAML as in {COCO_2017}: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}; got {one['input']!r:.80}"
                 for one in error.errors()]
        raise SampleError("\n".join([f"{file}: expected the keys of {COCO_2017}", *lines])) from error


def check_room(folder: Path, needed: int, what: str) -> None:
    """SampleError when ``folder``'s disk has less than ``needed`` bytes."""
    parent = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise SampleError(f"{folder}: {what} needs {needed / _GIB:.1f} GiB, {free / _GIB:.1f} GiB are free. Make room, "
                          "or choose another --data-dir")


def get(archive: Archive, mirrors: Sequence[str], folder: Path, *, progress: Progress = lambda done, total: None,
        say: Callable[[str], None] = print) -> Path:
    """The archive's file in ``folder``: what is there already when it is whole, else downloaded and checked.

    What arrived of a broken transfer is kept, and continued by the next attempt, mirror or call.

    Raises:
        DownloadError: no mirror gave it whole; the message has every mirror's reason.
    """
    target = folder / archive.name
    part = target.with_name(target.name + ".part")
    if target.exists():
        if target.stat().st_size == archive.bytes and file_sha256(target) == archive.sha256:
            say(f"{target}: is there")
            return target
        say(f"{target}: has {target.stat().st_size} of {archive.bytes} bytes, or another checksum; it is fetched again")
        if target.stat().st_size < archive.bytes and not part.exists():
            target.replace(part)
        else:
            target.unlink()
    have = part.stat().st_size if part.exists() else 0
    check_room(folder, max(0, archive.bytes - have), f"downloading {archive.name}")
    reasons: list[str] = []
    for mirror in mirrors:
        if _ask(f"{mirror.rstrip('/')}/{archive.path}", archive, target, progress, say, reasons):
            return target
    raise DownloadError(f"{archive.name}: no mirror gave it: {' | '.join(dict.fromkeys(reasons))}. Name another with "
                        f"--mirror URL, or put the file into {folder} and use --skip-download")


def _ask(url: str, archive: Archive, target: Path, progress: Progress, say: Callable[[str], None],
         reasons: list[str]) -> bool:
    """True when one mirror gave the file; else why not is added to ``reasons``."""
    for attempt in range(1, ATTEMPTS + 1):
        from_nothing = not target.with_name(target.name + ".part").exists()
        try:
            fetch(url, target, archive.sha256, progress=progress)
            return True
        except DownloadError as error:
            reasons.append(str(error))
            say(f"attempt {attempt} of {ATTEMPTS}: {error}")
            if isinstance(error, ChecksumError) and from_nothing:
                return False  # all of it came from this mirror: asking again would bring the same
            time.sleep(PAUSE_S * attempt)
    return False


def unpack(file: Path, folder: Path, *, progress: Progress = lambda done, total: None) -> int:
    """Unpack a ZIP file into ``folder``, leaving out what is there with the same size; number of files written.

    A member is written beside its place and takes its name when whole: an unpacking that was cut short goes on.

    Raises:
        SampleError: damaged, a member that would lie outside ``folder``, or no room for it. OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            outside = [one.filename for one in members if not _within(folder, one.filename)]
            if outside:
                raise SampleError(f"{file}: holds paths outside its folder: {', '.join(outside[:3])}")
            missing = [one for one in members if not _there(folder / one.filename, one.file_size)]
            check_room(folder, sum(one.file_size for one in missing), f"unpacking {file.name}")
            for number, member in enumerate(missing, start=1):
                _write(archive, member, folder / member.filename)
                progress(number, len(missing))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SampleError(f"{file}: cannot be unpacked ({error or type(error).__name__}). Delete it and download it "
                          "again") from error
    return len(missing)


def _within(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _there(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".part")
    with archive.open(member) as source, beside.open("wb") as out:
        shutil.copyfileobj(source, out, COPY_BYTES)
    beside.replace(target)
