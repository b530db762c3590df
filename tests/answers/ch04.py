"""Answers to the exercises of chapter 04."""

import numpy as np
import torch
from torch import nn

from answers import Case, Lazy


def output_size(floor=True, sides=2, first=1):
    def answer(size, kernel, stride, padding):
        steps = [
            (n + sides * p - k) / s
            for n, k, s, p in zip(size, kernel, stride, padding, strict=True)
        ]
        if floor is None:
            return tuple(step + first for step in steps)
        rounded = np.floor(steps) if floor else np.ceil(steps)
        return tuple(int(step) + first for step in rounded)

    return answer


def motion_kernel(sign=1, centre=1, rows=slice(None)):
    def answer(velocity):
        kernel = np.zeros((3, 3, 7))
        for t in range(3):
            shift = sign * velocity * (t - centre)
            kernel[t, rows, (2 + shift) % 7] = -1
            kernel[t, rows, (4 + shift) % 7] = 1
        return kernel

    return answer


def standing_edge(velocity):
    return motion_kernel()(0)


def unit_velocity(velocity):
    return motion_kernel()(int(np.sign(velocity)))


def cost(in_channels, out_channels, kernel, output, bias):
    weights = out_channels * in_channels * int(np.prod(kernel))
    return weights + bias * out_channels, weights * int(np.prod(output))


def cost_variant(bias_always=False, flops=1, biased_multiply=False, positions=True, channels=True):
    def answer(in_channels, out_channels, kernel, output, bias):
        weights = out_channels * int(np.prod(kernel)) * (in_channels if channels else 1)
        parameters = weights + (bias or bias_always) * out_channels
        used = parameters if biased_multiply else weights
        volume = int(np.prod(output)) if positions else 1
        return parameters, flops * used * volume

    return answer


def middle_loop(in_channels, out_channels, t=3, d=3):
    full, m = t * d * d * in_channels * out_channels, 0
    while (m + 1) * (d * d * in_channels + t * out_channels) <= full:
        m += 1
    return m


def softmax(logits, axis=1):
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def by_video(values, videos):
    return np.stack([values[videos == v].mean(axis=0) for v in range(videos.max() + 1)])


def video_classes(logits, videos):
    return by_video(softmax(logits), videos).argmax(axis=1)


def video_classes_sums(logits, videos):
    sums = np.zeros((videos.max() + 1, logits.shape[1]))
    np.add.at(sums, videos, softmax(logits))
    return sums.argmax(axis=1)


def votes(logits, videos):
    return by_video(np.eye(logits.shape[1])[logits.argmax(axis=1)], videos).argmax(axis=1)


def unsafe_softmax(logits, videos):
    with np.errstate(all="ignore"):
        exponentials = np.exp(logits)
        return by_video(exponentials / exponentials.sum(1, keepdims=True), videos).argmax(axis=1)


class Network(nn.Module):
    """The repaired network; its switches bring single mistakes back."""

    def __init__(self, num_classes, mistake=None):
        super().__init__()
        self.mistake = mistake
        self.conv1 = nn.Conv3d(16 if mistake == "axes" else 3, 16, 3, padding=1)
        self.conv2 = nn.Conv3d(16, 32, 3, padding=1)
        if mistake == "frames":
            self.conv1 = nn.Conv3d(3, 16, (1, 3, 3), padding=(0, 1, 1))
            self.conv2 = nn.Conv3d(16, 32, (1, 3, 3), padding=(0, 1, 1))
        self.pool = nn.MaxPool3d((1, 2, 2))
        size = 32 * 16 * 8 * 8 if mistake == "flatten" else 32
        self.linear = nn.Linear(size, num_classes)

    def forward(self, x):
        if self.mistake == "view":
            x = x.reshape(x.shape[0], 3, x.shape[1], *x.shape[3:])
        elif self.mistake != "axes":
            x = x.transpose(1, 2)
        if self.mistake == "scaled":  # no mistake: a scale around zero
            x = (x - 0.5) / 0.25
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.flatten(1) if self.mistake == "flatten" else x.amax(dim=(2, 3, 4))
        x = self.linear(x)
        ends = {"softmax": lambda x: x.softmax(dim=1), "sigmoid": torch.sigmoid, "relu": torch.relu}
        return ends.get(self.mistake, lambda x: x)(x)


class FramesFirst(nn.Module):
    """A 2D convolution on every frame, then a 3D one, as Conv3DNet."""

    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv3d(8, 16, 3, padding=1)
        self.linear = nn.Linear(16, num_classes)

    def forward(self, x):
        frames = torch.relu(self.conv1(x.flatten(0, 1)))
        x = frames.unflatten(0, x.shape[:2]).transpose(1, 2)
        return self.linear(torch.relu(self.conv2(x)).amax(dim=(2, 3, 4)))


def network(mistake):
    return lambda num_classes: Network(num_classes, mistake)


def keras_network(num_classes):
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((None, None, None, 3)),
            layers.Conv3D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling3D((1, 2, 2)),
            layers.Conv3D(8, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling3D(),
            layers.Dense(num_classes),
        ]
    )


def correlate(clip, kernel):
    T, H, W = np.array(clip.shape) - kernel.shape + 1
    output = np.zeros((T, H, W))
    for i, j, k in np.argwhere(kernel):
        output += kernel[i, j, k] * clip[i : i + T, j : j + H, k : k + W]
    return output


def directions(compare="opposites"):
    """Name the direction by motion energies; by default as the chapter's solution does."""

    def answer(frames):
        grey = frames.mean(axis=-1) / 255
        kernel = np.zeros((3, 3, 5))
        for t in range(3):
            kernel[t, :, t], kernel[t, :, t + 2] = -1, 1
        turned = kernel.transpose(0, 2, 1)
        kernels = {"right": kernel, "left": kernel[::-1], "down": turned, "up": turned[::-1]}
        power = 1 if compare == "not squared" else 2
        energy = {name: (correlate(grey, k) ** power).mean() for name, k in kernels.items()}
        if compare == "reversed":
            return min(energy, key=lambda name: energy[name] - energy[OPPOSITE[name]])
        if compare == "left and right":
            return "right" if energy["right"] > energy["left"] else "left"
        return max(energy, key=lambda name: energy[name] - energy[OPPOSITE[name]])

    return answer


OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


ANSWERS = {
    "04.output_size": Case(
        right=[output_size()],
        wrong=[
            (output_size(sides=1), "n + 2 * p"),
            (output_size(first=0), "+ 1"),
            (output_size(floor=None), "// instead of /"),
            (output_size(floor=False), "You rounded up"),
            (lambda size, kernel, stride, padding: 3, "one for each axis"),
        ],
    ),
    "04.motion_kernel": Case(
        right=[motion_kernel()],
        wrong=[
            (motion_kernel(sign=-1), "the other way"),
            (standing_edge, "do not move"),
            (unit_velocity, "no more and no less"),
            (motion_kernel(rows=1), "into all rows"),
            (motion_kernel(centre=0), "counted from the middle frame"),
        ],
    ),
    "04.cost": Case(
        right=[cost],
        wrong=[
            (cost_variant(bias_always=True), "no biases"),
            (cost_variant(flops=2), "You counted FLOPs"),
            (cost_variant(biased_multiply=True), "without the biases"),
            (cost_variant(positions=False), "times T * H * W"),
            (cost_variant(channels=False), "all five numbers"),
            (lambda i, o, kernel, output, bias: i * o * int(np.prod(kernel)), "a pair"),
        ],
        seeds=3,
    ),
    "04.middle_channels": Case(
        right=[middle_loop],
        wrong=[
            (lambda i, o, t=3, d=3: middle_loop(i, o, t, d) + 1, "Round down"),
            (lambda i, o, t=3, d=3: t * d * d * i * o / (d * d * i + t * o), "no half channel"),
            (lambda i, o, t=3, d=3: middle_loop(o, i, t, d), "goes with in_channels"),
            (lambda i, o, t=3, d=3: t * d * i * o // (d * i + t * o), "room for more"),
        ],
    ),
    "04.video_classes": Case(
        right=[video_classes, video_classes_sums],
        wrong=[
            (lambda x, videos: by_video(x, videos).argmax(axis=1), "averaged the logits"),
            (votes, "counted votes"),
            (lambda x, videos: by_video(softmax(x, 0), videos).argmax(axis=1), "axis=1"),
            (unsafe_softmax, "is infinite"),
            (lambda x, videos: softmax(x).argmax(axis=1), "different numbers of clips"),
        ],
    ),
    "04.repair_network": Case(
        right=[Network, network("scaled"), FramesFirst, Lazy(lambda: keras_network)],
        wrong=[
            (network("axes"), "slide over colours"),
            (network("view"), "mixes frames and colours"),
            (network("softmax"), "applies the softmax itself"),
            (network("sigmoid"), "as it is"),
            (network("relu"), "as it is"),
            (network("flatten"), "for one size only"),
            (network("frames"), "no kernel sees two frames"),
        ],
        seeds=2,
    ),
    "04.four_directions": Case(
        right=[directions()],
        wrong=[
            (directions("not squared"), "unless you square them"),
            (directions("reversed"), "the opposite direction"),
            (directions("left and right"), "need four kernels"),
            (lambda frames: "upwards", "Return the word"),
        ],
        seeds=3,
    ),
}
