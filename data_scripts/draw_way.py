"""Draw the way of a video through the course, once for each chapter, its own part highlighted.

    python data_scripts/draw_way.py

writes notebooks/images/way_NN.png. The little pictures are made by the world and by plain
arithmetic on its frames, so that the drawing shows what the chapters do.
"""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from vidlab import world
from vidlab.display.style import png_bytes

STAGES = (
    "file or\ngenerated world",
    "frames",
    "features",
    "sequence",
    "meaning",
    "new video",
)
# chapter -> the stages that it is about
CHAPTERS = {
    "00": (0, 1, 2, 3, 4, 5),
    "01": (0, 1),
    "02": (1, 2),
    "03": (2, 3, 4),
    "04": (1, 3, 4),
    "05": (2, 3, 4),
    "06": (0, 2, 4),
    "07": (1, 5),
    "08": (1, 5),
    "09": (4, 5),
    "10": (4,),
    "11": (2, 3, 4),
    "12": (0, 1),
}
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#b8b8b8"
WIDTH, GAP = 1.0, 0.32


def draw_file(axes, frames, tone):
    for offset in (0.12, 0.06, 0.0):
        axes.imshow(frames[-1 if offset else 0], extent=(0.1 + offset, 0.75 + offset, 0.1, 0.75))
        axes.plot(
            [0.1 + offset, 0.75 + offset, 0.75 + offset, 0.1 + offset, 0.1 + offset],
            [0.1, 0.1, 0.75, 0.75, 0.1],
            color=tone,
            linewidth=1.2,
        )


def draw_frames(axes, frames, tone):
    for row in range(2):
        for column in range(2):
            left, low = 0.08 + column * 0.44, 0.5 - row * 0.44
            picture = frames[(row * 2 + column) * 5]
            axes.imshow(picture, extent=(left, left + 0.4, low, low + 0.4))


def draw_features(axes, frames, tone):
    grey = frames.astype(float).mean(axis=-1)
    values = grey[::4].reshape(len(grey[::4]), -1)
    table = np.stack([np.abs(np.fft.rfft(row - row.mean()))[1:9] for row in values])
    axes.imshow(np.log1p(table).T, extent=(0.12, 0.88, 0.08, 0.92), cmap="cividis", aspect="auto")


def draw_sequence(axes, frames, tone):
    for i in range(4):
        x = 0.1 + 0.26 * i
        axes.plot([x], [0.5], "o", color=tone, markersize=11)
        if i < 3:
            axes.annotate(
                "",
                (x + 0.21, 0.5),
                (x + 0.06, 0.5),
                arrowprops={"arrowstyle": "->", "color": tone, "linewidth": 1.6},
            )
        axes.plot([x, x], [0.12, 0.4], color=tone, linewidth=1.2)


def draw_meaning(axes, frames, tone):
    names, shares = ("left", "right", "meet"), (0.9, 0.06, 0.04)
    for i, (name, share) in enumerate(zip(names, shares, strict=True)):
        y = 0.75 - 0.27 * i
        axes.barh([y], [0.5 * share], left=0.42, height=0.15, color=tone)
        axes.text(0.38, y, name, ha="right", va="center", fontsize=8, color="#222222")


def draw_new(axes, frames, tone):
    for i, index in enumerate((0, 7, 15)):
        left = 0.05 + 0.31 * i
        axes.imshow(frames[index], extent=(left, left + 0.28, 0.36, 0.64))
    axes.fill([0.42, 0.42, 0.62], [0.06, 0.28, 0.17], color=tone)


DRAWINGS = (draw_file, draw_frames, draw_features, draw_sequence, draw_meaning, draw_new)


def draw(highlighted: tuple[int, ...]) -> Figure:
    clips = world.generate(2, actions=["left", "right"], size=64, num_shapes=1, seed=11)
    frames = clips.frames[int(np.argmin(clips.labels))]
    total = len(STAGES) * WIDTH + (len(STAGES) - 1) * GAP
    figure = Figure(figsize=(8, 8 / total * 1.62), dpi=180, facecolor="white")
    FigureCanvasAgg(figure)
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(-0.06, total + 0.06), ylim=(-0.5, 1.1), aspect="equal")
    page.axis("off")
    for i, (name, drawing) in enumerate(zip(STAGES, DRAWINGS, strict=True)):
        active = i in highlighted
        tone = BLUE if active else GREY
        left = i * (WIDTH + GAP)
        page.add_patch(
            FancyBboxPatch(
                (left + 0.05, 0.05),
                0.9,
                0.9,
                boxstyle="round,pad=0.05",
                facecolor="#eef6fb" if active else "#fafafa",
                edgecolor=tone,
                linewidth=2.4 if active else 1.2,
            )
        )
        page.text(
            left + 0.5,
            -0.12,
            name,
            ha="center",
            va="top",
            fontsize=9,
            color="#222222" if active else "#8a8a8a",
            fontweight="bold" if active else "normal",
            linespacing=1.0,
        )
        if i < len(STAGES) - 1:
            page.add_patch(
                FancyArrowPatch(
                    (left + WIDTH + 0.03, 0.5),
                    (left + WIDTH + GAP - 0.03, 0.5),
                    arrowstyle="-|>",
                    mutation_scale=11,
                    color=ORANGE if active else GREY,
                    linewidth=1.6,
                )
            )
        inset = page.inset_axes((left + 0.08, 0.08, 0.84, 0.84), transform=page.transData)
        drawing(inset, frames, tone)
        inset.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        inset.axis("off")
        if not active:
            inset.set_alpha(0.3)
            for artist in (*inset.images, *inset.patches, *inset.lines):
                artist.set_alpha(0.35)
    return figure


def main() -> None:
    folder = Path(__file__).resolve().parents[1] / "notebooks" / "images"
    folder.mkdir(exist_ok=True)
    for chapter, stages in CHAPTERS.items():
        figure = draw(stages)
        (folder / f"way_{chapter}.png").write_bytes(png_bytes(figure, dpi=180))


if __name__ == "__main__":
    main()
