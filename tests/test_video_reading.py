"""vidlab.video reads what is in the file: against plain decoding, on real and on made footage."""

import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from video_making import make_numbered, make_video, number_in, numbered, numbers_in

from vidlab.video import VideoError, VideoWarning, frame_times, iter_frames, probe, read_frames
from vidlab.video import reading as reading_module
from vidlab.video.source import VideoSource

# name: (frames that can be decoded, width and height as seen, seconds)
CLIPS = {
    "ucf101_soccer_juggling.avi": (240, (320, 240), 8.008),
    "hmdb51_wave.avi": (48, (432, 240), 1.6),
    "hmdb51_cartwheel.avi": (83, (320, 240), 83 / 30),
    "kinetics_segway.mp4": (303, (340, 256), 10.1),
    "street_bikes.mp4": (250, (640, 272), 10.0),
    "cockatoo_720p.mp4": (280, (1280, 720), 14.0),
    "keyboard_rotated_90.mov": (3, (320, 568), 0.1),
    "no_duration.webm": (74, (1280, 720), 4.938),
}
DAMAGED = {
    "broken/corrupt_packet.mp4": (49, (1280, 720), 5.0),
    "broken/truncated.avi": (72, (320, 240), 2.402),
}


@cache
def plain_decode(path: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Every frame in the order of the decoder, and the sorted times: no short cut, no seeking."""
    frames, stamps = [], []
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # more threads patch up damage differently
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in decoded:
                small = frame.reformat(size, size, "rgb24", interpolation="AREA").to_ndarray()
                frames.append(np.rot90(small, frame.rotation // 90))
                stamps.append(frame.pts)
        times = np.sort(stamps) * float(stream.time_base)
    return np.array(frames), times - times[0]


@pytest.mark.parametrize("name", CLIPS | DAMAGED)
@pytest.mark.filterwarnings("ignore::vidlab.video.VideoWarning")
def test_real_clips_equal_plain_decoding(shared_clips: Path, name: str) -> None:
    path = shared_clips / name
    count, (width, height), seconds = (CLIPS | DAMAGED)[name]
    plain, _ = plain_decode(path, 32)
    frames, times = read_frames(path, size=32, return_times=True)
    np.testing.assert_array_equal(frames, plain)
    assert len(frames) == count
    assert np.all(np.diff(times) > 0)

    info = probe(path, count=True)
    assert (info.num_frames, info.num_frames_exact) == (count, True)
    assert (info.width, info.height) == (width, height)
    assert info.duration == pytest.approx(seconds, abs=2e-3)
    estimate = probe(path)
    assert abs(estimate.num_frames - count) <= 1
    assert not estimate.num_frames_exact

    centres = info.duration * (np.arange(16) + 0.5) / 16
    shown = np.searchsorted(times, centres + 1e-6, side="right") - 1
    sampled, at = read_frames(path, 16, 32, return_times=True)
    np.testing.assert_array_equal(sampled, plain[shown])
    np.testing.assert_array_equal(at, times[shown])

    start, stop = 0.3 * seconds, 0.8 * seconds
    part, part_times = read_frames(path, size=32, start=start, stop=stop, return_times=True)
    inside = (times >= start - 1e-6) & (times < stop - 1e-6)
    np.testing.assert_array_equal(part, plain[inside])
    np.testing.assert_array_equal(part_times, times[inside])


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_times_of_real_clips_are_their_sorted_presentation_times(
    shared_clips: Path, name: str
) -> None:
    _, plain_times = plain_decode(shared_clips / name, 32)
    times = frame_times(shared_clips / name)
    fps = probe(shared_clips / name).fps
    # HMDB51: one presentation time in the file is of a packet without a frame.
    assert np.abs(times - plain_times).max() <= (1.01 / fps if "hmdb51" in name else 1e-9)


def test_probe_of_a_real_clip_with_sound(shared_clips: Path) -> None:
    info = probe(str(shared_clips / "kinetics_segway.mp4"))
    assert (info.codec, info.format, info.fps) == ("h264", "mp4", 30.0)
    assert (info.has_audio, info.audio_rate, info.rotation) == (True, 44100, 0)
    assert info.num_key_frames == 2
    assert str(info) == (
        "kinetics_segway.mp4: 340x256 pixels, 303 frames (estimated), 2 of them key frames, "
        "30.00 per second, 10.10 s, h264 in mp4, sound at 44100 Hz."
    )


def test_a_file_without_any_sound(shared_clips: Path) -> None:
    info = probe(shared_clips / "street_bikes.mp4")
    assert (info.has_audio, info.audio_rate) == (False, None)


@pytest.mark.filterwarnings("ignore::vidlab.video.VideoWarning")
@pytest.mark.parametrize(
    "name",
    ["hmdb51_wave.avi", "hmdb51_cartwheel.avi", "no_duration.webm", "broken/corrupt_packet.mp4"],
)
def test_more_threads_give_the_same_frames(shared_clips: Path, name: str) -> None:
    one, times = read_frames(shared_clips / name, size=16, return_times=True, threads=1)
    three, same_times = read_frames(shared_clips / name, size=16, return_times=True, threads=3)
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(times, same_times)


def test_rotated_clip_is_upright(shared_clips: Path) -> None:
    path = shared_clips / "keyboard_rotated_90.mov"
    assert probe(path).rotation == 90
    with av.open(str(path)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(read_frames(path)[0], np.rot90(stored, -1))
    assert read_frames(path, size=(60, 40)).shape == (3, 60, 40, 3)


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, -1)])
def test_rotation_of_every_kind(tmp_path: Path, rotation: int, turns: int) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24] = (255, 0, 0)
    picture[16:, 24:] = (0, 0, 255)
    path = make_video(tmp_path / "turned.mp4", [picture] * 3, rotation=rotation)
    frames = read_frames(path)
    expected = np.rot90(picture, turns)
    assert frames.shape[1:] == expected.shape
    assert np.abs(frames[0].astype(int) - expected).mean() < 8
    info = probe(path)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.rotation == -rotation % 360


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = make_video(tmp_path / "wide.mp4", [numbered(5)] * 3, aspect=Fraction(3, 2))
    assert (probe(path).width, probe(path).height) == (48, 32)
    assert read_frames(path).shape == (3, 32, 48, 3)
    assert number_in(read_frames(path)[0]) == 5


def test_size_as_stored_is_the_decoders_own_conversion(shared_clips: Path) -> None:
    path = shared_clips / "street_bikes.mp4"
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(read_frames(path, 1, sampling="first")[0], first)


def test_scaling_down_averages(tmp_path: Path) -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 254  # a pattern that picking single pixels turns into black or white
    path = make_video(tmp_path / "stripes.mkv", [stripes] * 2, codec="ffv1")
    small = read_frames(path, size=16)
    assert np.abs(small.astype(int) - 127).max() <= 6


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", None),
        ("clip.mov", "libx264", {"x264-params": "open-gop=1"}),
        ("clip.mkv", "libx264", None),
        ("clip.avi", "mpeg4", {"bf": "2"}),
        ("bframes.avi", "libx264", {"bf": "3"}),
        ("clip.ts", "libx264", None),
        ("clip.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ],
)
def test_every_container_counts_lasts_and_jumps_right(
    tmp_path: Path, name: str, codec: str, options: dict[str, str] | None
) -> None:
    path = make_numbered(tmp_path / name, 400, fps=20, gop=25, codec=codec, options=options)
    frames, times = read_frames(path, return_times=True)
    assert numbers_in(frames) == list(range(400))
    np.testing.assert_allclose(times, np.arange(400) / 20, atol=1.1e-3)
    assert probe(path).duration == pytest.approx(20, abs=2e-3)
    assert numbers_in(read_frames(path, 4)) == [50, 150, 250, 350]
    assert numbers_in(read_frames(path, start=15.0, stop=15.2)) == [300, 301, 302, 303]


class Counting(VideoSource):
    """Remembers the sources that a reading opened."""

    opened: list[VideoSource]

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.opened.append(self)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[VideoSource]:
    sources: list[VideoSource] = []
    monkeypatch.setattr(Counting, "opened", sources, raising=False)
    monkeypatch.setattr(reading_module, "VideoSource", Counting)
    return sources


def repack(path: Path, other: Path) -> Path:
    """The same packets in another container."""
    with av.open(str(path)) as source, av.open(str(other), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return other


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ten minutes of tiny frames: with a key frame every second, and with only two."""
    folder = tmp_path_factory.mktemp("films")
    fast = {"preset": "ultrafast", "crf": "30"}
    rare = {**fast, "x264-params": "keyint=5000:min-keyint=5000:scenecut=0"}
    many = make_numbered(folder / "many.mp4", 6000, options=fast)
    return {
        "many": many,
        "many_ts": repack(many, folder / "many.ts"),
        "few": make_numbered(folder / "few.mp4", 6000, gop=5000, options=rare),
    }


CENTRES = [int((i + 0.5) * 6000 / 16) for i in range(16)]


def test_a_long_film_with_many_key_frames_is_hardly_decoded(
    films: dict[str, Path], opened: list[VideoSource]
) -> None:
    assert numbers_in(read_frames(films["many"], 16)) == CENTRES
    assert len(opened) == 1
    assert opened[0].decoded <= 16 * 12 + 2  # at most a group of pictures for each


def test_a_long_film_without_an_index_is_read_but_not_decoded(
    films: dict[str, Path], opened: list[VideoSource]
) -> None:
    assert numbers_in(read_frames(films["many_ts"], 16)) == CENTRES
    assert [source.decoded <= 16 * 12 + 2 for source in opened] == [True]


def test_a_long_film_with_few_key_frames_is_decoded_once_in_order(
    films: dict[str, Path], opened: list[VideoSource]
) -> None:
    assert numbers_in(read_frames(films["few"], 16)) == CENTRES
    assert len(opened) == 1
    # One key frame, at 5000, is worth a jump, since nothing between 4687 and 5000 is wanted.
    assert 5400 <= opened[0].decoded <= CENTRES[-1] + 2


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "mpeg4.avi"])
def test_frames_that_nothing_needs_are_not_decoded(
    tmp_path: Path, opened: list[VideoSource], name: str
) -> None:
    codec = "mpeg4" if "mpeg4" in name else "libx264"
    options = {"bf": "2"} if codec == "mpeg4" else {"bf": "3", "sc_threshold": "0"}
    path = make_numbered(tmp_path / name, 400, fps=20, gop=400, codec=codec, options=options)
    for count in (1, 7, 16):
        expected = [int((i + 0.5) * 400 / count) for i in range(count)]
        opened.clear()
        assert numbers_in(read_frames(path, count)) == expected
        assert [source.shortcuts for source in opened] == [True]
        assert opened[0].decoded < 0.9 * expected[-1]


def test_skipping_that_would_miss_a_frame_is_noticed(
    tmp_path: Path, opened: list[VideoSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long pauses in a file that is taken for one of a constant rate.
    ticks = [50 * i + 1000 * (i // 5) for i in range(100)]
    options = {"bf": "3", "sc_threshold": "0"}
    path = make_numbered(tmp_path / "pauses.mkv", 100, ticks=ticks, fps=20, options=options)
    wanted = numbers_in(read_frames(path, 16))
    assert sum(number % 5 == 4 for number in wanted) > 12, "most times lie within the pauses"
    opened.clear()
    aim = VideoSource.aim

    def aim_anyway(source: VideoSource, times: list[float]) -> None:
        source._constant_rate = True
        aim(source, times)

    monkeypatch.setattr(VideoSource, "aim", aim_anyway)
    assert numbers_in(read_frames(path, 16)) == wanted
    assert [source.shortcuts for source in opened] == [True, False]


def test_no_jump_where_frames_are_close(films: dict[str, Path], opened: list[VideoSource]) -> None:
    frames = read_frames(films["many"], 16, start=300.0, stop=303.2)
    assert numbers_in(frames) == list(range(3001, 3032, 2))
    assert opened[0].decoded <= 2 + 40  # the first, then from the key frame at 300 s on


def test_iter_frames_seeks_to_its_start(films: dict[str, Path], opened: list[VideoSource]) -> None:
    time, frame = next(iter_frames(films["many"], start=500.0))
    assert (time, number_in(frame)) == (500.0, 5000)
    assert opened[-1].decoded < 15


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts reads as Linux does")
def test_the_index_spares_reading_the_film(tmp_path: Path) -> None:
    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(10)]
    path = make_video(
        tmp_path / "noise.mp4", (noise[i % 10] for i in range(3000)), options={"qp": "10"}
    )
    before = bytes_read()
    read_frames(path, 4)
    assert bytes_read() - before < path.stat().st_size / 5


def test_a_jump_that_fails_falls_back_to_plain_decoding(
    films: dict[str, Path], opened: list[VideoSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An index that promises key frames where there are none.
    monkeypatch.setattr(VideoSource, "_key_before", lambda self, stamp: int(stamp))
    few = read_frames(films["few"], 4)
    assert numbers_in(few) == [750, 2250, 3750, 5250]
    assert [source.shortcuts for source in opened] == [True, False]


def test_variable_frame_rate_is_sampled_by_time(tmp_path: Path) -> None:
    # 20 frames in the first second, then 5 frames in four seconds.
    ticks = [50 * i for i in range(20)] + [1000 + 800 * i for i in range(5)]
    path = make_numbered(tmp_path / "variable.mkv", 25, ticks=ticks)
    frames, times = read_frames(path, return_times=True)
    assert numbers_in(frames) == list(range(25))
    np.testing.assert_allclose(times, np.array(ticks) / 1000, atol=1e-3)
    end = probe(path).duration
    assert end > 4.2
    centres = end * (np.arange(10) + 0.5) / 10
    expected = np.searchsorted(times, centres, side="right") - 1
    assert numbers_in(read_frames(path, 10)) == expected.tolist()
    assert len(set(expected.tolist())) < 10  # a long frame is taken more than once


def test_damage_is_reported_once_with_its_count(shared_clips: Path) -> None:
    path = shared_clips / "broken/corrupt_packet.mp4"
    for read in (
        lambda: read_frames(path, size=16),
        lambda: frame_times(path),
        lambda: list(iter_frames(path, size=16)),
        lambda: probe(path, count=True),
    ):
        with pytest.warns(VideoWarning) as caught:
            read()
        assert len(caught) == 1
        assert "corrupt_packet.mp4: 1 packet is damaged" in str(caught[0].message)
        assert caught[0].filename == __file__


def test_nothing_of_the_decoder_reaches_stderr(shared_clips: Path) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from vidlab.video import VideoError, read_frames\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_frames(path, size=16)\n"
        "    except VideoError: pass\n"
    )
    paths = [str(p) for p in sorted((shared_clips / "broken").iterdir())]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_iter_frames_needs_constant_memory(films: dict[str, Path]) -> None:
    tracemalloc.start()
    count = sum(1 for _ in iter_frames(films["few"], size=128))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 6000
    assert peak < 10 * 128 * 128 * 3


def test_iter_frames_gives_arrays_that_may_be_kept(tmp_path: Path) -> None:
    path = make_numbered(tmp_path / "clip.mp4", 30)
    pairs = list(iter_frames(path, start=1.0, stop=2.0))
    assert [time for time, _ in pairs] == pytest.approx(np.arange(10, 20) / 10)
    assert [number_in(frame) for _, frame in pairs] == list(range(10, 20))


def test_a_read_that_cannot_fit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_numbered(tmp_path / "clip.mp4", 200)
    monkeypatch.setattr(reading_module, "_memory", lambda: 500_000.0)
    with pytest.raises(VideoError, match=r"clip\.mp4: 256 frames of 32x32 pixels need"):
        read_frames(path)
    assert read_frames(path, 16).shape == (16, 32, 32, 3)


def spoil(path: Path, numbers: Iterable[int]) -> None:
    """Overwrite the beginning of these packets of a file."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    for number in numbers:
        place = data.index(packets[number])
        data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)


def test_a_tail_that_cannot_be_decoded_is_left_out(tmp_path: Path) -> None:
    path = make_numbered(tmp_path / "clip.mkv", 100, gop=1)
    spoil(path, range(50, 100))
    with pytest.warns(VideoWarning, match="50 packets are damaged"):
        frames, times = read_frames(path, 10, return_times=True)
    assert numbers_in(frames) == list(range(2, 50, 5))
    assert times.max() < 5
    with pytest.raises(VideoError, match=r"nothing after 5\.000 s"):
        read_frames(path, 10, start=7)


def test_damage_after_a_jump_leads_back_to_plain_decoding(
    tmp_path: Path, opened: list[VideoSource]
) -> None:
    path = make_numbered(
        tmp_path / "clip.mkv", 400, gop=50, options={"bf": "0", "sc_threshold": "0"}
    )
    spoil(path, [310])
    with pytest.warns(VideoWarning, match="1 packet is damaged"):
        sampled, times = read_frames(path, 3, return_times=True)  # 66, 200 and 333
    assert [source.shortcuts for source in opened] == [True, False]
    with pytest.warns(VideoWarning):
        frames, all_times = read_frames(path, return_times=True)
    assert len(frames) == 399
    np.testing.assert_array_equal(sampled, frames[np.searchsorted(all_times, times)])


@pytest.mark.parametrize("name", ["a:b.mp4", "name with spaces.mp4", "ünï cödé.mp4", "100%d.mp4"])
def test_any_file_name(tmp_path: Path, name: str) -> None:
    path = make_numbered(tmp_path / "plain.mp4", 5).rename(tmp_path / name)
    assert len(read_frames(path)) == 5
    assert len(read_frames(str(path))) == 5


def test_animated_gif_is_a_video(tmp_path: Path) -> None:
    from PIL import Image

    pictures = [Image.fromarray(numbered(i)) for i in range(1, 5)]
    path = tmp_path / "moving.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    assert numbers_in(read_frames(path)) == [1, 2, 3, 4]
