"""A judge of generated clips: what it would call them, and numbers to compare sets of them by."""

from typing import Any

import keras
from keras import layers, ops

from vidlab.keras.models.lstm_sequences import SpatialMoments


def _norm(**options: Any) -> layers.Layer:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **options)


class Judge(keras.Model):
    """Names the action, the colour and the shape of a clip of the easy world with one shape.

    Takes clips ``float32 (N, 16, 32, 32, 3)`` in [0, 1], gives logits ``float32 (N, 17)``: 8 of
    the action, 6 of the colour, 3 of the shape, in this order. A small CNN looks at each frame
    and says what it sees and where; convolutions over time read how the places change.
    """

    num_features = 64
    parts = (8, 6, 3)  # logits of the action, the colour, the shape
    feature_scale = 0.75  # how much each feature spreads on the clips it learned from

    def __init__(self) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad1 = layers.ZeroPadding2D(2)
        self.conv1 = layers.Conv2D(16, 5, strides=2, use_bias=False)
        self.norm1 = _norm()
        self.conv2 = layers.Conv2D(32, 3, padding="same", use_bias=False)
        self.norm2 = _norm()
        self.where = layers.Conv2D(8, 1)
        self.moments = SpatialMoments()
        self.pad2 = layers.ZeroPadding2D(1)
        self.conv3 = layers.Conv2D(48, 3, strides=2, use_bias=False)
        self.norm3 = _norm()
        self.norm4 = _norm()
        self.pad3 = layers.ZeroPadding1D(1)
        self.time1 = layers.Conv1D(64, 4, strides=2, use_bias=False)
        self.norm5 = _norm()
        self.time2 = layers.Conv1D(96, 4, strides=2, use_bias=False)
        self.norm6 = _norm()
        self.mix = layers.Dense(self.num_features)
        self.norm7 = _norm(center=False, scale=False)
        self.head = layers.Dense(sum(self.parts))
        self(keras.Input((16, 32, 32, 3)))  # builds the weights

    def looks(self, frames: Any, training: bool | None = None) -> tuple[Any, Any]:
        """Frames (N, 32, 32, 3) -> where 8 channels look (N, 40), what 48 channels see (N, 96)."""
        maps = self.conv1(self.pad1(frames))
        maps = ops.relu(self.norm1(maps, training=training))  # (N, 16, 16, 16)
        maps = ops.relu(self.norm2(self.conv2(maps), training=training))  # (N, 16, 16, 32)
        seen = self.conv3(self.pad2(maps))
        seen = ops.relu(self.norm3(seen, training=training))  # (N, 8, 8, 48)
        return self.moments(self.where(maps)), ops.concatenate(
            [ops.mean(seen, axis=(1, 2)), ops.max(seen, axis=(1, 2))], axis=1
        )

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, 16, 32, 32, 3) -> (N, 64): the numbers that the Frechet distance compares."""
        num_frames = x.shape[1]
        frames = ops.reshape(x, (-1, *x.shape[2:]))  # (N * 16, 32, 32, 3)
        places, seen = (
            ops.reshape(part, (-1, num_frames, part.shape[1]))
            for part in self.looks(frames, training)
        )  # (N, 16, 40), (N, 16, 96)
        place = ops.mean(places, axis=1)  # (N, 40): where
        path = places - place[:, None]  # where to
        moves = self.norm4(path, training=training)  # (N, 16, 40)
        moves = self.time1(self.pad3(moves))
        moves = ops.relu(self.norm5(moves, training=training))  # (N, 8, 64)
        moves = self.time2(self.pad3(moves))
        moves = ops.relu(self.norm6(moves, training=training))  # (N, 4, 96)
        moves = ops.reshape(moves, (-1, moves.shape[1] * moves.shape[2]))
        all_of_it = ops.concatenate([moves, ops.mean(seen, axis=1), place], axis=1)
        normal = self.norm7(self.mix(all_of_it), training=training)  # (N, 520) -> (N, 64)
        return self.feature_scale * normal

    def opinions(self, features: Any) -> Any:
        """Features (N, 64) -> logits (N, 17)."""
        return self.head(features / self.feature_scale)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, 16, 32, 32, 3) -> (N, 17)."""
        return self.opinions(self.features(x, training))
