"""Chapter 05a: attention, and transformers over frames, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class SelfAttention(layers.Layer):
    """Every place of a sequence looks at every other one, in several heads at once.

    Takes ``(..., L, width)`` and a mask that broadcasts to (..., num_heads, L, L); gives
    ``(..., L, width)``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = layers.Dense(width)
        self.key = layers.Dense(width)
        self.value = layers.Dense(width)
        self.project = layers.Dense(width)
        for layer in (self.query, self.key, self.value, self.project):
            layer.build((None, width))
        self.built = True

    @staticmethod
    def attend(query: Any, key: Any, value: Any, mask: Any = None) -> tuple[Any, Any]:
        """Look values up softly: softmax(query key^T / sqrt(D)) value.

        Scaled dot-product attention of Vaswani et al. (2017), "Attention is all you need".

        Args:
            query: (..., Q, D), what each place looks for.
            key: (..., K, D), what each place offers to be found by.
            value: (..., K, V), what is handed out.
            mask: bool, of a shape that broadcasts to (..., Q, K); True where a query may look. Each
                query must be allowed at least one key, or its row becomes NaN.

        Returns:
            What was found, (..., Q, V), and the weights, (..., Q, K), whose rows add up to 1.
        """
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1)) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = ops.where(mask, scores, -float("inf"))
        weights = ops.softmax(scores, axis=-1)
        return ops.matmul(weights, value), weights

    def split(self, x: Any) -> Any:
        """(..., L, width) -> (..., num_heads, L, width / num_heads)."""
        heads = ops.reshape(x, (-1, *x.shape[1:-1], self.num_heads, x.shape[-1] // self.num_heads))
        return ops.swapaxes(heads, -3, -2)

    def look(self, x: Any, mask: Any = None) -> tuple[Any, Any]:
        """What each head finds, (..., num_heads, L, D), and where it looks, (..., L, L)."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        return self.attend(self.split(query), self.split(key), self.split(value), mask)

    def call(self, x: Any, mask: Any = None) -> Any:
        found, _ = self.look(x, mask)
        return self.project(ops.reshape(ops.swapaxes(found, -3, -2), (-1, *x.shape[1:])))


attention = SelfAttention.attend


class TransformerBlock(layers.Layer):
    """Look around, then think: self-attention and a small network, each added to what was there.

    The normalisation comes before each part (Xiong et al., 2020, "On layer normalization in the
    transformer architecture"). Takes and gives ``(..., L, width)``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = layers.LayerNormalization(epsilon=1e-5)
        self.attention = SelfAttention(width, num_heads)
        self.norm2 = layers.LayerNormalization(epsilon=1e-5)
        self.expand = layers.Dense(4 * width)
        self.contract = layers.Dense(width)
        for layer in (self.norm1, self.norm2, self.expand):
            layer.build((None, width))
        self.contract.build((None, 4 * width))
        self.built = True

    def call(self, x: Any, mask: Any = None) -> Any:
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.contract(ops.gelu(self.expand(self.norm2(x)), approximate=False))

    def weights_of(self, x: Any, mask: Any = None) -> Any:
        """(..., L, width) -> (..., num_heads, L, L): where each place looks."""
        return self.attention.look(self.norm1(x), mask)[1]


class FrameTokens(layers.Layer):
    """A small CNN that makes one token of each frame.

    Takes clips ``float32 (N, T, size, size, 3)``, gives ``(N, T, width)``. The maps are flattened,
    not pooled, so that a token can say where something is.
    """

    def __init__(self, width: int, size: int = 32) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(16, 3, strides=2)
        self.conv2 = layers.Conv2D(16, 3, strides=2)
        self.dense = layers.Dense(width)
        self.num_values = 16 * (size // 4) ** 2
        self.conv1.build((None, size + 2, size + 2, 3))
        self.conv2.build((None, size // 2 + 2, size // 2 + 2, 16))
        self.dense.build((None, self.num_values))
        self.built = True

    def call(self, x: Any) -> Any:
        frames = ops.reshape(x, (-1, *x.shape[2:]))  # (N * T, size, size, 3)
        maps = ops.relu(self.conv1(self.pad(frames)))  # (N * T, size / 2, size / 2, 16)
        maps = ops.relu(self.conv2(self.pad(maps)))  # (N * T, size / 4, size / 4, 16)
        tokens = self.dense(ops.reshape(maps, (-1, self.num_values)))
        return ops.reshape(tokens, (-1, x.shape[1], tokens.shape[-1]))


class VideoEncoder(keras.Model):
    """One token for each frame, and a transformer over them.

    Takes clips ``float32 (N, T, size, size, 3)`` in [0, 1] with at most ``num_frames`` frames,
    gives ``(N, T, width)``: what each frame means beside the others. With ``class_token`` a token
    that belongs to no frame is put in front, (N, T + 1, width) (Devlin et al., 2019, "BERT").
    """

    def __init__(
        self,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        num_frames: int = 16,
        size: int = 32,
        class_token: bool = False,
    ) -> None:
        super().__init__()
        self.width = width
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight((num_frames, width), small, name="positions")
        self.class_token = None
        if class_token:
            self.class_token = self.add_weight((1, width), small, name="class_token")
        self.frames = FrameTokens(width, size)
        self.blocks = [TransformerBlock(width, num_heads) for _ in range(num_layers)]
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.norm.build((None, width))
        self.built = True

    def place(self, tokens: Any) -> Any:
        """Add the positions to the tokens of frames, (N, T, width)."""
        tokens = tokens + self.positions[: tokens.shape[1]]
        if self.class_token is not None:
            first = ops.broadcast_to(self.class_token, (ops.shape(tokens)[0], 1, self.width))
            tokens = ops.concatenate([first, tokens], axis=1)
        return tokens

    def read(self, tokens: Any) -> Any:
        """The tokens of frames, (N, T, width), after all blocks."""
        x = self.place(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def look(self, x: Any) -> Any:
        """(N, T, H, W, 3) -> (N, num_layers, num_heads, L, L): where each token looks."""
        x, weights = self.place(self.frames(x)), []
        for block in self.blocks:
            weights.append(block.weights_of(x))
            x = block(x)
        return ops.stack(weights, axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.read(self.frames(x))


class VideoTransformer(keras.Model):
    """A transformer over the frames of a clip, the head names the action.

    Takes clips ``float32 (N, T, size, size, 3)`` in [0, 1] with at most ``num_frames`` frames,
    gives logits ``float32 (N, num_classes)``. ``pool`` says what the head sees: the "mean" of all
    tokens, or a class "token" of its own.
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
        pool: str = "mean",
    ) -> None:
        super().__init__()
        self.pool = pool
        self.encoder = VideoEncoder(
            width, num_heads, num_layers, num_frames, size, class_token=pool == "token"
        )
        self.head = layers.Dense(num_classes)
        self.head.build((None, width))
        self.built = True

    def look(self, x: Any) -> Any:
        """(N, T, H, W, 3) -> (N, num_layers, num_heads, L, L): where each token looks."""
        return self.encoder.look(x)

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, width): what the head sees."""
        tokens = self.encoder(x)
        return tokens[:, 0] if self.pool == "token" else ops.mean(tokens, axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


class MaskedFrames(keras.Model):
    """Pretraining without labels: hide some frames, and say what is in them.

    Takes clips ``float32 (N, T, H, W, 3)``, gives ``(N, T, target_size + 1)``: a prediction for
    each frame, and as last number 1 where the frame was hidden; ``masked_mse`` counts only those.
    In training each frame is hidden with probability ``share``; otherwise every second one is.
    """

    def __init__(self, encoder: VideoEncoder, target_size: int = 192, share: float = 0.5) -> None:
        super().__init__()
        self.share = share
        self.random = keras.random.SeedGenerator()
        # Stands for a hidden frame.
        self.mask_token = self.add_weight((encoder.width,), "zeros", name="mask_token")
        self.encoder = encoder
        self.decode = layers.Dense(target_size)
        self.decode.build((None, encoder.width))
        self.built = True

    def hide(self, x: Any, training: bool | None) -> Any:
        """Which frames are hidden, bool (N, T)."""
        shape = ops.shape(x)[:2]
        if training:
            return keras.random.uniform(shape, seed=self.random) < self.share
        return ops.broadcast_to(ops.arange(x.shape[1]) % 2 == 1, shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        hidden = self.hide(x, training)
        tokens = ops.where(hidden[:, :, None], self.mask_token, self.encoder.frames(x))
        found = self.encoder.read(tokens)[:, -x.shape[1] :]  # without the class token
        marks = ops.cast(hidden[:, :, None], found.dtype)
        return ops.concatenate([self.decode(found), marks], axis=2)


def masked_mse(outputs: Any, targets: Any) -> Any:
    """The mean squared error over hidden frames; for ``fit(MaskedFrames(...), loss=...)``.

    Args:
        outputs: (N, T, D + 1), the last number says which frames count.
        targets: (N, T, D).
    """
    hidden = outputs[..., -1]
    error = ops.mean((outputs[..., :-1] - targets) ** 2, axis=-1)  # (N, T)
    return ops.sum(error * hidden) / ops.maximum(ops.sum(hidden), 1.0)
