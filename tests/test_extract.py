"""vidlab extract: arrays and manifest, second runs, changes, failures, interruption."""

import csv
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from video_making import make_numbered, numbers_in

import vidlab.extract.many as many_module
from vidlab.extract import Report, extract, extract_one, find_videos, read_manifest
from vidlab.extract.workers import Outcome, Task
from vidlab.video import VideoError, read_frames


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of videos, readable and not, and files that are none of our business."""
    root = tmp_path_factory.mktemp("videos")
    (root / "sub" / "deep").mkdir(parents=True)
    make_numbered(root / "a.mp4", 40)
    make_numbered(root / "a.avi", 30, codec="mpeg4")
    make_numbered(root / "sub" / "b.mkv", 50)
    make_numbered(root / "sub" / "deep" / "short.MP4", 3)
    (root / "sub" / "broken.mp4").write_bytes(b"not a video at all")
    (root / "notes.txt").write_text("not tried")
    (root / ".hidden.mp4").write_bytes(b"not tried")
    return root


VIDEOS = ["a.avi.npz", "a.mp4.npz", "sub/b.mkv.npz", "sub/deep/short.MP4.npz"]
BROKEN = "sub/broken.mp4.npz"


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_extract(*args: object, **options: object) -> Report:
    return extract(*args, progress=False, jobs=1, **options)  # type: ignore[arg-type]


def test_arrays_and_manifest(source: Path, tmp_path: Path) -> None:
    report = run_extract(source, tmp_path / "out", size=32, num_frames=4)
    assert (report.extracted, report.newly_failed, report.up_to_date) == (4, 1, 0)
    assert sorted(everything(tmp_path / "out")) == sorted([*VIDEOS, "manifest.csv"])
    for output in VIDEOS:
        path = source / output.removesuffix(".npz")
        with np.load(tmp_path / "out" / output) as arrays:
            frames, times = read_frames(path, 4, 32, return_times=True)
            np.testing.assert_array_equal(arrays["frames"], frames)
            np.testing.assert_array_equal(arrays["times"], times)
            assert str(arrays["source"]) == output.removesuffix(".npz")
            assert float(arrays["fps"]) == 10.0
    with np.load(tmp_path / "out" / "a.mp4.npz") as arrays:
        assert numbers_in(arrays["frames"]) == [5, 15, 25, 35]

    with (tmp_path / "out" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["output"] for row in rows] == sorted([*VIDEOS, BROKEN])
    row = next(row for row in rows if row["output"] == "a.avi.npz")
    data = (source / "a.avi").read_bytes()
    assert row["source"] == (source / "a.avi").as_posix()
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert row["source_bytes"] == str(len(data))
    counted = [row[key] for key in ("width", "height", "fps", "frames", "frames_exact")]
    assert counted == ["32", "32", "10", "30", "yes"]
    assert [row[key] for key in ("extracted", "seconds", "bad_packets")] == ["4", "3.000", "0"]
    assert [row[key] for key in ("size", "num_frames", "sampling")] == ["32", "4", "uniform"]
    broken = next(row for row in rows if row["output"] == BROKEN)
    assert broken["error"].startswith("this is not a video")
    assert report.failures == (((source / "sub/broken.mp4").as_posix(), broken["error"]),)


def test_a_second_run_does_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_extract(source, tmp_path)
    first = everything(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    monkeypatch.setattr(many_module, "run_tasks", lambda tasks, jobs: iter(map(refuse, tasks)))
    report = run_extract(source, tmp_path)
    assert everything(tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == stamps
    assert str(report) == (
        "Nothing to do: 4 up to date, 1 failed before and have not changed "
        "(--force tries them again)."
    )


def refuse(task: Task) -> Outcome:
    raise AssertionError(f"{task.job.output} was worked on")


def test_only_what_changed_is_done_again(source: Path, tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(source, root)
    run_extract(root, out)

    os.utime(root / "a.mp4")  # touched, the same bytes
    report = run_extract(root, out)
    assert (report.extracted, report.newly_failed) == (0, 0)

    (out / "a.avi.npz").unlink()
    make_numbered(root / "sub" / "b.mkv", 20)
    make_numbered(root / "new.mp4", 10)
    make_numbered(root / "sub" / "broken.mp4", 8)  # repaired
    (root / "a.mp4").write_bytes(b"now broken")
    report = run_extract(root, out)
    assert (report.extracted, report.newly_failed, report.up_to_date) == (4, 1, 1)
    assert not (out / "a.mp4.npz").exists()
    rows = read_manifest(out / "manifest.csv")
    assert rows["sub/b.mkv.npz"].frames == "20"
    assert rows[BROKEN].error == ""


@pytest.mark.parametrize("change", [{"size": 16}, {"num_frames": 3}, {"sampling": "first"}])
def test_other_settings_do_all_again(source: Path, tmp_path: Path, change: dict) -> None:
    run_extract(source, tmp_path)
    assert run_extract(source, tmp_path, **change).extracted == 4
    assert run_extract(source, tmp_path, **change).extracted == 0
    assert run_extract(source, tmp_path, force=True, **change).extracted == 4


def test_sizes_and_seeds_are_settled(source: Path, tmp_path: Path) -> None:
    run_extract(source / "a.mp4", tmp_path / "one", size=(16, 24), sampling="segments")
    run_extract(source / "a.mp4", tmp_path / "two", size=(16, 24), sampling="segments")
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    assert read_manifest(tmp_path / "one" / "manifest.csv")["a.mp4.npz"].size == "16x24"


def test_more_processes_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    run_extract(source, tmp_path / "one")
    report = extract(source, tmp_path / "three", jobs=3, progress=False)
    assert report.extracted == 4
    assert everything(tmp_path / "one") == everything(tmp_path / "three")


def crash(task: Task) -> Outcome:
    """Stands in for a decoder that ends its process on one file."""
    from vidlab.extract.workers import do

    if task.job.source.name == "a.avi":
        os.kill(os.getpid(), signal.SIGKILL)
    return do(task)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_video_that_crashes_its_process_is_one_failure(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidlab.extract.workers.do", crash)
    report = extract(source, tmp_path, jobs=2, progress=False)
    assert (report.extracted, report.newly_failed) == (3, 2)
    reasons = {Path(path).name: reason for path, reason in report.failures}
    assert reasons["a.avi"].startswith("the decoder crashed on it")


def test_named_files_are_tried_whatever_their_suffix(source: Path, tmp_path: Path) -> None:
    odd = tmp_path / "clip.own"
    shutil.copy(source / "a.mp4", odd)
    report = run_extract([odd, source / "notes.txt", tmp_path / "none.mp4"], tmp_path / "out")
    assert report.extracted == 1
    reasons = {Path(path).name: reason for path, reason in report.failures}
    assert set(reasons) == {"notes.txt", "none.mp4"}
    assert "cannot be read (No such file or directory)" in reasons["none.mp4"]
    shutil.copy(odd, tmp_path / "none.mp4")
    assert run_extract([tmp_path / "none.mp4"], tmp_path / "out").extracted == 1
    assert set(read_manifest(tmp_path / "out/manifest.csv")) == {
        *("clip.own.npz", "none.mp4.npz", "notes.txt.npz")  # rows of other runs stay
    }


def test_two_videos_for_one_output(source: Path, tmp_path: Path) -> None:
    shutil.copy(source / "a.mp4", tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"its output a\.mp4\.npz would also be that of"):
        run_extract([source, tmp_path / "a.mp4"], tmp_path / "out")
    jobs = find_videos([source, source / "a.mp4"], tmp_path / "out")  # the same file twice is fine
    assert [job.output for job in jobs] == sorted([*VIDEOS, BROKEN])


def test_output_within_the_input_is_left_out(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "in"
    shutil.copytree(source, root)
    (root / "out").mkdir()
    shutil.copy(source / "a.mp4", root / "out" / "copy.mp4")
    assert len(run_extract(root, root / "out").records) == 5


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"size": None}, {"num_frames": 0}, {"sampling": "all"}, {"jobs": 0}]
)
def test_settings_that_make_no_sense(source: Path, tmp_path: Path, options: dict) -> None:
    with pytest.raises(VideoError):
        extract(source, tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_places_that_make_no_sense(source: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="there is no video in this folder"):
        run_extract(tmp_path, tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match="this cannot be the output folder"):
        run_extract(source, tmp_path / "file")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(VideoError, match="this is not a manifest"):
        run_extract(source, tmp_path / "out")


def test_extract_one(source: Path, tmp_path: Path) -> None:
    row = extract_one(source / "a.mp4", tmp_path / "deep" / "clip.npz", size=8, num_frames=2)
    assert (row.output, row.extracted, row.error) == ("clip.npz", "2", "")
    with pytest.raises(VideoError, match="this is not a video"):
        extract_one(source / "sub/broken.mp4", tmp_path / "broken.npz")
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["clip.npz"]


def vidlab(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vidlab", "extract", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command(source: Path, tmp_path: Path) -> None:
    done = vidlab(source, tmp_path, "--size", "24", "--num-frames", 5, "--jobs", 1)
    assert done.returncode == 1
    assert done.stdout == "4 extracted, 1 failed; 0 up to date.\n"
    assert "5/5" in done.stderr  # the progress bar
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"failed: {(source / 'sub/broken.mp4').as_posix()}: this is not a vid")

    done = vidlab(source, tmp_path, "--size", "24", "--num-frames", 5, "--jobs", 1)
    assert done.returncode == 1
    assert done.stdout.startswith("Nothing to do: 4 up to date, 1 failed before")

    done = vidlab(source / "a.mp4", source / "a.avi", tmp_path / "two", "--quiet", "--jobs", 1)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert vidlab(source, tmp_path, "--size", "big").returncode == 2
    assert vidlab(tmp_path / "none", tmp_path / "three", "--quiet").returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_and_run_again_equals_undisturbed(
    source: Path, tmp_path: Path, jobs: int
) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for number in range(90):
        shutil.copy(source / ("a.mp4" if number % 3 else "sub/b.mkv"), root / f"{number:03}.mp4")
    (root / "broken.mp4").write_bytes(b"nothing")
    command = [sys.executable, "-m", "vidlab", "extract", str(root)]
    settings = ["--size", "64", "--jobs", str(jobs)]
    out = tmp_path / "out"
    # A group of its own, so that all its processes get the signal, as from a terminal's Ctrl-C;
    # and not ignored, as it is where a shell started these tests in the background.
    process = subprocess.Popen(
        [*command, str(out), *settings],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while sum(1 for _ in out.glob("*.npz")) < 20:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("Interrupted. What is finished is kept")
    assert "Traceback" not in errors

    left = everything(out)
    done = [name for name in left if name.endswith(".npz")]
    assert 20 <= len(done) < 90
    assert set(left) == {*done, "manifest.csv"}  # nothing half-written
    for name in done:
        with np.load(out / name) as arrays:
            assert arrays["frames"].shape == (16, 64, 64, 3)
    rows = read_manifest(out / "manifest.csv")
    assert 10 <= len(rows) <= len(done) + 1  # what was finished is known

    again = vidlab(root, out, *settings)
    assert again.returncode == 1
    assert f"{len([r for r in rows.values() if not r.error])} up to date" in again.stdout
    vidlab(root, tmp_path / "undisturbed", "--size", "64", "--jobs", 1)
    assert everything(out) == everything(tmp_path / "undisturbed")


def test_the_real_clips(shared_clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = vidlab(shared_clips, out, "--size", "64", "--num-frames", "16", "--jobs", 2)
    assert done.returncode == 1
    frames = {row.output: row.frames for row in read_manifest(out / "manifest.csv").values()}
    assert frames == {
        "broken/audio_only.mp4.npz": "",
        "broken/corrupt_packet.mp4.npz": "49",
        "broken/empty_file.mp4.npz": "",
        "broken/png_renamed.mp4.npz": "",
        "broken/text_renamed.mp4.npz": "",
        "broken/truncated.avi.npz": "72",
        "broken/truncated_no_index.mp4.npz": "",
        "cockatoo_720p.mp4.npz": "280",
        "hmdb51_cartwheel.avi.npz": "83",
        "hmdb51_wave.avi.npz": "48",
        "keyboard_rotated_90.mov.npz": "3",
        "kinetics_segway.mp4.npz": "303",
        "no_duration.webm.npz": "74",
        "street_bikes.mp4.npz": "250",
        "ucf101_soccer_juggling.avi.npz": "240",
    }
    assert sum(line.startswith("failed: ") for line in done.stderr.splitlines()) == 5
    assert vidlab(shared_clips, out).stdout.startswith("Nothing to do: 10 up to date, 5 failed")
