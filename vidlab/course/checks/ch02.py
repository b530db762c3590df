"""Checks of chapter 02, features from frames."""

from collections.abc import Callable

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_range,
    expect_shape,
    expect_type,
)


@exercise(
    "02.gradient_step",
    title="one step downhill",
    hints=(
        "Compute the error of every example first: w * x + b - y.",
        "The gradient is 2 * mean(error * x) for w and 2 * mean(error) for b; subtract alpha "
        "times that.",
        "error = w * x + b - y; return w - alpha * 2 * (error * x).mean(), "
        "b - alpha * 2 * error.mean()",
    ),
)
def gradient_step(answer: Callable[..., tuple[float, float]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for _ in range(4):
        w, b = (float(v) for v in rng.normal(0, 2, 2))
        x = rng.uniform(0.5, 3, int(rng.integers(4, 9)))
        y = rng.normal(0, 3, len(x))
        alpha = float(rng.uniform(0.01, 0.2))
        given = {"w": w, "b": b, "x": x, "y": y, "alpha": alpha}
        error = w * x + b - y
        slope = np.array([2 * (error * x).mean(), 2 * error.mean()])
        got = answer(**given)
        expect(
            np.shape(got) == (2,),
            "two numbers come back",
            given=given,
            got=got,
            hint="Return the new w and the new b: return w_new, b_new.",
        )
        step = (np.asarray(got, float) - [w, b]) / -alpha
        expect(
            not np.allclose(step, -slope),
            "the step goes downhill",
            given=given,
            hint="You walk uphill: the step is minus alpha times the gradient.",
        )
        expect(
            not np.allclose(step, slope / 2),
            "the gradient has its factor 2",
            given=given,
            hint="The derivative of a square brings a factor of 2 along.",
        )
        expect(
            not np.allclose(step, slope * len(x)),
            "the gradient is a mean over the examples",
            given=given,
            hint="The loss is the mean of the squares, so take .mean(), not .sum().",
        )
        after = (float(np.asarray(got)[0]) * x + b - y).mean()
        expect(
            abs(float(step[1]) - 2 * after) > 1e-9 or np.isclose(step[0], 0),
            "both slopes are taken at the old place",
            given=given,
            hint="You changed w first and used the new w for b. Compute both slopes, then step.",
        )
        expect_close(
            np.asarray(got, float),
            np.array([w, b]) - alpha * slope,
            "w and b move by minus alpha times their slopes",
            atol=1e-9,
            given=given,
        )


@exercise(
    "02.output_size",
    title="the size of an output",
    hints=(
        "In how many places does the kernel fit into the padded picture?",
        "The padded picture has size + 2 * padding pixels; the kernel can start at 0, stride, "
        "2 * stride, ... as long as it ends inside.",
        "return (size + 2 * padding - kernel) // stride + 1",
    ),
)
def output_size(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for stride, padding in ((1, 0), (1, 2), (2, 3), (3, 0), (2, 0)):
        kernel = int(rng.integers(2, 7))
        size = int(rng.integers(14, 60))
        if stride > 1:  # a case in which the division leaves a rest
            size += (1 - (size + 2 * padding - kernel)) % stride
        given = f"size={size}, kernel={kernel}, stride={stride}, padding={padding}"
        room = size + 2 * padding - kernel
        truth = room // stride + 1
        got = answer(size, kernel, stride=stride, padding=padding)
        expect_type(
            got,
            (int, np.integer),
            "the size is a whole number",
            given=given,
            hint="Pixels come in whole numbers: // divides and rounds down.",
        )
        expect(
            got != room // stride,
            "the first place counts too",
            given=given,
            expected=truth,
            got=got,
            hint="One too few: the kernel also stands at the start. Add 1 after the division.",
        )
        expect(
            stride == 1 or got != -(-room // stride) + 1,
            "a kernel that would stand out over the edge does not count",
            given=given,
            expected=truth,
            got=got,
            hint="You rounded up. The last step does not fit any more: round down.",
        )
        expect(
            got == truth or got != (size + padding - kernel) // stride + 1,
            "padding counts on both sides",
            given=given,
            expected=truth,
            got=got,
            hint="There are `padding` zeros on the left and as many on the right: 2 * padding.",
        )
        expect_equal(int(got), truth, "it is the number of places of the kernel", given=given)


@exercise(
    "02.receptive_field",
    title="the receptive field",
    hints=(
        "Keep two numbers while you go through the layers: the field and the jump.",
        "A layer adds (kernel - 1) * jump to the field; then the jump is multiplied by its stride.",
        "field, jump = 1, 1; for kernel, stride in layers: field += (kernel - 1) * jump; "
        "jump *= stride; return field",
    ),
)
def receptive_field(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    got = answer([(3, 1), (3, 1)])
    expect_equal(int(got), 5, "two layers of 3 see 5 pixels", given="[(3, 1), (3, 1)]")
    got = answer([])
    expect_equal(int(got), 1, "no layer at all sees one pixel", given="[]")
    for _ in range(5):
        layers = [
            (int(rng.integers(2, 6)), int(rng.integers(1, 4)))
            for _ in range(int(rng.integers(2, 6)))
        ]
        layers[0] = (layers[0][0], int(rng.integers(2, 4)))
        layers.append((int(rng.integers(2, 6)), 2))
        fields, jump = [1], 1
        no_jump = late = 1
        for kernel, stride in layers:
            fields.append(fields[-1] + (kernel - 1) * jump)
            no_jump += kernel - 1
            jump *= stride
            late += (kernel - 1) * jump
        given = f"layers={layers}"
        got = int(answer(layers))
        expect(
            got != no_jump,
            "strides widen the field of later layers",
            given=given,
            expected=fields[-1],
            got=got,
            hint="You left the strides out: after a stride of 2, neighbours are two pixels apart.",
        )
        expect(
            got != late or late == fields[-1],
            "a layer's own stride counts for later layers only",
            given=given,
            expected=fields[-1],
            got=got,
            hint="Add to the field first, then multiply the jump by the stride.",
        )
        expect_equal(got, fields[-1], "the field grows by (kernel - 1) jumps a layer", given=given)


@exercise(
    "02.convolve",
    title="a layer of kernels",
    points=2,
    hints=(
        "Go over the places (i, j) in steps of stride. What is multiplied there with what?",
        "At a place, X[i : i + k, j : j + k] is (k, k, C). Multiply it with kernels[..., d] and "
        "add everything up, for each d.",
        "np.tensordot(X[i : i + k, j : j + k], kernels, axes=3) gives the D numbers of one place; "
        "i and j run over range(0, H - k + 1, stride).",
    ),
)
def convolve(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    sizes = (3, *(int(k) for k in rng.permutation([2, 4])))  # the chapter's size comes first
    for stride, k in zip((1, 2, 3), sizes, strict=True):
        C, D = int(rng.integers(2, 4)), int(rng.integers(4, 7))
        X = rng.normal(size=(int(rng.integers(7, 9)), int(rng.integers(10, 13)), C))
        kernels = rng.normal(size=(k, k, C, D))
        given = {"X": X, "kernels": kernels, "stride": stride}
        windows = np.lib.stride_tricks.sliding_window_view(X, (k, k), axis=(0, 1))
        windows = windows[::stride, ::stride]  # (H_out, W_out, C, k, k)
        truth = np.einsum("hwcuv,uvcd->hwd", windows, kernels)
        flipped = np.einsum("hwcuv,uvcd->hwd", windows, kernels[::-1, ::-1])
        try:
            got = answer(X, kernels, stride=stride)
        except Exception as error:
            if k == 3:
                raise
            expect(
                False,
                "kernels of any size are accepted",
                given=given,
                got=str(error)[:200],
                hint=f"It worked with kernels of 3 x 3, these are {k} x {k}: k = len(kernels).",
            )
        every = (X.shape[0] - k + 1, X.shape[1] - k + 1, D)
        expect(
            stride == 1 or np.shape(got) != every,
            "the kernel moves by `stride` pixels",
            given=given,
            expected=f"shape {truth.shape}",
            got=f"shape {np.shape(got)}",
            hint="Your output has a number for every place. Step by stride: range(0, ..., stride).",
        )
        expect(
            np.shape(got) != truth.shape[:2],
            "there is one channel for each kernel",
            given=given,
            expected=f"shape {truth.shape}",
            got=f"shape {np.shape(got)}",
            hint="You added up the kernels as well. Sum over k, k and C only; D stays.",
        )
        expect_shape(
            got,
            truth.shape,
            "the output is (H_out, W_out, D)",
            given=given,
            hint="Without padding, H_out = (H - k) // stride + 1, and there is one channel for "
            "each of the D kernels.",
        )
        expect(
            not np.allclose(got, flipped),
            "the kernels are not turned round",
            given=given,
            hint="You turned the kernels round. Frameworks slide them as they are.",
        )
        expect_close(
            got, truth, "each number is the sum over window and channels", atol=1e-6, given=given
        )


@exercise(
    "02.cross_entropy",
    title="cross-entropy from logits",
    hints=(
        "The loss of a row is minus the logarithm of the probability of its label.",
        "Subtract each row's maximum; then log p = shifted - log(sum(exp(shifted))).",
        "shifted = logits - logits.max(axis=1, keepdims=True); log_p = shifted - np.log("
        "np.exp(shifted).sum(axis=1, keepdims=True)); -log_p[np.arange(N), labels].mean()",
    ),
)
def cross_entropy(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for scale in (1.0, 4.0):
        N, K = int(rng.integers(5, 9)), int(rng.integers(3, 6))
        logits, labels = rng.normal(0, scale, (N, K)), rng.integers(0, K, N)
        given = {"logits": logits, "labels": labels}
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        losses = -log_p[np.arange(N), labels]
        got = answer(logits, labels)
        expect(
            np.ndim(got) == 0,
            "one number comes back",
            given=given,
            got=got,
            hint="Finish with the mean over the batch.",
        )
        expect(
            not np.isclose(got, -losses.mean()),
            "the loss is positive",
            given=given,
            expected=losses.mean(),
            got=got,
            hint="Logarithms of probabilities are negative: put a minus in front.",
        )
        expect(
            not np.isclose(got, losses.sum()),
            "it is the mean over the batch",
            given=given,
            expected=losses.mean(),
            got=got,
            hint="You added the losses up. The size of the batch must not matter: take the mean.",
        )
        expect(
            not np.isclose(got, losses.mean() / np.log(2)),
            "the logarithm is the natural one",
            given=given,
            expected=losses.mean(),
            got=got,
            hint="np.log2 counts in bits. The frameworks use np.log.",
        )
        expect(
            not np.isclose(got, -log_p.mean()),
            "only the true class counts",
            given=given,
            expected=losses.mean(),
            got=got,
            hint="Take each row's entry at its label: log_p[np.arange(N), labels].",
        )
        expect_close(float(got), float(losses.mean()), "it is the mean of -log p", given=given)
    logits = np.array([[1000.0, 1001.0], [-1000.0, -1002.0]])
    with np.errstate(all="ignore"):
        got = float(answer(logits, np.array([1, 0])))
    truth = float(np.log1p(np.exp([-1.0, -2.0])).mean())
    expect_close(
        got,
        truth,
        "logits of 1,000 do no harm",
        given={"logits": logits, "labels": np.array([1, 0])},
        hint="exp(1000) is infinite. Subtract each row's largest logit first: softmax stays.",
    )


@exercise(
    "02.batch_norm",
    title="batch normalisation",
    hints=(
        "Over which axes of (N, H, W, C) do the mean and the variance of one channel run?",
        "x.mean(axis=(0, 1, 2)) and x.var(axis=(0, 1, 2)) are (C,). Divide by the root of the "
        "variance plus epsilon.",
        "return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta",
    ),
)
def batch_norm(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    C = int(rng.integers(2, 5))
    x = rng.normal(rng.uniform(-3, 3, C), rng.uniform(0.5, 4, C), (4, 3, 5, C))
    x += rng.normal(0, 2, (4, 1, 1, 1))  # frames differ, so that their own means do too
    gamma, beta = rng.uniform(0.5, 2, C), rng.normal(0, 1, C)
    given = {"x": x, "gamma": gamma, "beta": beta}

    def normalised(axes: tuple[int, ...], wide: bool = False) -> np.ndarray:
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        scale = variance + 1e-5 if wide else np.sqrt(variance + 1e-5)
        return gamma * (x - mean) / scale + beta

    got = answer(x, gamma, beta)
    expect_shape(got, x.shape, "the batch keeps its shape", given=given)
    expect(
        not np.allclose(got, normalised((0, 1, 2), wide=True), atol=1e-6),
        "one divides by the standard deviation",
        given=given,
        hint="You divided by the variance. Take its square root.",
    )
    expect(
        not np.allclose(got, normalised((1, 2)), atol=1e-4),
        "mean and variance run over the whole batch",
        given=given,
        hint="You normalised each frame by itself. The axis N belongs to the mean too.",
    )
    expect(
        not np.allclose(got, normalised((0, 1, 2, 3)), atol=1e-4),
        "each channel has its own mean and variance",
        given=given,
        hint="One mean for all channels mixes them. Leave the last axis out: axis=(0, 1, 2).",
    )
    expect(
        not np.allclose(got, (normalised((0, 1, 2)) - beta) / gamma, atol=1e-4),
        "gamma scales and beta shifts",
        given=given,
        hint="Mean 0 and deviation 1 is only half of it: multiply by gamma, then add beta.",
    )
    expect_close(
        got,
        normalised((0, 1, 2)),
        "each channel is normalised, scaled and shifted",
        atol=1e-5,
        given=given,
    )
    wide = given | {"epsilon": 0.5}
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    got = answer(x, gamma, beta, epsilon=0.5)
    expect(
        not np.allclose(got, normalised((0, 1, 2)), atol=1e-5),
        "epsilon is the one that was given",
        given=wide,
        hint="Your answer is the same for every epsilon. Use the argument.",
    )
    expect(
        not np.allclose(got, gamma * (x - mean) / (np.sqrt(variance) + 0.5) + beta, atol=1e-6),
        "epsilon is added to the variance",
        given=wide,
        hint="You added epsilon to the root. It stands inside the root: variance + epsilon.",
    )
    expect_close(
        got,
        gamma * (x - mean) / np.sqrt(variance + 0.5) + beta,
        "a large epsilon counts as well",
        atol=1e-5,
        given=wide,
    )
    flat = np.full((2, 2, 2, C), 3.0)
    with np.errstate(all="ignore"):
        got = answer(flat, gamma, beta)
    expect_close(
        got,
        np.broadcast_to(beta, flat.shape),
        "a channel without any variation becomes beta",
        atol=1e-6,
        given={"x": flat, "gamma": gamma, "beta": beta},
        hint="Here the variance is 0. Epsilon, inside the root, keeps you from dividing by it.",
    )


@exercise(
    "02.iou",
    title="intersection over union",
    hints=(
        "Where does the shared part begin, and where does it end, in x and in y?",
        "It begins at the larger of both starts and ends at the smaller of both ends; its sides "
        "are at least 0. The union is both areas minus the shared part.",
        "width = max(0, min(a[2], b[2]) - max(a[0], b[0])); the same for the height; "
        "shared / (area_a + area_b - shared)",
    ),
)
def iou(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)

    def box() -> np.ndarray:
        start, size = rng.uniform(0, 20, 2), rng.uniform(3, 10, 2)
        return np.concatenate([start, start + size])

    a = box()
    same = float(answer(a, a))
    expect(
        not np.isclose(same, 1 / 2),
        "the shared part counts once in the union",
        given={"a": a, "b": a},
        expected=1.0,
        got=same,
        hint="Both areas together count the shared part twice: subtract it once.",
    )
    expect_close(same, 1.0, "a box has IoU 1 with itself", given={"a": a, "b": a})
    for _ in range(4):
        a = box()
        shift = rng.uniform(0.2, 0.8, 2) * (a[2:] - a[:2]) * rng.choice([-1, 1], 2)
        b = a + np.tile(shift, 2) + np.concatenate([np.zeros(2), rng.uniform(0, 2, 2)])
        given = {"a": a, "b": b}
        sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        shared = float(sides.prod())
        areas = [float((c[2:] - c[:2]).prod()) for c in (a, b)]
        truth = shared / (sum(areas) - shared)
        got = float(answer(a, b))
        for wrong in (shared / areas[0], shared / areas[1], shared / min(areas)):
            expect(
                not np.isclose(got, wrong) or np.isclose(wrong, truth),
                "one divides by what both cover together",
                given=given,
                expected=truth,
                got=got,
                hint="You divided by the area of one box. The union is both areas minus the "
                "shared part.",
            )
        expect_close(got, truth, "it is the shared area over the covered area", given=given)
    far = np.array([5.0, 5.0, 10.0, 10.0])
    for shift in ((20, 20), (20, 0), (0, 20)):
        other = far + np.tile(shift, 2)
        got = float(answer(far, other))
        expect_close(
            got,
            0.0,
            "boxes that do not meet have 0",
            given={"a": far, "b": other},
            hint="A side of the shared part came out negative (and two negative ones make a "
            "positive area). Use max(0, ...) for each side.",
        )


@exercise(
    "02.repair_split",
    title="repair this snippet",
    points=2,
    hints=(
        "Look for three things: the order of the colours, which frames are in both sets, and which "
        "frames the last fifth of sorted rows holds.",
        "Turn the last axis round. Choose a fifth of np.unique(sources) at random, make a mask "
        "with np.isin, and give training what the mask leaves.",
        "names = np.random.default_rng(seed).permutation(np.unique(sources)); in_val = "
        "np.isin(sources, names[: len(names) // 5]); train is ~in_val, val is in_val",
    ),
)
def repair_split(answer: Callable[..., tuple], rng: np.random.Generator) -> None:
    expect_callable(answer)
    per_class, num_frames, num_classes = 10, 4, 3
    count = per_class * num_frames * num_classes  # 120
    frames = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    frames[:, 0, 0, 1] = np.arange(count)  # green stays where it is: it says which frame this is
    labels = np.repeat(np.arange(num_classes), per_class * num_frames)
    sources = np.repeat([f"video{i:02d}" for i in range(per_class * num_classes)], num_frames)
    given = {"bgr_frames": frames, "labels": labels, "sources": sources}
    seen_classes: set[int] = set()
    chosen = []
    for seed in rng.choice(1000, 3, replace=False):
        got = answer(frames, labels, sources, seed=int(seed))
        expect(
            len(got) == 2 and all(len(part) == 2 for part in got),
            "two sets come back, each with x and y",
            given=given,
            hint="Return (x_train, y_train), (x_val, y_val).",
        )
        ids = []
        for x, y in got:
            expect_dtype(x, "float32", "frames are float32", given=given)
            expect_range(x, 0, 1, "values lie in [0, 1]", given=given, hint="Divide by 255, once.")
            at = np.rint(np.asarray(x)[:, 0, 0, 1] * 255).astype(int)
            expect(
                len(x) == len(y) and np.array_equal(labels[at], y),
                "each frame keeps its label",
                given=given,
                hint="Choose frames and labels with the same mask.",
            )
            ids.append(at)
        expect(
            not set(ids[0]) & set(ids[1]),
            "no frame is in both sets",
            given=given,
            got=f"{len(set(ids[0]) & set(ids[1]))} frames in both",
            hint="The validation frames are still in the training set. Give it the others only.",
        )
        seen_classes |= set(labels[ids[1]].tolist())
        chosen.append(tuple(sorted(set(sources[ids[1]].tolist()))))
        shared = set(sources[ids[0]].tolist()) & set(sources[ids[1]].tolist())
        for name, (x, _), at in zip(("training", "validation"), got, ids, strict=True):
            off = np.abs(np.asarray(x) * 255 - frames[at][..., ::-1])
            expect(
                off.max(initial=0) < 1,
                "red comes first in both sets",
                given=given,
                got=f"blue first in the {name} set",
                hint="OpenCV gives blue, green, red. Turn the last axis round, for both sets: "
                "before you split.",
            )
        expect(
            not shared,
            "no source is in both sets",
            given=given,
            got=f"{len(shared)} sources in both",
            hint="Frames of one video went into both sets. Choose sources, not frames: np.isin.",
        )
        expect(
            len(ids[0]) + len(ids[1]) == count,
            "no frame is lost",
            given=given,
            hint="Training gets everything that is not in validation.",
        )
        expect(
            len(ids[1]) == count // 5,
            "a fifth of the sources is kept for validation",
            given=given,
            expected=f"{count // 5} frames",
            got=f"{len(ids[1])} frames",
            hint="There are 30 sources here; take len(names) // 5 of them for validation.",
        )
    expect(
        len(seen_classes) > 1 and len(set(chosen)) > 1,
        "the sources are chosen at random",
        given=given,
        hint="The rows are sorted by class: the last ones are all of one class. Permute the "
        "sources with np.random.default_rng(seed).",
    )


@exercise(
    "02.features",
    title="twelve numbers",
    points=3,
    hints=(
        "Edges: np.gradient of the grey frames gives for each pixel how strong its edge is, and "
        "in which direction it runs. Where they are does not matter.",
        "A square has edges in four directions, a triangle in three others, a circle in all. Add "
        "up the strength of the edges in 12 boxes of direction.",
        "down, right = np.gradient(grey, axis=(1, 2)); np.bincount of the direction's box with "
        "the strength as weights, for each frame; divide by the sum.",
    ),
)
def features(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from vidlab import world

    expect_callable(answer)
    seed = int(rng.integers(10_000, 1_000_000))
    clips = world.generate(300, size=32, num_frames=4, sound=False, seed=seed)
    frames = np.concatenate([clips.frames[:, 0], clips.frames[:, 2], clips.frames[:, 3]])
    shapes = np.tile(clips.attributes["shape"], 3)
    given = f"900 frames of world.generate(300, size=32, num_frames=4, seed={seed})"
    got = np.asarray(answer(frames))
    expect(
        got.ndim == 2 and len(got) == len(frames),
        "there is one row of numbers for each frame",
        given=given,
        got=f"shape {got.shape}",
        hint="Return an array (N, D): one row for each of the N frames.",
    )
    expect(
        got.shape[1] <= 12,
        "a frame has at most 12 numbers",
        given=given,
        expected="D <= 12",
        got=f"D = {got.shape[1]}",
        hint="Too many numbers. Forget where in the frame something is, and add it up.",
    )
    expect(
        bool(np.isfinite(got.astype(float)).all()),
        "all numbers are finite",
        given=given,
        hint="There is a NaN or an infinity: did you divide by zero?",
    )
    one = np.asarray(answer(frames[7:8]))
    expect_close(
        one[0],
        got[7],
        "a frame's features do not depend on the other frames",
        atol=1e-6,
        given="one of the frames alone",
        hint="A frame alone gave other numbers than among others. Compute each from its frame.",
    )
    # A clip's frames look alike: the last 100 clips are kept for the test.
    in_train = np.tile(np.arange(300) < 200, 3)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(got[in_train], shapes[in_train])
    accuracy = float(model.score(got[~in_train], shapes[~in_train]))
    expect(
        accuracy >= 0.8,
        "a linear classifier on them tells at least 80 % of the shapes",
        given=given,
        expected="at least 80 %",
        got=f"{accuracy:.0%} (guessing: 33 %)",
        hint="These numbers do not say enough about the shape. Colours and brightness do not help: "
        "look at the directions in which the edges run.",
    )
