# %% [markdown]
# # 05b · Fine-tuning a language model on video
#
# ![From file to frames, features, sequence, meaning and new video.](images/way_05.png)
#
# "Language models understand video": one reads it often. The idea behind it can be tested. Take a
# transformer that learned to read sentences, feed it frames in place of words, and train a little of
# it. Does what it learned from language help? This chapter lets you find out, with a GPT-2 that is
# small enough for your machine, and with controls.
#
# **After this chapter you can**
#
# - say what a language model is trained for, and measure how well it does that,
# - run a GPT-2 with nothing but NumPy, and find the same numbers in PyTorch and Keras,
# - let a GPT-2 read frames, and freeze it, train its last block, or train all of it,
# - write LoRA adapters, merge them into the weights, and count what they save,
# - pretrain on video without labels by predicting the next frame,
# - test the claim above with the controls that it needs.
#
# **Builds on:** [chapter 05a](05a_attention.ipynb). **Run time:** {{run_time}}.

# %% tags=["setup"]
import numpy as np

from vidlab import display, world
from vidlab.course import check
from vidlab.narratives import END, narrative
from vidlab.words import Vocabulary

# %% [markdown]
# ## 1 A language model
#
# A *language model* says which word comes next. From the words so far, $w_1 \ldots w_{t-1}$, it gives
# a probability to every word of its vocabulary. Multiplied, these are the probability of a whole
# text, and training makes the probability of real texts large. One takes the logarithm and the mean:
#
# $$p(w_1 \ldots w_L) = \prod_{t=1}^{L} p(w_t \mid w_1 \ldots w_{t-1}), \qquad
# \text{loss} = -\frac{1}{L} \sum_{t=1}^{L} \log p(w_t \mid w_1 \ldots w_{t-1})$$
#
# That is the cross-entropy of chapter 02 with words as classes, in *nats* per word (that is: with the
# natural logarithm). No label is needed: the text is its own answer.
#
# GPT-2 (Radford et al., 2019) learned this from 40 GB of web pages. Its smallest version, the one that
# we mean, has 124 million parameters and is a download of half a gigabyte. For this chapter the package
# brings `minigpt`: the same architecture, much smaller, trained in a minute or two on short stories made
# of the captions of our clips. **It is not the real GPT-2, and its answers may differ from those of the
# real one.** Section 9 has a cell for the real one, if you have a network.

# %%
rng = np.random.default_rng(100)
stories = [narrative(rng) for _ in range(100)]  # none of them was seen in training
print(stories[0].replace(" . ", " .\n"))

# %% [markdown]
# A story stays with its subject, and what happens next depends on what happened before: half of the
# time it is undone. So there is grammar to learn, and a little content. For each word GPT-2 gives one
# vector, its *state* (`last_hidden_state`). Its dot product with each row of the table of words (`wte`)
# is the logit of that word as the next one. This is what `minigpt` expects after some beginnings:

# %%
import torch
from torch import nn

import vidlab.torch as vt

words = Vocabulary([END, *world.VOCABULARY])
minigpt = vt.load_gpt2("minigpt")


def next_words(gpt2, numbers):
    """Numbers of words (N, L) -> log-probability of each next word, (N, L, words)."""
    with torch.no_grad():
        states = gpt2(input_ids=torch.as_tensor(np.asarray(numbers))).last_hidden_state
        return torch.log_softmax(states @ gpt2.wte.weight.T, dim=-1).numpy()


beginnings = (
    "a red",
    "a red circle moves",
    "a red circle moves left . a red circle moves",
    "a red circle grows . a",
)
for text in beginnings:
    chance = np.exp(next_words(minigpt, [words.encode(text)])[0, -1])
    best = np.argsort(-chance)[:4]
    print(f"{text:<46}", *(f"{words.words[i]} {chance[i]:.2f} " for i in best))

# %% [markdown]
# How good is it? We read the stories in pieces of 64 words. Three models of equal size are compared:
# `minigpt`; the same one with random weights; and a *control* that will be important below,
# `minigpt-shuffled`. It learned from the very same stories, but with the words of each in random
# order. It knows which words there are, how frequent they are, and that a story repeats its words. It
# knows nothing of their order. The exponential of the loss, the *perplexity*, says among how many equally
# likely words a model is as unsure.

# %%
gpt2s = {
    "language": minigpt,
    "shuffled": vt.load_gpt2("minigpt-shuffled"),
    "random": vt.load_gpt2("minigpt", pretrained=False),
}
numbers = np.array(words.encode(" ".join(stories)))
starts = 64 * np.arange((len(numbers) - 1) // 64)
pieces = numbers[starts[:, None] + np.arange(65)]  # (pieces, 65): 64 words, and one more
for name, gpt2 in gpt2s.items():
    log_p = next_words(gpt2, pieces[:, :-1])
    nats = -np.take_along_axis(log_p, pieces[:, 1:, None], axis=2).mean()
    print(f"{name:<10}{nats:.2f} nats per word, perplexity {np.exp(nats):5.1f}")
print(f"all words equally likely: {np.log(len(words)):.2f} nats, perplexity {len(words)}")

# %% [markdown]
# ## 2 GPT-2 in NumPy
#
# The whole model is small enough to write down. Four things differ from the transformer of chapter
# 05a: no word sees a later one (a causal mask), one matrix makes query, key and value together, the
# GELU is an approximation with a tanh, and the table of words reads *and* writes. The weights come
# straight from the file.

# %%
from vidlab.gpt2 import find_gpt2, read_settings, read_weights

folder = find_gpt2("minigpt")
settings = read_settings(folder)
tensors = read_weights(folder, settings)
print(settings)


def dense(x, name):
    return x @ tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def normalise(x, name):
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


# %%
def attend(x, name, num_heads):
    """Causal self-attention of (L, width)."""
    query, key, value = (
        np.stack(np.split(part, num_heads, axis=1))  # (num_heads, L, D)
        for part in np.split(dense(x, f"{name}.c_attn"), 3, axis=1)
    )
    scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[2])
    scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
    chances = np.exp(scores - scores.max(axis=2, keepdims=True))
    found = chances / chances.sum(axis=2, keepdims=True) @ value
    return dense(np.concatenate(found, axis=1), f"{name}.c_proj")


def gpt2_by_hand(x):
    """Embeddings (L, width) -> states (L, width)."""
    x = x + tensors["wpe.weight"][: len(x)]  # positions
    for name in (f"h.{block}" for block in range(settings.num_layers)):
        x = x + attend(normalise(x, f"{name}.ln_1"), f"{name}.attn", settings.num_heads)
        inner = gelu(dense(normalise(x, f"{name}.ln_2"), f"{name}.mlp.c_fc"))
        x = x + dense(inner, f"{name}.mlp.c_proj")
    return normalise(x, "ln_f")


# %%
sentence = words.encode(stories[0])
by_hand = gpt2_by_hand(tensors["wte.weight"][sentence])
with torch.no_grad():
    in_torch = minigpt(input_ids=torch.tensor([sentence])).last_hidden_state[0].numpy()
print(f"states {by_hand.shape}, from {by_hand.min():.1f} to {by_hand.max():.1f}")
print(f"NumPy and transformers: largest difference {np.abs(by_hand - in_torch).max():.0e}")

# %% [markdown]
# `gpt2_by_hand` takes *embeddings*, not words: nothing in it knows what a word is. Whatever is 96
# numbers wide can be read. That is the door for frames.

# %% [markdown]
# ## 3 Frames in place of words
#
# The frames need features first. We take very plain ones: each frame is shrunk to 8 x 8 pixels, and of
# each pixel we ask how far it is from the frame's own background, its median. That gives 64 numbers per
# frame. Each frame is looked at alone, and one frame cannot tell the action (chapter 02). So whatever a
# model knows of the action, it has from reading the frames *together*: that is GPT-2's part.

# %%
from vidlab.thumbnails import thumbnails

train = world.generate(1600, seed=0, size=32, sound=False)  # 1,200 of them with labels
test = world.generate(300, split="test", seed=0, size=32, sound=False)
actions, labelled = list(train.class_names), 1200


def away(frames):
    """How far each pixel is from the background: uint8 (N, 16, 32, 32, 3) -> (N, 16, 64)."""
    small = thumbnails(frames).reshape(*frames.shape[:2], 64, 3)
    return np.abs(small - np.median(small, axis=2, keepdims=True)).max(axis=3)


spread = away(train.frames).std()


def features_of(frames):
    """The same, scaled to a spread of 1 over the training clips."""
    return away(frames) / spread


x, test_x = features_of(train.frames), features_of(test.frames)
few = x[:labelled], train.labels[:labelled]
print(f"{len(x)} clips, features {x.shape[1:]}, spread {x.std():.2f}")

# %%
figure, _ = display.new_axes(height=1.9)
figure.clear()
panels = figure.subplots(2, 1)
panels[0].imshow(np.concatenate(list(train.frames[0]), axis=1))
panels[1].imshow(np.concatenate(list(x[0].reshape(16, 8, 8)), axis=1), cmap="cividis")
for panel, step, name in zip(panels, (32, 8), ("frames", "features"), strict=True):
    panel.set(xticks=step * np.arange(16) + step / 2 - 0.5, xticklabels=range(16), yticks=[])
    panel.set_ylabel(name, rotation=0, ha="right", va="center")
    panel.vlines(step * np.arange(1, 16) - 0.5, -0.5, step - 0.5, color="white", lw=0.5)
panels[1].set_xlabel("frame")
display.show_figure(figure, f"Frames of a clip of {actions[train.labels[0]]}, and their features.")

# %% [markdown]
# ## 4 Baseline: no network at all
#
# A linear classifier, of one frame's numbers and of those of all 16 frames. What follows has to beat
# the second, or the language model is an ornament.

# %%
from sklearn.linear_model import LogisticRegression


def linear_accuracy_of(frames):
    """Test accuracy of a linear classifier that sees these frames."""
    linear = LogisticRegression(C=0.01, max_iter=300)
    linear.fit(few[0][:, frames].reshape(labelled, -1), few[1])
    return linear.score(test_x[:, frames].reshape(len(test_x), -1), test.labels)


linear_accuracy = linear_accuracy_of(slice(None))
print(f"linear classifier, {labelled} labels, frame 8: {linear_accuracy_of([8]):.0%}")
print(f"linear classifier, {labelled} labels, all frames: {linear_accuracy:.0%}")

# %% [markdown]
# ## 5 PyTorch: a GPT-2 that reads frames
#
# ### 5.1 The model
#
# A linear layer makes each frame as wide as a word, a normalisation gives it a fixed size, GPT-2
# reads the frames in order, and a linear head reads the mean over time. The table of words is not
# used. In `transformers`, `inputs_embeds` is the door: it takes vectors in place of numbers of words.

# %%
from vidlab.torch.models.initial import initialize


class GPT2Video(nn.Module):
    """Features of frames (N, T, num_features) -> logits (N, num_classes)."""

    takes = "features"

    def __init__(self, num_classes, gpt2, num_features):
        super().__init__()
        width = gpt2.config.n_embd
        self.project = nn.Linear(num_features, width)
        self.norm = nn.LayerNorm(width)
        self.gpt2 = gpt2
        self.head = nn.Linear(width, num_classes)
        self.project.apply(initialize)
        self.head.apply(initialize)
        gpt2.wte.weight.requires_grad_(False)  # no word is read

    def states(self, x):
        """(N, T, num_features) -> (N, T, width): each frame, read after those before it."""
        return self.gpt2(inputs_embeds=self.norm(self.project(x))).last_hidden_state

    def look(self, x):
        """(N, T, num_features) -> (N, num_layers, num_heads, T, T): where each frame looks."""
        embedded = self.norm(self.project(x))
        found = self.gpt2(inputs_embeds=embedded, output_attentions=True)
        return torch.stack(found.attentions, dim=1)

    def features(self, x):
        """(N, T, num_features) -> (N, width): the mean over time."""
        return self.states(x).mean(dim=1)

    def forward(self, x):
        """(N, T, num_features) -> (N, num_classes)."""
        return self.head(self.features(x))


# %% [markdown]
# ### 5.2 LoRA: a small layer beside a frozen one
#
# To fine-tune a large model one must keep, for each weight, a gradient and two averages of Adam. LoRA
# (*low-rank adaptation*; Hu et al., 2022) leaves the weights $W$ alone and learns a difference made of
# two narrow matrices, $A$ with $r$ columns and $B$ with $r$ rows ($r$ is the *rank*):
#
# $$y = x W + s\,(x A) B$$
#
# $B$ starts at zero, so at first nothing changes. After training, $W + s A B$ can be computed once and
# put in the place of $W$: the adapter then costs nothing when the model is used.


# %%
import copy


class LoRA(nn.Module):
    """A frozen layer with a small trainable one beside it: y = layer(x) + scale (x A) B."""

    def __init__(self, layer, rank=4, scale=2.0):
        super().__init__()
        self.scale = scale
        num_inputs, num_outputs = layer.weight.shape  # a Conv1D of transformers: (in, out)
        self.down = nn.Parameter(torch.randn(num_inputs, rank) / rank**0.5)
        self.up = nn.Parameter(torch.zeros(rank, num_outputs))
        self.layer = layer

    def forward(self, x):
        return self.layer(x) + self.scale * (x @ self.down) @ self.up

    def merged(self):
        """The layer with the adapter added to its weights: W + scale A B."""
        layer = copy.deepcopy(self.layer)
        with torch.no_grad():
            layer.weight += self.scale * self.down @ self.up
        return layer


# %%
torch.manual_seed(0)
layer = minigpt.h[0].attn.c_attn
adapted = LoRA(layer)
inputs = torch.randn(5, settings.width)
with torch.no_grad():
    same = torch.equal(adapted(inputs), layer(inputs))
    adapted.up.normal_()  # as if it had learned something
    gap = (adapted(inputs) - adapted.merged()(inputs)).abs().max()
    moved = (adapted(inputs) - layer(inputs)).abs().max()
print(f"nothing changes at first: {same}")
print(f"later it changes the outputs by up to {moved:.0f}, and merging it by {gap:.0e}")
print(f"{layer.weight.numel():,} weights, {adapted.down.numel() + adapted.up.numel():,} to learn")

# %% [markdown]
# ### 5.3 What learns
#
# `add_lora` puts such an adapter beside the matrix of query, key and value of each block, and
# `set_trainable` says what learns: with "frozen" nothing of GPT-2, with "last_block" its last block and
# the normalisation behind it (`ln_f`), with "lora" the adapters, with "full" everything but the table of
# words. The layers around GPT-2 always learn: they are new.

# %%
from vidlab.torch import add_lora, set_trainable

PARTS = ("frozen", "last_block", "lora", "full")


def made(gpt2, parts, seed=0):
    """A GPT2Video around a copy of a GPT-2; the package keeps the class of section 5.1."""
    gpt2 = add_lora(gpt2, seed=seed) if parts == "lora" else copy.deepcopy(gpt2)
    vt.set_seed(seed)
    model = vt.GPT2Video(len(actions), gpt2, x.shape[2])
    set_trainable(model, parts)
    return model


for parts in PARTS:
    model = made(minigpt, parts)
    learning = vt.count_parameters(model)
    print(f"{parts:<12}{learning:>8,} of {vt.count_parameters(model, trainable_only=False):,}")

# %% [markdown]
# ### 5.4 Fine-tuning
#
# The same 1,200 labels, the same number of steps, four ways to learn. Each has a learning rate of its
# own, chosen on other clips (section 8):

# %%
short = {"num_steps": 100, "schedule": "one_cycle", "progress": False}
RATES = {"frozen": 3e-2, "last_block": 1e-2, "lora": 1e-2, "full": 3e-3}
torch_models, times = {}, {}
for parts in PARTS:
    model = made(minigpt, parts)
    times[parts] = vt.fit(model, few, learning_rate=RATES[parts], **short).seconds
    torch_models[parts] = model
    accuracy = vt.evaluate(model, (test_x, test.labels))["accuracy"]
    print(f"language, {parts:<12}{accuracy:5.0%} after {times[parts]:.0f} s")
print(f"linear classifier     {linear_accuracy:5.0%}")

# %% [markdown]
# A frozen GPT-2 that never saw a frame does something useful. That looks like a success of language.
# Before we believe it, three others, frozen as well: the one that learned from shuffled words, the
# one with random weights, and a new control. `scrambled` is `minigpt` with the numbers of each matrix
# in random order. Whatever it had learned is gone. Only which numbers there are is left, not where they
# stand.


# %%
def scrambled(gpt2):
    """A copy whose weights are the same numbers in random order, matrix by matrix."""
    gpt2 = copy.deepcopy(gpt2)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in gpt2.parameters():
            weight.copy_(weight.flatten()[torch.randperm(weight.numel())].reshape(weight.shape))
    return gpt2


gpt2s["scrambled"] = scrambled(minigpt)
for start in ("shuffled", "scrambled", "random"):
    model = made(gpt2s[start], "frozen")
    vt.fit(model, few, learning_rate=RATES["frozen"], **short)
    accuracy = vt.evaluate(model, (test_x, test.labels))["accuracy"]
    print(f"{start:<10}frozen {accuracy:5.0%}")

# %% [markdown]
# Language is ahead. But scrambled weights, which know nothing, are above random ones as well, and with
# more steps they come much nearer to language (section 8). Of what use can they be? A GPT-2 starts with
# very small random numbers, and training makes them larger. Here is how large they are, and how much the
# first three blocks change what passes through them:

# %%
with torch.no_grad():
    embedded = torch_models["frozen"].norm(torch_models["frozen"].project(torch.from_numpy(test_x)))
    for name, gpt2 in gpt2s.items():
        size = gpt2.h[0].attn.c_attn.weight.std()
        states = gpt2(inputs_embeds=embedded, output_hidden_states=True).hidden_states
        change = (states[3] - states[0]).norm() / states[0].norm()
        print(f"{name:<10}spread of the weights {size:.3f}, change by three blocks {change:4.0%}")

# %% [markdown]
# Frozen blocks with tiny weights do next to nothing; what is left is a mean over frames, one by one,
# and single frames do not tell the action. Larger weights mix each frame with the ones before it. Even
# if they mix in a random way, trained layers before and behind can make some use of that. (Shen et al.,
# 2021, freeze random layers on purpose, and call them a *reservoir*.) So "pretrained against random"
# compares two things at once: what was learned, and how large the numbers are.

# %% [markdown]
# ### 5.5 Pretraining on video: the next frame
#
# What a language model does with words can be done with frames: say the next one. There is no list of
# all frames to choose from, so the model says its *features*, and the loss is their mean squared
# error. Frames change little from one to the next; so it says the *change*, and starts from "none".


# %%
class NextFeatures(nn.Module):
    """Features (N, T, num_features) -> those of the frames 1 to T - 1, foreseen."""

    def __init__(self, model):
        super().__init__()
        self.project, self.norm, self.gpt2 = model.project, model.norm, model.gpt2
        self.forecast = nn.Linear(model.head.in_features, model.project.in_features)
        nn.init.zeros_(self.forecast.weight)  # at first it says that nothing changes
        nn.init.zeros_(self.forecast.bias)

    def forward(self, x):
        states = self.gpt2(inputs_embeds=self.norm(self.project(x))).last_hidden_state
        return x[:, :-1] + self.forecast(states[:, :-1])


# %%
video_gpt2 = vt.load_gpt2("minigpt", pretrained=False)
vt.set_seed(0)
foresee = NextFeatures(GPT2Video(len(actions), video_gpt2, x.shape[2]))
history = vt.fit(
    foresee, (x, x[:, 1:]), num_steps=100, loss="mse", learning_rate=1e-3, progress=False
)
said = vt.predict(foresee, test_x)
error = ((said - test_x[:, 1:]) ** 2).mean()
copied = ((test_x[:, 1:] - test_x[:, :-1]) ** 2).mean()
print(f"error on new clips: {error:.4f} after {history.seconds:.0f} s of training")
print(f"copying the last frame: {copied:.4f}")

# %% [markdown]
# Each clip is a lesson in how things move: frame 1 from frame 0, frame 2 from frames 0 and 1, and so
# on, 15 answers at once. Each frame's features come from that frame alone, and the causal mask hides the
# later ones, so no answer is given away. A hundred steps hardly beat a copy of the last frame. The
# package brings `minigpt-video`: random weights of the same size that took 2,000 steps on 6,000 clips
# without a label. It has never seen a word. Frozen, with the same labels:

# %%
gpt2s["video"] = vt.load_gpt2("minigpt-video")
seen_video = made(gpt2s["video"], "frozen")
vt.fit(seen_video, few, learning_rate=RATES["frozen"], **short)
for start, model in (("language", torch_models["frozen"]), ("video", seen_video)):
    accuracy = vt.evaluate(model, (test_x, test.labels))["accuracy"]
    print(f"{start:<10}frozen {accuracy:5.0%}")

# %% [markdown]
# ## 6 Keras: a GPT-2 that reads frames
#
# ### 6.1 The model
#
# Keras itself has no GPT-2 (the package KerasHub has one). `vidlab.keras` writes it out, from the parts of
# chapter 05a and the four differences of section 2, in `vidlab/keras/models/gpt2.py`. It reads
# the same file.

# %%
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow: fewer messages
import keras
from keras import layers, ops

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # and no advice on retracing

import vidlab.keras as vk

keras_minigpt = vk.load_gpt2("minigpt")
in_keras = ops.convert_to_numpy(keras_minigpt(keras_minigpt.embed(np.array([sentence]))))[0]
print(f"NumPy and Keras: largest difference {np.abs(by_hand - in_keras).max():.0e}")


# %%
class GPT2Video(keras.Model):
    """Features of frames (N, T, num_features) -> logits (N, num_classes)."""

    takes = "features"

    def __init__(self, num_classes, gpt2, num_features):
        super().__init__()
        self.num_features = num_features
        self.project = layers.Dense(gpt2.settings.width)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.gpt2 = gpt2
        self.head = layers.Dense(num_classes)
        self.project.build((None, None, num_features))
        self.norm.build((None, None, gpt2.settings.width))
        self.head.build((None, gpt2.settings.width))
        self.built = True
        gpt2.wte.embeddings.trainable = False  # no word is read

    def states(self, x):
        """(N, T, num_features) -> (N, T, width): each frame, read after those before it."""
        return self.gpt2(self.norm(self.project(x)))

    def look(self, x):
        """(N, T, num_features) -> (N, num_layers, num_heads, T, T): where each frame looks."""
        return self.gpt2.look(self.norm(self.project(x)))

    def features(self, x, training=None):
        """(N, T, num_features) -> (N, width): the mean over time."""
        return ops.mean(self.states(x), axis=1)

    def call(self, x, training=None):
        """(N, T, num_features) -> (N, num_classes)."""
        return self.head(self.features(x, training))


# %% [markdown]
# ### 6.2 LoRA: a small layer beside a frozen one
#
# $y = x W + s\,(x A) B$ as a Keras layer around another layer.


# %%
class LoRA(layers.Layer):
    """A frozen layer with a small trainable one beside it: y = layer(x) + scale (x A) B."""

    def __init__(self, layer, rank=4, scale=2.0, seed=0):
        super().__init__()
        self.scale = scale
        num_inputs, num_outputs = layer.kernel.shape
        start = keras.initializers.RandomNormal(stddev=rank**-0.5, seed=seed)
        self.down = self.add_weight((num_inputs, rank), start, name="down")
        self.up = self.add_weight((rank, num_outputs), "zeros", name="up")
        self.layer = layer
        self.built = True

    def call(self, x):
        return self.layer(x) + self.scale * ops.matmul(ops.matmul(x, self.down), self.up)

    def merged_kernel(self):
        """The layer's weights with the adapter added: W + scale A B."""
        return self.layer.kernel + self.scale * ops.matmul(self.down, self.up)


# %%
layer = keras_minigpt.h[0].attn.c_attn
adapted = LoRA(layer)
inputs = np.random.default_rng(0).normal(size=(5, settings.width)).astype(np.float32)
adapted.up.assign(np.random.default_rng(1).normal(size=adapted.up.shape))
merged = inputs @ ops.convert_to_numpy(adapted.merged_kernel()) + ops.convert_to_numpy(layer.bias)
gap = np.abs(ops.convert_to_numpy(adapted(inputs)) - merged).max()
print(f"base and adapter against merged weights: {gap:.0e}")

# %% [markdown]
# ### 6.3 What learns
#
# The same words for the same parts, and the same numbers of parameters.


# %%
def keras_made(gpt2, parts, seed=0):
    """A GPT2Video around a GPT-2, or around a copy with adapters."""
    if parts == "lora":
        gpt2 = vk.add_lora(gpt2, seed=seed)
    vk.set_seed(seed)
    model = GPT2Video(len(actions), gpt2, x.shape[2])
    vk.set_trainable(model, parts)
    return model


for parts in ("frozen", "lora"):
    model = keras_made(keras_minigpt, parts)
    learning = vk.count_parameters(model)
    print(f"{parts:<12}{learning:>8,} of {vk.count_parameters(model, trainable_only=False):,}")

# %% [markdown]
# ### 6.4 Fine-tuning
#
# One of the four ways here; the experiment of section 8 has them all.

# %%
keras_tuned = keras_made(keras_minigpt, "lora")
seconds = vk.fit(keras_tuned, few, learning_rate=RATES["lora"], **short).seconds
accuracy = vk.evaluate(keras_tuned, (test_x, test.labels))["accuracy"]
print(f"language, lora {accuracy:5.0%} after {seconds:.0f} s, compiling included")

# %% [markdown]
# ### 6.5 Pretraining on video: the next frame
#
# The model says the change from each frame to the next one.


# %%
class NextFeatures(keras.Model):
    """Features (N, T, num_features) -> those of the frames 1 to T - 1, foreseen."""

    def __init__(self, model):
        super().__init__()
        self.project, self.norm, self.gpt2 = model.project, model.norm, model.gpt2
        # At first it says that nothing changes.
        self.forecast = layers.Dense(model.num_features, kernel_initializer="zeros")
        self.forecast.build((None, None, model.gpt2.settings.width))
        self.built = True

    def call(self, x, training=None):
        states = self.gpt2(self.norm(self.project(x)))
        return x[:, :-1] + self.forecast(states[:, :-1])


# %%
vk.set_seed(0)
keras_gpt2 = vk.load_gpt2("minigpt", pretrained=False)
keras_foresee = NextFeatures(GPT2Video(len(actions), keras_gpt2, x.shape[2]))
history = vk.fit(
    keras_foresee, (x, x[:, 1:]), num_steps=30, loss="mse", learning_rate=1e-3, progress=False
)
keras_said = ops.convert_to_numpy(keras_foresee(test_x))
error = ((keras_said - test_x[:, 1:]) ** 2).mean()
print(f"error on new clips: {error:.4f} after {history.seconds:.0f} s of training")
print(f"copying the last frame: {copied:.4f}")

# %% [markdown]
# ## 7 Same weights, same answer
#
# A fine-tuned model moves from PyTorch to Keras, adapters and all.

# %%
from vidlab import weights

twin = keras_made(keras_minigpt, "lora", seed=1)
weights.copy_weights(torch_models["lora"], twin)
torch_logits = vt.predict(torch_models["lora"], test_x[:100])
gap = np.abs(ops.convert_to_numpy(twin(test_x[:100])) - torch_logits).max()
print(f"outputs from {torch_logits.min():.1f} to {torch_logits.max():.1f}")
print(f"largest difference: {gap:.0e}")

# %% [markdown]
# ## 8 Does language help? The whole table
#
# The committed experiment trains longer (600 steps) and over three seeds, with five starts: random
# weights, language, the same stories with shuffled words, the scrambled weights, and video (2,000
# steps of section 5.5 on 6,000 clips without labels). Labels and steps are the same in all cells. Each
# way to fine-tune has its own learning rate, chosen on other clips (`05b_rates.csv`).

# %%
import csv
from pathlib import Path

places = (Path("results"), Path("../results"))  # seen from notebooks/ and from solutions/
path = next(place for place in places if place.exists()) / "05b_fine_tuning.csv"
with path.open(newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
STARTS = ("random", "language", "shuffled", "scrambled", "video")


def results(field, **wanted):
    """The values of a column, in the rows that agree with what is wanted."""
    return [float(r[field]) for r in rows if all(r[k] == v for k, v in wanted.items())]


# %%
print(f"made by: {rows[0]['command']}")
print("test accuracy, mean (lowest to highest) of three seeds\n")
for framework in ("torch", "keras"):
    print(f"{framework:<11}" + "".join(f"{start:>14}" for start in STARTS) + "  learning seconds")
    for parts in PARTS:
        line = f"{parts:<11}"
        for start in STARTS:
            got = results("test_accuracy", framework=framework, parts=parts, start=start)
            line += f"{np.mean(got):.0%} ({min(got):.0%}-{max(got):.0%})".rjust(14)
        learning = results("trained_parameters", framework=framework, parts=parts)[0]
        seconds = np.median(results("train_seconds", framework=framework, parts=parts))
        print(f"{line}{learning:>10,.0f}{seconds:>8.0f}")
    print()
print("pretraining on video:", end=" ")
for framework in ("torch", "keras"):
    seconds = np.median(results("pretrain_seconds", framework=framework, start="video"))
    print(f"{framework} {seconds:.0f} s", end="  ")

# %%
figure, axes = display.new_axes(height=3.2)
marks = zip(STARTS, display.LINE_COLORS, "osDv^", strict=False)
for index, (start, color, mark) in enumerate(marks):
    for framework, shift, fill in (("torch", -0.03, color), ("keras", 0.03, "white")):
        for place, parts in enumerate(PARTS):
            got = results("test_accuracy", framework=framework, parts=parts, start=start)
            at = place + 0.16 * (index - 2) + shift
            label = start if (framework, place) == ("torch", 0) else None
            axes.plot(
                [at] * len(got), got, mark, color=color, markerfacecolor=fill, ms=5, label=label
            )
axes.axhline(linear_accuracy, color="gray", ls=":", label="linear classifier (one seed)")
axes.set(xticks=range(4), xticklabels=PARTS, ylim=(0, 1), xlabel="what learns")
axes.set_ylabel("test accuracy")
axes.legend(fontsize=8, loc="lower right")
display.show_figure(
    figure,
    "Accuracy by what learns and where it starts; filled PyTorch, hollow Keras; three seeds.",
)

# %% [markdown]
# What the table says:
#
# - **Frozen.** Language beats random weights by 46 to 49 points. More than half of that gain can be had
#   from scrambled weights, which know nothing, and a little more from shuffled words. Language is above
#   both in every run. So there is something in it for us, and it is much less than the first comparison said.
# - **Something learns.** With the last block, LoRA or everything free, language is 1 to 5 points above
#   random weights, which is less than the seeds differ. Shuffled words are a worse start than random
#   numbers if everything learns, by more than 10 points.
# - **Video.** A model that learned to foresee frames is far above all others, most of all frozen: 94 and
#   95 %, against 59 and 62 % for language. It has seen no word, no label, and only 6,000 clips.
# - **Baseline.** A frozen language model is as good as the linear classifier (60 to 65 %), which is
#   trained in a moment.
#
# Three cautions. All seeds share one `minigpt` and one shuffled one: another training of them could
# move these gaps. Each way to fine-tune has one learning rate for all starts, chosen with two of them
# (`05b_rates.csv`). And the video start has seen the very kind of clips that the test is made of.
#
# How does that fit the papers? Lu et al. (2022) kept GPT-2's attention and networks frozen, trained its
# normalisations and positions, and did well on pictures and other things that are no language, better
# than from random weights. Our frozen row agrees, and shows how much of such a gain a control can take
# away. Hu et al. (2022) found LoRA as good as full fine-tuning. Here it is 20 points behind.
#
# They adapted large language models to language; our adapters are small (rank 4, beside one matrix per block),
# and the model must learn to read frames. Which of these is the reason we did not test.
#
# With the real GPT-2, real clips and questions about their *meaning*, language may bring more. This
# table does not decide that. It shows which controls would.

# %% [markdown]
# ## 9 With a network: the real ones
#
# The cell below takes the real GPT-2, with its control, and real features. Set `REAL = True` if you have
# a network and a few minutes: it downloads GPT-2 (548 MB) and a VideoMAE (350 MB) that was trained on
# 400 human actions, once, at a fixed revision. Nothing in the rest of the chapter needs it. Without a
# network you get a message that says what to do.

# %%
REAL = False


def try_real(num_labels=200, num_test=100):
    """Fine-tune the real GPT-2 with LoRA, and a linear head on VideoMAE, on the same clips."""
    labels, answers = train.labels[:num_labels], test.labels[:num_test]
    real = vt.load_gpt2("gpt2")
    starts = {"gpt2": real, "gpt2, scrambled": scrambled(real)}
    for start, gpt2 in starts.items():
        model = made(gpt2, "lora")
        options = {**short, "batch_size": 8, "progress": True}
        vt.fit(model, (x[:num_labels], labels), learning_rate=RATES["lora"], **options)
        print(start, vt.evaluate(model, (test_x[:num_test], answers))["accuracy"])
    videomae = vt.pretrained_features("videomae")
    real_x = vt.extract_features(videomae, train.frames[:num_labels])  # (N, 768)
    head = LogisticRegression(max_iter=1000).fit(real_x, labels)
    real_test_x = vt.extract_features(videomae, test.frames[:num_test])
    print("VideoMAE, linear head", head.score(real_test_x, answers))


if REAL:
    try_real()

# %% [markdown]
# ## 10 Look inside: where does it look?
#
# The attention of the fine-tuned GPT-2, averaged over its heads, block by block. Rows look, columns
# are looked at. No frame sees a later one, so all is under the diagonal.

# %%
guesses = vt.predict(torch_models["lora"], test_x).argmax(axis=1)
place = int(np.argmax(guesses == test.labels))
with torch.no_grad():
    looks = {
        "language, LoRA": torch_models["lora"].look(torch.from_numpy(test_x[place : place + 1])),
        "random weights": made(gpt2s["random"], "frozen").look(
            torch.from_numpy(test_x[place : place + 1])
        ),
    }

# %%
figure, _ = display.new_axes(height=4.4)
figure.clear()
panels = figure.subplots(2, 4)
for row, (name, look) in zip(panels, looks.items(), strict=True):
    for block, panel in enumerate(row):
        panel.imshow(look[0, block].mean(dim=0).numpy(), cmap="viridis", vmin=0, vmax=0.6)
        panel.set(xticks=(0, 8, 15), yticks=(0, 8, 15) if block == 0 else ())
        panel.set_title(f"block {block}", fontsize=9)
    row[0].set_ylabel(f"{name}\nlooks")
for panel in panels[1]:
    panel.set_xlabel("looked at")
display.show_figure(figure, "Attention in the four blocks, fine-tuned and with random weights.")

# %% [markdown]
# Dark is no weight, yellow is 0.6 or more. A row has $t + 1$ weights that add up to 1, so early rows are
# bright in any case: with random weights (whose first layer is untrained too) each frame looks at all
# earlier ones alike, at $1 / (t + 1)$ each. Read the upper row against the lower one.
#
# The fine-tuned model has columns, frames to which all later ones look, and on the diagonal frames that look at
# themselves. In the last block nearly all look at frame 0. That need not mean that frame 0 matters:
# weights must go somewhere, and the first frame is the only one that all can see. Chapter 05a tested how
# little such maps explain.

# %% [markdown]
# ## 11 A control that could prove us wrong
#
# Two questions to the fine-tuned models. Do they use the *order* of the frames? And did the answer
# come from GPT-2 at all, or from the new layers around it? For the second we take the trained model
# and put random weights in the place of its GPT-2.

# %%
partner = {name: other for pair in world.PAIRS for name, other in (pair, pair[::-1])}
partner_labels = np.array([actions.index(partner[name]) for name in actions])
shuffle = np.random.default_rng(0)
controls = {
    "as filmed": test_x,
    "shuffled": np.stack([clip[shuffle.permutation(16)] for clip in test_x]),
    "reversed": test_x[:, ::-1],
}
print("                 PyTorch         Keras")
print("order            right partner   right partner")
for name, changed in controls.items():
    cells = []
    for room, model in ((vt, torch_models["lora"]), (vk, keras_tuned)):
        guess = room.predict(model, changed).argmax(axis=1)
        swapped = (guess == partner_labels[test.labels]).mean()
        cells.append(f"{(guess == test.labels).mean():5.0%}  {swapped:5.0%}")
    print(f"{name:<14}   {cells[0]}    {cells[1]}")

# %%
without = copy.deepcopy(torch_models["lora"])
without.gpt2 = vt.load_gpt2("minigpt", pretrained=False, seed=1)
accuracy = vt.evaluate(without, (test_x, test.labels))["accuracy"]
print(f"random weights in the place of the trained GPT-2: {accuracy:.0%}")

# %% [markdown]
# Reversed clips are called by the partner's name about as often as clips as filmed by their own: both
# models read the direction of time. In shuffled clips both lose about half of what they had right. And with random weights in the place of its GPT-2, the PyTorch model falls to chance: the
# new layers alone, as they were trained, cannot do it. That GPT-2 is *used* does not mean that its
# language is.

# %% [markdown]
# ## 12 What it costs
#
# Fine-tuning keeps the weights, and for each one that learns a gradient and Adam's two averages, 4
# bytes each. For the real GPT-2 that is the whole point of LoRA. Its size follows from its settings:

# %%
from vidlab.gpt2 import GPT2Settings, expected_shapes


def memory_of(settings, rank=4):
    """What learns, and megabytes of weights, gradients and averages, for LoRA and for all."""
    total = sum(int(np.prod(shape)) for shape in expected_shapes(settings).values())
    adapters = settings.num_layers * rank * (settings.width + 3 * settings.width)
    table = settings.vocab_size * settings.width  # of words: it does not learn
    return {
        "lora": (adapters, 4 * (total + 4 * adapters) / 1e6),
        "full": (total - table, 4 * (total + 3 * (total - table)) / 1e6),
    }


for name, sizes in (("minigpt", settings), ("gpt2", GPT2Settings())):
    for parts, (learning, megabytes) in memory_of(sizes).items():
        print(f"{name:<9}{parts:<6}{learning:>12,} learn, {megabytes:8.1f} MB")

# %% [markdown]
# And the time? A step of each kind, from the runs of section 5.4:

# %%
for parts, seconds in times.items():
    print(f"{parts:<12}{1000 * seconds / short['num_steps']:5.0f} ms per step")

# %% [markdown]
# LoRA saves memory where memory is scarce: for the real GPT-2, two thirds of it, not counting what a
# step needs besides. It saves less time, about a fifth in PyTorch and a quarter in Keras (section 8).
# Even with everything frozen, each step sends all frames through all blocks, and the gradient back
# through them to the layer before.

# %% [markdown]
# ## 13 Playground
#
# All of this in one recipe. **Look inside** a clip: for the frame that you scrub to, a column shows
# where GPT-2 looks, averaged over blocks and heads, and the three frames that it looks at most are
# named.

# %%
from vidlab.playground import (
    Choice,
    OverTime,
    PredictFirst,
    Preset,
    Range,
    classifier,
    playground,
)  # fmt: skip

rooms = {"torch": vt, "keras": vk}


def attention_of(room, model, clip):
    """Where each frame of a clip looks, (T, T): rows look, columns are seen."""
    clip_x = features_of(clip[None])
    if room is vt:
        with torch.no_grad():
            return model.look(torch.from_numpy(clip_x))[0].mean(dim=(0, 1)).numpy()
    return ops.convert_to_numpy(model.look(clip_x))[0].mean(axis=(0, 1))


# %%
@playground(
    title="A language model that reads frames: does language help?",
    presets=[
        Preset("LoRA", "Few numbers learn, and much is right."),
        Preset(
            "random and frozen",
            "Nothing was learned before.",
            {"start": "random", "parts": "frozen", "learning_rate": 3e-2},
        ),
        Preset(
            "only shuffled words",
            "How much worse is it without language?",
            {"start": "shuffled", "parts": "frozen", "learning_rate": 3e-2},
        ),
        Preset("has seen video", "It foresaw frames before.", {"start": "video"}),
        Preset(
            "too fast",
            "All of it learns, too fast: what was there is lost.",
            {"parts": "full", "learning_rate": 0.1},
        ),
    ],
    predict_first=PredictFirst(
        "How many validation clips will be right at the end?",
        ("below 40 %", "40 to 70 %", "above 70 %"),
        lambda run: f"{run.last()['val accuracy']:.0%}",
    ),
)
def recipe(
    framework: Choice("torch", "keras") = "torch",
    start: Choice("language", "shuffled", "video", "random") = "language",
    parts: Choice("frozen", "last_block", "lora", "full") = "lora",
    rank: Range(1, 16) = 4,
    num_labels: Range(50, 1200, log=True) = 1200,
    learning_rate: Range(1e-4, 0.3, log=True, live=True) = 1e-2,
    num_steps: Range(20, 400, step=10, unit="steps") = 120,
    batch_size: Range(8, 64, step=8, unit="clips") = 32,
    seed: Range(0, 9) = 0,
):
    """Fine-tune a GPT-2 on frames; the panel shows where each frame looks."""
    room = rooms[framework]
    name = f"minigpt-{start}" if start in ("shuffled", "video") else "minigpt"
    gpt2 = room.load_gpt2(name, pretrained=start != "random", seed=seed)
    if parts == "lora":
        gpt2 = room.add_lora(gpt2, rank, seed=seed)
    room.set_seed(seed)
    model = room.GPT2Video(len(actions), gpt2, x.shape[2])
    room.set_trainable(model, parts)

    def inside(clip):
        names = [f"frame {t}" for t in range(len(clip))]
        return {"where each frame looks": OverTime(attention_of(room, model, clip), names, low=0)}

    steps = room.train_steps(
        model,
        (x[:num_labels], train.labels[:num_labels]),
        (test_x[:100], test.labels[:100]),
        num_steps=num_steps,
        batch_size=batch_size,
        learning_rate=learning_rate.scheduled("one_cycle", num_steps),
        eval_every=20,
        seed=seed,
    )
    yield classifier(
        room, model, steps, train, test[100:],
        select=features_of,
        inspect=inside,
        draw=lambda path: world.animate(path, size=32),
    )  # fmt: skip
    yield from steps


# %%
runs = {
    "language, LoRA": recipe.run(num_steps=40),
    "video, LoRA": recipe.run(num_steps=40, start="video"),
}
for name, run in runs.items():
    print(f"{name:<16}{run}")

# %%
recipe.show(examples=runs)

# %% [markdown]
# ## 14 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it.
#
# ### Exercise 1: perplexity
#
# From what a language model says, to how unsure it is.


# %% exercise="05b.perplexity"
def perplexity(log_p, numbers):
    """log_p (L, words): row t holds the log-probability of every word to come right after word t.

    numbers: the L + 1 words of the text, as ints. Returns a float.
    """
    ### BEGIN SOLUTION
    said = log_p[np.arange(len(log_p)), np.asarray(numbers)[1:]]
    return np.exp(-said.mean())
    ### END SOLUTION


# %%
check("05b.perplexity", perplexity)

# %% [markdown]
# ### Exercise 2: an adapter by hand
#
# What a layer with a LoRA adapter gives, and the weights that do the same without it.


# %% exercise="05b.lora"
def lora(x, weight, bias, down, up, scale):
    """x (N, in), weight (in, out), bias (out,), down (in, r), up (r, out).

    Returns the outputs (N, out), and the merged weights (in, out).
    """
    ### BEGIN SOLUTION
    merged = weight + scale * down @ up
    return x @ weight + bias + scale * (x @ down) @ up, merged
    ### END SOLUTION


# %%
check("05b.lora", lora)

# %% [markdown]
# ### Exercise 3: when does LoRA pay?
#
# A matrix has `num_inputs` rows and `num_outputs` columns. Up to which rank does an adapter have fewer
# numbers than the matrix itself? Return the highest such rank, 0 if there is none.


# %% exercise="05b.rank"
def highest_rank(num_inputs, num_outputs):
    ### BEGIN SOLUTION
    return (num_inputs * num_outputs - 1) // (num_inputs + num_outputs)
    ### END SOLUTION


# %%
check("05b.rank", highest_rank)

# %% [markdown]
# ### Exercise 4: what learns
#
# The names of the parameters of a GPT-2 with adapters look like `h.3.attn.c_attn.down`,
# `h.0.mlp.c_fc.weight` or `ln_f.bias`. Choose those that learn. `parts` is one of the four words of
# section 5.3. `ln_f` belongs to the last block; the adapters (`.down` and `.up`) learn for "lora" only;
# the table of words, `wte.weight`, never does.


# %% exercise="05b.choose"
def choose(names, parts, num_layers):
    """names: list of str. Returns the list of those that learn, in the same order."""
    ### BEGIN SOLUTION
    last = (f"h.{num_layers - 1}.", "ln_f.")
    adapters = (".down", ".up")
    chosen = {
        "frozen": lambda name: False,
        "last_block": lambda name: name.startswith(last) and not name.endswith(adapters),
        "lora": lambda name: name.endswith(adapters),
        "full": lambda name: name != "wte.weight" and not name.endswith(adapters),
    }[parts]
    return [name for name in names if chosen(name)]
    ### END SOLUTION


# %%
check("05b.choose", choose)

# %% [markdown]
# ### Exercise 5: sampling
#
# A model generates text by drawing the next word, again and again. A *temperature* below 1 makes likely
# words more likely: the log-probabilities are divided by it before the softmax. Return the
# probabilities to draw from, with all but the `top` most likely words at exactly 0.


# %% exercise="05b.sample"
def chances(log_p, temperature, top):
    """log_p: (words,), all different. Returns probabilities (words,)."""
    ### BEGIN SOLUTION
    scores = np.array(log_p) / temperature
    scores[np.argsort(scores)[: len(scores) - top]] = -np.inf
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()
    ### END SOLUTION


# %%
check("05b.sample", chances)

# %% [markdown]
# ### Exercise 6: repair this snippet
#
# A colleague pretrains on video by predicting the next frame. Her error falls to nearly zero within
# seconds, and fine-tuning gains nothing. The model is causal, there is no doubt about that. Look at
# what it is asked for.


# %% exercise="05b.repair"
def pairs_for_pretraining(features, reach):
    """features: (N, T, D). Returns inputs (N, T - reach, D), and what each position should say:

    the features `reach` frames after it.
    """
    ### BEGIN SOLUTION
    return features[:, :-reach], features[:, reach:]
    ### LEARNER GETS
    # inputs = features[:, reach:]
    # targets = features[:, reach:]
    # return inputs, targets
    ### END SOLUTION


# %%
check("05b.repair", pairs_for_pretraining)

# %% [markdown]
# ### Exercise 7 (open): say it in words
#
# The shortest way from video to language: write each clip as a sentence, in words of your own. The
# check makes 300 clips with labels and lets a very simple reader learn from your sentences: it only
# counts words (a naive Bayes classifier). Then it reads 150 new ones. It must name at least 65 % of
# the actions. The sentence may not contain the label, for you do not know it.


# %% exercise="05b.describe"
def describe(frames):
    """frames: uint8 (16, 32, 32, 3). Returns a str of 1 to 40 words."""
    ### BEGIN SOLUTION
    moving = np.abs(frames - np.median(frames, axis=0)).sum(axis=-1) / 100  # (16, 32, 32)
    grid = np.mgrid[:32, :32]

    def measures(mass):
        """Size, spread and centre of what moves in one frame."""
        total = mass.sum() + 1e-6
        row, column = (mass * grid).sum(axis=(1, 2)) / total
        spread = np.sqrt((mass * ((grid[0] - row) ** 2 + (grid[1] - column) ** 2)).sum() / total)
        return np.array([total, spread, row, column])

    first, last = (
        [measures(clip) for clip in moving[part]] for part in (slice(4), slice(-4, None))
    )
    change = np.mean(last, axis=0) - np.mean(first, axis=0)
    names, steps = ("size", "spread", "row", "column"), (12, 1, 1.5, 1.5)
    return " ".join(
        f"{name}{int(np.clip(round(value / step), -3, 3))}"
        for name, value, step in zip(names, change, steps, strict=True)
    )
    ### END SOLUTION


# %%
check("05b.describe", describe)

# %% [markdown]
# **For a person to read.** A paper reports: "Our video model uses a pretrained language model and
# reaches 81 %. The same model with random weights reaches 62 %. Hence knowledge from language helps to
# understand video." Name two controls that you would ask for before you believe the last sentence,
# and what each would rule out.

# %% [markdown] question="05b.claim"
# A model of equal size that was pretrained on something without meaning, such as the same text with
# its words shuffled: if it helps as much, well-scaled weights help, not language. A model pretrained
# just as long on video without labels: if it helps more, language was not the point but pretraining
# was. A simple classifier on the same features shows what the features alone give. And the random
# model deserves its own learning rate and its own number of steps; starting with poor settings, it
# may lose for that reason alone.

# %% [markdown]
# ## 15 What you learned
#
# - A language model learns from text alone, by naming the next word. A video model can learn from clips
#   alone in the same way.
# - A transformer reads vectors. Whether they were words or frames, it does not know.
# - LoRA learns a low-rank difference; merged, it costs nothing.
# - That a pretrained model beats random weights does not show *what* helped. It takes a control that
#   shares everything but the thing in question.
# - Here, learning to foresee frames helped far more than learning to foresee words.
#
# ## 16 What can go wrong in practice
#
# - **Frozen, and yet it moves.** Dropout and batch statistics change outputs even if no weight learns:
#   put frozen parts into evaluation mode. (Our GPT-2 has neither.)
# - **A weight that is frozen after the optimiser was made** may still be moved by momentum or weight
#   decay. Freeze first.
# - **Inputs of another size.** GPT-2 was trained on vectors of a certain length; features of frames
#   may be a hundred times larger or smaller. Hence the normalisation before it.
# - **A comparison at one learning rate.** Full fine-tuning often likes a smaller one than LoRA. Give each
#   its own, chosen on clips that are not the test's.
# - **Files from strangers.** A pickled model file runs code when it is opened; safetensors do not.
#
# ## 17 Papers
#
# - Radford, Wu, Child, Luan, Amodei, Sutskever: *Language Models are Unsupervised Multitask Learners*.
#   OpenAI, 2019. GPT-2.
# - Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen: *LoRA: Low-Rank Adaptation of Large Language
#   Models*. ICLR 2022.
# - Lu, Grover, Abbeel, Mordatch: *Frozen Pretrained Transformers as Universal Computation Engines*.
#   AAAI 2022. A frozen GPT-2 on pictures and other things, and what its weights are good for.
# - Shen, Baevski, Morcos, Keutzer, Auli, Kiela: *Reservoir Transformers*. ACL 2021.
# - Tong, Song, Wang, Wang: *VideoMAE: Masked Autoencoders are Data-Efficient Learners for
#   Self-Supervised Video Pre-Training*. NeurIPS 2022.
#
# ## 18 Where to go next
#
# Our frames carry no sound, and our language model never saw a frame and its caption side by side.
# Joining picture, sound and text is the next step.
