"""write_video, encode_mp4 and read_audio: what is written comes back, and plays elsewhere."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from video_making import make_numbered, numbered, numbers_in

from vidlab.video import VideoError, encode_mp4, probe, read_audio, read_frames, write_video

COLOURS = np.array(
    [
        *([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]),
        *([255, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [255, 128, 0]),
    ],
    np.uint8,
)
RATE = 16000


def tone(seconds: float, rate: int = RATE, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def colour_bars() -> np.ndarray:
    """10 frames of ten flat colours, each 32 pixels wide, uint8 (10, 64, 320, 3)."""
    picture = np.repeat(np.repeat(COLOURS[None], 64, axis=0), 32, axis=1)
    return np.repeat(picture[None], 10, axis=0)


def test_frames_come_back(tmp_path: Path) -> None:
    clip = np.array([numbered(i) for i in range(50)])
    write_video(tmp_path / "clip.mp4", clip, 25)
    frames = read_frames(tmp_path / "clip.mp4")
    assert numbers_in(frames) == list(range(50))
    assert np.abs(frames.astype(int) - clip).mean() < 3
    info = probe(tmp_path / "clip.mp4")
    assert (info.codec, info.fps, info.duration, info.has_audio) == ("h264", 25.0, 2.0, False)
    assert info.num_key_frames is not None
    assert info.num_key_frames >= 2


def test_flat_colours_come_back(tmp_path: Path, colour_bars: np.ndarray) -> None:
    write_video(tmp_path / "bars.mp4", colour_bars, 10, crf=18)
    error = np.abs(read_frames(tmp_path / "bars.mp4").astype(int) - colour_bars)
    assert error.mean() < 4
    for bar in range(10):
        assert error[:, :, 32 * bar + 4 : 32 * bar + 28].mean() < 4


def test_opencv_sees_the_same_colours(tmp_path: Path, colour_bars: np.ndarray) -> None:
    cv2 = pytest.importorskip("cv2")
    write_video(tmp_path / "bars.mp4", colour_bars, 10, crf=18)
    capture = cv2.VideoCapture(str(tmp_path / "bars.mp4"))
    bgr = capture.read()[1]
    capture.release()
    assert np.abs(bgr[..., ::-1].astype(int) - colour_bars[0]).mean() < 4


def test_colours_are_tagged_as_they_are_stored(colour_bars: np.ndarray) -> None:
    with av.open(io.BytesIO(encode_mp4(colour_bars, 10))) as container:
        codec = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        assert codec.pix_fmt == "yuv420p"
        assert (codec.colorspace, codec.color_range) == (6, 1)  # BT.601, limited
        assert (codec.color_primaries, codec.color_trc) == (1, 1)  # BT.709
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(64, -1)
    # Luma of red, green and blue after BT.601 (0.299, 0.587, 0.114) into [16, 235].
    assert luma[32, [16, 48, 80]].astype(int) == pytest.approx([81, 145, 41], abs=2)


@pytest.mark.parametrize("shape", [(33, 47), (1, 1), (32, 31), (65, 64)])
def test_odd_sides_repeat_their_last_row_and_column(shape: tuple[int, int]) -> None:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    picture = np.stack([rows * 2, columns * 2, rows + columns], axis=-1).astype(np.uint8)
    video = encode_mp4(picture[None].repeat(3, axis=0), 10, crf=0)
    with av.open(io.BytesIO(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    even = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    padded = np.pad(picture, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
    assert len(frames) == 3
    assert frames[0].shape == (*even, 3)
    assert np.abs(frames[0].astype(int) - padded).mean() < 4


def boxes(data: bytes) -> list[str]:
    names, place = [], 0
    while place < len(data):
        names.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4])
    return names


def test_index_stands_before_the_data_in_files_and_in_memory(tmp_path: Path) -> None:
    clip = np.array([numbered(i) for i in range(30)])
    data = encode_mp4(clip, 30, tone(1), RATE, crf=18)
    names = boxes(data)
    assert names.index("moov") < names.index("mdat")
    write_video(tmp_path / "clip.mp4", clip, 30, tone(1), RATE)
    assert (tmp_path / "clip.mp4").read_bytes() == data


@pytest.mark.parametrize("fps", [30000 / 1001, Fraction(24000, 1001), 29.97, 12.5, 0.5, 120])
def test_frame_rates_are_exact(fps: float) -> None:
    with av.open(io.BytesIO(encode_mp4(np.array([numbered(i) for i in range(9)]), fps))) as c:
        assert c.streams.video[0].average_rate == Fraction(fps).limit_denominator(1001)


@pytest.mark.parametrize("fps", [8, 29.97])
def test_a_key_frame_at_least_every_second(tmp_path: Path, fps: float) -> None:
    write_video(tmp_path / "still.mp4", (numbered(9) for _ in range(100)), fps)
    with av.open(str(tmp_path / "still.mp4")) as container:
        keys = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.is_keyframe]
    assert np.diff(keys).max() <= 1.0


def test_an_iterator_streams(tmp_path: Path) -> None:
    alive = []

    def frames() -> Iterator[np.ndarray]:
        for number in range(200):
            alive.append(number)
            yield numbered(number)

    write_video(str(tmp_path / "clip.mov"), frames(), 20)
    assert numbers_in(read_frames(tmp_path / "clip.mov")) == list(range(200))


def test_a_list_of_frames_will_do() -> None:
    assert encode_mp4([numbered(1), numbered(2)], 5)[4:8] == b"ftyp"


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 10000])
def test_sound_comes_back_in_time(tmp_path: Path, rate: int) -> None:
    sound = tone(2, rate)
    sound[: rate // 2] = 0
    sound[rate:] = 0
    write_video(tmp_path / "clip.mp4", np.array([numbered(i) for i in range(50)]), 25, sound, rate)
    heard = read_audio(tmp_path / "clip.mp4", rate)
    assert heard.dtype == np.float32
    assert len(heard) == 2 * rate
    inside = slice(int(0.55 * rate), int(0.95 * rate))
    assert np.corrcoef(heard[inside], sound[inside])[0, 1] > 0.99  # no shift, not even of a sample
    assert np.abs(heard[: int(0.45 * rate)]).max() < 0.02
    assert np.abs(heard[int(1.1 * rate) :]).max() < 0.02
    assert probe(tmp_path / "clip.mp4").has_audio


def test_a_part_of_the_sound_is_a_slice_of_the_whole(tmp_path: Path) -> None:
    sound = (np.random.default_rng(0).normal(size=5 * RATE) * 0.1).clip(-1, 1).astype(np.float32)
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(50)], 10, sound, RATE)
    whole = read_audio(tmp_path / "clip.mp4", RATE)
    for start, stop in ((0.25, 0.5), (3.0, 3.5), (4.5, None)):
        part = read_audio(tmp_path / "clip.mp4", RATE, start=start, stop=stop)
        expected = whole[round(start * RATE) : round((stop or 5.0) * RATE)]
        assert len(part) == len(expected)
        assert np.corrcoef(part, expected)[0, 1] > 0.999


def test_sound_shorter_than_the_picture_is_followed_by_silence(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(20)], 10, tone(1), RATE)
    heard = read_audio(tmp_path / "clip.mp4", RATE)
    assert len(heard) == 2 * RATE
    assert np.abs(heard[int(1.1 * RATE) :]).max() == 0


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = np.full(RATE, 0.75, np.float32)
    with av.open(str(tmp_path / "stereo.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE, layout="stereo")
        samples = np.stack([left, left / 3], axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, "flt", "stereo")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    heard = read_audio(tmp_path / "stereo.wav", RATE)
    assert len(heard) == RATE
    np.testing.assert_allclose(heard, 0.5, atol=1e-4)
    assert len(read_audio(tmp_path / "stereo.wav", 8000)) == RATE // 2


def test_real_sound_covers_the_picture(shared_clips: Path) -> None:
    for name in ("kinetics_segway.mp4", "no_duration.webm"):
        sound = read_audio(shared_clips / name, 8000)
        assert len(sound) == round(probe(shared_clips / name).duration * 8000)
    alone = read_audio(shared_clips / "broken/audio_only.mp4", 8000)
    assert len(alone) / 8000 == pytest.approx(10.0, abs=0.05)
    assert 0.1 < np.abs(alone).max() <= 1


def test_no_sound(tmp_path: Path) -> None:
    path = make_numbered(tmp_path / "silent.mp4", 20)
    with pytest.raises(VideoError, match=r"silent\.mp4: there is no sound in it\. Use read_frames"):
        read_audio(path)
    for rate in (0, -1, 16000.0, None, True):
        with pytest.raises(VideoError, match="is not a sampling rate"):
            read_audio(path, rate)  # type: ignore[arg-type]


def test_sound_out_of_range(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(20)], 10, tone(2), RATE)
    for options in ({"start": 2.5}, {"start": 1.0, "stop": 4.0}):
        with pytest.raises(VideoError, match="is out of range"):
            read_audio(tmp_path / "clip.mp4", RATE, **options)


CLIP = np.zeros((4, 16, 16, 3), np.uint8)


@pytest.mark.parametrize(
    ("frames", "fps", "options", "reason"),
    [
        (CLIP.astype(np.float32), 10, {}, "frame 0 is float32, not uint8. Values in"),
        (CLIP[..., 0], 10, {}, "shape (4, 16, 16), not (T, H, W, 3)"),
        (CLIP[0], 10, {}, "shape (16, 16, 3), not (T, H, W, 3)"),
        (CLIP[..., [0, 1, 2, 0]], 10, {}, "not (T, H, W, 3)"),
        (CLIP[:, :0], 10, {}, "frame 0 has the shape (0, 16, 3)"),
        (CLIP[:0], 10, {}, "there are no frames"),
        (iter(()), 10, {}, "there are no frames"),
        (17, 10, {}, "frames are a int"),
        ([CLIP[0], CLIP[0, :8]], 10, {}, "frame 1 is 16x8, the first is 16x16"),
        ([CLIP[0], "frame"], 10, {}, "frame 1 is str, not uint8"),
        (CLIP, 0, {}, "fps=0 is not a frame rate"),
        (CLIP, -5, {}, "fps=-5"),
        (CLIP, float("inf"), {}, "fps=inf"),
        (CLIP, "25", {}, "fps='25'"),
        (CLIP, 10, {"crf": 60}, "crf=60 is not a quality"),
        (CLIP, 10, {"audio": tone(1)}, "audio_rate=None is not a sampling rate"),
        (CLIP, 10, {"audio": tone(1), "audio_rate": 0}, "audio_rate=0"),
        (CLIP, 10, {"audio": tone(1) * 3, "audio_rate": RATE}, "goes beyond [-1, 1]"),
        (CLIP, 10, {"audio": tone(1) * np.nan, "audio_rate": RATE}, "is not finite"),
        (CLIP, 10, {"audio": np.zeros(9, np.int16), "audio_rate": RATE}, "audio is int16 (9,)"),
        (CLIP, 10, {"audio": np.zeros((2, 9)), "audio_rate": RATE}, "not float (S,)"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, frames: Any, fps: Any, options: dict[str, Any], reason: str
) -> None:
    frames = list(frames) if isinstance(frames, type(iter(()))) else frames
    with pytest.raises(VideoError) as caught:
        write_video(tmp_path / "clip.mp4", frames, fps, **options)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "clip.mp4"))
    with pytest.raises(VideoError):
        encode_mp4(frames, fps, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["clip.avi", "clip", "clip.gif", ".mp4"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(VideoError, match=r"suffix .* End the name in one of: \.m4v, \.mov, \.mp4"):
        write_video(tmp_path / name, CLIP, 10)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "none" / "clip.mp4", tmp_path / "folder.mp4"):
        with pytest.raises(VideoError, match=r"it cannot be written"):
            write_video(path, CLIP, 10)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.mp4"]


def test_a_failure_midway_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"old")

    def frames() -> Iterator[np.ndarray]:
        yield from CLIP
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError, match="the source failed"):
        write_video(path, frames(), 10)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_midway_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import itertools, signal, sys, numpy as np\n"
        "from vidlab.video import write_video\n"
        # A shell that starts tests in the background has the signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "frame = np.zeros((64, 64, 3), np.uint8)\n"
        "write_video(sys.argv[1], itertools.repeat(frame), 10)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "clip.mp4")], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not any(p.stat().st_size for p in tmp_path.iterdir()):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) != 0
    finally:
        process.kill()
    assert list(tmp_path.iterdir()) == []
