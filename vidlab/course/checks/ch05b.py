"""Checks of chapter 05b, fine-tuning."""

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
)


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
    num_words, length = int(rng.integers(5, 9)), int(rng.integers(6, 12))
    same = np.full((length, num_words), -np.log(num_words))
    numbers = rng.integers(0, num_words, length + 1).tolist()
    given = {"log_p": same, "numbers": numbers}
    got = answer(same, numbers)
    expect(
        np.ndim(got) == 0 and bool(np.isfinite(got)),
        "the answer is one number",
        given=given,
        got=got,
        hint="The mean over the words gives one number; then the exponential.",
    )
    expect(
        not np.isclose(float(got), np.log(num_words)),
        "perplexity is the exponential of the loss",
        given=given,
        hint="That is the loss, in nats. Perplexity is its exponential.",
    )
    expect(
        not np.isclose(float(got), 1 / num_words),
        "the loss is minus the mean of the log-probabilities",
        given=given,
        hint="The sign: log-probabilities are negative, the loss is positive.",
    )
    expect(
        not np.isclose(float(got), float(num_words) ** length),
        "the mean is over the words",
        given=given,
        hint="You took the sum over the words. Take the mean, or long texts look worse.",
    )
    expect_close(
        got, float(num_words), "for equally likely words it is their number", given=given, rtol=1e-6
    )
    scores = rng.normal(size=(length, num_words))
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    given = {"log_p": log_p, "numbers": numbers}
    got = answer(log_p, numbers)
    rows = np.arange(length)
    shifted = np.exp(-log_p[rows, numbers[:-1]].mean())
    wanted = np.exp(-log_p[rows, numbers[1:]].mean())
    expect(
        not np.isclose(float(got), shifted) or np.isclose(shifted, wanted),
        "row t is compared with word t + 1",
        given=given,
        hint="You asked how likely the word was that it had just read. Compare with the next one.",
    )
    expect_close(got, wanted, "it is exp of the mean of -log p(next word)", given=given, rtol=1e-6)


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
    outputs, merged = (np.asarray(part) for part in got)
    expect_shape(outputs, (4, num_outputs), "outputs are (N, out)", given=given)
    expect_shape(merged, weight.shape, "the merged weights are (in, out)", given=given)
    change = down @ up
    for mistake, hint in (
        (x @ weight + scale * x @ change, "The bias of the layer is missing in the outputs."),
        (x @ weight + bias + x @ change, "The outputs lack the scale."),
        (scale * x @ change + bias, "The layer itself, x @ weight, is missing in the outputs."),
        (scale * x @ change, "The layer itself, x @ weight + bias, is missing in the outputs."),
        (scale * (x @ (weight + change)) + bias, "The scale belongs to the adapter alone."),
    ):
        expect(
            not np.allclose(outputs, mistake),
            "outputs are layer(x) + scale (x A) B",
            given=given,
            hint=hint,
        )
    wanted = x @ (weight + scale * change) + bias
    expect_close(outputs, wanted, "outputs are layer(x) + scale (x A) B", given=given, atol=1e-8)
    expect(
        not np.allclose(merged, weight + change),
        "the merged weights are W + scale A B",
        given=given,
        hint="The scale belongs into the merged weights too.",
    )
    expect_close(
        merged, weight + scale * change, "the merged weights are W + scale A B", given=given,
        atol=1e-8,
    )  # fmt: skip
    before = answer(x, weight, bias, down, 0 * up, scale)
    expect_close(before[1], weight, "with B = 0 nothing changes", given={"up": 0 * up}, atol=1e-8)


@exercise(
    "05b.rank",
    title="when LoRA pays",
    hints=(
        "The matrix has num_inputs * num_outputs numbers. How many has an adapter of rank r?",
        "Fewer means r * (num_inputs + num_outputs) < num_inputs * num_outputs.",
        "(num_inputs * num_outputs - 1) // (num_inputs + num_outputs)",
    ),
)
def highest_rank(answer: Callable[[int, int], int], rng: np.random.Generator) -> None:
    expect_callable(answer)

    def numbers(rank: int, rows: int, columns: int) -> int:
        return rank * (rows + columns)

    pairs = [(int(a), int(b)) for a, b in rng.integers(2, 400, (6, 2))]
    side = 2 * int(rng.integers(2, 50))
    for rows, columns in [*pairs, (side, side), (768, 2304), (1, 50)]:
        given = {"num_inputs": rows, "num_outputs": columns}
        got = answer(rows, columns)
        expect(
            np.ndim(got) == 0 and float(got) == int(got),
            "the rank is a whole number",
            given=given,
            got=got,
            hint="Divide with //, and mind the case where both have equally many numbers.",
        )
        rank, size = int(got), rows * columns
        expect(
            numbers(rank, rows, columns) != size,
            "the adapter has fewer numbers, not equally many",
            given=given,
            got=rank,
            hint="With this rank both have exactly the same number of numbers. Fewer is asked for.",
        )
        expect(
            rank == 0 or numbers(rank, rows, columns) < size,
            "the adapter has fewer numbers than the matrix",
            given=given,
            expected=f"fewer than {size}",
            got=f"rank {rank}: {numbers(rank, rows, columns)}",
            hint="Both narrow matrices count: r numbers for each input and for each output.",
        )
        expect(
            numbers(rank + 1, rows, columns) >= size,
            "no higher rank would do",
            given=given,
            got=rank,
            hint=f"Rank {rank + 1} has {numbers(rank + 1, rows, columns)} numbers, the matrix "
            f"{size}: that is still fewer.",
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
        "The last block begins with f'h.{num_layers - 1}.'; the dot matters from ten layers on.",
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
        expect_type(got, (list, tuple), f"{parts}: the answer is a list of names", given=given)
        missing = [name for name in right if name not in got]
        extra = [name for name in got if name not in right]
        expect(
            not missing and not extra,
            f"{parts}: the right ones learn",
            given={"parts": parts, "num_layers": num_layers},
            got=f"missing {missing[:4]}, too many {extra[:4]}",
            hint=hints[parts],
        )
        expect_equal(list(got), right, f"{parts}: in the same order, each once", given=given)


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
        powers[np.argsort(powers)[:-top]] = 0
        return powers / powers.sum()

    given = {"log_p": log_p, "temperature": temperature, "top": top}
    got = np.asarray(answer(log_p, temperature, top), float)
    expect_shape(got, (num_words,), "there is a probability for each word", given=given)
    expect(
        bool((got >= 0).all()) and np.isfinite(got).all(),
        "they are probabilities",
        given=given,
        got=got,
        hint="Log-probabilities are negative. The softmax makes probabilities of them.",
    )
    expect(
        int((got > 0).sum()) == top,
        "exactly `top` words are possible",
        given=given,
        expected=top,
        got=int((got > 0).sum()),
        hint="All but the `top` most likely words get a score of -inf.",
    )
    expect_close(
        got.sum(), 1.0, "they add up to 1", given=given, atol=1e-6,
        hint="Forbid words before the softmax, or divide by the sum again.",
    )  # fmt: skip
    order = np.argsort(-probability)[:top]
    expect(
        bool((got[order] > 0).all()),
        "the most likely ones are kept",
        given=given,
        hint="argsort goes from the lowest to the highest: the best stand at its end.",
    )
    expect(
        not np.allclose(got, right(1 / temperature, top)),
        "a temperature below 1 makes likely words more likely",
        given=given,
        hint="You multiplied by the temperature. Divide by it.",
    )
    expect(
        not np.allclose(got, right(1.0, top)),
        "the temperature counts",
        given=given,
        hint="The temperature is not used, or is used after the softmax.",
    )
    expect_close(
        got, right(temperature, top), "p is proportional to exp(log p / temperature)",
        given=given, atol=1e-6,
    )  # fmt: skip
    everything = np.asarray(answer(log_p, 1.0, num_words), float)
    expect_close(
        everything, probability, "temperature 1 and all words: the model's own probabilities",
        given={"log_p": log_p, "temperature": 1.0, "top": num_words}, atol=1e-6,
        hint="With top = number of words nothing is forbidden.",
    )  # fmt: skip


@exercise(
    "05b.repair",
    title="repair pretraining",
    hints=(
        "What does the model see at place t, and what is it asked for there?",
        "Inputs and targets were the same frames: it only has to copy.",
        "Inputs are all but the last `reach` frames, targets all but the first.",
    ),
)
def repair(answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_clips, num_frames, width = (int(n) for n in rng.permutation([3, 8, 5]))
    num_frames += 4
    features = rng.normal(size=(num_clips, num_frames, width))
    for reach in (1, int(rng.integers(2, 4))):
        given = {"features": features, "reach": reach}
        got = answer(features, reach)
        expect(
            isinstance(got, (tuple, list)) and len(got) == 2,
            "the answer is two arrays",
            given=given,
            hint="Return inputs, targets.",
        )
        inputs, targets = (np.asarray(part) for part in got)
        shape = (num_clips, num_frames - reach, width)
        for part, name in ((inputs, "inputs"), (targets, "targets")):
            expect_shape(
                part, shape, f"{name} are (N, T - reach, D)", given=given,
                hint=f"With reach = {reach}, {reach} frames have no partner: leave them out.",
            )  # fmt: skip
        expect(
            not np.array_equal(inputs, targets),
            "a target is not what the model just read",
            given=given,
            hint="Inputs and targets are the same frames: copying is enough, nothing is foreseen.",
        )
        expect(
            not np.array_equal(targets, features[:, :-reach]),
            "targets come after their inputs",
            given=given,
            hint="You ask for the past. The model has seen that: swap them.",
        )
        expect_equal(inputs, features[:, :-reach], "inputs are the frames so far", given=given)
        expect_equal(targets, features[:, reach:], "targets are `reach` frames later", given=given)


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
    guesses = read_by_counting(told["train"], train.labels, told["new"], len(train.class_names))
    accuracy = float((guesses == new.labels).mean())
    expect(
        accuracy >= BAR,
        f"a reader of your sentences names at least {BAR:.0%} of the actions",
        expected=f"{BAR:.0%}",
        got=f"{accuracy:.0%}",
        hint="Which actions does your sentence not tell apart? Left and right need a word for how "
        "the place changes, growing one for the size, meeting one for the spread.",
    )
