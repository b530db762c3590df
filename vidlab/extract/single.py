"""One video to one ``.npz``."""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from vidlab.extract.manifest import Record, Settings, part
from vidlab.video.errors import VideoError
from vidlab.video.picture import check_size
from vidlab.video.reading import collect
from vidlab.video.sampling import check_request


def extract_one(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    size: int | tuple[int, int] = 64,
    num_frames: int = 16,
    sampling: str = "uniform",
    name: str | None = None,
    threads: int | None = 1,
    checksum: str | None = None,
) -> Record:
    """Write the sampled frames of one video to ``output`` and return its row for the manifest.

    The ``.npz`` holds ``frames`` uint8 (T, H, W, 3), ``times`` float64 (T,) in seconds, ``source``
    (``name``, by default the file's name) and ``fps``. It is written under another name first, and
    the same video and settings give the same bytes: random modes take their seed from the
    checksum. ``checksum``: the source's SHA-256 where it is known already. ``Record.output`` is
    the bare name of the file.

    Raises VideoError as ``read_frames`` does, and if ``output`` cannot be written.
    """
    source, output = Path(source), Path(output)
    checksum = checksum or sha256(source)
    request = check_request(
        os.fspath(source), num_frames, sampling=sampling, seed=int(checksum[:16], 16)
    )
    sides = check_size(request.path, size)
    reading = collect(request, sides, threads=threads, describing=True)
    info = reading.info
    assert info is not None
    assert reading.frames is not None
    _write_npz(
        output,
        frames=reading.frames,
        times=reading.times,
        source=np.array(name or source.name),
        fps=np.array(info.fps),
    )
    stat = source.stat()
    return Record(
        source=source.as_posix(),
        output=output.name,
        sha256=checksum,
        source_bytes=str(stat.st_size),
        source_mtime_ns=str(stat.st_mtime_ns),
        width=str(info.width),
        height=str(info.height),
        fps=f"{info.fps:.6g}",
        frames=str(info.num_frames),
        frames_exact="yes" if info.num_frames_exact else "no",
        extracted=str(len(reading.frames)),
        seconds=f"{info.duration:.3f}",
        bad_packets=str(reading.bad_packets),
        **Settings(size, num_frames, sampling).row(),
    )


def sha256(path: Path) -> str:
    """Checksum of a file's bytes; VideoError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(
            path, f"it cannot be read ({reason})", "Check its name and your permissions."
        ) from error


def _write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write an uncompressed ``.npz`` whose bytes depend on the arrays alone (no time of day)."""
    temporary = part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                with archive.open(entry, "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        os.replace(temporary, path)
    except OSError as error:
        raise VideoError(
            path,
            f"it cannot be written ({error.strerror or error})",
            "Check that you may write there and that the disk has room.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
