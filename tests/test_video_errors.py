"""Every failure of vidlab.video is a VideoError: the file, what is wrong, what to do."""

import os
import pickle
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from video_making import make_numbered

from vidlab.video import VideoError, frame_times, iter_frames, probe, read_audio, read_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_numbered(tmp_path_factory.mktemp("clips") / "clip.mp4", 20)


def message(path: Any, **options: Any) -> str:
    with pytest.raises(VideoError) as caught:
        read_frames(path, **options)
    assert isinstance(caught.value.path, str)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.endswith(".")
    return text


def test_missing(tmp_path: Path) -> None:
    assert "there is no such file. Check the name" in message(tmp_path / "none.mp4")
    assert "nor the folder" in message(tmp_path / "no" / "none.mp4")


def test_folder(tmp_path: Path) -> None:
    assert "this is a folder, not a video file" in message(tmp_path)


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "the file is empty (0 bytes)" in message(path)


@pytest.mark.parametrize("content", [b"hello\n", b"\x00" * 5000, os.urandom(3000), b"%PDF-1.4 "])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.mp4"
    path.write_bytes(content)
    assert "this is not a video" in message(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("suffix", [".mp4", ".own"])
def test_a_picture_is_no_video(tmp_path: Path, kind: str, suffix: str) -> None:
    from PIL import Image

    path = tmp_path / f"picture{suffix if suffix != '.own' else '.' + kind.lower()}"
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, kind)
    assert "this is a still picture" in message(path)


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "it holds sound but no picture. Use read_audio" in message(path)


def test_cut_off_before_its_index(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:1000])
    assert "the file is cut off: it begins like an MP4 but its index (moov)" in message(path)


def test_no_frame_decodable(tmp_path: Path) -> None:
    path = make_numbered(tmp_path / "rotten.mkv", 10, gop=1)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    for packet in packets:
        place = data.index(packet)
        data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert "no frame in it can be decoded (10 damaged packets)" in message(path)


def test_the_hopeless_real_files(shared_clips: Path) -> None:
    reasons = {
        "truncated_no_index.mp4": "the file is cut off",
        "empty_file.mp4": "the file is empty",
        "text_renamed.mp4": "this is not a video",
        "png_renamed.mp4": "this is a still picture (PNG)",
        "audio_only.mp4": "it holds sound but no picture",
    }
    for name, reason in reasons.items():
        assert reason in message(shared_clips / "broken" / name)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_frames": 0}, "num_frames=0 is not a number of frames"),
        ({"num_frames": -3}, "num_frames=-3"),
        ({"num_frames": 2.5}, "num_frames=2.5"),
        ({"num_frames": True}, "num_frames=True"),
        ({"size": 0}, "size=0 is not a picture size"),
        ({"size": -64}, "size=-64"),
        ({"size": 64.0}, "size=64.0"),
        ({"size": (64,)}, r"size=(64,)"),
        ({"size": (64, 64, 3)}, "size=(64, 64, 3)"),
        ({"size": "64"}, "size='64'"),
        ({"size": 10**6}, "size=1000000"),
        ({"sampling": "unifrom"}, "sampling='unifrom' is unknown. Use one of: uniform, first"),
        ({"sampling": None}, "sampling=None is unknown"),
        ({"stride": 0}, "stride=0 is not a step"),
        ({"start": -1}, "start=-1 is not a time"),
        ({"start": float("nan")}, "start=nan is not a time"),
        ({"stop": "1:30"}, "stop='1:30' is not a time"),
        ({"start": 1.5, "stop": 1.5}, "stop=1.5 s is not after start=1.5 s"),
        ({"start": 2.0}, "the part [2, the end) s is out of range: it lasts 2.000 s"),
        ({"start": 1.0, "stop": 3.0}, "the part [1, 3) s is out of range"),
    ],
)
def test_arguments_that_make_no_sense(clip: Path, options: dict[str, Any], reason: str) -> None:
    assert reason in message(clip, **options)


def test_every_function_refuses_the_same_files(tmp_path: Path) -> None:
    for function in (read_frames, frame_times, iter_frames, probe, read_audio):
        with pytest.raises(VideoError, match="there is no such file"):
            function(tmp_path / "none.mp4")  # iter_frames too: before the first frame
    for nonsense in (3, None, b"clip.mp4", ["clip.mp4"]):
        with pytest.raises(VideoError, match="a path is expected"):
            read_frames(nonsense)  # type: ignore[call-overload]


def test_no_permission(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "the file cannot be opened" in message(path)


def test_a_network_address_is_only_a_file_name() -> None:
    assert "there is no such file" in message("http://localhost/clip.mp4")


def test_errors_travel_between_processes() -> None:
    error = VideoError("a.mp4", "it is empty", "Copy it again.")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.path) == ("a.mp4: it is empty. Copy it again.", "a.mp4")
