"""How fast vidlab.video decodes, next to other libraries and to what FFmpeg needs to decode alone.

    python benchmarks/decode.py [--quick] [--files FILE...] [--no-pin]

Two tasks on every file: the whole file to 64x64 RGB, and 16 uniformly sampled frames at 64x64.
Everything is measured in one run: each method once per round, round after round, medians over the
rounds; then ratios per file and medians of the ratios over the files. A ratio is the time of the
limit, or of a peer, divided by the time of vidlab: above 1, vidlab is faster.

Equal threads: each method decodes with one thread, and all of them, programs included, are held on
one core, since programs and pipes otherwise work on several (--no-pin lifts that).

The limit of a whole file is `ffmpeg -threads 1 -i FILE -f null -`, decoding without scaling. A
program's start would flatter us on short files; therefore ffmpeg decodes the file several times
within one start (-stream_loop), for a second or so, and its time is divided by that number; the
start is measured and printed besides. The limit of 16 frames is plain decoding with PyAV up to the
last frame wanted, without converting any.

Equal quality: each method's first frames are compared with exact averages over areas. A method
counts as a peer if its mean error is at most 1.5 grey levels above vidlab's; one that scales
carelessly is not a peer, however fast.
"""

import argparse
import csv
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np

from vidlab.video import frame_times, probe, read_frames, write_video

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "decode.csv"
SIZE, SAMPLES = 64, 16
CLIPS = (
    *("ucf101_soccer_juggling.avi", "hmdb51_wave.avi", "hmdb51_cartwheel.avi"),
    *("kinetics_segway.mp4", "street_bikes.mp4", "cockatoo_720p.mp4", "no_duration.webm"),
)
LIMIT = {"whole": "ffmpeg, decoding only", "sample": "PyAV, decoding only to the last frame"}
BARS = {"whole": 0.75, "sample": 1.0}  # of the limit
PEER_BAR = 0.95  # of the fastest peer of equal quality
MAX_EXTRA_ERROR = 1.5  # grey levels

Frames = np.ndarray
Method = Callable[[str], Any]


# --- the methods: path -> frames (T, 64, 64, 3) -------------------------------------------------


def sample_numbers(path: str) -> list[int]:
    """Numbers of the frames that uniform sampling takes; worked out once, outside the timing."""
    if path not in _numbers:
        every = frame_times(path)
        _numbers[path] = np.searchsorted(every, frame_times(path, SAMPLES) - 1e-9).tolist()
    return _numbers[path]


_numbers: dict[str, list[int]] = {}


def vidlab_whole(path: str) -> Frames:
    return read_frames(path, size=SIZE, threads=1)


def vidlab_sample(path: str) -> Frames:
    return read_frames(path, SAMPLES, SIZE, threads=1)


def pyav_to_last(path: str) -> None:
    """Decode up to the last frame that uniform sampling wants; convert nothing."""
    last = sample_numbers(path)[-1]
    with av.open(path, metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for number, _ in enumerate(container.decode(stream)):
            if number == last:
                return


def opencv(path: str, wanted: set[int] | None) -> Frames:
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames, number, last = [], 0, max(wanted) if wanted else None
    while capture.grab():
        if wanted is None or number in wanted:
            picture = cv2.resize(capture.retrieve()[1], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            frames.append(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        if number == last:
            break
        number += 1
    capture.release()
    return np.array(frames)


def moviepy_clip(path: str) -> Any:
    return import_module("moviepy").VideoFileClip(
        path, audio=False, target_resolution=(SIZE, SIZE), resize_algorithm="area"
    )


def moviepy_whole(path: str) -> Frames:
    with moviepy_clip(path) as clip:
        return np.array(list(clip.iter_frames()))


def moviepy_sample(path: str) -> Frames:
    with moviepy_clip(path) as clip:
        return np.array([clip.get_frame(t) for t in (np.arange(16) + 0.5) / 16 * clip.duration])


def imageio_ffmpeg(path: str, chosen: str) -> Frames:
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(
        path,
        input_params=["-threads", "1"],
        output_params=[
            "-vf",
            f"{chosen}scale={SIZE}:{SIZE}:flags=area",
            "-fps_mode",
            "passthrough",
        ],
    )
    next(reader)  # what is known about the file
    return np.array([np.frombuffer(frame, np.uint8).reshape(SIZE, SIZE, 3) for frame in reader])


def imageio_sample(path: str) -> Frames:
    choice = "+".join(f"eq(n\\,{number})" for number in sorted(set(sample_numbers(path))))
    return imageio_ffmpeg(path, f"select='{choice}',")


def decord_reader(path: str) -> Any:
    decord = import_module("decord")
    return decord.VideoReader(path, width=SIZE, height=SIZE, num_threads=1)


def decord_whole(path: str) -> Frames:
    reader = decord_reader(path)
    return reader.get_batch(range(len(reader))).asnumpy()


def decord_sample(path: str) -> Frames:
    reader = decord_reader(path)
    return reader.get_batch([min(n, len(reader) - 1) for n in sample_numbers(path)]).asnumpy()


def torchcodec_decoder(path: str) -> Any:
    decoders, transforms = (
        import_module("torchcodec.decoders"),
        import_module("torchcodec.transforms"),
    )
    return decoders.VideoDecoder(
        path,
        dimension_order="NHWC",
        num_ffmpeg_threads=1,
        transforms=[transforms.Resize((SIZE, SIZE))],
    )


def torchcodec_whole(path: str) -> Frames:
    decoder = torchcodec_decoder(path)
    return decoder.get_frames_in_range(0, len(decoder)).data.numpy()


def torchcodec_sample(path: str) -> Frames:
    return torchcodec_decoder(path).get_frames_at(sample_numbers(path)).data.numpy()


@dataclass(frozen=True)
class Library:
    """One library: what must be importable, its two methods, how it scales down."""

    name: str
    module: str
    package: str
    whole: Method
    sample: Method
    scaling: str


LIBRARIES = (
    Library("vidlab", "vidlab", "av", vidlab_whole, vidlab_sample, "swscale, area averages"),
    Library(
        "OpenCV",
        "cv2",
        "opencv-python-headless",
        lambda path: opencv(path, None),
        lambda path: opencv(path, set(sample_numbers(path))),
        "INTER_AREA",
    ),
    Library("MoviePy", "moviepy", "moviepy", moviepy_whole, moviepy_sample, "ffmpeg, area"),
    Library(
        "imageio-ffmpeg",
        "imageio_ffmpeg",
        "imageio-ffmpeg",
        lambda path: imageio_ffmpeg(path, ""),
        imageio_sample,
        "ffmpeg, area",
    ),
    Library("decord", "decord", "decord", decord_whole, decord_sample, "swscale, bicubic"),
    Library(
        "torchcodec",
        "torchcodec.decoders",
        "torchcodec",
        torchcodec_whole,
        torchcodec_sample,
        "swscale, bilinear",
    ),
)


# --- ffmpeg ------------------------------------------------------------------------------------


def ffmpeg_program() -> str | None:
    try:
        return import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        from shutil import which

        return which("ffmpeg")


def run_ffmpeg(program: str, path: str, loops: int) -> None:
    subprocess.run(
        [
            *(program, "-v", "error", "-nostdin", "-threads", "1"),
            *("-stream_loop", str(loops - 1), "-i", path, "-map", "0:v:0", "-f", "null", "-"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def seconds(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


# --- files -------------------------------------------------------------------------------------


def moving_scene(width: int, height: int, count: int) -> Any:
    """Frames of drifting gradients, a moving disc and a little noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    noise = rng.normal(0, 3, (8, height, width, 1)).astype(np.float32)
    for number in range(count):
        x, y = width * (0.5 + 0.4 * np.sin(number / 20)), height * (0.5 + 0.4 * np.cos(number / 27))
        disc = ((columns - x) ** 2 + (rows - y) ** 2 < (height / 6) ** 2)[..., None]
        waves = 128 + 60 * np.sin((columns + 2 * number) / 23) + 40 * np.cos(rows / 17)
        picture = np.stack([waves, waves[:, ::-1], 255 - waves], axis=-1) + noise[number % 8]
        yield np.where(disc, [220, 40, 60], picture).clip(0, 255).astype(np.uint8)


def generated(folder: Path, quick: bool) -> list[Path]:
    made = []
    for width, height, count in ((320, 240, 300), (1280, 720, 100)):
        path = folder / f"generated_{width}x{height}.mp4"
        write_video(path, moving_scene(width, height, count // 3 if quick else count), 30)
        made.append(path)
    return made


def errors_from_area(frames: Frames, path: str) -> float:
    """Mean distance, in grey levels, of the first frames from exact averages over areas."""
    full = read_frames(path, 4, sampling="first").astype(np.float64)
    exact = area_average(area_average(full, 1), 2)
    return float(np.abs(exact - frames[:4]).mean())


def area_average(array: np.ndarray, axis: int) -> np.ndarray:
    """Scale one axis down to SIZE by exact area averages: differences of the running integral."""
    array = np.moveaxis(array, axis, 0)
    total = np.concatenate([np.zeros((1, *array.shape[1:])), np.cumsum(array, axis=0)])
    edges = np.linspace(0, len(array), SIZE + 1)
    low = np.minimum(edges.astype(int), len(array) - 1)
    part = (edges - low).reshape(-1, *[1] * (array.ndim - 1))
    integral = total[low] * (1 - part) + total[low + 1] * part
    return np.moveaxis(np.diff(integral, axis=0) * SIZE / len(array), 0, axis)


# --- measuring ---------------------------------------------------------------------------------


def measure(path: Path, libraries: list[Library], program: str | None, rounds: int) -> list[dict]:
    """One row for each task and method on one file."""
    name, rows = str(path), []
    errors = {}
    working = []
    for library in libraries:
        try:  # a first call outside the timing: imports, caches, and does it work at all
            errors[library.name] = errors_from_area(library.whole(name), name)
            library.sample(name)
            working.append(library)
        except Exception as failure:
            reason = (str(failure) or type(failure).__name__).strip().splitlines()[0][:60]
            print(f"  {path.name}: {library.name} fails ({reason})")
    loops = 1
    if program:
        run_ffmpeg(program, name, 1)
        loops = max(1, min(50, round(1.0 / seconds(lambda: run_ffmpeg(program, name, 1)))))
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        if program:
            took = seconds(lambda: run_ffmpeg(program, name, loops)) / loops
            times.setdefault(("whole", LIMIT["whole"]), []).append(took)
        took = seconds(lambda: pyav_to_last(name))
        times.setdefault(("sample", LIMIT["sample"]), []).append(took)
        for library in working:
            for task in ("whole", "sample"):
                method: Method = getattr(library, task)
                took = seconds(partial(method, name))
                times.setdefault((task, library.name), []).append(took)
    best = {key: statistics.median(values) for key, values in times.items()}
    info = probe(path)
    for (task, method_name), took in best.items():
        error = errors.get(method_name)
        rows.append(
            {
                "task": task,
                "file": path.name,
                "picture": f"{info.width}x{info.height}",
                "method": method_name,
                "seconds": f"{took:.5f}",
                "vidlab_ratio": f"{took / best[task, 'vidlab']:.3f}",
                "error": "" if error is None else f"{error:.2f}",
                "equal_quality": (
                    ""
                    if error is None
                    else "yes"
                    if error <= errors["vidlab"] + MAX_EXTRA_ERROR
                    else "no"
                ),
            }
        )
    return rows


def summary(rows: list[dict]) -> bool:
    """Print medians over the files and whether the bars are reached."""
    passed = True
    for task, title in (("whole", "whole file to 64x64"), ("sample", "16 frames at 64x64")):
        mine = [row for row in rows if row["task"] == task]
        files = list(dict.fromkeys(row["file"] for row in mine))
        methods = list(dict.fromkeys(row["method"] for row in mine))
        print(f"\n{title}: seconds (and time / time of vidlab; above 1, vidlab is faster)")
        print(
            f"{'':38}" + "".join(f"{f[:18]:>20}" for f in files) + f"{'median ratio':>14}  quality"
        )
        cell = {(row["method"], row["file"]): row for row in mine}
        peers: dict[str, list[float]] = {}
        for method in methods:
            got = [cell.get((method, file)) for file in files]
            ratios = [float(row["vidlab_ratio"]) for row in got if row]
            equal = [row["equal_quality"] for row in got if row]
            quality = "" if "" in equal else "equal" if "no" not in equal else "not equal"
            line = "".join(
                f"{row['seconds']:>12} ({row['vidlab_ratio']:>5})" if row else f"{'-':>20}"
                for row in got
            )
            print(f"{method:38}{line}{statistics.median(ratios):>14.2f}  {quality}")
            for row in got:
                if row and row["equal_quality"] == "yes" and method != "vidlab":
                    peers.setdefault(row["file"], []).append(float(row["vidlab_ratio"]))
        limit = [float(r["vidlab_ratio"]) for r in mine if r["method"] == LIMIT[task]]
        checks = [(LIMIT[task], limit, BARS[task])]
        checks.append(("fastest peer of equal quality", [min(p) for p in peers.values()], PEER_BAR))
        for against, ratios, bar in checks:
            if ratios:
                ratio = statistics.median(ratios)
                passed &= ratio >= bar
                verdict = "pass" if ratio >= bar else "FAIL"
                print(f"{verdict}: {ratio:.2f} of the speed of {against} (bar {bar})")
    return passed


def machine(program: str | None, libraries: list[Library], pinned: bool, start: float) -> list[str]:
    """What the numbers depend on, without names of hosts or folders."""
    versions = ", ".join(f"{lib.package} {version(lib.package)}" for lib in libraries)
    ffmpeg = "none"
    if program:
        text = subprocess.run([program, "-version"], capture_output=True, text=True).stdout
        ffmpeg = f"{text.split()[2]}, start {start * 1000:.0f} ms"
    return [
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"all methods on {'one core' if pinned else 'any core'}, one decoding thread each",
        f"Python {platform.python_version()}, numpy {np.__version__}, {versions}",
        f"FFmpeg in PyAV {av.ffmpeg_version_info}; ffmpeg program {ffmpeg}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="few files, few rounds; writes nothing"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", nargs="+", type=Path, help="only these files")
    parser.add_argument("--no-pin", action="store_true", help="do not hold all on one core")
    args = parser.parse_args()

    logging.disable(logging.WARNING)  # imageio-ffmpeg remarks that it scales, at every call
    warnings.simplefilter("ignore")  # MoviePy on files that hold fewer frames than they say
    pinned = not args.no_pin and hasattr(os, "sched_setaffinity")
    if pinned:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    libraries, program = [], ffmpeg_program()
    for library in LIBRARIES:
        try:
            import_module(library.module)
            libraries.append(library)
        except Exception:  # not installed, or installed without what it needs
            print(f"{library.name} cannot be imported here and is left out")
    start = (
        seconds(lambda: subprocess.run([program, "-version"], capture_output=True))
        if program
        else 0
    )
    notes = machine(program, libraries, pinned, start)
    print("\n".join(notes))
    for library in libraries:
        print(f"  {library.name}: {library.scaling}")

    with tempfile.TemporaryDirectory() as folder:
        files = args.files
        if not files:
            shared = Path(os.environ.get("VIDLAB_SHARED_CLIPS", ROOT.parent / "shared" / "clips"))
            names = CLIPS[2:4] if args.quick else CLIPS
            files = [shared / name for name in names if (shared / name).exists()]
            files += generated(Path(folder), args.quick)
        rows = []
        for path in files:
            rows += measure(path, libraries, program, 3 if args.quick else args.rounds)
    passed = summary(rows)
    if not args.quick and not args.files:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("w", newline="") as file:
            file.writelines(f"# {note}\n" for note in notes)
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"\nwritten to {RESULTS.relative_to(ROOT)}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
