# %% [markdown]
# # 05a · Attention and transformers
#
# ![From file to frames, features, sequence, meaning and new video.](images/way_05.png)
#
# An LSTM reads a clip frame by frame and must carry what it saw. A *transformer* lets every frame
# look at every other one directly. This chapter builds it from a soft look-up, trains it on clips,
# and then lets it learn from clips that nobody has labelled.
#
# **After this chapter you can**
#
# - turn sentences into tokens, numbers and embeddings,
# - compute attention by hand, with masks and heads, and find the same numbers in PyTorch and Keras,
# - show that attention is blind to order, and say what cures it,
# - build a transformer over frames and one over patches in space and time,
# - pretrain it by hiding frames, and measure how many labels that saves,
# - read attention maps, and say what they do not prove.
#
# **Builds on:** chapters 02 and 03. **Run time:** {{run_time}}.

# %% tags=["setup"]
import time

import numpy as np

from vidlab import display, world
from vidlab.course import check
from vidlab.words import Vocabulary

# %% [markdown]
# ## 1 Words first
#
# Transformers were made for language, and their terms come from there. So we begin with sentences,
# the captions of our clips. A *token* is a piece of text that the network treats as one thing: here
# a word. (GPT-2 cuts rare words into parts, so that no word is ever unknown.) The *vocabulary* is
# the list of all tokens. Each token's place in the list is its number.

# %%
words = Vocabulary([".", *world.VOCABULARY])
caption = world.captions_for("left", "red", "circle", num_shapes=1)[0]
numbers = words.encode(caption)
print(f"{len(words)} words in all")
print(f"{caption!r} -> {numbers}")
print(f"back: {words.decode(numbers)!r}")
print(f"a word that is not there: {words.encode('a red dragon')}, 1 is {words.words[1]!r}")

# %% [markdown]
# The numbers are names, nothing more: word 40 is not twice word 20. So each token gets a vector of
# its own, its *embedding*. All of them stand in a table $E$ with one row per word; looking a word
# up means taking its row. That is the same as multiplying a *one-hot* vector (a 1 at the word's
# place, 0 elsewhere) with the table:
#
# $$e_w = \text{onehot}(w)\, E$$

# %%
rng = np.random.default_rng(0)
table = rng.normal(size=(len(words), 4)).round(1)  # 4 numbers per word
one_hot = np.eye(len(words))[numbers]  # (words in the sentence, words in all)
print("rows of the table:", table[numbers].tolist())
print("the same as one-hot times table:", np.array_equal(one_hot @ table, table[numbers]))

# %% [markdown]
# A table starts random and is learned like any other weight. What does it learn? The package brings
# `minigpt`, a small GPT-2 that read stories made of such captions and learned to say the next word
# (chapter 05b says more). These are, for a few words, the words with the most similar vectors in its
# table. Similar means a high *cosine*: 1 for the same direction, 0 for a right angle.

# %%
import vidlab.torch as vt

learned = vt.load_gpt2("minigpt").wte.weight.detach().numpy()
untrained = vt.load_gpt2("minigpt", pretrained=False).wte.weight.detach().numpy()


def nearest(table, word, count=4):
    """The words whose vectors point most nearly the same way."""
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    cosine = unit @ unit[words.encode(word)[0]]
    best = [place for place in np.argsort(-cosine) if words.words[place] != word][:count]
    return "  ".join(f"{words.words[place]} {cosine[place]:.2f}" for place in best)


for word in ("red", "circle", "left", "grows", "moving"):
    print(f"{word:<8}learned: {nearest(learned, word):<58}random: {nearest(untrained, word, 2)}")

# %% [markdown]
# Words that can stand in the same place in a sentence have come close: colours beside colours,
# shapes beside shapes. Nobody told the model what a colour is. In the random table the neighbours
# mean nothing.
#
# For video we keep the recipe and change the tokens. A *frame* becomes a vector, made by a small
# network in place of a table. Everything after that is the same as for words.

# %% [markdown]
# ## 2 Attention: a soft look-up
#
# A dictionary in Python is a hard look-up: the key either matches or it does not. Attention is a
# soft one. Each place in the sequence has a *query* (what it looks for), a *key* (what it can be
# found by) and a *value* (what it hands out), all vectors. The query is compared with every key by
# a dot product. A softmax turns the comparisons into weights that add up to 1, and the answer is the
# weighted mean of the values.
#
# By hand, for three frames. Let the keys say where a shape is, and the values how large it is. The
# query asks: "who is on the left?"

# %%
keys = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])  # left, middle, right
values = np.array([[10.0], [20.0], [30.0]])  # sizes
query = np.array([2.0, 0.0])  # looks for the left

# %%
scores = keys @ query / np.sqrt(2)
weights = np.exp(scores) / np.exp(scores).sum()
for frame in range(3):
    print(f"frame {frame}: score {scores[frame]:.2f}, weight {weights[frame]:.2f}")
print(f"what it finds: {weights @ values}")

# %% [markdown]
# Frame 0 matches best and gets most of the weight, frame 2 gets little, and the answer lies near 10.
# A larger query would make the look-up harder: try `query = np.array([9.0, 0.0])`.
#
# In *self*-attention queries, keys and values all come from the same sequence, each by a matrix of
# its own. For a whole sequence $X$ with one row per token, $Q = X W_Q$, $K = X W_K$, $V = X W_V$:
#
# $$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt{D}}\right) V$$
#
# This is the *scaled dot-product attention* of Vaswani et al. (2017). $D$ is the length of a query.
# Why divide by $\sqrt{D}$? A dot product of two random vectors grows with their length, and a softmax
# of large numbers puts all weight in one place. Then its slope is nearly zero and nothing is
# learned. (The spread grows with the root of $D$.) We measure both:

# %%
print("    D   spread of q.k   after dividing   largest weight, undivided   divided")
for size in (4, 16, 64, 256):
    q, k = rng.normal(size=(1000, 1, size)), rng.normal(size=(1000, 8, size))
    raw = (q * k).sum(axis=2)  # 1,000 queries, 8 keys each
    row = [raw.std(), (raw / size**0.5).std()]
    for scaled in (raw, raw / size**0.5):
        exponent = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        row.append((exponent.max(axis=1) / exponent.sum(axis=1)).mean())
    print(f"{size:5}   {row[0]:13.1f}   {row[1]:14.2f}   {row[2]:25.2f}   {row[3]:7.2f}")

# %% [markdown]
# ## 3 The same numbers three times
#
# Attention in NumPy, for any number of leading axes, with a *mask*: False where a query may not
# look. A forbidden score becomes $-\infty$ before the softmax, so its weight is exactly 0 and the
# others still add up to 1.


# %%
def numpy_attention(query, key, value, mask=None):
    """query (..., Q, D), key (..., K, D), value (..., K, V) -> found (..., Q, V), weights."""
    scores = query @ key.swapaxes(-2, -1) / np.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights


# %% [markdown]
# Two masks are in daily use. A *causal* mask lets a frame look at itself and at earlier ones: a model
# that predicts the future must not see it. A *padding* mask hides the frames that only fill up a
# short clip.

# %%
causal = np.tri(6, dtype=bool)  # True on and below the diagonal
padding = np.arange(6) < 4  # frames 4 and 5 are filling
figure, _ = display.new_axes(height=2.6)
figure.clear()
panels = figure.subplots(1, 3)
for panel, mask, title in zip(
    panels,
    (causal, np.broadcast_to(padding, (6, 6)), causal & padding),
    ("causal", "padding", "both"),
    strict=True,
):
    panel.imshow(mask, cmap="Blues", vmin=0, vmax=1.6)
    panel.set(title=title, xlabel="frame that is looked at", xticks=range(6), yticks=range(6))
panels[0].set_ylabel("frame that looks")
display.show_figure(figure, "Three masks for six frames; blue means that looking is allowed.")

# %% [markdown]
# Now the frameworks. First PyTorch's own fast version. Then `vt.attention` and `vk.attention`: the
# lines above, written once for each framework. Sections 5.1 and 6.1 show them.

# %%
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

q, k, v = (rng.normal(size=(2, 6, 8)).astype(np.float32) for _ in range(3))
ours, _ = numpy_attention(q, k, v, causal)
tensors = [torch.from_numpy(array) for array in (q, k, v)]
theirs = scaled_dot_product_attention(*tensors, attn_mask=torch.from_numpy(causal))
print(f"NumPy and PyTorch's own: largest difference {np.abs(ours - theirs.numpy()).max():.0e}")

# %%
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow: fewer messages
import keras
from keras import layers, ops

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # and no advice on retracing

import vidlab.keras as vk

in_torch, _ = vt.attention(*tensors, torch.from_numpy(causal))
in_keras, _ = vk.attention(q, k, v, causal)
for name, found in (("PyTorch", in_torch.numpy()), ("Keras", ops.convert_to_numpy(in_keras))):
    print(f"NumPy and our {name:<8} largest difference {np.abs(ours - found).max():.0e}")

# %% [markdown]
# ## 4 Baseline: CNN+LSTM
#
# The ten actions of chapter 03 again: five pairs, each the other run backwards. Somebody has labelled
# 1,200 clips; another 800 have no label. The model to beat is chapter 03's CNN+LSTM.

# %%
options = {"size": 32, "num_frames": 16, "difficulty": "easy", "sound": False}
clips = world.generate(2000, split="train", seed=0, **options)
train = clips[:1200]  # labelled
test = world.generate(300, split="test", seed=0, **options)
actions = list(train.class_names)

# %%
vt.set_seed(0)
baseline = vt.CNNLSTM(len(actions))
history = vt.fit(baseline, train, num_steps=80, learning_rate=1e-2, progress=False)
baseline_accuracy = vt.evaluate(baseline, test)["accuracy"]
print(f"CNN+LSTM: {baseline_accuracy:.0%} after {history.seconds:.0f} s")

# %% [markdown]
# ## 5 PyTorch: a transformer over frames
#
# ### 5.1 Attention, in several heads
#
# One look-up asks one question. To ask several at once, queries, keys and values are cut into $h$
# parts, the *heads*; each looks for itself, and their findings are put side by side again. The cost
# is that of one large head. *Width* is how many numbers a token has, `L` how many tokens there are.
# `attend` is the function of section 3, in tensors.


# %%
class SelfAttention(nn.Module):
    """(..., L, width) -> (..., L, width): every place looks at every other one."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.project = nn.Linear(width, width)

    @staticmethod
    def attend(query, key, value, mask=None):
        """softmax(query key^T / sqrt(D)) value, and the weights."""
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ value, weights

    def split(self, x):
        """(..., L, width) -> (..., num_heads, L, width / num_heads)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)

    def look(self, x, mask=None):
        """What each head finds, (..., num_heads, L, D), and where it looks, (..., L, L)."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        return self.attend(self.split(query), self.split(key), self.split(value), mask)

    def forward(self, x, mask=None):
        found, _ = self.look(x, mask)
        return self.project(found.transpose(-3, -2).flatten(-2))


# %% [markdown]
# ### 5.2 A block
#
# Attention only mixes tokens; it takes means. A block lets each token *think* about what it found: a
# small network of two layers, the same for every token. Both parts are added to what was there
# (*residual* connections, so that a deep stack can begin as doing nothing much), and each gets its
# input normalised. *Layer normalisation* gives each token mean 0 and spread 1 over its own numbers,
# then scales and shifts them; unlike batch normalisation it needs no batch. *GELU* is a ReLU with a
# rounded corner.


# %%
from torch.nn.functional import gelu


class TransformerBlock(nn.Module):
    """(..., L, width) -> (..., L, width): look around, then think."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x, mask=None):
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.contract(gelu(self.expand(self.norm2(x))))

    def weights_of(self, x, mask=None):
        """(..., L, width) -> (..., num_heads, L, L): where each place looks."""
        return self.attention.look(self.norm1(x), mask)[1]


# %% [markdown]
# ### 5.3 Blind to order
#
# Without a mask, nothing in a block knows which token came first. (A causal mask gives some order away:
# frame 0 sees one frame, frame 5 sees six.) Shuffle the tokens, and the answers come out
# shuffled in the same way; their mean does not change at all. For video that is a disaster: left
# and right are the same frames in another order. The cure is to add to each token a vector that
# belongs to its place, its *position*. Here the positions are learned, like an embedding of the
# numbers 0 to 15.

# %%
torch.manual_seed(0)
block = TransformerBlock(64, 4)
tokens, order = torch.randn(1, 16, 64), torch.randperm(16)
positions = torch.randn(16, 64)
with torch.no_grad():
    plain = (block(tokens).mean(dim=1) - block(tokens[:, order]).mean(dim=1)).abs().max()
    placed = block(tokens + positions).mean(dim=1)
    shuffled = block(tokens[:, order] + positions).mean(dim=1)
print(f"change of the mean by shuffling, without positions: {plain:.0e}")
print(f"with positions: {(placed - shuffled).abs().max():.1f}")

# %% [markdown]
# ### 5.4 Tokens from frames
#
# What are the words of a clip? The simplest choice is one token per frame. Two convolutions with
# stride 2 look at a frame, and a linear layer makes 64 numbers of what they say. We do not pool over
# the picture: a token must be able to say *where* something is.


# %%
class FrameTokens(nn.Module):
    """Clips (N, T, 3, size, size) -> (N, T, width): one token for each frame."""

    def __init__(self, width, size=32):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.dense = nn.Linear(16 * (size // 4) ** 2, width)

    def forward(self, x):
        maps = torch.relu(self.conv1(x.flatten(0, 1)))  # (N * T, 16, size / 2, size / 2)
        maps = torch.relu(self.conv2(maps)).movedim(1, -1)  # (N * T, size / 4, size / 4, 16)
        return self.dense(maps.flatten(1)).unflatten(0, x.shape[:2])


# %% [markdown]
# Tokens, positions, blocks: together the *encoder*. `class_token` adds a token that belongs to no
# frame and can collect what the classifier needs, as BERT has it (Devlin et al., 2019). We read the
# mean of all tokens and leave it out; pass `pool="token"` to try it.

# %%
from vidlab.torch.models.initial import initialize


class VideoEncoder(nn.Module):
    """Clips (N, T, 3, size, size) -> (N, T, width): what each frame means beside the others."""

    def __init__(
        self, width=64, num_heads=4, num_layers=2, num_frames=16, size=32, class_token=False
    ):
        super().__init__()
        self.width = width
        self.positions = nn.Parameter(0.02 * torch.randn(num_frames, width))
        self.class_token = nn.Parameter(0.02 * torch.randn(1, width)) if class_token else None
        self.frames = FrameTokens(width, size)
        self.blocks = nn.ModuleList([TransformerBlock(width, num_heads) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(width)
        self.apply(initialize)

    def place(self, tokens):
        """Add the positions to the tokens of frames, (N, T, width)."""
        tokens = tokens + self.positions[: tokens.shape[1]]
        if self.class_token is not None:
            first = self.class_token.expand(len(tokens), 1, -1)
            tokens = torch.cat([first, tokens], dim=1)
        return tokens

    def read(self, tokens):
        """The tokens of frames, (N, T, width), after all blocks."""
        x = self.place(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def look(self, x):
        """(N, T, 3, H, W) -> (N, num_layers, num_heads, L, L): where each token looks."""
        x, weights = self.place(self.frames(x)), []
        for block in self.blocks:
            weights.append(block.weights_of(x))
            x = block(x)
        return torch.stack(weights, dim=1)

    def forward(self, x):
        return self.read(self.frames(x))


# %% [markdown]
# Behind it a linear layer for the classes: the classifier's head, which has nothing to do with the heads
# of attention.


# %%
class VideoTransformer(nn.Module):
    """Clips (N, T, 3, size, size) in [0, 1] -> logits (N, num_classes)."""

    takes = "clips"

    def __init__(
        self,
        num_classes,
        width=64,
        num_heads=4,
        num_layers=2,
        num_frames=16,
        size=32,
        pool="mean",
    ):
        super().__init__()
        self.pool = pool
        self.encoder = VideoEncoder(
            width, num_heads, num_layers, num_frames, size, class_token=pool == "token"
        )
        self.head = nn.Linear(width, num_classes)
        self.head.apply(initialize)

    def look(self, x):
        """(N, T, 3, H, W) -> (N, num_layers, num_heads, L, L): where each token looks."""
        return self.encoder.look(x)

    def features(self, x):
        """(N, T, 3, H, W) -> (N, width): what the head sees."""
        tokens = self.encoder(x)
        return tokens[:, 0] if self.pool == "token" else tokens.mean(dim=1)

    def forward(self, x):
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


# %% [markdown]
# ### 5.5 Training, from scratch
#
# About as many steps as the CNN+LSTM had, on the same clips.

# %%
settings = {"num_steps": 100, "learning_rate": 3e-3, "schedule": "one_cycle", "progress": False}
vt.set_seed(0)
torch_model = VideoTransformer(len(actions))
torch_history = vt.fit(torch_model, train, **settings)
torch_accuracy = vt.evaluate(torch_model, test)["accuracy"]
print(f"CNN+LSTM                       {baseline_accuracy:.0%}")
print(f"transformer, from scratch      {torch_accuracy:.0%} after {torch_history.seconds:.0f} s")
print(f"parameters: {vt.count_parameters(baseline):,} and {vt.count_parameters(torch_model):,}")

# %% [markdown]
# That is not what one hears about transformers. The CNN+LSTM was *built* for moving things: its
# convolutions see the same everywhere, its moments say where, its differences say how that changes.
# The transformer has two convolutions as well. But then one linear layer reads all places at once, so
# that a shape at another place is a new thing to it. Nor does it know that the positions 3 and 4 are
# neighbours. Less built in means more examples and more steps (section 8 gives it both). But not all
# that must be learned needs *labels*.

# %% [markdown]
# ### 5.6 Pretraining: hide a frame, and say what was there
#
# BERT learned language by filling gaps: hide some words of a sentence, and predict them from the
# rest. No label is needed, since the text itself knows the answer. The same works for video. We hide
# half of the frames behind one learned vector, the *mask token*, and ask for each hidden frame, very
# small (8 x 8 pixels), less the clip's median: what is left is what moves.
#
# To fill the gap between a shape on the left and a shape in the middle, it helps to know where things
# are, in which order the frames come, and how things move. Those are the very things that the
# classifier lacked.


# %%
class MaskedFrames(nn.Module):
    """Clips (N, T, 3, H, W) -> (N, T, target_size + 1): predictions, and 1 where it was hidden."""

    def __init__(self, encoder, target_size=192, share=0.5):
        super().__init__()
        self.share = share
        self.mask_token = nn.Parameter(torch.zeros(encoder.width))  # stands for a hidden frame
        self.encoder = encoder
        self.decode = nn.Linear(encoder.width, target_size)
        self.decode.apply(initialize)

    def hide(self, x):
        """Which frames are hidden, bool (N, T)."""
        if self.training:
            return torch.rand(x.shape[:2], device=x.device) < self.share
        return (torch.arange(x.shape[1], device=x.device) % 2 == 1).expand(x.shape[:2])

    def forward(self, x):
        hidden = self.hide(x)
        tokens = torch.where(hidden[:, :, None], self.mask_token, self.encoder.frames(x))
        found = self.encoder.read(tokens)[:, -x.shape[1] :]  # without the class token
        return torch.cat([self.decode(found), hidden[:, :, None].float()], dim=2)


# %% [markdown]
# The loss is the mean squared error over the hidden frames alone. With $m_{nt} = 1$ where frame $t$
# of clip $n$ is hidden, $y_{nt}$ its small picture and $\hat y_{nt}$ the prediction, of $D$ numbers:
#
# $$L = \frac{\sum_{n,t} m_{nt} \, \lVert \hat y_{nt} - y_{nt} \rVert^2 / D}{\sum_{n,t} m_{nt}}$$


# %%
def masked_mse(outputs, targets):
    """outputs (N, T, D + 1), the last number says which frames count; targets (N, T, D)."""
    hidden = outputs[..., -1]
    error = ((outputs[..., :-1] - targets) ** 2).mean(dim=-1)  # (N, T)
    return (error * hidden).sum() / hidden.sum().clamp(min=1)


# %%
from vidlab.thumbnails import thumbnails


def targets_of(frames):
    """What moves in each frame, (N, T, 192), scaled to a spread of 1."""
    small = thumbnails(frames)  # 8 x 8 pixels, 3 colours
    moving = small - np.median(small, axis=1, keepdims=True)
    return moving / moving.std()


targets = targets_of(clips.frames)
vt.set_seed(0)
short_model = MaskedFrames(VideoEncoder())
short_history = vt.fit(
    short_model, (clips.frames, targets), **{**settings, "num_steps": 80}, loss=masked_mse
)
print(f"error: {short_history.loss[0]:.2f} -> {np.mean(short_history.loss[-10:]):.2f}", end=" ")
print(f"after {short_history.seconds:.0f} s")

# %% [markdown]
# An error of 1 would mean that it says "nothing moves" each time. To squeeze a frame into 64 numbers
# and paint it from them is hard, and takes thousands of steps. So the package brings an encoder that
# took 2,500 of them on 6,000 clips without a label, made by `data_scripts/pretrain_masked_frames.py`.
# Here is how well it does on clips that it never saw, beside two simple answers: a copy of the frame
# before, and the mean of the two neighbours.

# %%
from vidlab import weights
from vidlab.backbones import MASKED_FRAMES

pretrained = MaskedFrames(VideoEncoder())
weights.load(pretrained, MASKED_FRAMES)
said = vt.predict(pretrained, test.frames[:100])  # every second frame is hidden
truth = targets_of(test.frames)[:100]
hidden = np.arange(1, 15, 2)  # those with a neighbour on both sides
answers = {
    "the model": said[:, hidden, :-1],
    "the frame before": truth[:, hidden - 1],
    "the mean of both neighbours": (truth[:, hidden - 1] + truth[:, hidden + 1]) / 2,
}
for name, answer in answers.items():
    print(f"{name:<29}error {((answer - truth[:, hidden]) ** 2).mean():.2f}")


# %%
def draw_filled(clip, said, title):
    """Three rows: the clip with hidden frames, the truth, and what the model says of the hidden."""
    truth = targets_of(clip[None])[0].reshape(-1, 8, 8, 3)
    drawn = said[:, :-1].reshape(-1, 8, 8, 3)
    hidden = said[:, -1] == 1
    figure, _ = display.new_axes(height=2.9)
    figure.clear()
    panels = figure.subplots(3, 12)
    for column in range(12):
        seen = np.full_like(clip[0], 128) if hidden[column] else clip[column]
        said_here = drawn[column] if hidden[column] else np.zeros((8, 8, 3))
        for row, picture in enumerate((seen, 0.5 + truth[column] / 12, 0.5 + said_here / 12)):
            panels[row, column].imshow(picture if row == 0 else picture.clip(0, 1))
            panels[row, column].set(xticks=[], yticks=[])
        panels[0, column].set_title(str(column), fontsize=9)
    for row, name in enumerate(("it sees", "moving parts", "it says")):
        panels[row, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(title)
    display.show_figure(figure, f"{title}: what the model sees, the truth, and what it says.")


first = [int(np.argmax(test.labels == label)) for label in range(10)]
draw_filled(test.frames[first[0]], said[first[0]], f"{actions[0]}: every second frame is hidden")

# %% [markdown]
# Grey is "nothing moves here". The model places blobs of about the right colour at about the right
# place. It is far from good: the mean of the neighbours is much better. But that mean is handed the
# small pictures, while the model must paint from what it remembers of the frames. And the filled
# picture is not the goal. What counts is whether the encoder has learned something that helps with
# labels.
#
# ### 5.7 Fine-tuning
#
# The same labels, the same steps as in section 5.5. Only the encoder's start is another one: the
# pretrained weights.

# %%
vt.set_seed(0)
torch_tuned = VideoTransformer(len(actions))
weights.copy_weights(pretrained.encoder, torch_tuned.encoder)
vt.fit(torch_tuned, train, **settings)
print(f"from scratch  {torch_accuracy:.0%}")
print(f"pretrained    {vt.evaluate(torch_tuned, test)['accuracy']:.0%}")

# %% [markdown]
# What is minimised here? With $f_\theta$ the network, $\theta_0$ the pretrained weights where it
# starts, and the labelled clips $(x_n, y_n)$, fine-tuning looks for
#
# $$\theta^* = \arg\min_\theta \sum_{n=1}^{N} -\log p_\theta(y_n \mid x_n), \qquad
# p_\theta(k \mid x) = \text{softmax}(f_\theta(x))_k$$
#
# The sum is the same as from scratch. Only the start differs, $\theta_0$ in place of random numbers:
# and with few clips, and few steps, where one starts decides where one ends. The sum by hand, for
# all clips, against what `evaluate` reports as their mean:

# %%
logits = vt.predict(torch_tuned, train)
log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
total = -sum(log_probability[n, train.labels[n]] for n in range(len(train)))
mean = vt.evaluate(torch_tuned, train)["loss"]
print(f"the sum over {len(train)} clips: {total:.2f}")
print(f"{len(train)} times the mean:      {len(train) * mean:.2f}")

# %% [markdown]
# ## 6 Keras: a transformer over frames
#
# ### 6.1 Attention, in several heads
#
# Queries, keys and values are cut into heads; each looks for itself, and their findings are put
# side by side again. `attend` is the function of section 3 with `keras.ops`. (An argument called
# `mask` is special in Keras: pass it by its name.)


# %%
class SelfAttention(layers.Layer):
    """(..., L, width) -> (..., L, width): every place looks at every other one."""

    def __init__(self, width, num_heads):
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
    def attend(query, key, value, mask=None):
        """softmax(query key^T / sqrt(D)) value, and the weights."""
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1)) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = ops.where(mask, scores, -float("inf"))
        weights = ops.softmax(scores, axis=-1)
        return ops.matmul(weights, value), weights

    def split(self, x):
        """(..., L, width) -> (..., num_heads, L, width / num_heads)."""
        heads = ops.reshape(x, (-1, *x.shape[1:-1], self.num_heads, x.shape[-1] // self.num_heads))
        return ops.swapaxes(heads, -3, -2)

    def look(self, x, mask=None):
        """What each head finds, (..., num_heads, L, D), and where it looks, (..., L, L)."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        return self.attend(self.split(query), self.split(key), self.split(value), mask)

    def call(self, x, mask=None):
        found, _ = self.look(x, mask)
        return self.project(ops.reshape(ops.swapaxes(found, -3, -2), (-1, *x.shape[1:])))


# %% [markdown]
# ### 6.2 A block
#
# Attention mixes tokens, a small network thinks about each. Both are added to what was there, and
# each gets its input normalised. Two defaults of Keras are set to PyTorch's: the `epsilon` of the
# normalisation, and the exact form of GELU.


# %%
class TransformerBlock(layers.Layer):
    """(..., L, width) -> (..., L, width): look around, then think."""

    def __init__(self, width, num_heads):
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

    def call(self, x, mask=None):
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.contract(ops.gelu(self.expand(self.norm2(x)), approximate=False))

    def weights_of(self, x, mask=None):
        """(..., L, width) -> (..., num_heads, L, L): where each place looks."""
        return self.attention.look(self.norm1(x), mask)[1]


# %% [markdown]
# ### 6.3 Blind to order
#
# Nothing in a block knows which token came first: shuffle the tokens, and the mean of the answers
# does not change. Added positions cure it.

# %%
keras.utils.set_random_seed(0)
block = TransformerBlock(64, 4)
tokens, positions = (rng.normal(size=(1, 16, 64)).astype(np.float32) for _ in range(2))
mixed = tokens[:, rng.permutation(16)]
answers = {}
for name, added in (("without positions", 0 * positions), ("with positions", positions)):
    both = [ops.convert_to_numpy(block(x + added)).mean(axis=1) for x in (tokens, mixed)]
    answers[name] = np.abs(both[0] - both[1]).max()
print("change of the mean by shuffling:", {n: f"{v:.0e}" for n, v in answers.items()})

# %% [markdown]
# ### 6.4 Tokens from frames
#
# One token per frame, from two convolutions and a linear layer, not pooled over the picture, so
# that it can say where something is.


# %%
class FrameTokens(layers.Layer):
    """Clips (N, T, size, size, 3) -> (N, T, width): one token for each frame."""

    def __init__(self, width, size=32):
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

    def call(self, x):
        frames = ops.reshape(x, (-1, *x.shape[2:]))  # (N * T, size, size, 3)
        maps = ops.relu(self.conv1(self.pad(frames)))  # (N * T, size / 2, size / 2, 16)
        maps = ops.relu(self.conv2(self.pad(maps)))  # (N * T, size / 4, size / 4, 16)
        tokens = self.dense(ops.reshape(maps, (-1, self.num_values)))
        return ops.reshape(tokens, (-1, x.shape[1], tokens.shape[-1]))


# %% [markdown]
# Tokens, positions, blocks: the *encoder*. `class_token` adds a token that belongs to no frame, as
# BERT has it.


# %%
class VideoEncoder(keras.Model):
    """Clips (N, T, size, size, 3) -> (N, T, width): what each frame means beside the others."""

    def __init__(
        self, width=64, num_heads=4, num_layers=2, num_frames=16, size=32, class_token=False
    ):
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

    def place(self, tokens):
        """Add the positions to the tokens of frames, (N, T, width)."""
        tokens = tokens + self.positions[: tokens.shape[1]]
        if self.class_token is not None:
            first = ops.broadcast_to(self.class_token, (ops.shape(tokens)[0], 1, self.width))
            tokens = ops.concatenate([first, tokens], axis=1)
        return tokens

    def read(self, tokens):
        """The tokens of frames, (N, T, width), after all blocks."""
        x = self.place(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def look(self, x):
        """(N, T, H, W, 3) -> (N, num_layers, num_heads, L, L): where each token looks."""
        x, weights = self.place(self.frames(x)), []
        for block in self.blocks:
            weights.append(block.weights_of(x))
            x = block(x)
        return ops.stack(weights, axis=1)

    def call(self, x, training=None):
        return self.read(self.frames(x))


# %% [markdown]
# Behind it a linear layer for the classes.


# %%
class VideoTransformer(keras.Model):
    """Clips (N, T, size, size, 3) in [0, 1] -> logits (N, num_classes)."""

    takes = "clips"

    def __init__(
        self,
        num_classes,
        width=64,
        num_heads=4,
        num_layers=2,
        num_frames=16,
        size=32,
        pool="mean",
    ):
        super().__init__()
        self.pool = pool
        self.encoder = VideoEncoder(
            width, num_heads, num_layers, num_frames, size, class_token=pool == "token"
        )
        self.head = layers.Dense(num_classes)
        self.head.build((None, width))
        self.built = True

    def look(self, x):
        """(N, T, H, W, 3) -> (N, num_layers, num_heads, L, L): where each token looks."""
        return self.encoder.look(x)

    def features(self, x, training=None):
        """(N, T, H, W, 3) -> (N, width): what the head sees."""
        tokens = self.encoder(x)
        return tokens[:, 0] if self.pool == "token" else ops.mean(tokens, axis=1)

    def call(self, x, training=None):
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


# %% [markdown]
# ### 6.5 Training, from scratch

# %%
vk.set_seed(0)
keras_model = VideoTransformer(len(actions))
keras_history = vk.fit(keras_model, train, **settings)
keras_accuracy = vk.evaluate(keras_model, test)["accuracy"]
print(f"CNN+LSTM                       {baseline_accuracy:.0%}")
print(f"transformer, from scratch      {keras_accuracy:.0%} after {keras_history.seconds:.0f} s")

# %% [markdown]
# That is not what one hears about transformers. A CNN+LSTM was built for moving things. A
# transformer has to learn from examples what is built into it: that a shape at one place is the
# same shape at another, that positions 3 and 4 are neighbours. That takes more examples and more
# steps, but not all of it needs labels.
#
# ### 6.6 Pretraining: hide a frame, and say what was there
#
# Half of the frames are hidden behind one learned vector, the *mask token*. For each hidden frame
# the model says what moves in it, very small (8 x 8 pixels). No label is needed.


# %%
class MaskedFrames(keras.Model):
    """Clips (N, T, H, W, 3) -> (N, T, target_size + 1): predictions, and 1 where it was hidden."""

    def __init__(self, encoder, target_size=192, share=0.5):
        super().__init__()
        self.share = share
        self.random = keras.random.SeedGenerator()
        # Stands for a hidden frame.
        self.mask_token = self.add_weight((encoder.width,), "zeros", name="mask_token")
        self.encoder = encoder
        self.decode = layers.Dense(target_size)
        self.decode.build((None, encoder.width))
        self.built = True

    def hide(self, x, training):
        """Which frames are hidden, bool (N, T)."""
        shape = ops.shape(x)[:2]
        if training:
            return keras.random.uniform(shape, seed=self.random) < self.share
        return ops.broadcast_to(ops.arange(x.shape[1]) % 2 == 1, shape)

    def call(self, x, training=None):
        hidden = self.hide(x, training)
        tokens = ops.where(hidden[:, :, None], self.mask_token, self.encoder.frames(x))
        found = self.encoder.read(tokens)[:, -x.shape[1] :]  # without the class token
        marks = ops.cast(hidden[:, :, None], found.dtype)
        return ops.concatenate([self.decode(found), marks], axis=2)


# %%
def masked_mse(outputs, targets):
    """outputs (N, T, D + 1), the last number says which frames count; targets (N, T, D)."""
    hidden = outputs[..., -1]
    error = ops.mean((outputs[..., :-1] - targets) ** 2, axis=-1)  # (N, T)
    return ops.sum(error * hidden) / ops.maximum(ops.sum(hidden), 1.0)


# %% [markdown]
# `vk.fit(MaskedFrames(VideoEncoder()), (clips.frames, targets), loss=masked_mse)` trains it, as in
# PyTorch, and takes thousands of steps as there. The encoder that comes with the package learned in
# PyTorch. The file is read by Keras all the same, and the loss is the same.

# %%
keras_pretrained = MaskedFrames(VideoEncoder())
weights.load(keras_pretrained, MASKED_FRAMES)
keras_said = vk.predict(keras_pretrained, test.frames[:100])
print(f"largest difference to PyTorch: {np.abs(keras_said - said).max():.0e}")
hidden_frames = (test.frames, targets_of(test.frames))
for room, model, loss in (
    (vt, pretrained, vt.masked_mse),
    (vk, keras_pretrained, masked_mse),
):
    print(f"{room.__name__}: loss {room.evaluate(model, hidden_frames, loss=loss)['loss']:.4f}")

# %% [markdown]
# ### 6.7 Fine-tuning

# %%
vk.set_seed(0)
keras_tuned = VideoTransformer(len(actions))
weights.copy_weights(keras_pretrained.encoder, keras_tuned.encoder)
vk.fit(keras_tuned, train, **settings)
print(f"from scratch  {keras_accuracy:.0%}")
print(f"pretrained    {vk.evaluate(keras_tuned, test)['accuracy']:.0%}")

# %% [markdown]
# ## 7 Same weights, same answer

# %%
twin = VideoTransformer(len(actions))
weights.copy_weights(torch_tuned, twin)
torch_logits = vt.predict(torch_tuned, test.frames[:100])
gap = np.abs(vk.predict(twin, test.frames[:100]) - torch_logits).max()
print(f"outputs from {torch_logits.min():.1f} to {torch_logits.max():.1f}")
print(f"largest difference: {gap:.0e}")

# %% [markdown]
# ## 8 What is pretraining worth?
#
# One run proves little, and 1,200 labels are one case. The committed experiment takes 1 %, 5 %, 20 %
# and all of 6,000 labels, three seeds, both frameworks. It has a control as well: an encoder that was
# pretrained just as long on the same frames, but with the frames of each clip in random order. It has
# seen every shape and every place, and no motion.

# %%
import csv
from pathlib import Path

places = (Path("results"), Path("../results"))  # seen from notebooks/ and from solutions/
path = next(place for place in places if place.exists()) / "05a_pretraining.csv"
with path.open(newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
print(f"made by: {rows[0]['command']}; test accuracy, mean (lowest to highest) of three seeds\n")
shares = list(dict.fromkeys(row["label_share"] for row in rows))
print(f"{'framework':<10}{'start':<26}" + "".join(f"{float(s):>16.0%}" for s in shares))
for framework, start in dict.fromkeys((row["framework"], row["start"]) for row in rows):
    line = f"{framework:<10}{start:<26}"
    for share in shares:
        key = (framework, start, share)
        got = [float(r["test_accuracy"]) for r in rows
               if (r["framework"], r["start"], r["label_share"]) == key]  # fmt: skip
        line += f"{np.mean(got):>6.0%} ({min(got):.0%}-{max(got):.0%})".rjust(16)
    print(line)

# %%
figure, axes = display.new_axes(height=3.2)
looks = zip(("scratch", "masked", "masked, shuffled frames"), display.LINE_COLORS, strict=False)
for start, color in looks:
    for framework, style in (("torch", "-"), ("keras", "--")):
        mine = [r for r in rows if (r["framework"], r["start"]) == (framework, start)]
        counts = sorted({int(r["num_labels"]) for r in mine})
        middle = [
            np.mean([float(r["test_accuracy"]) for r in mine if int(r["num_labels"]) == count])
            for count in counts
        ]
        axes.plot(counts, middle, style, marker="o", color=color, label=f"{start} ({framework})")
axes.set(xscale="log", xlabel="labelled clips", ylabel="test accuracy", ylim=(0, 1))
axes.legend(fontsize=8)
display.show_figure(figure, "Accuracy against the number of labels, by start.")

# %% [markdown]
# With 1,200 labels (20 %) the pretrained encoder is right in 85 to 86 % of the clips. From scratch it
# takes more than five times as many labels to reach 66 to 75 %. With 60 labels there is little to choose.
# Pretraining took 2,500 steps more, but more steps are not the reason: the control had them too, on the
# same frames. It helps a little with few labels, and is *worse* than no pretraining with many. In
# shuffled clips the order says nothing; an encoder that has learned to ignore it may have to unlearn that.

# %% [markdown]
# ## 9 Patches: looking in space as well
#
# A *vision transformer* (ViT; Dosovitskiy et al., 2021) cuts a picture into square patches and makes
# one token of each. Our frames give 4 x 4 patches of 8 x 8 pixels. For a clip there are then three
# ways to look:
#
# | model | who looks at whom | weights to compute for 16 frames of 16 patches |
# |---|---|---|
# | `FrameViT` | patches of one frame | 16 x 16 x 16 = 4,096 |
# | all at once | every patch of every frame | 256 x 256 = 65,536 |
# | `SpaceTimeTransformer` | first the same place in all frames, then the same frame | 8,192 |
#
# The last one is the *divided space-time attention* of TimeSformer (Bertasius et al., 2021). It needs
# two attentions per block, and an eighth of the weights. What does it bring? The committed experiment
# gives all 6,000 labels to three transformers, from scratch, 400 steps each, over three seeds:

# %%
with path.with_name("05a_patches.csv").open(newline="", encoding="utf-8") as stream:
    patch_rows = list(csv.DictReader(stream))
print(f"made by: {patch_rows[0]['command']}; mean (lowest to highest) of three seeds,")
print("one seed for the weights that the other framework drew\n")
for key in dict.fromkeys((r["framework"], r["model"], r["weights"]) for r in patch_rows):
    framework, name, drawn = key
    mine = [r for r in patch_rows if (r["framework"], r["model"], r["weights"]) == key]
    name += f", {drawn} weights" if drawn != "its own" else ""
    got = [float(row["test_accuracy"]) for row in mine]
    seconds = np.median([float(row["train_seconds"]) for row in mine])
    spread = f"({min(got):.0%}-{max(got):.0%})"
    print(f"{framework:<7}{name:<43}{np.mean(got):.0%} {spread}, {seconds:.0f} s")

# %% [markdown]
# The patches of one frame say nothing about the action, as chapter 02 found. Those of all frames could say
# everything. But in 400 steps the model with the most tokens learns least: 20 to 39 % in PyTorch, nothing
# in Keras. Is one of the frameworks wrong? The last two lines answer that: each trained once more from the
# random weights that the other one drew, and they changed places. So with these
# weights the draw decided, not the framework (one seed). Training this model in 400 steps stands on the
# edge. (We did not train "all at once".)
#
# Bertasius et al. found divided attention better than looking in space only, and a little better than all
# at once. Their models had learned from many pictures before, and looking around in space with it. Ours
# start from random weights and 6,000 small clips. That may be why the plain model with one token per
# frame is ahead here.
#
# What one frame does say is the colour. A `FrameViT` that names it will lend us its attention below.

# %%
vt.set_seed(0)
color_names, colors = np.unique(train.attributes["color"], return_inverse=True)
by_frame = vt.FrameViT(len(color_names))
vt.fit(by_frame, (train.frames[:, 8], colors), **settings)
answers = color_names[vt.predict(by_frame, test.frames[:, 8]).argmax(axis=1)]
print(f"colour of the middle frame: {(answers == test.attributes['color']).mean():.0%}")

# %% [markdown]
# ## 10 Look inside: attention on a clip
#
# Each row of weights says where one token looked. For the transformer over frames that is a square
# of 16 x 16 numbers per head. We draw the second block of the fine-tuned network: each row is a frame
# that looks, each column a frame that is looked at.

# %%
place = int(np.argmax(vt.predict(torch_tuned, test).argmax(axis=1) == test.labels))
clip, name = test.frames[place], actions[test.labels[place]]
with torch.no_grad():
    looks = torch_tuned.look(vt.to_input(clip[None]))[0].numpy()  # (2, 4, 16, 16)

# %%
figure, _ = display.new_axes(height=3.6)
figure.clear()
strip, below = figure.subfigures(2, 1, height_ratios=(1, 2.4))
axes = strip.subplots()
axes.imshow(np.concatenate(list(clip), axis=1))
axes.set(xticks=16 + 32 * np.arange(16), xticklabels=range(16), yticks=[], title=name)
for head, panel in enumerate(below.subplots(1, 4)):
    picture = panel.imshow(looks[1, head], cmap="viridis", vmin=0)
    panel.set(title=f"block 1, head {head}", xlabel="looked at", xticks=(0, 8, 15))
    panel.set_yticks((0, 8, 15) if head == 0 else ())
    if head == 0:
        panel.set_ylabel("looks")
display.show_figure(figure, f"A clip of {name}, and where the frames look in the second block.")

# %% [markdown]
# For patches the same weights can be drawn on the picture. The brightness says how much the patches
# of one frame, on average, look at each patch.

# %%
with torch.no_grad():
    frames = vt.to_input(clip[[0, 4, 8, 12, 15]])
    patch_looks = by_frame.look(frames)[:, -1].mean(dim=(1, 2)).numpy()  # (5, 16)
figure, _ = display.new_axes(height=2.2)
figure.clear()
for panel, t, look in zip(figure.subplots(1, 5), (0, 4, 8, 12, 15), patch_looks, strict=True):
    panel.imshow(clip[t])
    panel.imshow(look.reshape(4, 4), extent=(-0.5, 31.5, 31.5, -0.5), cmap="magma", alpha=0.5)
    panel.set(title=f"frame {t}", xticks=[], yticks=[])
display.show_figure(figure, "Five frames, and how much their patches are looked at.")

# %% [markdown]
# ### Attention is not explanation
#
# Such pictures look like reasons. Are they? A frame can get much attention and change nothing, since
# what it hands out may be small or be cancelled later. Jain and Wallace (2019) showed for text that
# attention often disagrees with other measures of importance. We test ours: hide one frame at a time
# behind the mean frame of the clip, and measure how far the probability of the right action falls.
# If attention explained the answer, the frames that are looked at most would be those that matter
# most.


# %%
def importance(model, clip, label):
    """How much the right action's probability falls when a frame is hidden, (16,)."""
    hidden = np.repeat(clip[None], 17, axis=0)
    for t in range(16):
        hidden[t, t] = clip.mean(axis=0)
    logits = vt.predict(model, hidden)
    probability = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability = probability[:, label] / probability.sum(axis=1)
    return probability[16] - probability[:16]


def rank_correlation(a, b):
    """Spearman's: 1 for the same order, 0 for none."""
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


# %%
vt.set_seed(1)
random_model = vt.VideoTransformer(len(actions))  # has learned nothing
found, lowered = {"trained network": [], "random weights": []}, []
for clip_number in range(100):
    clip_here, label = test.frames[clip_number], test.labels[clip_number]
    falls = importance(torch_tuned, clip_here, label)
    lowered.append(falls.mean())
    for key, model in (("trained network", torch_tuned), ("random weights", random_model)):
        with torch.no_grad():
            attended = model.look(vt.to_input(clip_here[None]))[0, -1].mean(dim=(0, 1)).numpy()
        found[key].append(rank_correlation(attended, falls))
for key, values in found.items():
    error = np.std(values) / np.sqrt(len(values))
    print(f"attention of the {key:<16}: {np.mean(values):+.2f} +- {error:.2f}")
print(f"hiding one frame lowers the probability by {np.mean(lowered):.3f} on average")

# %% [markdown]
# (Both lines are compared with the importance for the trained network; +- is one standard error over
# 100 clips.) The maps above look like a strategy: frames in the middle look at both ends of the clip,
# where the difference is largest. Yet how much a frame is looked at says nothing about how much the
# answer suffers when that frame is hidden. The correlation is near 0, as it is for a network that has
# learned nothing.
#
# Nor does this prove that attention is unused. Hiding one frame changes little, since its neighbours
# show nearly the same. The lesson is modest: a bright spot in a map is a question, not an answer.

# %% [markdown]
# ## 11 A control that could prove us wrong
#
# Does the fine-tuned network use the order of the frames? Shuffled, reversed, frozen:

# %%
partner = {name: other for pair in world.PAIRS for name, other in (pair, pair[::-1])}
partner_labels = np.array([actions.index(partner[name]) for name in actions])
shuffle = np.random.default_rng(0)
controls = {
    "as filmed": test.frames,
    "shuffled": np.stack([clip[shuffle.permutation(16)] for clip in test.frames]),
    "reversed": test.frames[:, ::-1],
    "frozen": np.repeat(test.frames[:, 8:9], 16, axis=1),
}
print("             PyTorch         Keras")
print("order        right partner   right partner")
for name, frames in controls.items():
    cells = []
    for room, model in ((vt, torch_tuned), (vk, keras_tuned)):
        guess = room.predict(model, frames).argmax(axis=1)
        swapped = (guess == partner_labels[test.labels]).mean()
        cells.append(f"{(guess == test.labels).mean():5.0%}  {swapped:5.0%}")
    print(f"{name:<10}   {cells[0]}    {cells[1]}")

# %% [markdown]
# Reversed clips get the partner's name about as often as clips as filmed get their own: the networks read
# the order. In shuffled clips both actions of a pair are named equally often, and the pair itself is
# missed more often. A frozen clip leaves them at chance, since all its frames are one.

# %% [markdown]
# ## 12 What it costs
#
# Every frame looks at every frame: $T^2$ weights per head. Twice the frames, four times the weights.
# The rest of a block grows with $T$ only. Which of the two one notices depends on $T$ and on the
# width. We time one block and an LSTM of equal width, for longer and longer clips, and compute how much
# memory the attention weights take.


# %%
def median_ms(function, repeats=5):
    """The median time of a call, in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return np.median(times)


lengths = (16, 64, 256, 1024, 2048)
block, lstm = torch_tuned.encoder.blocks[0], nn.LSTM(64, 64, batch_first=True)
costs = {"transformer block (ms)": [], "LSTM (ms)": [], "attention weights (MB)": []}
with torch.no_grad():
    for length in lengths:
        x = torch.randn(1, length, 64)
        costs["transformer block (ms)"].append(median_ms(lambda x=x: block(x)))
        costs["LSTM (ms)"].append(median_ms(lambda x=x: lstm(x)))
        costs["attention weights (MB)"].append(4 * 4 * length**2 / 1e6)  # 4 heads, 4 bytes
print("frames                  " + "".join(f"{length:>9}" for length in lengths))
for name, values in costs.items():
    print(f"{name:<24}" + "".join(f"{value:9.2f}" for value in values))

# %%
figure, axes = display.new_axes(height=3.0)
for name, color in zip(costs, display.LINE_COLORS[:2], strict=False):
    axes.loglog(lengths, costs[name], "o-", color=color, label=name.removesuffix(" (ms)"))
first_cost = costs["transformer block (ms)"][-1] / lengths[-1] ** 2
axes.loglog(lengths, [first_cost * n**2 for n in lengths], ":", color="gray", label="T squared")
axes.set(xlabel="frames T", ylabel="time for one clip (ms)")
axes.legend()
display.show_figure(
    figure, "Time of a transformer block and of an LSTM against the number of frames."
)

# %% [markdown]
# With 16 frames attention is no burden. From some hundred frames on the square shows: the block's line
# becomes as steep as the dotted one, while the LSTM's time grows with $T$ only. An hour of film at 25
# frames per second has 90,000 frames; the weights of one head would take 32 GB. So long videos are
# sampled, cut into clips, or read through a window (exercise 3). The LSTM pays in another coin: it must
# go from frame to frame, while a block computes all frames at once, which is what GPUs do well.

# %% [markdown]
# ## 13 Playground
#
# Fine-tuning in one function, a *recipe*. Its arguments are the knobs of the panel. **Look inside** a
# clip: for the frame that you scrub to, a column shows where it looks in the last block, averaged over
# the heads, and the three frames that it looks at most are named.

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
encoders = {"torch": pretrained.encoder, "keras": keras_pretrained.encoder}


def attention_of(room, model, clip):
    """Where each frame of a clip looks in the last block, (T, T): rows look, columns are seen."""
    x = room.to_input(clip[None])
    if room is vt:
        with torch.no_grad():
            return model.look(x)[0, -1].mean(dim=0).numpy()
    return ops.convert_to_numpy(model.look(x))[0, -1].mean(axis=0)


# %%
@playground(
    title="A transformer over frames: how many labels does it need?",
    presets=[
        Preset("pretrained", "It soon finds half of the actions."),
        Preset("from scratch", "The same labels, random weights.", {"start": "scratch"}),
        Preset("too fast", "What was learned is soon lost.", {"learning_rate": 0.1}),
        Preset("no order", "It can name the pair at most.", {"order": "shuffled"}),
    ],
    predict_first=PredictFirst(
        "How many validation clips will be right at the end?",
        ("below 30 %", "30 to 60 %", "above 60 %"),
        lambda run: f"{run.last()['val accuracy']:.0%}",
    ),
)
def recipe(
    framework: Choice("torch", "keras") = "torch",
    start: Choice("pretrained", "scratch") = "pretrained",
    num_labels: Range(50, 1200, log=True) = 1200,
    order: Choice("as filmed", "shuffled") = "as filmed",
    learning_rate: Range(1e-4, 0.3, log=True, live=True) = 3e-3,
    num_steps: Range(20, 400, step=10, unit="steps") = 100,
    batch_size: Range(8, 64, step=8, unit="clips") = 32,
    seed: Range(0, 9) = 0,
):
    """Fine-tune a VideoTransformer; the panel shows where each frame looks."""
    room = rooms[framework]
    room.set_seed(seed)
    model = room.fresh(room.VideoTransformer, len(actions))
    if start == "pretrained":
        weights.copy_weights(encoders[framework], model.encoder)
    rng = np.random.default_rng(seed)
    frames = train.frames[:num_labels]
    if order == "shuffled":
        frames = np.stack([clip[rng.permutation(len(clip))] for clip in frames])

    def inside(clip):
        names = [f"frame {t}" for t in range(len(clip))]
        return {"where each frame looks": OverTime(attention_of(room, model, clip), names, low=0)}

    steps = room.train_steps(
        model,
        (frames, train.labels[:num_labels]),
        test[:100],
        num_steps=num_steps,
        batch_size=batch_size,
        learning_rate=learning_rate.scheduled("one_cycle", num_steps),
        eval_every=25,
        seed=seed,
    )
    yield classifier(
        room, model, steps, train, test[100:],
        inspect=inside,
        draw=lambda path: world.animate(path, size=32),
    )  # fmt: skip
    yield from steps


# %%
runs = {
    "pretrained": recipe.run(num_steps=80),
    "from scratch": recipe.run(num_steps=80, start="scratch"),
}
for name, run in runs.items():
    print(f"{name:<14}{run}")

# %%
recipe.show(examples=runs)

# %% [markdown]
# ## 14 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it.
#
# ### Exercise 1: from words to numbers
#
# Each word of a sentence becomes its place in the list; a word that is not in the list becomes 1.


# %% exercise="05a.encode"
def encode(sentence, words):
    """sentence: str; words: list of str, words[0] is "<pad>", words[1] "<unk>". Returns ints."""
    ### BEGIN SOLUTION
    numbers = {word: number for number, word in enumerate(words)}
    return [numbers.get(word, 1) for word in sentence.split()]
    ### END SOLUTION


# %%
check("05a.encode", encode)

# %% [markdown]
# ### Exercise 2: attention
#
# Scaled dot-product attention for one sequence, with a mask. Return what is found.


# %% exercise="05a.attention"
def attend(query, key, value, mask):
    """query (Q, D), key (K, D), value (K, V); mask bool (Q, K), True: may look. Returns (Q, V)."""
    ### BEGIN SOLUTION
    scores = np.where(mask, query @ key.T / np.sqrt(query.shape[1]), -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ value
    ### END SOLUTION


# %%
check("05a.attention", attend)

# %% [markdown]
# ### Exercise 3: a window
#
# For long clips one lets a frame look at its neighbours only: at itself, and at frames that are at
# most `reach` away, before and after. And not at padding: frame `t` of a clip is real if
# `t < length`. Every frame, a padding frame as well, may look at itself, or its row would be empty and
# become NaN.


# %% exercise="05a.window_mask"
def window_mask(num_frames, reach, length):
    """Returns bool (num_frames, num_frames): rows look, columns are looked at."""
    ### BEGIN SOLUTION
    frames = np.arange(num_frames)
    near = np.abs(frames[:, None] - frames) <= reach
    return (near & (frames < length)) | np.eye(num_frames, dtype=bool)
    ### END SOLUTION


# %%
check("05a.window_mask", window_mask)

# %% [markdown]
# ### Exercise 4: heads
#
# Two functions: one cuts the tokens of a clip into heads, the other puts heads together again.


# %% exercise="05a.heads"
def split_heads(x, num_heads):
    """x: (T, width). Returns heads, one array (num_heads, T, width / num_heads)."""
    ### BEGIN SOLUTION
    return x.reshape(len(x), num_heads, -1).transpose(1, 0, 2)
    ### END SOLUTION


def merge_heads(heads):
    """heads: (num_heads, T, D). Returns tokens (T, num_heads * D)."""
    ### BEGIN SOLUTION
    return heads.transpose(1, 0, 2).reshape(heads.shape[1], -1)
    ### END SOLUTION


# %%
check("05a.heads", (split_heads, merge_heads))

# %% [markdown]
# ### Exercise 5: hide some frames
#
# Choose which frames of each clip are hidden: exactly `count` of them in each clip, any with the same
# chance, drawn anew for each clip. The same seed gives the same frames.


# %% exercise="05a.hide"
def hide(num_clips, num_frames, count, seed):
    """Returns bool (num_clips, num_frames), True where a frame is hidden."""
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    order = rng.random((num_clips, num_frames)).argsort(axis=1)
    return order < count
    ### END SOLUTION


# %%
check("05a.hide", hide)

# %% [markdown]
# ### Exercise 6: repair this snippet
#
# A tutorial writes causal attention for predicting the next frame. It runs, each row of weights has
# zeros in the right places, and the training loss looks fine. Yet what it finds for frame 0 changes
# when frame 5 changes. Find out why, and repair it.


# %% exercise="05a.repair"
def causal_attention(query, key, value):
    """query, key (T, D), value (T, V), float arrays. Returns what each frame finds, (T, V)."""
    ### BEGIN SOLUTION
    scores = query @ key.T / np.sqrt(query.shape[1])
    scores = np.where(np.tri(len(query), dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return weights @ value
    ### LEARNER GETS
    # scores = query @ key.T / np.sqrt(query.shape[1])
    # weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    # weights = weights / weights.sum(axis=1, keepdims=True)
    # weights = weights * np.tri(len(query))
    # return weights @ value
    ### END SOLUTION


# %%
check("05a.repair", causal_attention)

# %% [markdown]
# ### Exercise 7 (open): fill the gap
#
# A clip of one shape over a plain background has six frames missing in a row: they are black. The shape
# goes left, right, up or down, or it grows or shrinks. Paint the frames. Interpolation by hand, optical
# flow, a network that you train in the cell: all is allowed. The check makes 40 fresh clips and compares
# you with a cross-fade from the frame before the gap to the frame behind it; your mean absolute error
# over all clips must be at most 60 % of that one's.


# %% exercise="05a.fill"
def fill(frames, first):
    """frames: uint8 (16, 32, 32, 3), black from frame first (1 to 9) on. Returns those 6 frames."""
    ### BEGIN SOLUTION
    before, after = frames[first - 1].astype(float), frames[first + 6].astype(float)
    background = np.median(before.reshape(-1, 3), axis=0)
    grid = np.mgrid[:32, :32]  # (2, 32, 32): rows, columns

    def shape_in(frame):
        """Centre (row, column) and radius of what differs from the background."""
        covers = (np.abs(frame - background).sum(axis=-1) / 100).clip(0, 1)
        return (covers * grid).sum(axis=(1, 2)) / covers.sum(), np.sqrt(covers.sum())

    (start, radius), (end, last_radius) = shape_in(before), shape_in(after)
    painted = []
    for step in range(1, 7):
        share = step / 7
        centre = (1 - share) * start + share * end
        scale = radius / ((1 - share) * radius + share * last_radius)
        # Each pixel looks up where it comes from in the frame before the gap.
        row, column = (grid - centre[:, None, None]) * scale + start[:, None, None]
        row, column = row.round().astype(int).clip(0, 31), column.round().astype(int).clip(0, 31)
        painted.append(before[row, column])
    return np.stack(painted).astype(np.uint8)
    ### END SOLUTION


# %%
check("05a.fill", fill)

# %% [markdown]
# **For a person to read.** A colleague shows you attention maps of a network that finds smoking in
# films. They are bright on hands and mouths. "So it looks at the right thing", he says. What would
# you test before you agree? Name two tests, and what each could show.

# %% [markdown] question="05a.trust"
# Hide the bright patches behind the mean of the clip, and as many others: only if the first changes
# the answer far more do the bright patches matter. Compare with the maps of a network with random
# weights: if they are bright on hands too, the maps show the picture and not what was learned. And
# test clips with hands at mouths and no cigarette (eating, telephoning): a map cannot say what about
# the hand was used.

# %% [markdown]
# ## 15 What you learned
#
# - Attention is a soft look-up: queries meet keys, and the answer is a weighted mean of values.
# - Without a causal mask a transformer is blind to order until positions are added, and little about
#   pictures is built into it. It needs more examples than a network that was built for the task.
# - Those examples need no labels: hidden frames are questions that the clip itself answers.
# - Attention grows with the square of the number of tokens. Patches make many; dividing time and space
#   saves most of it.
# - An attention map shows where a model looked, not why it answered.
#
# ## 16 What can go wrong in practice
#
# - **A mask the wrong way round.** PyTorch's `scaled_dot_product_attention` wants True where looking
#   is allowed; the masks of `nn.MultiheadAttention` want True where it is not.
# - **Axes.** `nn.MultiheadAttention` and `nn.TransformerEncoderLayer` take (T, N, D) unless
#   `batch_first=True`.
# - **More frames than positions.** Learned positions end at the length that was trained.
# - **A learning rate that is too high** destroys what was pretrained within a few steps.
# - **Test clips among the unlabelled ones.** Pretraining sees no labels, but it sees the clips: keep
#   the test sources out of it all the same.
#
# ## 17 Papers
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin: *Attention Is All You Need*.
#   NeurIPS 2017.
# - Devlin, Chang, Lee, Toutanova: *BERT: Pre-training of Deep Bidirectional Transformers for Language
#   Understanding*. NAACL 2019. Masking, and the class token.
# - Xiong, Yang, He, Zheng, Zheng, Xing, Zhang, Lan, Wang, Liu: *On Layer Normalization in the
#   Transformer Architecture*. ICML 2020. Why the normalisation stands first.
# - Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, Heigold, Gelly,
#   Uszkoreit, Houlsby: *An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale*.
#   ICLR 2021.
# - Bertasius, Wang, Torresani: *Is Space-Time Attention All You Need for Video Understanding?* ICML
#   2021. TimeSformer.
# - Tong, Song, Wang, Wang: *VideoMAE: Masked Autoencoders are Data-Efficient Learners for
#   Self-Supervised Video Pre-Training*. NeurIPS 2022. Masking for real video.
# - Jain, Wallace: *Attention is not Explanation*. NAACL 2019.
# - Wiegreffe, Pinter: *Attention is not not Explanation*. EMNLP 2019. A reply to it.
#
# ## 18 Where to go next
#
# Chapter 05b takes a language model, GPT-2, and lets it read frames.
