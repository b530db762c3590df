"""Answers to the exercises of chapter 02."""

import numpy as np

from answers import Case


def step(factor=2.0, sign=-1, total=False):
    def gradient_step(w, b, x, y, alpha):
        error = w * x + b - y
        add = np.sum if total else np.mean
        return w + sign * alpha * factor * add(error * x), b + sign * alpha * factor * add(error)

    return gradient_step


def step_one_after_the_other(w, b, x, y, alpha):
    w = w - alpha * 2 * ((w * x + b - y) * x).mean()
    b = b - alpha * 2 * (w * x + b - y).mean()
    return w, b


def field_of(use_jump=True, stride_first=False):
    def receptive_field(layers):
        field, jump = 1, 1
        for kernel, stride in layers:
            jump *= stride if stride_first else 1
            field += (kernel - 1) * (jump if use_jump else 1)
            jump *= 1 if stride_first else stride
        return field

    return receptive_field


def field_from_the_top(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def convolve(turned=False, ignore_stride=False, add_kernels=False):
    def convolve_layer(X, kernels, stride=1):
        k = len(kernels)
        stride = 1 if ignore_stride else stride
        used = kernels[::-1, ::-1] if turned else kernels
        H, W = ((n - k) // stride + 1 for n in X.shape[:2])
        out = np.zeros((H, W, kernels.shape[3]))
        for i in range(H):
            for j in range(W):
                window = X[i * stride : i * stride + k, j * stride : j * stride + k]
                for d in range(kernels.shape[3]):
                    out[i, j, d] = (window * used[..., d]).sum()
        return out.sum(axis=2) if add_kernels else out

    return convolve_layer


def convolve_by_three(X, kernels, stride=1):
    rows, columns = range(0, X.shape[0] - 2, stride), range(0, X.shape[1] - 2, stride)
    return np.array(
        [[np.tensordot(X[i : i + 3, j : j + 3], kernels, axes=3) for j in columns] for i in rows]
    )


def entropy(sign=-1, add=np.mean, log=np.log, stable=True):
    def cross_entropy(logits, labels):
        if stable:
            logits = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        p = p / p.sum(axis=1, keepdims=True)
        return sign * add(log(p[np.arange(len(labels)), labels]))

    return cross_entropy


def entropy_of_all_classes(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).mean()


def norm(axes=(0, 1, 2), root=True, affine=True, use_epsilon=True):
    def batch_norm(x, gamma, beta, epsilon=1e-5):
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        variance = variance + epsilon if use_epsilon else variance
        x = (x - mean) / (np.sqrt(variance) if root else variance)
        return gamma * x + beta if affine else x

    return batch_norm


def norm_epsilon_outside(x, gamma, beta, epsilon=1e-5):
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return gamma * (x - mean) / (np.sqrt(variance) + epsilon) + beta


def norm_own_epsilon(x, gamma, beta, epsilon=1e-5):
    return norm()(x, gamma, beta)


def overlap(at_least_zero=True, union="both"):
    def iou(a, b):
        sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
        if at_least_zero:
            sides = [max(0.0, side) for side in sides]
        shared = sides[0] * sides[1]
        areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
        covered = {
            "both": areas[0] + areas[1] - shared,
            "twice": areas[0] + areas[1],
            "first": areas[0],
        }
        return shared / covered[union]

    return iou


def split(reverse=True, by_source=True, overlapping=False, shuffled=True):
    def prepare(bgr_frames, labels, sources, seed=0):
        x = (bgr_frames[..., ::-1] if reverse else bgr_frames).astype(np.float32) / 255
        if by_source:
            names = np.unique(sources)
            names = np.random.default_rng(seed).permutation(names) if shuffled else names
            in_val = np.isin(sources, names[: len(names) // 5])
        else:
            in_val = np.zeros(len(x), bool)
            in_val[np.random.default_rng(seed).permutation(len(x))[: len(x) // 5]] = True
        in_train = np.ones(len(x), bool) if overlapping else ~in_val
        return (x[in_train], labels[in_train]), (x[in_val], labels[in_val])

    return prepare


def reversed_in_training_only(bgr_frames, labels, sources, seed=0):
    train, (x, y) = split()(bgr_frames, labels, sources, seed)
    return train, (x[..., ::-1], y)


def snippet(bgr_frames, labels, sources, seed=0):
    x = bgr_frames.astype(np.float32) / 255
    num_val = len(x) // 5
    return (x, labels), (x[-num_val:], labels[-num_val:])


def edge_directions(frames, boxes=12):
    grey = frames.astype(float).mean(axis=3)
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right).reshape(len(frames), -1)
    direction = np.arctan2(down, right).reshape(len(frames), -1) % (2 * np.pi)
    box = np.minimum((direction / (2 * np.pi) * boxes).astype(int), boxes - 1)
    counts = np.stack([np.bincount(b, s, boxes) for b, s in zip(box, strength, strict=True)])
    return counts / counts.sum(axis=1, keepdims=True)


def mean_colors(frames):
    return frames.reshape(len(frames), -1, 3).mean(axis=1)


def scaled_by_the_batch(frames):
    made = edge_directions(frames)
    return made - made.mean(axis=0)


ANSWERS = {
    "02.gradient_step": Case(
        right=[step(), lambda w, b, x, y, alpha: np.array(step()(w, b, x, y, alpha))],
        wrong=[
            (step(sign=1), "uphill"),
            (step(factor=1.0), "factor of 2"),
            (step(total=True), "not .sum()"),
            (step_one_after_the_other, "used the new w for b"),
            (lambda w, b, x, y, alpha: w, "Return the new w and the new b"),
        ],
    ),
    "02.output_size": Case(
        right=[
            lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel) // stride + 1,
            lambda size, kernel, stride=1, padding=0: len(
                range(0, size + 2 * padding - kernel + 1, stride)
            ),
        ],
        wrong=[
            (
                lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel) // stride,
                "Add 1",
            ),
            (
                lambda size, kernel, stride=1, padding=0: (
                    -(-(size + 2 * padding - kernel) // stride) + 1
                ),
                "round down",
            ),
            (
                lambda size, kernel, stride=1, padding=0: (size + padding - kernel) // stride + 1,
                "2 * padding",
            ),
            (
                lambda size, kernel, stride=1, padding=0: (
                    (size + 2 * padding - kernel) / stride + 1
                ),
                "whole numbers",
            ),
        ],
    ),
    "02.receptive_field": Case(
        right=[field_of(), field_from_the_top],
        wrong=[
            (field_of(use_jump=False), "left the strides out"),
            (field_of(stride_first=True), "Add to the field first"),
        ],
    ),
    "02.convolve": Case(
        right=[convolve()],
        wrong=[
            (convolve(turned=True), "turned the kernels round"),
            (convolve(ignore_stride=True), "Step by stride"),
            (convolve(add_kernels=True), "D stays"),
            (convolve_by_three, "k = len(kernels)"),
        ],
    ),
    "02.cross_entropy": Case(
        right=[entropy()],
        wrong=[
            (entropy(sign=1), "put a minus"),
            (entropy(add=np.sum), "take the mean"),
            (entropy(log=np.log2), "bits"),
            (entropy(stable=False), "Subtract each row's largest logit"),
            (entropy_of_all_classes, "entry at its label"),
        ],
    ),
    "02.batch_norm": Case(
        right=[norm()],
        wrong=[
            (norm(axes=(1, 2)), "each frame by itself"),
            (norm(axes=(0, 1, 2, 3)), "Leave the last axis out"),
            (norm(root=False), "square root"),
            (norm(affine=False), "multiply by gamma"),
            (norm(use_epsilon=False), "the same for every epsilon"),
            (norm_own_epsilon, "the same for every epsilon"),
            (norm_epsilon_outside, "inside the root"),
        ],
    ),
    "02.iou": Case(
        right=[overlap()],
        wrong=[
            (overlap(at_least_zero=False), "max(0, ...)"),
            (overlap(union="twice"), "subtract it once"),
            (overlap(union="first"), "area of one box"),
        ],
    ),
    "02.repair_split": Case(
        right=[split()],
        wrong=[
            (snippet, "still in the training set"),
            (split(overlapping=True), "still in the training set"),
            (split(reverse=False), "Turn the last axis round"),
            (reversed_in_training_only, "for both sets"),
            (split(by_source=False), "Choose sources, not frames"),
            (split(shuffled=False), "Permute the sources"),
        ],
    ),
    "02.features": Case(
        right=[edge_directions, lambda frames: edge_directions(frames, 8)],
        wrong=[
            (mean_colors, "directions in which the edges run"),
            (lambda frames: edge_directions(frames, 36), "Too many numbers"),
            (scaled_by_the_batch, "Compute each from its frame"),
        ],
        seeds=3,
    ),
}
