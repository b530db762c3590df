"""The stage: clips that play, are scrubbed and chosen, and a sheet to draw on."""

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from vidlab.display.style import png_bytes
from vidlab.playground.curves import STATIC
from vidlab.playground.records import OverTime, Samples

TOP = 3  # opinions shown under a clip


class Stage(anywidget.AnyWidget):
    """Clips side by side with what a model says of them; see ``static/stage.js``.

    Attributes:
        selected: which clip is chosen, -1 where none can be.
        path: what the learner drew, (P, 2) numbers in [0, 1].
    """

    _esm = STATIC / "stage.js"
    _css = STATIC / "playground.css"
    sheet = traitlets.Bytes(b"").tag(sync=True)
    num_clips = traitlets.Int(0).tag(sync=True)
    num_frames = traitlets.Int(0).tag(sync=True)
    height = traitlets.Int(0).tag(sync=True)
    width = traitlets.Int(0).tag(sync=True)
    fps = traitlets.Float(8.0).tag(sync=True)
    tile = traitlets.Int(96).tag(sync=True)
    titles: traitlets.List = traitlets.List().tag(sync=True)
    opinions: traitlets.List = traitlets.List().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(True).tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    tracks: traitlets.List = traitlets.List().tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)
    drawing = traitlets.Bool(False).tag(sync=True)
    path: traitlets.List = traitlets.List().tag(sync=True)

    def show_clips(self, frames: np.ndarray, titles: Sequence[str] = (), fps: float = 8.0) -> None:
        """Show clips, uint8 (N, T, H, W, 3)."""
        count, length, height, width = frames.shape[:4]
        sheet = frames.transpose(0, 2, 1, 3, 4).reshape(count * height, length * width, 3)
        with self.hold_sync():
            self.num_clips, self.num_frames, self.height, self.width = count, length, height, width
            self.fps, self.titles = fps, list(titles)
            self.frame = min(self.frame, length - 1)
            self.opinions = [[] for _ in range(count)]
            self.sheet = png_bytes(np.ascontiguousarray(sheet))

    def show_opinions(
        self,
        opinions: np.ndarray,
        class_names: Sequence[str],
        labels: np.ndarray | None = None,
    ) -> None:
        """Show probabilities (N, K) under the clips; with labels (N,), whether they are right."""
        shown = []
        for index, opinion in enumerate(opinions):
            best = np.argsort(opinion)[::-1][:TOP]
            shown.append(
                [
                    {
                        "name": class_names[k],
                        "share": round(float(opinion[k]), 3),
                        "right": None if labels is None else bool(labels[index] == k),
                    }
                    for k in best
                ]
            )
        self.opinions = shown

    def show_tracks(self, tracks: Mapping[str, OverTime]) -> None:
        """Show what a model computes over the frames of the chosen clip."""
        self.tracks = [as_track(title, track) for title, track in tracks.items()]

    def __repr__(self) -> str:
        return f"Stage({self.num_clips} clips)"


def as_track(title: str, track: OverTime) -> dict[str, Any]:
    """An OverTime as stage.js takes it.

    Raises:
        ValueError: its values are not (T,) or (T, K), or have other than K names.
    """
    values = np.asarray(track.values, float)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or (track.names and len(track.names) != values.shape[1]):
        raise ValueError(
            f"OverTime {title!r}: expected values (T,) or (T, K) and K names, got "
            f"{np.shape(track.values)} and {len(track.names)} names"
        )
    low = float(values.min()) if track.low is None else track.low
    high = float(values.max()) if track.high is None else track.high
    return {
        "title": title,
        "kind": track.kind,
        "names": list(track.names),
        "values": values.T.round(4).tolist(),
        "low": low,
        "high": high,
    }


def titles_of(samples: Samples) -> list[str]:
    """What stands above each clip."""
    if samples.titles:
        return list(samples.titles)
    if samples.labels is None:
        return [""] * len(samples.frames)
    return [samples.class_names[label] for label in samples.labels]
