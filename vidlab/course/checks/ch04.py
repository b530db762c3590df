"""Checks of chapter 04, 3D convolutions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.course import (
    call,
    exercise,
    expect,
    expect_callable,
    expect_equal,
    expect_shape,
    expect_type,
)


@exercise(
    "04.output_size",
    title="output size",
    hints=(
        "Each of the three axes follows the same rule. Write it for one, then apply it to all.",
        "floor((n + 2 p - k) / s) + 1, with // for the floor.",
        "return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, "
        "padding))",
    ),
)
def output_size(answer: Callable[..., tuple], rng: np.random.Generator) -> None:
    expect_callable(answer)
    cases: list[tuple[tuple[int, ...], ...]] = [((16, 32, 32), (3,) * 3, (1,) * 3, (0,) * 3)]
    cases += [((16, 33, 32), (3,) * 3, (2,) * 3, (1,) * 3)]
    for _ in range(6):
        kernel = tuple(int(k) for k in rng.integers(1, 6, 3))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        stride = tuple(int(s) for s in rng.integers(1, 4, 3))
        cases.append((tuple(int(n) for n in rng.integers(9, 40, 3)), kernel, stride, padding))
    for size, kernel, stride, padding in cases:
        given = f"size={size}, kernel={kernel}, stride={stride}, padding={padding}"
        all_axes = list(zip(size, kernel, stride, padding, strict=True))
        truth = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in all_axes)
        got = answer(size, kernel, stride, padding)
        expect_type(
            got,
            (tuple, list),
            "the size is a tuple",
            given=given,
            hint="Return three numbers, one for each axis: tuple(...).",
        )
        got = tuple(got)
        expect_equal(len(got), 3, "there is one number for each of T, H and W", given=given)
        once = tuple((n + p - k) // s + 1 for n, k, s, p in all_axes)
        expect(
            got == truth or got != once,
            "the padding is added on both sides",
            given=given,
            expected=truth,
            got=got,
            hint="You added the padding once. It stands on both sides: n + 2 * p.",
        )
        short = tuple(n - 1 for n in truth)
        expect(
            got != short,
            "the first position counts as well",
            given=given,
            expected=truth,
            got=got,
            hint="All three are one too small. (n + 2 p - k) / s counts the steps; there is one "
            "position more than steps: + 1.",
        )
        expect(
            all(isinstance(n, int | np.integer) for n in got),
            "sizes are whole numbers",
            given=given,
            expected=truth,
            got=got,
            hint="A last step that does not fit is left out: round down, with // instead of /.",
        )
        up = tuple(-(-(n + 2 * p - k) // s) + 1 for n, k, s, p in all_axes)
        expect(
            got == truth or got != up,
            "a last step that does not fit is left out",
            given=given,
            expected=truth,
            got=got,
            hint="You rounded up. A last step that does not fit is left out: round down.",
        )
        expect_equal(got, truth, "every axis has its own kernel, stride and padding", given=given)


def moving_bar(velocity: int, start: int) -> np.ndarray:
    """A bright bar, 4 pixels wide, that moves ``velocity`` pixels per frame: float (5, 5, 40)."""
    clip = np.zeros((5, 5, 40))
    for t in range(5):
        left = start + velocity * t
        clip[t, :, left : left + 4] = 1.0
    return clip


def energy(clip: np.ndarray, kernel: np.ndarray) -> float:
    """The squared sum of the correlation of a clip (T, H, W) with a kernel."""
    windows = np.lib.stride_tricks.sliding_window_view(clip, kernel.shape)
    return float(((windows * kernel).sum(axis=(3, 4, 5)) ** 2).sum())


@exercise(
    "04.motion_kernel",
    title="a kernel for every velocity",
    hints=(
        "How far has the edge moved in frame t, if it is in its usual place in the middle frame?",
        "The shift in frame t is velocity * (t - 1): none in the middle frame, one velocity to "
        "each side of it.",
        "kernel[t, :, 2 + velocity * (t - 1)] = -1 and kernel[t, :, 4 + velocity * (t - 1)] = 1, "
        "for t in range(3)",
    ),
)
def motion_kernel(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    kernels: dict[int, np.ndarray] = {}
    for velocity in (0, *(int(v) for v in rng.permutation([-2, -1, 1, 2]))):
        given = f"velocity={velocity}"
        got = np.asarray(answer(velocity))
        expect_shape(got, (3, 3, 7), "the kernel has 3 frames, 3 rows and 7 columns", given=given)
        expect(
            np.array_equal(got[:, 0], got[:, 1]) and np.array_equal(got[:, 0], got[:, 2]),
            "the three rows are equal",
            given=given,
            got=got[1],
            hint="The edge stands upright: write it into all rows, kernel[t, :, column].",
        )
        expect(
            bool(np.all(np.abs(got.sum(axis=2)) < 1e-9)),
            "every frame sums to 0, so that an even surface gives no answer",
            given=given,
            got=got[:, 0],
            hint="Each frame needs one -1 and one +1 in each row. An index below 0 or a write to "
            "the same place loses one.",
        )
        expect_equal(
            got[1, 0],
            np.array([0, 0, -1, 0, 1, 0, 0.0]),
            "the middle frame has its edge at columns 2 and 4",
            given=given,
            hint="The shift is counted from the middle frame: velocity * (t - 1), not "
            "velocity * t.",
        )
        kernels[velocity] = got
    expect(
        not np.array_equal(kernels[1], kernels[0]),
        "the kernel of velocity 1 is not that of velocity 0",
        hint="Your kernels do not move: the edge must stand elsewhere in frames 0 and 2.",
    )
    start = int(rng.integers(12, 20))
    for velocity in (1, 2, -1, -2):
        given = f"a bar that moves by {velocity} pixels per frame"
        clip = moving_bar(velocity, start)
        energies = {v: energy(clip, kernel) for v, kernel in kernels.items()}
        expect(
            energies[velocity] > energies[-velocity] + 1e-9,
            "positive velocities move to the right",
            given=given,
            hint="Your edge moves the other way. To the right means: the later the frame, the "
            "larger the column.",
        )
        best = max(energies, key=lambda v: energies[v])
        expect_equal(
            best,
            velocity,
            "the kernel of the right velocity has the largest energy",
            given=given,
            hint="From frame to frame the edge moves by the velocity, by no more and no less.",
        )


def counted(kernel: tuple, output: tuple, in_channels: int, out_channels: int) -> int:
    """Multiply-adds counted, not computed: all weights and inputs one, all outputs added up."""
    size = tuple(n + k - 1 for n, k in zip(output, kernel, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(np.ones(size), kernel)
    return int(windows.sum()) * in_channels * out_channels


def layers_of_conv3d_net() -> tuple[list[dict[str, Any]], int]:
    """The convolutions of Conv3DNet on one clip of 16 x 32 x 32, and all their parameters."""
    import torch

    import vidlab.torch as vt

    model = vt.Conv3DNet(10).eval()
    found: list[dict[str, Any]] = []
    kinds = (torch.nn.Conv2d, torch.nn.Conv3d)

    def note(layer: Any, _: Any, output: Any) -> None:
        kernel, size = tuple(layer.kernel_size), tuple(output.shape[2:])
        if isinstance(layer, torch.nn.Conv2d):  # frames are folded into the batch
            kernel, size = (1, *kernel), (output.shape[0], *size)
        found.append(
            {
                "in_channels": layer.in_channels,
                "out_channels": layer.out_channels,
                "kernel": kernel,
                "output": size,
                "bias": layer.bias is not None,
            }
        )

    convolutions = [layer for layer in model.modules() if isinstance(layer, kinds)]
    for layer in convolutions:
        layer.register_forward_hook(note)
    with torch.no_grad():
        model(torch.zeros(1, 16, 3, 32, 32))
    return found, sum(p.numel() for layer in convolutions for p in layer.parameters())


@exercise(
    "04.cost",
    title="what a layer costs",
    points=2,
    hints=(
        "Count the weights first. Everything else follows from them.",
        "Weights: one kernel for each pair of an input and an output channel. Each weight is used "
        "once at every output position.",
        "weights = out_channels * in_channels * t * h * w; return weights + (out_channels if bias "
        "else 0), weights * T * H * W",
    ),
)
def cost(answer: Callable[..., tuple[int, int]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for trial in range(5):
        in_channels, out_channels = (int(n) for n in rng.choice(np.arange(2, 40), 2, replace=False))
        kernel = tuple(int(k) for k in rng.choice([1, 2, 3, 5], 3))
        output = tuple(int(n) for n in rng.choice(np.arange(4, 17), 3, replace=False))
        bias = trial % 2 == 1
        arguments = (in_channels, out_channels, kernel, output, bias)
        names = ("in_channels", "out_channels", "kernel", "output", "bias")
        given = ", ".join(f"{name}={value}" for name, value in zip(names, arguments, strict=True))
        got = answer(*arguments)
        expect(
            isinstance(got, tuple | list) and len(got) == 2,
            "there are two numbers",
            given=given,
            got=got,
            hint="Return a pair: parameters, multiply_adds.",
        )
        parameters, multiply_adds = (int(n) for n in got)
        weights = in_channels * out_channels * int(np.prod(kernel))
        volume = int(np.prod(output))
        expect(
            parameters != weights or not bias,
            "biases are parameters",
            given=given,
            expected=weights + out_channels,
            got=parameters,
            hint="With bias=True every output channel has one parameter more.",
        )
        expect(
            parameters != weights + out_channels or bias,
            "without biases none are counted",
            given=given,
            expected=weights,
            got=parameters,
            hint="bias is False here: no biases.",
        )
        expect_equal(
            parameters,
            weights + bias * out_channels,
            "the parameters are those of a real layer",
            given=given,
            hint="One kernel of t x h x w for each pair of an input and an output channel: all "
            "five numbers are multiplied.",
        )
        truth = counted(kernel, output, in_channels, out_channels)
        expect(
            multiply_adds != 2 * truth,
            "a multiplication with its addition counts once",
            given=given,
            expected=truth,
            got=multiply_adds,
            hint="You counted FLOPs. Multiplication and addition together are one multiply-add.",
        )
        expect(
            multiply_adds != weights + bias * out_channels,
            "every output position costs",
            given=given,
            expected=truth,
            got=multiply_adds,
            hint="The weights are used again at every output position: times T * H * W.",
        )
        expect(
            not bias or multiply_adds != (weights + out_channels) * volume,
            "biases are not multiplied",
            given=given,
            expected=truth,
            got=multiply_adds,
            hint="Multiply the weights without the biases by the number of positions.",
        )
        expect_equal(
            multiply_adds,
            truth,
            "the multiply-adds are those counted with ones",
            given=given,
            hint="weights * T * H * W, with T, H, W of the output.",
        )
    layers, parameters = layers_of_conv3d_net()
    sums = np.sum([answer(**layer) for layer in layers], axis=0)
    truth = sum(
        counted(x["kernel"], x["output"], x["in_channels"], x["out_channels"]) for x in layers
    )
    expect_equal(
        (int(sums[0]), int(sums[1])),
        (parameters, truth),
        "added up over the convolutions of Conv3DNet, both numbers are right",
        given="the convolutions of Conv3DNet(10), one clip of 16 x 32 x 32",
    )


@exercise(
    "04.middle_channels",
    title="how many middle channels",
    hints=(
        "Write down the weights of both layers together, as a multiple of M.",
        "M * (d * d * in_channels + t * out_channels) <= t * d * d * in_channels * out_channels.",
        "return t * d**2 * in_channels * out_channels // (d**2 * in_channels + t * out_channels)",
    ),
)
def middle_channels(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    cases = [(64, 64, 3, 3)]
    for t, d in ((3, 3), (5, 3), (3, 5), (5, 7)):
        n_in, n_out = (int(n) for n in rng.choice(np.arange(3, 200), 2, replace=False))
        cases.append((n_in, n_out, t, d))
    for n_in, n_out, t, d in cases:
        given = f"in_channels={n_in}, out_channels={n_out}, t={t}, d={d}"
        full = t * d * d * n_in * n_out
        per_channel = d * d * n_in + t * n_out
        truth = full // per_channel
        got = answer(n_in, n_out, t, d)
        expect(
            isinstance(got, int | np.integer),
            "the number of channels is an int",
            given=given,
            expected=truth,
            got=got,
            hint="There is no half channel: divide with //.",
        )
        swapped = full // (d * d * n_out + t * n_in)
        expect(
            got == truth or got != swapped,
            "space comes first, time second",
            given=given,
            expected=truth,
            got=got,
            hint="The spatial kernels lead from in_channels to M, the temporal ones from M to "
            "out_channels: d * d goes with in_channels, t with out_channels.",
        )
        expect(
            got * per_channel <= full,
            "the two layers never have more weights than the 3D layer",
            given=given,
            expected=f"M = {truth}: {truth * per_channel:,} weights, at most {full:,}",
            got=f"M = {got}: {got * per_channel:,} weights",
            hint="Too many: the two layers have M * (d * d * in_channels + t * out_channels) "
            "weights. Round down.",
        )
        expect(
            (got + 1) * per_channel > full,
            "one channel more would be too many",
            given=given,
            expected=f"M = {truth}: {truth * per_channel:,} weights, at most {full:,}",
            got=f"M = {got}: {got * per_channel:,} weights",
            hint="There is room for more channels. The kernels have d * d and t numbers, and the "
            "3D kernel t * d * d.",
        )
    expect_equal(answer(48, 32), 9 * 3 * 48 * 32 // (9 * 48 + 3 * 32), "t and d are 3 if not given")


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def per_video(values: np.ndarray, videos: np.ndarray) -> np.ndarray:
    """The mean of the rows of each video."""
    return np.stack([values[videos == v].mean(axis=0) for v in range(videos.max() + 1)])


@exercise(
    "04.video_classes",
    title="from clips to videos",
    hints=(
        "Three steps: a softmax over each row, a mean over each video's rows, an argmax.",
        "videos == v selects the rows of video v, in whatever order they stand.",
        "Subtract each row's maximum before np.exp, divide by the row's sum; then "
        "np.argmax([p[videos == v].mean(axis=0) for v in range(videos.max() + 1)], axis=1)",
    ),
)
def video_classes(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_videos, num_classes = 60, 5
    counts = rng.integers(2, 7, num_videos)
    videos = rng.permutation(np.repeat(np.arange(num_videos), counts))
    logits = rng.normal(size=(len(videos), num_classes)) * rng.choice([0.7, 6], (len(videos), 1))
    given = {"logits": logits, "videos": videos}
    truth = per_video(softmax(logits), videos).argmax(axis=1)
    got = np.asarray(answer(logits, videos))
    expect_shape(
        got,
        (num_videos,),
        "there is one class for each video",
        given=given,
        hint="Videos have different numbers of clips: collect the rows of video v with "
        "videos == v.",
    )
    expect(
        np.issubdtype(got.dtype, np.integer),
        "a class is an index",
        given=given,
        got=got,
        hint="Return the argmax over the classes, not the probabilities.",
    )
    by_logits = per_video(logits, videos).argmax(axis=1)
    expect(
        not np.array_equal(got, by_logits) or np.array_equal(by_logits, truth),
        "probabilities are averaged, not logits",
        given=given,
        hint="You averaged the logits: one very sure clip outvotes all others. Take the softmax "
        "of each row first.",
    )
    votes = per_video(np.eye(num_classes)[logits.argmax(axis=1)], videos).argmax(axis=1)
    expect(
        not np.array_equal(got, votes) or np.array_equal(votes, truth),
        "a clip that is unsure counts less",
        given=given,
        hint="You counted votes. An unsure clip should count less than a sure one: average the "
        "probabilities.",
    )
    columns = per_video(softmax(logits.T).T, videos).argmax(axis=1)
    expect(
        not np.array_equal(got, columns) or np.array_equal(columns, truth),
        "the probabilities of a clip sum to 1",
        given=given,
        hint="Your softmax runs over the clips. It belongs to each row: axis=1, keepdims=True.",
    )
    expect_equal(
        got,
        truth,
        "the class of a video has the largest mean probability",
        given=given,
        hint="The clips of a video need not stand together: select them with videos == v.",
    )
    with np.errstate(all="ignore"):
        got = np.asarray(answer(logits + 2000, videos))
    expect_equal(
        got,
        truth,
        "large logits do no harm",
        given={"logits": logits + 2000, "videos": videos},
        hint="np.exp of a large number is infinite. Subtract each row's maximum first: the "
        "softmax stays the same.",
    )


def run_network(make: Callable[..., Any], clips: np.ndarray, num_classes: int) -> Any:
    """A fresh network of either framework, and a function from uint8 clips to its outputs."""
    model = call(make, num_classes)
    if hasattr(model, "parameters"):
        import torch

        expect(
            any(True for _ in model.parameters()),
            "the network has parameters",
            hint="Define the layers in __init__, as attributes of self.",
        )
        model.eval()

        def run(x: np.ndarray) -> np.ndarray:
            moved = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 2))).float() / 255
            with torch.no_grad():
                return call(model, moved).numpy()

        return model, run

    import keras

    def run_keras(x: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(call(model, x.astype("float32") / 255))

    return model, run_keras


def first_input(model: Any, run: Callable[[np.ndarray], np.ndarray], clips: np.ndarray) -> Any:
    """What a PyTorch model gives to its first layer, if that is a 3D convolution; else None."""
    if not hasattr(model, "modules"):
        return None
    import torch

    kinds = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.Linear)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    expect(
        any(isinstance(layer, torch.nn.Conv3d) for layer in layers),
        "the network has 3D convolutions",
        hint="Keep torch.nn.Conv3d.",
    )
    seen: list[tuple[Any, np.ndarray]] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, given: seen.append((layer, given[0].numpy())))
        for layer in layers
    ]
    run(clips)
    for hook in hooks:
        hook.remove()
    # A network may look at single frames first, as Conv3DNet does: then nothing is known here.
    return seen[0][1] if seen and isinstance(seen[0][0], torch.nn.Conv3d) else None


def reaches_below_zero(
    make: Callable[..., Any], got: np.ndarray, clips: np.ndarray, num_classes: int
) -> bool:
    """Whether some output is negative; of logits, those of eight fresh networks nearly surely."""
    for _ in range(7):
        if got.min() < 0:
            return True
        _, run = run_network(make, clips, num_classes)
        got = run(clips)
    return bool(got.min() < 0)


@exercise(
    "04.repair_network",
    title="repair this snippet",
    points=2,
    hints=(
        "Write the shape behind every line of forward, for an input of (2, 16, 3, 32, 32). Which "
        "axis does Conv3d take for the channels?",
        "Conv3d wants (N, C, T, H, W): x.transpose(1, 2), and 3 input channels. To accept any "
        "size, take the maximum or the mean over the axes 2, 3 and 4. The loss wants logits.",
        "conv1 = Conv3d(3, 16, ...), linear = Linear(32, num_classes); x = x.transpose(1, 2) "
        "first; return self.linear(x.amax(dim=(2, 3, 4)))",
    ),
)
def repair_network(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_classes = int(rng.integers(4, 9))
    clips = rng.integers(0, 256, (4, 16, 32, 32, 3), dtype=np.uint8)
    model, run = run_network(answer, clips, num_classes)
    given = "4 clips of 16 frames, 32 x 32 pixels"
    seen = first_input(model, run, clips)
    if seen is not None:
        moved = np.moveaxis(clips, -1, 1) / 255  # (N, 3, T, H, W)
        expect(
            seen.shape[1] == 3,
            "the first 3D convolution has the 3 colours as its channels",
            given=given,
            expected=str(moved.shape),
            got=str(seen.shape),
            hint="The 16 frames stand where the channels belong, so the kernels slide over "
            "colours instead of time. x.transpose(1, 2) puts the colours there.",
        )
        like = seen.shape == moved.shape and np.corrcoef(seen.ravel(), moved.ravel())[0, 1]
        expect(
            seen.shape != moved.shape or like > 0.9,  # the values may have been put on a scale
            "the axes are moved, not cut anew",
            given=given,
            hint="reshape or view to (N, 3, T, H, W) mixes frames and colours. Move the axes: "
            "x.transpose(1, 2).",
        )
    got = run(clips)
    expect_shape(got, (4, num_classes), "there is one row of outputs for each clip", given=given)
    sums = got.sum(axis=1)
    expect(
        not (got.min() >= 0 and np.allclose(sums, 1, atol=1e-4)),
        "the outputs are logits",
        given=given,
        got=f"rows that sum to {sums.mean():.3f}",
        hint="Cross-entropy applies the softmax itself. A second one in the network makes all "
        "gradients small: return the output of the linear layer.",
    )
    expect(
        reaches_below_zero(answer, got, clips, num_classes),
        "logits can have either sign",
        given=given,
        expected="some outputs below 0, in one of eight fresh networks",
        got=f"outputs from {got.min():.2f} to {got.max():.2f}",
        hint="A sigmoid or a ReLU on the last layer cuts the logits off. Return the output of the "
        "linear layer as it is.",
    )
    hint = (
        "The linear layer counts the pixels that are left, for one size only. Take the maximum "
        "or the mean over time and space first: x.amax(dim=(2, 3, 4))."
    )
    for num_frames, size in ((9, 32), (16, 48), (4, 16)):
        given = f"2 clips of {num_frames} frames, {size} x {size} pixels"
        other = rng.integers(0, 256, (2, num_frames, size, size, 3), dtype=np.uint8)
        try:
            got = run(other)
        except Exception as error:
            expect(
                False,
                "clips of any length and size are accepted",
                given=given,
                got=f"{type(error).__name__}: {error}"[:200],
                hint=hint,
            )
        expect_shape(
            got,
            (2, num_classes),
            "clips of any length and size are accepted",
            given=given,
            hint=hint,
        )
    order = rng.permutation(16)
    expect(
        np.abs(run(clips) - run(clips[:, order])).max() > 1e-6,
        "the order of the frames matters",
        given="the same clips, frames shuffled",
        hint="Shuffled frames give the same outputs: no kernel sees two frames at once.",
    )


@exercise(
    "04.four_directions",
    title="four directions without learning (open)",
    points=2,
    hints=(
        "Exchange the axes y and x of moves_right, and you have a kernel for down.",
        "A texture full of vertical edges excites both kernels of left and right. Compare "
        "opposites first: the difference right - left, the difference down - up.",
        "Compute the four energies (correlate(grey, kernel) ** 2).mean(), then the two "
        "differences; the larger one in absolute value decides the axis, its sign the direction.",
    ),
)
def four_directions(answer: Callable[..., str], rng: np.random.Generator) -> None:
    from vidlab import world

    expect_callable(answer)
    names = ["left", "right", "up", "down"]
    clips = world.generate(
        60,
        difficulty="medium",
        size=64,
        num_shapes=1,
        actions=names,
        split="test",
        seed=int(rng.integers(1, 100_000)),
        sound=False,
    )
    truth = clips.attributes["action"]
    got = []
    for frames in clips.frames:
        name = answer(frames)
        expect(
            isinstance(name, str) and name in names,
            "the answer is one of the four names",
            given=frames,
            expected=" or ".join(names),
            got=name,
            hint='Return the word: "left", "right", "up" or "down".',
        )
        got.append(name)
    guess = np.array(got)
    given = "60 fresh clips, medium"
    same_axis = (np.isin(guess, names[:2]) == np.isin(truth, names[:2])).mean()
    right = (guess == truth).mean()
    expect(
        same_axis < 0.7 or right > 0.35,
        "directions are not confused with their opposites",
        given=given,
        got=f"the axis is right in {same_axis:.0%}, the direction in {right:.0%}",
        hint="Most of your answers name the opposite direction: your kernels are run backwards, "
        "or y is taken to point upwards (row 0 is at the top).",
    )
    expect(
        len(set(got)) == 4,
        "all four directions occur among the answers",
        given=given,
        got=f"only {', '.join(sorted(set(got)))}",
        hint="Four directions need four kernels: exchange the axes y and x of those for left and "
        "right.",
    )
    expect(
        right >= 0.8,
        "at least 80 % of the directions are right",
        given=given,
        expected="at least 48 of 60",
        got=f"{right * 60:.0f} of 60; the axis is right in {same_axis * 60:.0f}",
        hint="Positive and negative answers of a kernel cancel unless you square them, and a "
        "texture excites opposite kernels alike: compare right - left with down - up.",
    )
