# %% [markdown]
# # 01 · Frames
#
# ![The way of a video; this chapter: file and frames.](images/way_01.png)
#
# A network never sees a video. It sees the few frames that somebody took out of a file. If those
# are the wrong ones, in the wrong colours or at the wrong time, no network can make up for it.
# This chapter gets them right.
#
# **After this chapter you can**
#
# - say what is inside a video file, and why its header cannot be trusted,
# - read frames with the right colours, sizes and times,
# - choose a sampling rule, and compute how often it misses a short event,
# - read the sound and draw its spectrogram,
# - cut, slow down, speed up, caption and join clips into a file that plays in a browser.
#
# **Builds on:** [chapter 00](00_start_here.ipynb). **Run time:** {{run_time}}.

# %% tags=["setup"]
import time
from pathlib import Path

import cv2
import numpy as np

from vidlab import display, video, world
from vidlab.course import check

folder = Path("output")
folder.mkdir(exist_ok=True)

# %% [markdown]
# ## 1 A film to work on
#
# We need a file. So we make one: six generated clips with their sound, one after the other.
# Whoever has a video at hand can take that instead (section 13).

# %%
clips = world.generate(6, difficulty="hard", size=96, seed=0)
film = np.concatenate(clips.frames)
sound = np.concatenate(clips.audio)
path = folder / "01_film.mp4"
video.write_video(path, film, fps=clips.fps, audio=sound, audio_rate=clips.audio_rate)
print(video.probe(path))

# %%
display.play(film, clips.fps, title="Our film: six clips of two seconds")

# %% [markdown]
# ## 2 What a video file is
#
# - A **container** (mp4, mkv, avi, webm) holds one or more **streams**: picture, sound,
#   subtitles.
# - A stream is a row of **packets**: compressed data, each with a **timestamp** that says when to
#   show it.
# - A **codec** (H.264, VP9, AAC) turns packets into frames or into sound, and back.
#
# [PyAV](https://pyav.org) opens the file and shows all of this. It is the library under
# `vidlab.video`.

# %%
import av

with av.open(str(path)) as container:
    print("container:", container.format.long_name)
    for stream in container.streams:
        print(f"stream {stream.index}: {stream.type}, {stream.codec_context.codec.long_name}")
    picture = container.streams.video[0]
    packets = [p for p in container.demux(picture) if p.size]
    seconds = np.array([float(p.pts * p.time_base) for p in packets])
    sizes = np.array([p.size for p in packets])
    is_key = np.array([p.is_keyframe for p in packets])

# %%
print("packet  shown at  bytes  key frame")
for i in range(10):
    print(f"{i:>6}  {seconds[i]:6.3f} s  {sizes[i]:>5}  {'yes' if is_key[i] else ''}")

# %% [markdown]
# Look at the second column: the packets do not stand in the order in which they are shown. And
# look at the sizes:
#
# - A **key frame** (I-frame) is a whole picture. Decoding can start only here.
# - A **P-frame** stores the difference to earlier frames. It is smaller.
# - A **B-frame** also uses *later* frames, so those are stored first. That is why times run back
#   and forth.

# %%
figure, axes = display.new_axes(height=2.6)
axes.bar(seconds[~is_key], sizes[~is_key], width=0.1, label="other frames")
axes.bar(seconds[is_key], sizes[is_key], width=0.1, label="key frames")
axes.set(xlabel="time (s)", ylabel="packet size (bytes)")
axes.legend(frameon=False)
display.show_figure(figure, "Size of each packet over time; key frames stand out.")

# %% [markdown]
# Two consequences for whoever wants *some* frames of a film:
#
# - To get frame 1000, the decoder needs all frames since the key frame before it. **Seeking**
#   pays only when it skips many frames.
# - The picture shows what compression buys. Compare the file with its frames in memory:

# %%
decoded = film.nbytes
print(f"file:             {path.stat().st_size:>10,} bytes")
print(f"frames in memory: {decoded:>10,} bytes, {decoded / path.stat().st_size:.0f} times as much")

# %% [markdown]
# The memory of a clip is $T \cdot H \cdot W \cdot 3$ bytes. One minute of full HD at 30 frames
# per second:

# %%
minute = 60 * 30 * 1080 * 1920 * 3
print(f"{minute / 1e9:.1f} GB")

# %% [markdown]
# So we take few frames and small ones, and we never decode what we do not need.

# %% [markdown]
# ### Headers lie
#
# A container's header may state how many frames follow. It is a claim, not a fact. We cut our
# file in the middle of an AVI, as a broken download would, and compare the claim with what can be
# decoded.

# %%
with av.open(str(folder / "01_film.avi"), "w") as copy:
    stream = copy.add_stream("mpeg4", rate=8)
    stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
    for frame in film:
        copy.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
    copy.mux(stream.encode())
whole = (folder / "01_film.avi").read_bytes()
(folder / "01_cut.avi").write_bytes(whole[: len(whole) // 2])
print(f"{len(whole):,} bytes, cut to {len(whole) // 2:,}")

# %%
import warnings

with av.open(str(folder / "01_cut.avi")) as container:
    print("the header claims", container.streams.video[0].frames, "frames")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", video.VideoWarning)  # one warning: the last packet is cut
    print("decoded:", len(video.read_frames(folder / "01_cut.avi")), "frames")

# %% [markdown]
# `vidlab.video` never trusts the header: it counts. When nothing can be had, the error says what
# is wrong and what to do.

# %%
(folder / "01_text.mp4").write_text("This is not a video.")
for name in ("01_text.mp4", "01_missing.mp4"):
    try:
        video.read_frames(folder / name)
    except video.VideoError as error:
        print(error, "\n")

# %% [markdown]
# ## 3 Frames as matrices of pixels
#
# `read_frames` gives a clip: `uint8 (T, H, W, 3)`, red first.

# %%
frames = video.read_frames(path)
print(frames.shape, frames.dtype, f"from {frames.min()} to {frames.max()}")
frame = frames[4]
channels = [frame[..., c] for c in range(3)]
display.images([frame, *channels], ["frame 4", "red", "green", "blue"])

# %% [markdown]
# Each channel is a matrix of $H \times W$ numbers. Bright means: much of that colour.
#
# **A trap.** `uint8` holds 0 to 255 and *wraps around*. Brightening a frame by adding 100 makes
# bright pixels dark:

# %%
wrapped = frame + np.uint8(100)
right = np.clip(frame.astype(int) + 100, 0, 255).astype(np.uint8)
display.images(
    [frame, wrapped, right], ["frame", "uint8 + 100: wrapped", "converted first"], columns=3
)

# %%
pixel = frame.reshape(-1, 3)[frame.sum(axis=-1).argmax()]
print("brightest pixel:", pixel, " wrapped:", pixel + np.uint8(100))

# %% [markdown]
# ### Red first or blue first?
#
# Nearly every library gives red, green, blue: RGB. **OpenCV gives blue, green, red: BGR.**
# Nothing fails when you mix them up. The colours are just wrong, and a network that was trained
# on RGB sees a blue world.

# %%
capture = cv2.VideoCapture(str(path))
_, bgr = [capture.read() for _ in range(5)][-1]
capture.release()
display.images(
    [frame, bgr, bgr[..., ::-1]],
    ["vidlab: RGB", "OpenCV, shown as it comes", "OpenCV, channels reversed"],
    columns=3,
)

# %%
print("mean of the three channels, vidlab:", frame.mean(axis=(0, 1)).round(1))
print("mean of the three channels, OpenCV:", bgr.mean(axis=(0, 1)).round(1))

# %% [markdown]
# The means are the same three numbers in another order, up to the rounding of two decoders.
# Remember the sign: *skin looks blue, sky looks orange*.

# %% [markdown]
# ## 4 Time
#
# The frame shown at time $t$ is the last one whose timestamp is at or before $t$. With a constant
# frame rate, frame $i$ is shown from $i / \text{fps}$ on. Phones and screen recorders often write
# a **variable** frame rate: then the index says little about the time.
#
# We write such a file: the first 32 frames at 8 per second, the next 32 at 2 per second.

# %%
from fractions import Fraction

variable = folder / "01_variable.mp4"
stamps = np.concatenate([np.arange(32) / 8, 4 + np.arange(32) / 2])
with av.open(str(variable), "w") as container:
    stream = container.add_stream("libx264", rate=8)
    stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    for picture, stamp in zip(film[:64], stamps, strict=True):
        shot = av.VideoFrame.from_ndarray(picture, format="rgb24")
        shot.pts, shot.time_base = round(stamp * 1000), Fraction(1, 1000)
        container.mux(stream.encode(shot))
    container.mux(stream.encode())

# %%
times = video.frame_times(variable)
display.curves(
    {"variable": times, "8 per second": np.arange(len(times)) / 8},
    xlabel="frame index",
    ylabel="time (s)",
    title="When is a frame shown?",
)

# %% [markdown]
# Whoever takes every 8th frame of this file looks twice a second at first, and once in four
# seconds later. Sampling *by time* does not care:

# %%
by_index = times[::8]
by_time = video.frame_times(variable, num_frames=8)
print("every 8th frame:", by_index.round(2))
print("8 frames by time:", by_time.round(2))

# %% [markdown]
# ## 5 Which frames? Sampling
#
# A network takes $N_f$ frames, say 16. A film has thousands. The common rules:
#
# | rule | takes | `sampling=` |
# |---|---|---|
# | first | the first $N_f$ frames | `"first"` |
# | stride | every $k$-th frame from the start | `"stride"` |
# | random run | $N_f$ neighbours, starting anywhere | `"random"` |
# | uniform | the middle frame of each of $N_f$ equal parts | `"uniform"` |
# | segments | a random frame of each of $N_f$ equal parts | `"segments"` |
#
# The last one is from Temporal Segment Networks (Wang and others, 2016): uniform in the large,
# random in the small.

# %% [markdown]
# ### Baseline first: the first frames
#
# To compare the rules we need a film in which it matters: 20 seconds at 12 frames per second,
# nothing happens, and once a light flashes for half a second.


# %%
def flash_film(start, fps=12, duration=20.0, length=0.5, size=48):
    """A dark film (T, size, size, 3) in which a disc is lit from ``start`` for ``length`` s."""
    times = np.arange(int(duration * fps)) / fps
    y, x = np.mgrid[:size, :size] - size / 2
    disc = x**2 + y**2 < (size / 4) ** 2
    frames = np.full((len(times), size, size, 3), 40, np.uint8)
    lit = (times >= start) & (times < start + length)
    frames[np.ix_(lit, *map(np.unique, np.where(disc)))] = (240, 200, 60)
    return frames, lit


flash_path = folder / "01_flash.mp4"
flash_frames, lit = flash_film(start=13.1)
video.write_video(flash_path, flash_frames, fps=12)

# %%
rules = {
    "first": {},
    "stride": {"stride": 5},
    "random": {"seed": 1},
    "uniform": {},
    "segments": {"seed": 1},
}
taken = {
    rule: video.frame_times(flash_path, num_frames=16, sampling=rule, **options)
    for rule, options in rules.items()
}

# %%
figure, axes = display.new_axes(height=2.4)
axes.axvspan(13.1, 13.6, color="#E69F00", alpha=0.6, label="the flash")
for row, at in enumerate(taken.values()):
    axes.plot(at, np.full(16, row), "o", markersize=5, color="#0072B2")
axes.set_yticks(range(len(taken)), list(taken))
axes.set(xlabel="time (s)", xlim=(0, 20), ylim=(4.6, -0.6))
axes.legend(frameon=False, loc="upper right")
display.show_figure(figure, "Which times five sampling rules take from a film of 20 seconds.")

# %% [markdown]
# *First* sees the first 1.3 seconds and nothing else. *Stride* 5 ends after 7 seconds. A random
# run is somewhere, and short. Only *uniform* and *segments* look everywhere, but coarsely: every
# 1.25 seconds. Did they catch half a second of light?

# %%
for rule, options in rules.items():
    seen = video.read_frames(flash_path, num_frames=16, sampling=rule, **options)
    caught = (seen.max(axis=(1, 2, 3)) > 150).sum()
    print(f"{rule:<9} {caught} of 16 frames show the flash")

# %% [markdown]
# ### How often does uniform sampling miss?
#
# One film proves little. Let $D$ be the film's duration, $N_f$ the number of samples and $d$ the
# length of the event. Samples are $D / N_f$ apart. If the event starts at a random time, the
# chance that at least one sample falls into it is
#
# $$P(\text{caught}) = \min(1, d / (D / N_f)) = \min(1, d\,N_f / D).$$
#
# **A worked number:** $d = 0.5$ s, $D = 20$ s, $N_f = 16$: $P = 0.5 \cdot 16 / 20 = 0.4$. We
# expect to miss it in 60 of 100 films. Count:

# %%
rng = np.random.default_rng(0)
D, d = 20.0, 0.5
starts = rng.uniform(0, D - d, 20_000)
print("samples  formula  counted")
for num in (4, 8, 16, 32, 64):
    centres = (np.arange(num) + 0.5) * D / num
    first_after = centres[np.minimum(np.searchsorted(centres, starts), num - 1)]
    counted = np.mean((first_after >= starts) & (first_after < starts + d))
    print(f"{num:>7}  {min(1, d * num / D):>7.2f}  {counted:>7.2f}")

# %% [markdown]
# Formula and count agree up to small effects at the film's ends. The lesson: **before you choose
# a number of frames, ask how long the shortest thing is that you want to see.**

# %% [markdown]
# ### A control that could prove us wrong
#
# We claim that uniform sampling is the better rule. That depends on where events are. So move the
# flash to the very beginning, where many data sets have cut their clips to the action, and count
# again.

# %%
print("flash starts at   first   uniform")
for low, high in ((0.0, 0.8), (0.0, 19.5)):
    starts = rng.uniform(low, high, 300)
    hits = {"first": 0, "uniform": 0}
    for start in starts:
        _, lit = flash_film(start)
        centres = ((np.arange(16) + 0.5) * len(lit) / 16).astype(int)
        hits["first"] += lit[:16].any()
        hits["uniform"] += lit[centres].any()
    print(
        f"{low:4.1f} to {high:4.1f} s    {hits['first'] / 300:6.0%}   {hits['uniform'] / 300:6.0%}"
    )

# %% [markdown]
# So "first" is right where the action is known to stand at the start, and wrong elsewhere. No
# rule is best for every film; the table says for which films.

# %% [markdown]
# ## 6 Making frames smaller: aliasing
#
# Networks take small frames. The quick way is to keep every $s$-th pixel. The honest way is to
# average each block of $s \times s$ pixels: *area* resampling. Fine stripes show the difference.

# %%
y, x = np.mgrid[:320, :320]
stripes = (127.5 + 127.5 * np.sin(2 * np.pi * (x + 0.15 * y) / 5.5)).astype(np.uint8)
s = 5
skipped = stripes[::s, ::s]
averaged = stripes.reshape(64, s, 64, s).mean(axis=(1, 3)).astype(np.uint8)
display.images(
    [stripes[:160, :160], skipped, averaged],
    ["320 pixels (a quarter shown)", "every 5th pixel", "mean of 5 x 5 pixels"],
    columns=3,
)

# %% [markdown]
# The middle picture shows broad stripes **that are not there**. This is *aliasing*: a pattern
# with a period of $p$ pixels survives only if after scaling by $s$ its period is at least two
# pixels, $p / s \ge 2$ (the sampling theorem). Here $5.5 / 5 = 1.1 < 2$, so the only honest
# answer is grey. Averaging comes close to it:

# %%
for name, picture in (("original", stripes), ("every 5th", skipped), ("averaged", averaged)):
    print(f"{name:<10} contrast (standard deviation): {picture.std():5.1f}")

# %% [markdown]
# In a video it is worse: false stripes *move*, often backwards, like the wheels of a coach in a
# film. A network takes that for motion. `read_frames(path, size=64)` uses area resampling inside
# the decoder.

# %% [markdown]
# ## 7 Three libraries, one file
#
# OpenCV, MoviePy and PyAV (inside `vidlab.video`) can all do it. Same file, all frames, 64 x 64
# pixels, one run each:

# %%
from moviepy import VideoFileClip


def with_opencv(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        small = cv2.resize(read[1], (64, 64), interpolation=cv2.INTER_AREA)
        frames.append(small[..., ::-1])  # BGR -> RGB
    capture.release()
    return np.stack(frames)


def with_moviepy(path):
    with VideoFileClip(str(path), audio=False, target_resolution=(64, 64)) as clip:
        return np.stack(list(clip.iter_frames()))


def with_vidlab(path):
    return video.read_frames(path, size=64)


# %%
readers = {"OpenCV": with_opencv, "MoviePy": with_moviepy, "vidlab": with_vidlab}
results = {}
for name, read in readers.items():
    start = time.perf_counter()
    results[name] = read(path)
    elapsed = time.perf_counter() - start
    print(f"{name:<8} {results[name].shape}  {elapsed * 1000:6.1f} ms")

# %% [markdown]
# One run on a short file says little about speed; the project's `make bench` does it with care.
# It says more about *agreement*: how far apart are the pixels?

# %%
for name in ("OpenCV", "MoviePy"):
    count = min(len(results[name]), len(results["vidlab"]))
    apart = np.abs(results[name][:count].astype(int) - results["vidlab"][:count])
    print(f"{name} against vidlab: mean difference {apart.mean():.2f} of 255 levels")

# %% [markdown]
# Small differences come from other ways to scale and to convert YUV to RGB. A difference of 30
# levels or more would mean a real mistake: BGR, or other frames.

# %% [markdown]
# ## 8 Sound
#
# Sound is a row of numbers, the air pressure at a microphone, many thousand times per second: the
# **sample rate**. `read_audio` gives `float32 (S,)` between -1 and 1, mixed to one channel
# (*mono*), at the rate you ask for.

# %%
rate = 8000
audio = video.read_audio(path, rate=rate)
print(audio.shape, audio.dtype, f"{len(audio) / rate:.2f} s")

# %% [markdown]
# What do we hear? The **Fourier transform** of a short window tells how much of each frequency is
# in it. One window of 512 samples is $512 / 8000 = 0.064$ s long. Its frequencies stand $8000 /
# 512 = 15.6$ Hz apart.

# %%
window = audio[4000 : 4000 + 512] * np.hanning(512)
magnitude = np.abs(np.fft.rfft(window))
frequency = np.fft.rfftfreq(512, 1 / rate)
print(f"strongest frequency near 0.5 s: {frequency[magnitude.argmax()]:.0f} Hz")

# %% [markdown]
# A **spectrogram** does that for window after window and draws the result over time. Under its
# filmstrip one sees which sound belongs to which picture: in the world, pitch follows the height
# of the shapes, loudness their size, and a click marks each contact.

# %%
four_seconds = slice(0, 4 * rate)
display.spectrogram(audio[four_seconds], rate, frames=film[:32], max_frequency=2000)

# %% [markdown]
# ## 9 PyTorch: frames become a batch
#
# A PyTorch video model takes `float32 (N, T, C, H, W)` in [0, 1]: channels before height and
# width. Three steps: add the axis $N$, move the channels, scale.

# %%
import torch

clip = video.read_frames(path, num_frames=16, size=64)
batch = torch.from_numpy(clip)[None].permute(0, 1, 4, 2, 3).float() / 255
print(tuple(batch.shape), batch.dtype, f"from {batch.min():.2f} to {batch.max():.2f}")

# %% [markdown]
# `permute` moves the axes. `reshape` to the same shape would *not* move them: it cuts the same
# row of numbers at other places and mixes the colours into the columns.

# %%
moved = clip.transpose(0, 3, 1, 2)[8]  # (3, H, W)
reshaped = clip.reshape(16, 3, 64, 64)[8]
display.images(
    [np.moveaxis(moved, 0, -1), np.moveaxis(reshaped, 0, -1)],
    ["axes moved", "reshaped: scrambled"],
    columns=4,
)

# %% [markdown]
# ## 10 Keras: frames become a batch
#
# A Keras video model takes `float32 (N, T, H, W, C)` in [0, 1]: the clip's own order. Two steps:
# add the axis $N$, scale.

# %%
keras_batch = clip[None].astype("float32") / 255
print(keras_batch.shape, keras_batch.dtype)

# %% [markdown]
# ## 11 Same frames, same numbers
#
# The two batches hold the same numbers in another order. Average every frame's red channel in
# both frameworks:

# %%
import keras

torch_red = batch[0, :, 0].mean(dim=(1, 2)).numpy()
keras_red = keras.ops.convert_to_numpy(keras.ops.mean(keras_batch[0, :, :, :, 0], axis=(1, 2)))
print(f"largest difference: {np.abs(torch_red - keras_red).max():.1e}")

# %% [markdown]
# ## 12 Editing with MoviePy
#
# [MoviePy](https://zulko.github.io/moviepy/) edits: a clip is an object, an edit gives a new one,
# and nothing is computed until you write the file.

# %%
from moviepy import CompositeVideoClip, TextClip, concatenate_videoclips, vfx

source = VideoFileClip(str(path))
print(f"{source.duration:.2f} s, {source.fps:g} frames per second, size {source.size}")

# %%
normal = source.subclipped(0, 2)
slow = source.subclipped(0, 2).with_speed_scaled(0.5)
fast = source.subclipped(2, 6).with_speed_scaled(2)
mirrored = source.subclipped(6, 8).with_effects([vfx.MirrorX(), vfx.FadeOut(0.5)])
for name, part in (("slow", slow), ("fast", fast), ("mirrored", mirrored)):
    print(f"{name:<9} {part.duration:.1f} s")

# %% [markdown]
# **Slow motion does not invent frames.** At half speed, 16 frames last four seconds, so each is
# shown twice as long. The world is sampled as coarsely as before. (Chapter 09 makes frames that
# were never filmed.)

# %% [markdown]
# Subtitles: a text is a clip too, laid over the picture for some seconds.


# %%
def with_subtitle(clip, text):
    """The same clip with a line of text at its lower edge."""
    line = TextClip(text=text, font_size=10, color="white", bg_color="black", margin=(3, 2))
    line = line.with_duration(clip.duration).with_position(("center", "bottom"))
    return CompositeVideoClip([clip, line])


parts = {"normal": normal, "half speed": slow, "double speed": fast, "mirrored": mirrored}
final = concatenate_videoclips([with_subtitle(part, text) for text, part in parts.items()])

# %%
edited = folder / "01_edited.mp4"
small = {"audio_bitrate": "32k", "ffmpeg_params": ["-crf", "33"]}  # for the size of this notebook
final.write_videofile(str(edited), fps=8, codec="libx264", audio_codec="aac", logger=None, **small)
source.close()
print(video.probe(edited))

# %% [markdown]
# The clip below is that very file, shown by the browser. H.264 picture with AAC sound in an mp4
# plays everywhere; OpenCV's usual `mp4v` does not.

# %%
display.play(edited, title="Edited: normal, half speed, double speed, mirrored")

# %% [markdown]
# ## 13 Playground: your own video
#
# Upload a file (it stays on the machine where Jupyter runs), or set `my_video` to a path. Without
# either, the inspector shows our film.

# %%
import ipywidgets as widgets

uploader = widgets.FileUpload(accept="video/*", description="your video")
uploader

# %% [markdown]
# After an upload, run the two cells below again.

# %%
my_video = path  # or: Path("/home/me/cat.mp4")
for upload in uploader.value:
    my_video = folder / Path(upload.name).name
    my_video.write_bytes(upload.content)
print(video.probe(my_video))

# %% [markdown]
# **The clip inspector.** Scrub through the film, play it, pick a pixel with *x* and *y*. Things
# to try:
#
# - Find a cut: two neighbouring frames that have nothing in common.
# - Follow one pixel over time: which part of its change is noise, and which is motion?
# - Find the edge of a shape in the magnifier. How many pixels wide is it?

# %%
display.inspect(my_video)

# %% [markdown]
# **Many files at once.** In a terminal, `vidlab extract videos/ arrays/ --size 64 --num-frames
# 16` turns a folder of videos into arrays, skips what is done, and lists what could not be read.
# The same from Python:

# %%
from vidlab.extract import extract

report = extract(
    [path, folder / "01_text.mp4"], folder / "arrays", size=64, force=True, progress=False
)
print(report)

# %% [markdown]
# ## 14 Exercises

# %% [markdown]
# ### Exercise 1: blue first
#
# OpenCV gave you frames in BGR. Return them in RGB.


# %% exercise="01.to_rgb"
def to_rgb(frames):
    """frames: uint8 (T, H, W, 3), blue first. Returns the same shape, red first."""
    ### BEGIN SOLUTION
    return frames[..., ::-1]
    ### END SOLUTION


# %%
check("01.to_rgb", to_rgb)

# %% [markdown]
# ### Exercise 2: the frame shown at a time
#
# A player shows a frame from its own time until that of the next. Return the index of the frame
# shown at time $t$. Before the first frame's time, show the first. `times` is sorted.


# %% exercise="01.frame_at"
def frame_at(times, t):
    """times: float (T,), sorted, in seconds; t: seconds. Returns an int index."""
    ### BEGIN SOLUTION
    return max(0, int(np.searchsorted(times, t, side="right")) - 1)
    ### END SOLUTION


# %%
check("01.frame_at", frame_at)

# %% [markdown]
# ### Exercise 3: uniform sampling
#
# Divide `num_total` frames into `num_frames` equal parts and take the frame at the centre of
# each: part $i$ has its centre at $(i + 0.5) \cdot \text{num\_total} / \text{num\_frames}$; round
# down. This also works when there are fewer frames than wanted: some are repeated.


# %% exercise="01.uniform_indices"
def uniform_indices(num_total, num_frames):
    """Returns int (num_frames,), indices between 0 and num_total - 1."""
    ### BEGIN SOLUTION
    return ((np.arange(num_frames) + 0.5) * num_total / num_frames).astype(int)
    ### END SOLUTION


# %%
check("01.uniform_indices", uniform_indices)

# %% [markdown]
# ### Exercise 4: smaller without aliasing
#
# Reduce a clip by the whole number `factor` by averaging blocks of `factor` x `factor` pixels.
# Height and width are multiples of it. Round to whole numbers.


# %% exercise="01.shrink"
def shrink(frames, factor):
    """frames: uint8 (T, H, W, 3). Returns uint8 (T, H // factor, W // factor, 3)."""
    ### BEGIN SOLUTION
    T, H, W, C = frames.shape
    blocks = frames.reshape(T, H // factor, factor, W // factor, factor, C)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
    ### END SOLUTION


# %%
check("01.shrink", shrink)

# %% [markdown]
# ### Exercise 5: how many frames do you need?
#
# Events last at least `shortest` seconds, the film lasts `duration` seconds. Return the smallest
# number of uniform samples with which **no** event can slip through, wherever it starts. (Samples
# may be exactly `shortest` apart.)


# %% exercise="01.frames_needed"
def frames_needed(duration, shortest):
    """duration, shortest: seconds. Returns an int."""
    ### BEGIN SOLUTION
    return int(np.ceil(duration / shortest))
    ### END SOLUTION


# %%
check("01.frames_needed", frames_needed)

# %% [markdown]
# ### Exercise 6: stereo to mono
#
# A microphone gave 16-bit stereo: `int16 (S, 2)`, values from -32768 to 32767. Return mono
# `float32 (S,)` in [-1, 1]: the average of both channels, divided by 32768.


# %% exercise="01.to_mono"
def to_mono(samples):
    """samples: int16 (S, 2). Returns float32 (S,) in [-1, 1]."""
    ### BEGIN SOLUTION
    return (samples.astype(np.float32).mean(axis=1) / 32768).astype(np.float32)
    ### END SOLUTION


# %%
check("01.to_mono", to_mono)

# %% [markdown]
# ### Exercise 7: repair this snippet
#
# Snippets like this one stand in many tutorials. It has three mistakes: it runs, and what it
# returns is wrong. It should read every frame of a file with OpenCV, resize each to `size` x
# `size` pixels without aliasing, and return RGB in [0, 1].


# %% exercise="01.repair_reader"
def read_with_opencv(path, size):
    """Returns float32 (T, size, size, 3), RGB, in [0, 1]."""
    ### BEGIN SOLUTION
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frame = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
        frames.append(frame[..., ::-1])
    capture.release()
    return np.stack(frames).astype(np.float32) / 255
    ### LEARNER GETS
    # capture = cv2.VideoCapture(str(path))
    # frames = []
    # for _ in range(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) - 1):
    #     ok, frame = capture.read()
    #     frame = cv2.resize(frame, (size, size), interpolation=cv2.INTER_NEAREST)
    #     frames.append(frame)
    # capture.release()
    # return np.stack(frames).astype(np.float32) / 255
    ### END SOLUTION


# %%
check("01.repair_reader", read_with_opencv)

# %% [markdown]
# ### Exercise 8 (open): a sampler that does not miss
#
# Uniform sampling with 8 frames misses short events. You may look at *all* frames (small ones are
# cheap) and then choose the 8 that a slow network will see. The check makes 40 fresh films of 120
# noisy frames in which something happens for 3 frames only, and asks that you catch it in 90 % of
# them.


# %% exercise="01.choose_frames"
def choose_frames(frames, num_frames):
    """frames: uint8 (T, H, W, 3). Returns num_frames sorted, different int indices."""
    ### BEGIN SOLUTION
    typical = np.median(frames, axis=0)
    unusual = np.abs(frames - typical).mean(axis=(1, 2, 3))
    return np.sort(np.argsort(unusual)[-num_frames:])
    ### END SOLUTION


# %%
check("01.choose_frames", choose_frames)

# %% [markdown]
# **For a person to read.** Name a kind of video on which your rule would choose useless frames,
# and say what it would choose.

# %% [markdown] question="01.sampler_limits"
# Any film with a cut or a moving camera: the frames after a cut, or those where the camera moves
# most, differ most from the typical frame, so the rule spends all its frames on them. A
# flickering lamp or one burst of noise would also draw all of them. A better rule divides the
# film into parts first, and takes the most unusual frame of each.

# %% [markdown]
# ## 15 What you learned
#
# - A file is a container of streams of packets; decoding can start only at key frames.
# - A clip is `uint8 (T, H, W, 3)`, RGB. `uint8` wraps around; OpenCV is BGR.
# - The time of a frame is its timestamp, not its index.
# - Uniform sampling catches an event of length $d$ with probability $\min(1, d N_f / D)$.
# - Average before you shrink, or false patterns appear.
#
# ## 16 What can go wrong in practice
#
# - **Rotation.** Phones store a picture sideways and a note to turn it. PyAV does not turn it;
#   `vidlab.video` does.
# - **One bad packet** ends a plain decoding loop, though the later packets are fine.
#   `vidlab.video` skips it and warns.
# - **Another library, other pixels.** Use the same reader for training and for use.
# - **Frame-exact seeking** by index, on a file with B-frames or a variable rate, gives
#   neighbouring frames without a warning.
#
# ## 17 Papers
#
# - Wiegand, Sullivan, Bjøntegaard, Luthra: *Overview of the H.264/AVC Video Coding Standard*.
#   IEEE Transactions on Circuits and Systems for Video Technology 13(7), 2003.
# - Shannon: *Communication in the Presence of Noise*. Proceedings of the IRE 37(1), 1949. The
#   sampling theorem.
# - Wang, Xiong, Wang, Qiao, Lin, Tang, Van Gool: *Temporal Segment Networks: Towards Good
#   Practices for Deep Action Recognition*. ECCV 2016.
# - Soomro, Zamir, Shah: *UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild*.
#   CRCV-TR-12-01, 2012.
#
# ## 18 Where to go next
#
# Chapter 02 turns frames into features with convolutions. To practise on real clips first, put
# your own videos into a folder and run `vidlab extract` on it.
