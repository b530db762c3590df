"""Chapter 05a: transformers over the patches of pictures and clips, in Keras."""

from typing import Any

import keras
from keras import layers, ops

from vidlab.keras.models.self_attention import SelfAttention, TransformerBlock


class PatchTokens(layers.Layer):
    """Cut pictures into square patches, one token each.

    Takes pictures ``float32 (N, size, size, 3)``, gives ``(N, (size / patch)^2, width)`` with a
    position added to each.
    """

    def __init__(self, width: int, size: int = 32, patch: int = 8) -> None:
        super().__init__()
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(((size // patch) ** 2, width), small, name="positions")
        self.conv = layers.Conv2D(width, patch, strides=patch)

    def call(self, x: Any) -> Any:
        return ops.reshape(self.conv(x), (-1, *self.positions.shape)) + self.positions


class FrameViT(keras.Model):
    """A transformer over the patches of one picture: a small vision transformer.

    Takes pictures ``float32 (N, size, size, 3)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. After Dosovitskiy et al. (2021), "An image is worth 16x16 words:
    transformers for image recognition at scale", with the mean of the tokens before the head.
    """

    takes = "frames"

    def __init__(
        self,
        num_classes: int,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        size: int = 32,
        patch: int = 8,
    ) -> None:
        super().__init__()
        self.patches = PatchTokens(width, size, patch)
        self.blocks = [TransformerBlock(width, num_heads) for _ in range(num_layers)]
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((size, size, 3)))  # builds the weights

    def look(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, num_layers, num_heads, P, P): where each patch looks."""
        tokens, weights = self.patches(x), []
        for block in self.blocks:
            weights.append(block.weights_of(tokens))
            tokens = block(tokens)
        return ops.stack(weights, axis=1)

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, width): the mean of the tokens."""
        tokens = self.patches(x)
        for block in self.blocks:
            tokens = block(tokens)
        return ops.mean(self.norm(tokens), axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


class DividedBlock(layers.Layer):
    """Look along time, then along space, then think: divided space-time attention.

    Takes and gives ``(N, T, P, width)``: P patches in each of T frames. After Bertasius et al.
    (2021), "Is space-time attention all you need for video understanding?"
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.time = SelfAttention(width, num_heads)
        self.space = TransformerBlock(width, num_heads)

    def call(self, x: Any) -> Any:
        along_time = ops.swapaxes(self.norm(x), 1, 2)  # (N, P, T, width)
        x = x + ops.swapaxes(self.time(along_time), 1, 2)
        return self.space(x)


class SpaceTimeTransformer(keras.Model):
    """A transformer over the patches of all frames, with divided space-time attention.

    Takes clips ``float32 (N, T, size, size, 3)`` in [0, 1] with at most ``num_frames`` frames,
    gives logits ``float32 (N, num_classes)``.
    """

    takes = "clips"

    def __init__(
        self,
        num_classes: int,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        num_frames: int = 16,
        size: int = 32,
        patch: int = 8,
    ) -> None:
        super().__init__()
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight((num_frames, 1, width), small, name="positions")
        self.patches = PatchTokens(width, size, patch)
        self.blocks = [DividedBlock(width, num_heads) for _ in range(num_layers)]
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((num_frames, size, size, 3)))  # builds the weights

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, width): the mean of all tokens."""
        patches = self.patches(ops.reshape(x, (-1, *x.shape[2:])))
        tokens = ops.reshape(patches, (-1, x.shape[1], *patches.shape[1:]))  # (N, T, P, width)
        tokens = tokens + self.positions[: x.shape[1]]
        for block in self.blocks:
            tokens = block(tokens)
        return ops.mean(self.norm(tokens), axis=(1, 2))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))
