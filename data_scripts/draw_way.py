"""Draw the way of a video through the course, once for each chapter, its own part highlighted.

    python data_scripts/draw_way.py

writes notebooks/images/way_NN.png for each chapter that has a source. The little pictures are
made by the world and by plain arithmetic on its frames.
"""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from vidlab import world
from vidlab.display.style import png_bytes

STAGES = (
    "file or world",
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
    for index, offset in ((0, 0.16), (8, 0.08), (15, 0.0)):
        left, low = 0.08 + offset, 0.08 + offset
        axes.imshow(frames[index], extent=(left, left + 0.66, low, low + 0.66))
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) * 0.66
        axes.plot(left + corners[:, 0], low + corners[:, 1], color=tone, linewidth=1.2)


def draw_frames(axes, frames, tone):
    for row in range(2):
        for column in range(2):
            left, low = 0.08 + column * 0.44, 0.5 - row * 0.44
            picture = frames[(row * 2 + column) * 5]
            axes.imshow(picture, extent=(left, left + 0.4, low, low + 0.4))


def draw_features(axes, frames, tone):
    """Edges of each frame, averaged over a coarse grid: one column of numbers for each frame."""
    grey = frames[::2].astype(float).mean(axis=-1)
    edges = np.abs(np.diff(grey, axis=1)[:, :, :-1]) + np.abs(np.diff(grey, axis=2)[:, :-1])
    cells = edges[:, :63, :63].reshape(len(grey), 3, 21, 3, 21).mean(axis=(2, 4))
    table = np.log1p(cells.reshape(len(grey), 9)).T
    cmap = "Blues" if tone == BLUE else "Greys"
    axes.imshow(
        table,
        extent=(0.1, 0.9, 0.08, 0.92),
        cmap=cmap,
        aspect="auto",
        vmax=table.max() * (1 if tone == BLUE else 2.2),
    )


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
    clips = world.generate(40, actions=["left"], size=64, num_shapes=1, seed=1, sound=False)
    frames = clips.frames[int(clips.attributes["radius"].argmax())]
    pale = (255 - (255 - frames.astype(float)) * 0.4).astype(np.uint8)
    total = len(STAGES) * WIDTH + (len(STAGES) - 1) * GAP
    figure = Figure(figsize=(8, 8 / total * 1.42), dpi=180, facecolor="white")
    FigureCanvasAgg(figure)
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(-0.06, total + 0.06), ylim=(-0.36, 1.06), aspect="equal")
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
            -0.24,
            name,
            ha="center",
            va="baseline",
            fontsize=9,
            color="#222222" if active else "#8a8a8a",
            fontweight="bold" if active else "normal",
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
        drawing(inset, frames if active else pale, tone)
        inset.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        inset.axis("off")
    return figure


def main() -> None:
    folder = Path(__file__).resolve().parents[1] / "notebooks" / "images"
    folder.mkdir(exist_ok=True)
    written = {path.name[:2] for path in (folder.parent / "source").glob("*.py")}
    for chapter in sorted(written & CHAPTERS.keys()):
        figure = draw(CHAPTERS[chapter])
        (folder / f"way_{chapter}.png").write_bytes(png_bytes(figure, dpi=180))


if __name__ == "__main__":
    main()
