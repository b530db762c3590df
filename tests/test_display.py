"""What reaches the page: players with data, pictures with text, widgets that follow sliders."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from vidlab import display, video
from vidlab.display import arrays, explorer, inspector, moving, static, style


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed: raw bundles as (data, metadata), objects as they are."""
    outputs = []

    def collect(value, raw=False, metadata=None):
        outputs.append((value, metadata) if raw else value)

    for module in (moving, style, inspector, explorer):
        monkeypatch.setattr(module, "display", collect)
    return outputs


@pytest.fixture
def clip():
    return np.random.default_rng(0).integers(0, 256, (6, 20, 30, 3), dtype=np.uint8)


def video_data(html):
    return [base64.b64decode(part) for part in re.findall(r'base64,([^"]+)"', html)]


def picture(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode(data, tmp_path):
    path = tmp_path / "shown.mp4"
    path.write_bytes(data)
    return video.read_frames(path), video.probe(path)


def test_play_shows_every_frame_and_a_still_picture(shown, clip, tmp_path):
    display.play(clip, fps=5, title="a <b> clip")
    html, (still, metadata) = shown
    frames, info = decode(video_data(html.data)[0], tmp_path)
    assert len(frames) == 6
    assert info.fps == pytest.approx(5)
    assert info.codec == "h264"
    assert "a &lt;b&gt; clip" in html.data
    assert "muted" in html.data
    assert "autoplay" in html.data
    assert picture(still["image/png"]).shape[1] > 300
    assert "Filmstrip" in metadata["image/png"]["alt"]


def test_play_with_sound_waits_for_the_reader(shown, clip, tmp_path):
    sound = np.sin(np.arange(9600) / 10).astype(np.float32) * 0.5
    display.play(clip, fps=5, audio=sound, audio_rate=8000, poster=False)
    (html,) = shown
    assert "autoplay" not in html.data
    _, info = decode(video_data(html.data)[0], tmp_path)
    assert info.has_audio


def test_play_shows_the_very_bytes_of_a_file(shown, clip, tmp_path):
    path = tmp_path / "clip.mp4"
    video.write_video(path, clip, fps=5)
    display.play(path)
    assert video_data(shown[0].data) == [path.read_bytes()]


def test_play_refuses_what_browsers_or_notebooks_cannot_take(clip, tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    video.write_video(path, clip, fps=5)
    monkeypatch.setattr(moving, "MAX_FILE", 100)
    with pytest.raises(ValueError, match=r"clip\.mp4.*would bloat"):
        display.play(path)
    other = path.rename(tmp_path / "clip.mkv")
    with pytest.raises(ValueError, match=r"clip\.mkv.*browsers may not play"):
        display.play(other)


def test_grid_has_one_player_and_one_label_for_each_clip(shown, clip, tmp_path):
    display.grid([clip, clip[::-1], clip[:3]], ["one", "two", "th<ree"])
    html, (_, metadata) = shown
    players = video_data(html.data)
    assert [len(decode(data, tmp_path)[0]) for data in players] == [6, 6, 3]
    assert "th&lt;ree" in html.data
    assert "one, two" in metadata["image/png"]["alt"]


def test_filmstrip_picks_first_and_last():
    assert static.pick(16, 4).tolist() == [0, 5, 10, 15]
    assert static.pick(3, 8).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda clip: display.play(clip[0]), "one frame"),
        (lambda clip: display.play(clip.transpose(0, 3, 1, 2)), "permute"),
        (lambda clip: display.play(clip[None]), "several clips"),
        (lambda clip: display.play(clip.astype(float)), r"must lie in \[0, 1\]"),
        (lambda clip: display.play(np.full(clip.shape, np.nan)), r"must lie in \[0, 1\]"),
        (lambda clip: display.play(clip.astype(int)), "uint8"),
        (lambda clip: display.grid([]), "empty"),
        (lambda clip: display.grid([clip], ["a", "b"]), "1 clips need 1 labels"),
        (lambda clip: display.grid([clip], columns=0), "columns"),
        (lambda clip: display.filmstrip(clip, [0.0]), "one entry per frame"),
        (lambda clip: display.images([]), "empty"),
        (lambda clip: display.images([clip[0]], ["a", "b"]), "labels"),
        (lambda clip: display.curves({}), "empty"),
        (lambda clip: display.curves({"loss": []}), "'loss' is empty"),
        (lambda clip: display.curves({"loss": [1, 2]}, x=[1]), "x has 1"),
        (lambda clip: display.confusion([0, 1], [0], ["a", "b"]), "one length"),
        (lambda clip: display.confusion([0, 2], [0, 1], ["a", "b"]), "0..1"),
        (lambda clip: display.spectrogram(np.zeros((2, 9)), 8000), "average its channels"),
        (lambda clip: display.spectrogram(np.zeros(9), 8000), "needs 512"),
        (lambda clip: display.ClipInspector(clip, times=np.arange(2)), "as many times"),
    ],
)
def test_bad_input_says_what_to_do(shown, clip, call, message):
    with pytest.raises(ValueError, match=message):
        call(clip)
    assert shown == []


def test_floating_point_clips_are_scaled(clip):
    assert np.array_equal(arrays.as_clip(clip / 255), clip)


def test_figures_fit_the_page_and_carry_text(shown, clip):
    rng = np.random.default_rng(0)
    display.filmstrip(clip, np.arange(6) / 5, title="strip")
    display.images([clip[0], clip[0, ..., 0]], ["colour", "grey"])
    display.curves({"train": [3, 2, 1], "val": [3, 2.5, 2]}, title="learning")
    display.confusion([0, 1, 1], [0, 1, 0], ["left", "right"])
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 8000)
    display.spectrogram(tone + rng.normal(0, 0.01, 16000), 8000, frames=clip)
    texts = [metadata["image/png"]["alt"] for _, metadata in shown]
    widths = [picture(data["image/png"]).shape[1] for data, _ in shown]
    assert len(texts) == 5
    assert max(widths) <= 800
    assert "train from 3 to 1" in texts[2]
    assert "accuracy 66.7%" in texts[3]
    assert "440 Hz" in texts[4] or "438 Hz" in texts[4]


def test_noisy_pictures_stay_small():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert len(style.png_bytes(noise)) < 150_000


def test_inspector_follows_its_sliders(clip):
    panel = display.ClipInspector(clip, fps=4)
    before = panel.picture.value
    panel.frame.value, panel.x.value, panel.y.value = 3, 7, 5
    red, green, blue = clip[3, 5, 7]
    assert f"R = {red}, G = {green}, B = {blue}" in panel.readout.value
    assert "at 0.750 s" in panel.readout.value
    assert panel.picture.value != before
    assert "vidlab-frame-slider" in panel.frame._dom_classes
    assert "vidlab-inspector" in panel._dom_classes


def test_magnifier_is_centred_on_the_pixel(clip):
    for x, y in ((0, 0), (29, 19), (12, 8)):
        view = inspector.magnify(clip[0], x, y)
        middle = view.shape[0] // 2
        assert np.array_equal(view[middle, middle], clip[0, y, x])


def test_inspect_opens_a_file(shown, clip, tmp_path):
    path = tmp_path / "clip.mp4"
    video.write_video(path, clip, fps=5)
    display.inspect(path)
    panel = shown[0]
    assert panel.clip.shape == clip.shape
    assert panel.times[-1] == pytest.approx(1.0, abs=0.02)


def test_explorer_makes_a_clip_for_every_setting(clip):
    made = []

    def make_clip(speed, seed):
        made.append((speed, seed))
        return clip if speed == "slow" else clip[::2]

    panel = explorer.ClipExplorer(
        make_clip,
        {"speed": ["slow", "fast"], "seed": (0, 9)},
        predict=lambda frames: np.array([0.2, 0.8]) if len(frames) == 6 else np.array([0.9, 0.1]),
        class_names=["left", "right"],
    )
    assert panel.bars.alt == "The model says right with 80%"
    panel.controls["speed"].value = "fast"
    panel.controls["seed"].value = 4
    assert made == [("slow", 0), ("fast", 0), ("fast", 4)]
    assert panel.bars.alt == "The model says left with 90%"


def test_explorer_shows_an_error_and_recovers(clip):
    def make_clip(seed):
        if seed == 3:
            raise ValueError("no clip <here>")
        return clip

    panel = explorer.ClipExplorer(make_clip, {"seed": (0, 9)})
    panel.controls["seed"].value = 3
    assert "ValueError" in panel.message.value
    assert "&lt;here&gt;" in panel.message.value
    panel.controls["seed"].value = 4
    assert panel.message.value == ""


def test_explorer_needs_knobs_and_fitting_probabilities(clip):
    with pytest.raises(ValueError, match="knobs is empty"):
        explorer.ClipExplorer(lambda: clip, {})
    with pytest.raises(ValueError, match="no choices"):
        explorer.ClipExplorer(lambda mode: clip, {"mode": []})
    with pytest.raises(ValueError, match="one probability for each of 2 classes"):
        explorer.draw_opinion(np.ones(3), ["a", "b"])
