"""Checks of chapter 05b, fine-tuning."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab import world
from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_equal,
    expect_shape,
    expect_type,
    expect_unlike,
)
from vidlab.course.describe import as_array


@exercise(
    "05b.perplexity",
    title="perplexity",
    hints=(
        "Row t of log_p speaks of the word that comes after word t.",
        "log_p[np.arange(L), numbers[1:]] picks the log-probability of each word that came.",
        "np.exp(-log_p[np.arange(len(log_p)), numbers[1:]].mean())",
    ),
)
def perplexity(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_words, length = int(rng.integers(5, 9)), int(rng.integers(10, 15))
    numbers = rng.integers(0, num_words, length + 1).tolist()
    same = np.full((length, num_words), -np.log(num_words))
    scores = rng.normal(size=(length, num_words))
    other = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(length)
    for log_p in (same, other):
        given = {"log_p": log_p, "numbers": numbers}
        got = answer(log_p, numbers)
        expect(
            _is_number(got),
            "the answer is one number",
            given=given,
            got=got,
            hint="The mean over the words gives one number; then the exponential.",
        )
        said = log_p[rows, numbers[1:]]
        right = np.exp(-said.mean())
        expect_unlike(
            got,
            right,
            (
                (-said.mean(), "That is the loss, in nats. Perplexity is its exponential."),
                (1 / right, "The sign: log-probabilities are negative, the loss is positive."),
                (np.exp(-said.sum()), "The mean, not the sum, or long texts look worse."),
                (
                    np.exp(-said.sum() / (length + 1)),
                    "L words were foretold, numbers has L + 1: divide by L.",
                ),
                (
                    np.exp(-log_p[rows, numbers[:-1]].mean()),
                    "You asked how likely the word was that had just been read. Compare with the "
                    "next one.",
                ),
                (np.exp(-said).mean(), "First the mean, then the exponential."),
                (1 / np.exp(said).mean(), "First the mean, then the exponential."),
                (2 ** -said.mean(), "exp, not a power of 2: the logarithms are natural ones."),
                (
                    np.exp(-log_p[:, numbers[1:]].mean()),
                    "log_p[:, numbers] takes all rows for each word: index rows with np.arange(L).",
                ),
            ),
            "it is exp of the mean of -log p(next word)",
            given=given,
        )
        expect_close(
            got, right, "it is exp of the mean of -log p(next word)", given=given, rtol=1e-4
        )


def _is_number(got: Any) -> bool:
    """One finite number, of Python, NumPy or a framework."""
    try:
        array = as_array(got)
    except Exception:  # a learner's answer can be anything, and some things refuse
        return False
    return array.ndim == 0 and array.dtype.kind in "iuf" and bool(np.isfinite(array))


@exercise(
    "05b.lora",
    title="an adapter by hand",
    hints=(
        "Two ways to the same outputs: through the narrow matrices, or through one wide one.",
        "x @ weight + bias is the layer; scale * (x @ down) @ up comes on top.",
        "merged = weight + scale * down @ up",
    ),
)
def lora(answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_inputs, num_outputs, rank = (int(n) for n in rng.permutation([5, 7, 3]))
    x, weight = rng.normal(size=(4, num_inputs)), rng.normal(size=(num_inputs, num_outputs))
    bias = rng.normal(size=num_outputs)
    down, up = rng.normal(size=(num_inputs, rank)), rng.normal(size=(rank, num_outputs))
    scale = float(rng.uniform(1.5, 3))
    given = {"x": x, "weight": weight, "bias": bias, "down": down, "up": up, "scale": scale}
    got = answer(x, weight, bias, down, up, scale)
    expect(
        isinstance(got, (tuple, list)) and len(got) == 2,
        "the answer is two arrays",
        given=given,
        got=got,
        hint="Return outputs, merged.",
    )
    outputs, merged = got
    order = "Outputs first, then the merged weights."
    expect_shape(outputs, (4, num_outputs), "outputs are (N, out)", given=given, hint=order)
    expect_shape(merged, weight.shape, "the merged weights are (in, out)", given=given, hint=order)
    change = down @ up
    wanted = x @ (weight + scale * change) + bias
    alone = "The scale belongs to the adapter alone, neither to the layer nor to its bias."
    expect_unlike(
        outputs,
        wanted,
        (
            (x @ weight + scale * x @ change, "The bias of the layer is missing in the outputs."),
            (x @ weight + bias + x @ change, "The outputs lack the scale."),
            (scale * x @ change + bias, "The layer itself, x @ weight, is missing."),
            (scale * x @ change, "The layer itself, x @ weight + bias, is missing."),
            (scale * (x @ (weight + change)) + bias, alone),
            (scale * (x @ (weight + change) + bias), alone),
            (x @ weight + scale * (x @ change + bias), alone),
            (
                wanted + scale * x @ change,
                "The adapter counts twice. Did you change weight in place before you used it?",
            ),
        ),
        "outputs are layer(x) + scale (x A) B",
        given=given,
    )
    expect_close(outputs, wanted, "outputs are layer(x) + scale (x A) B", given=given, atol=1e-4)
    expect_unlike(
        merged,
        weight + scale * change,
        (
            (weight + change, "The scale belongs into the merged weights too."),
            (scale * (weight + change), "In the merged weights, too, the scale is the adapter's."),
            (scale * change, "W itself is missing in the merged weights."),
        ),
        "the merged weights are W + scale A B",
        given=given,
    )
    expect_close(
        merged, weight + scale * change, "the merged weights are W + scale A B", given=given,
        atol=1e-4,
    )  # fmt: skip
    before = answer(x, weight, bias, down, 0 * up, scale)
    expect_close(before[1], weight, "with B = 0 nothing changes", given={"up": 0 * up}, atol=1e-4)


@exercise(
    "05b.rank",
    title="when LoRA pays",
    hints=(
        "The matrix has num_inputs * num_outputs numbers. How many has an adapter of rank r? Where "
        "none has fewer, the answer is 0.",
        "Fewer means r * (num_inputs + num_outputs) < num_inputs * num_outputs.",
        "(num_inputs * num_outputs - 1) // (num_inputs + num_outputs)",
    ),
)
def highest_rank(answer: Callable[[int, int], int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    pairs = [(int(a), int(b)) for a, b in rng.integers(2, 400, (6, 2))]
    side = 2 * int(rng.integers(2, 50))
    for rows, columns in [*pairs, (side, side), (768, 2304), (1, 50)]:
        given = {"num_inputs": rows, "num_outputs": columns}
        got = answer(rows, columns)
        expect(
            _is_number(got) and float(got) == int(got),
            "the rank is a whole number",
            given=given,
            got=got,
            hint="Divide with //, and mind the case where both have equally many numbers.",
        )
        rank, size, each = int(got), rows * columns, rows + columns
        expect(
            rank * each != size,
            "the adapter has fewer numbers, not equally many",
            given=given,
            got=rank,
            hint="With this rank both have exactly the same number of numbers. Fewer is asked for.",
        )
        hint = "Both narrow matrices count: r numbers for each input and for each output."
        if rank == 1:
            hint = "Even rank 1 may be too many: then the answer is 0."
        elif (rank - 1) * each < size:
            hint = "One too many: round down."
        expect(
            rank == 0 or rank * each < size,
            "the adapter has fewer numbers than the matrix",
            given=given,
            expected=f"fewer than {size}",
            got=f"rank {rank}: {rank * each}",
            hint=hint,
        )
        expect(
            (rank + 1) * each >= size,
            "no higher rank would do",
            given=given,
            got=rank,
            hint=f"Rank {rank + 1} has {(rank + 1) * each} numbers, the matrix {size}: that is "
            "still fewer.",
        )


def parameter_names(num_layers: int) -> list[str]:
    """As a GPT-2 with adapters has them."""
    names = ["wte.weight", "wpe.weight"]
    for index in range(num_layers):
        for layer in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"):
            names += [f"h.{index}.{layer}.weight", f"h.{index}.{layer}.bias"]
            if layer == "attn.c_attn":
                names += [f"h.{index}.{layer}.down", f"h.{index}.{layer}.up"]
    return [*names, "ln_f.weight", "ln_f.bias"]


@exercise(
    "05b.choose",
    title="what learns",
    hints=(
        "str.startswith and str.endswith take a tuple of beginnings or ends.",
        "The names of the last block begin with f'h.{num_layers - 1}.', those behind it with ln_f.",
        'last_block: name.startswith((f"h.{num_layers - 1}.", "ln_f.")) and no adapter',
    ),
)
def choose(answer: Callable[..., list[str]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_layers = int(rng.integers(11, 14))
    names = [str(name) for name in rng.permutation(parameter_names(num_layers))]
    adapters = [name for name in names if name.endswith((".down", ".up"))]
    last = (f"h.{num_layers - 1}.", "ln_f.")
    wanted = {
        "frozen": [],
        "last_block": [n for n in names if n.startswith(last) and n not in adapters],
        "lora": adapters,
        "full": [n for n in names if n != "wte.weight" and n not in adapters],
    }
    hints = {
        "frozen": "Frozen means that nothing of the GPT-2 learns.",
        "lora": "For lora the adapters learn, of all blocks, and nothing else.",
        "last_block": "The last block has number num_layers - 1; the normalisation behind it, "
        "ln_f, belongs to it; its adapters do not.",
        "full": "All but the table of words and the adapters.",
    }
    for parts, right in wanted.items():
        given = {"names": names, "parts": parts, "num_layers": num_layers}
        got = answer(list(names), parts, num_layers)
        expect_type(
            got, (list, tuple), f"{parts}: the answer is a list of names", given=given,
            hint="Return a list: [name for name in names if ...].",
        )  # fmt: skip
        expect(
            all(isinstance(name, str) for name in got),
            f"{parts}: the answer is a list of names",
            given=given,
            got=str(list(got)[:4]),
            hint="The names themselves are wanted, not True and False.",
        )
        missing = [name for name in right if name not in got]
        extra = [name for name in got if name not in right]
        expect(
            not missing and not extra,
            f"{parts}: the right ones learn",
            given={"parts": parts, "num_layers": num_layers},
            got=f"missing {missing[:4]}, too many {extra[:4]}",
            hint=hints[parts],
        )
        expect_equal(
            list(got), right, f"{parts}: in the same order, each once", given=given,
            hint="Keep the order of names: go through them once.",
        )  # fmt: skip


@exercise(
    "05b.sample",
    title="sampling",
    hints=(
        "Divide first, then forbid all but the best, then the softmax.",
        "np.argsort(scores)[:-top] are the places of all but the `top` highest.",
        "scores[np.argsort(scores)[:-top]] = -np.inf",
    ),
)
def sample(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_words = int(rng.integers(8, 14))
    scores = 2 * rng.normal(size=num_words)
    log_p = scores - np.log(np.exp(scores).sum())
    probability = np.exp(log_p)
    top, temperature = int(rng.integers(2, 5)), float(rng.uniform(0.4, 0.7))

    def right(temperature: float, top: int) -> np.ndarray:
        powers = probability ** (1 / temperature)
        powers[np.argsort(powers)[: num_words - top]] = 0
        return powers / powers.sum()

    hot = float(rng.uniform(1.5, 3))
    for heat, count in ((temperature, top), (hot, top + 1), (1.0, num_words)):
        given = {"log_p": log_p, "temperature": heat, "top": count}
        got = answer(log_p, heat, count)
        expect_shape(got, (num_words,), "there is a probability for each word", given=given)
        found = as_array(got).astype(float)
        expect(
            bool(np.isfinite(found).all()),
            "they are numbers",
            given=given,
            got=got,
            hint="0 times -inf is NaN: use np.where, or scores[places] = -np.inf.",
        )
        expect(
            bool((found >= 0).all()),
            "they are probabilities",
            given=given,
            got=got,
            hint="Log-probabilities are negative. The softmax makes probabilities of them.",
        )
        expect(
            int((found > 0).sum()) == count,
            "exactly `top` words are possible",
            given=given,
            expected=count,
            got=int((found > 0).sum()),
            hint="All but the `top` most likely words get a score of -inf; none, where `top` is "
            "the number of words.",
        )
        expect_close(
            found.sum(), 1.0, "they add up to 1", given=given, atol=1e-5,
            hint="Forbid words before the softmax, or divide by the sum again.",
        )  # fmt: skip
        expect(
            bool((found[np.argsort(-probability)[:count]] > 0).all()),
            "the most likely ones are kept",
            given=given,
            hint="argsort goes from the lowest to the highest: the best stand at its end.",
        )
        wanted = right(heat, count)
        expect_unlike(
            got,
            wanted,
            (
                (right(1 / heat, count), "You multiplied by the temperature. Divide by it."),
                (right(1.0, count), "The temperature is not used, or only for some values."),
            ),
            "p is proportional to exp(log p / temperature)",
            given=given,
        )
        expect_close(
            got, wanted, "p is proportional to exp(log p / temperature)", given=given, atol=1e-5
        )


@exercise(
    "05b.repair",
    title="repair pretraining",
    hints=(
        "What does the model see at place t, and what is it asked for there?",
        "Inputs and targets were the same frames: it only has to copy.",
        "Inputs are all but the last `reach` frames, targets all but the first `reach`.",
    ),
)
def repair(answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_clips, num_frames, width = (int(n) for n in rng.permutation([3, 8, 5]))
    num_frames += 4
    features = rng.integers(-50, 50, (num_clips, num_frames, width)).astype(float)
    for reach in (1, int(rng.integers(2, 4))):
        given = {"features": features, "reach": reach}
        got = answer(features, reach)
        expect(
            isinstance(got, (tuple, list)) and len(got) == 2,
            "the answer is two arrays",
            given=given,
            got=got,
            hint="Return inputs, targets.",
        )
        shape = (num_clips, num_frames - reach, width)
        for part, name in zip(got, ("inputs", "targets"), strict=True):
            clips = getattr(part, "shape", shape)[0] == num_clips
            expect_shape(
                part, shape, f"{name} are (N, T - reach, D)", given=given,
                hint=f"Some frames have no partner {reach} frames away: leave them out."
                if clips
                else "The first axis holds clips; time is the second.",
            )  # fmt: skip
        inputs, targets = got
        wanted = features[:, reach:]
        expect(
            not np.array_equal(as_array(inputs), as_array(targets)),
            "a target is not what the model just read",
            given=given,
            hint="Inputs and targets are the same frames: copying is enough, nothing is foreseen.",
        )
        expect_unlike(
            targets,
            wanted,
            (
                (features[:, :-reach], "You ask for the past. The model has seen that: swap them."),
                (
                    features[:, 1 : 1 + num_frames - reach],
                    f"Your targets are 1 frame ahead, not {reach}.",
                ),
            ),
            "targets are `reach` frames after their inputs",
            given=given,
        )
        expect_equal(inputs, features[:, :-reach], "inputs are the frames so far", given=given)
        expect_equal(targets, wanted, "targets are `reach` frames later", given=given)


NUM_TRAIN, NUM_NEW, BAR, MAX_WORDS = 300, 150, 0.65, 40


def read_by_counting(
    sentences: list[str], labels: np.ndarray, new: list[str], num_classes: int
) -> np.ndarray:
    """What a naive Bayes classifier, which only counts words, says of new sentences."""
    words = sorted({word for sentence in sentences for word in sentence.split()})
    places = {word: place for place, word in enumerate(words)}
    counts = np.ones((num_classes, len(words) + 1))  # the last one: a word that was never seen
    for sentence, label in zip(sentences, labels, strict=True):
        for word in sentence.split():
            counts[label, places[word]] += 1
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
    first = np.log(np.bincount(labels, minlength=num_classes) + 1)
    guesses = [
        np.argmax(first + sum(log_p[:, places.get(word, -1)] for word in sentence.split()))
        for sentence in new
    ]
    return np.array(guesses)


@exercise(
    "05b.describe",
    title="say it in words",
    hints=(
        "What differs between the first and last frames: place, size, how far apart things are?",
        "Turn each measure into a word of its own, such as 'column2' for two steps to the right.",
        "What moves is what differs from the clip's median frame. Its centre, its size and its "
        "spread at the beginning and at the end make good words.",
    ),
)
def describe(answer: Callable[..., str], rng: np.random.Generator) -> None:
    expect_callable(answer)
    options: dict[str, Any] = {"size": 32, "sound": False, "seed": int(rng.integers(10**6))}
    train = world.generate(NUM_TRAIN, **options)
    new = world.generate(NUM_NEW, split="test", **options)
    told: dict[str, list[str]] = {"train": [], "new": []}
    for name, made in (("train", train), ("new", new)):
        for frames in made.frames:
            got = answer(frames.copy())
            expect_type(
                got, str, "the answer is a sentence", given=frames,
                hint='Return a string of words, such as "column2 row0".',
            )  # fmt: skip
            expect(
                1 <= len(got.split()) <= MAX_WORDS,
                f"a sentence has 1 to {MAX_WORDS} words",
                given=frames,
                got=f"{len(got.split())} words",
                hint=f"Words are separated by spaces; at most {MAX_WORDS} of them.",
            )
            told[name].append(got)
    expect(
        len(set(told["new"])) > 1,
        "clips get different sentences",
        got=told["new"][0],
        hint="You say the same of every clip.",
    )
    known = {word for sentence in told["train"] for word in sentence.split()}
    words = [word for sentence in told["new"] for word in sentence.split()]
    expect(
        sum(word in known for word in words) >= len(words) / 2,
        "the words come back in other clips",
        got=" ".join(told["new"][0].split()[:8]),
        hint="Most words were never said of another clip, so nothing can be learned of them: round "
        "your measures.",
    )
    accuracy = accuracy_of_reader(told, train.labels, new.labels, len(train.class_names))
    expect(
        accuracy >= BAR,
        f"a reader of your sentences names at least {BAR:.0%} of the actions",
        expected=f"{BAR:.0%}",
        got=f"{accuracy:.0%}",
        hint=advice_for_writer(told, train.labels, new.labels, len(train.class_names)),
    )


def accuracy_of_reader(
    told: dict[str, list[str]], labels: np.ndarray, new_labels: np.ndarray, num_classes: int
) -> float:
    """How many of the new clips the reader names."""
    guesses = read_by_counting(told["train"], labels, told["new"], num_classes)
    return float((guesses == new_labels).mean())


def advice_for_writer(
    told: dict[str, list[str]], labels: np.ndarray, new_labels: np.ndarray, num_classes: int
) -> str:
    """Why sentences may not do: numbers without names, words that are too fine, or neither."""
    tagged = {
        name: [
            " ".join(f"{place}:{word}" for place, word in enumerate(sentence.split()))
            for sentence in sentences
        ]
        for name, sentences in told.items()
    }
    if accuracy_of_reader(tagged, labels, new_labels, num_classes) >= BAR:
        return (
            "The reader counts words and forgets their order: a number needs its name, "
            '"row2" and not "row 2".'
        )
    words = Counter(word for sentence in tagged["train"] for word in set(sentence.split()))
    varied = {word: count for word, count in words.items() if count < 0.95 * len(tagged["train"])}
    often = sum(count for count in varied.values() if count >= 5)
    if varied and often < 0.65 * sum(varied.values()):
        return "Most of your words are said of very few clips: round your measures more coarsely."
    return (
        "Which actions does your sentence not tell apart? Left and right need a word for how the "
        "place changes, growing one for the size, meeting one for the spread; and there must be a "
        "word for a measure that hardly changes."
    )
