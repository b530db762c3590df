# %% [markdown]
# # 03 · Sequences: recurrent networks and the LSTM
#
# ![From file to frames, features, sequence, meaning and new video.](images/way_03.png)
#
# Chapter 02 turned a frame into numbers. But a frame does not move. This chapter reads the numbers
# of one frame after the other, in order, and keeps in memory what it has seen.
#
# **After this chapter you can**
#
# - measure motion without learning, with differences and optical flow,
# - say why an average over time cannot tell left from right,
# - write an RNN step and an LSTM cell from their equations, and find the same numbers in PyTorch
#   and Keras,
# - train CNN+LSTM from frames, name an action for a clip or for each frame, and handle clips of
#   different length,
# - prove that a model uses time, and find the lie in a leaky split.
#
# **Builds on:** chapters 00 and 02. **Run time:** {{run_time}}.

# %% tags=["setup"]
import time

import numpy as np

from vidlab import display, world
from vidlab.course import check

# %% [markdown]
# ## 1 The clips
#
# Ten actions in five pairs. Each action is its partner run backwards, and a single frame gives
# little away: no classifier of one gets beyond 19 % (chapter 02). So whoever names the action has
# seen motion.

# %%
options = {"size": 32, "num_frames": 16, "difficulty": "easy", "sound": False}
train = world.generate(3000, split="train", seed=0, **options)
test = world.generate(300, split="test", seed=0, **options)
actions = list(train.class_names)
partner = {name: other for pair in world.PAIRS for name, other in (pair, pair[::-1])}
partner_labels = np.array([actions.index(partner[name]) for name in actions])
print("train:", train.frames.shape, " test:", test.frames.shape)

# %%
first = [int(np.argmax(test.labels == label)) for label in range(10)]
display.grid(test.frames[first], actions, fps=8)

# %% [markdown]
# ## 2 Baseline: motion without learning
#
# Before we train a network we ask how far one gets without. Two old measures of motion:
#
# - **Frame difference:** how much does each pixel change from one frame to the next? One difference
#   says where something moves, and not in which direction.
# - **Optical flow:** where does each pixel *go*? For each pixel it gives a vector, in pixels per
#   frame. We use Farneback's method from OpenCV.

# %%
from vidlab.flow import FEATURE_NAMES, motion_features, optical_flow

clip = test.frames[first[actions.index("left")]]
difference = np.abs(clip[1:].astype(int) - clip[:-1]).max(axis=-1)  # (15, 32, 32)
flow = optical_flow(clip)  # (15, 32, 32, 2): to the right, and down

# %%
figure, _ = display.new_axes(height=3.0)
figure.clear()
panels = figure.subplots(1, 3)
panels[0].imshow(clip[7])
panels[0].set_title("frame 7")
panels[1].imshow(difference[7], cmap="gray")
panels[1].set_title("difference from 7 to 8")
panels[2].imshow(clip[7] // 2 + 110)
rows, columns = np.mgrid[1:32:3, 1:32:3]
arrows = flow[7][rows, columns]
panels[2].quiver(
    columns,
    rows,
    arrows[..., 0],
    arrows[..., 1],
    angles="xy",
    scale_units="xy",
    scale=0.2,
    color="black",
    width=0.008,
)
panels[2].set_title("flow (arrows x 5)")
for panel in panels:
    panel.set_xlabel("x (pixels)")
panels[0].set_ylabel("y (pixels)")
display.show_figure(figure, "A frame, its difference from the next, and its optical flow.")

# %% [markdown]
# Five numbers sum up the flow of a clip. With $v$ the flow of a pixel and $p$ its position, seen
# from the middle of all motion:
#
# | name | mean over pixels and frames | large for |
# |---|---|---|
# | right, down | $v_x$, $v_y$ | left and right, up and down |
# | turning | $p_x v_y - p_y v_x$ | one body that turns clockwise |
# | spreading | $p_x v_x + p_y v_y$ | grow, part |
# | speed | $\lVert v \rVert$ | everything that moves fast |

# %%
flow_train = np.stack([motion_features(clip) for clip in train.frames[:600]])
flow_test = np.stack([motion_features(clip) for clip in test.frames])
for name in actions[:8]:
    mean = flow_test[test.labels == actions.index(name)].mean(axis=0)
    numbers = "  ".join(f"{n} {v:+.3f}" for n, v in zip(FEATURE_NAMES, mean, strict=True))
    print(f"{name:<14}{numbers}")

# %% [markdown]
# Four of the five do what they should. *Turning* hardly differs from zero: each of our two shapes
# runs along an arc of its own, and seen from the middle between them what turns one way here turns
# the other way there. So this baseline cannot tell clockwise from anticlockwise. Now a linear
# classifier on the five numbers, and for comparison one on the differences.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def linear_accuracy(x, y, test_x, test_y, strength=100.0):
    """The test accuracy of logistic regression on standardised features."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    return classifier.fit(x, y).score(test_x, test_y)


# %%
def difference_features(frames):
    """How much changed from frame to frame, in each of 8 x 8 cells: (N, 15 * 64)."""
    change = np.abs(frames[:, 1:].astype(np.int16) - frames[:, :-1]).mean(axis=-1)
    return change.reshape(len(frames), 15, 8, 4, 8, 4).mean(axis=(3, 5)).reshape(len(frames), -1)


flow_accuracy = linear_accuracy(flow_train, train.labels[:600], flow_test, test.labels)
difference_accuracy = linear_accuracy(
    difference_features(train.frames[:1000]),
    train.labels[:1000],
    difference_features(test.frames),
    test.labels,
    strength=0.01,
)
print(f"frame differences: {difference_accuracy:.0%} (from 1,000 clips)")
print(f"optical flow:      {flow_accuracy:.0%} (from 600 clips)")

# %% [markdown]
# Five well-chosen numbers are a strong baseline, and cost no training of a network. That is what a
# network has to beat. (Why do the differences get beyond 50 %, if one of them knows no direction?
# The 15 differences stand in order: they show where something moved first, and where last.) Flow
# finds it harder where backgrounds are textured and the camera drifts: chapter 04 measures flow and
# networks on all three difficulties.

# %% [markdown]
# ## 3 Why order matters
#
# The usual short-cut for video is: features of each frame, then their *average over time*. What
# does the average know about direction? Reverse a clip: the same frames, another order, the same
# average. We take framenet, the small pretrained network of chapter 02, as the feature extractor.

# %%
import vidlab.torch as vt

backbone = vt.pretrained_features("framenet")
clip_features = vt.extract_features(backbone, test.frames[:100])  # (100, 16, D)
reversed_features = vt.extract_features(backbone, test.frames[:100, ::-1])
gap = np.abs(clip_features.mean(axis=1) - reversed_features.mean(axis=1)).max()
print("features:", clip_features.shape)
print(f"values up to {clip_features.max():.1f}")
print(f"largest difference of the averages, forwards against backwards: {gap:.0e}")

# %% [markdown]
# The averages are the same but for rounding. No classifier behind them, however deep, can tell
# left from right. The same holds for the maximum, and for anything else that forgets the order.
# So it must end at about half of what is possible: it may know the pair, never the direction.

# %% [markdown]
# ## 4 A memory: the recurrent step
#
# A *recurrent neural network* (RNN) reads a sequence $x_1, \dots, x_T$ and carries a *hidden state*
# $h_t$ along. One step mixes the new input with the old state:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b), \qquad h_0 = 0$$
#
# $W$, $U$ and $b$ are the same at every step. That is why it can read clips of any length. By hand,
# with one number each, $W = 0.5$, $U = 0.8$, $b = 0$:

# %%
state = 0.0
for t, x in enumerate([1.0, 0.0, 0.0, 2.0], start=1):
    state = np.tanh(0.5 * x + 0.8 * state)
    print(f"t = {t}: x = {x:.0f}, h = {state:.3f}")

# %% [markdown]
# At steps 2 and 3 the input is 0, and the state still remembers step 1. In the other order, the
# state would end elsewhere: the order counts. As NumPy for vectors, and against both frameworks:


# %%
def rnn(x, W, U, b):
    """x: (T, D); W: (H, D); U: (H, H); b: (H,). Returns the states (T, H)."""
    h = np.zeros(len(b))
    states = []
    for x_t in x:
        h = np.tanh(W @ x_t + U @ h + b)
        states.append(h)
    return np.stack(states)


# %%
import torch
from torch import nn

rng = np.random.default_rng(0)
x, D, H = rng.normal(size=(12, 6)).astype(np.float32), 6, 4
torch.manual_seed(0)
torch_rnn = nn.RNN(D, H, batch_first=True)
W, U, b_ih, b_hh = (p.detach().numpy() for p in torch_rnn.parameters())
ours = rnn(x, W, U, b_ih + b_hh)
theirs = torch_rnn(torch.from_numpy(x[None]))[0][0].detach().numpy()
print(f"RNN, largest difference to PyTorch: {np.abs(ours - theirs).max():.0e}")

# %%
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow: fewer messages
import keras
from keras import layers, ops

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # and no advice on retracing

keras_rnn = layers.SimpleRNN(H, return_sequences=True)
keras_rnn.build((None, 12, D))
keras_rnn.set_weights([W.T, U.T, b_ih + b_hh])
theirs = ops.convert_to_numpy(keras_rnn(x[None]))[0]
print(f"RNN, largest difference to Keras:   {np.abs(ours - theirs).max():.0e}")

# %% [markdown]
# ### Two bias vectors or one?
#
# You may have noticed `b_ih + b_hh`. PyTorch keeps two bias vectors, one added to $W x$ and one to
# $U h$. Only their sum ever counts. NVIDIA's cuDNN library wants two, so PyTorch has two; Keras has
# one. The function is the same, the number of parameters is not, and neither is training: both
# copies get the same gradient, so an optimiser moves their sum twice as far. The models of this
# course freeze the second one at zero.

# %% [markdown]
# ## 5 The LSTM cell
#
# The *long short-term memory* (Hochreiter and Schmidhuber, 1997; the forget gate is by Gers,
# Schmidhuber and Cummins, 2000) has a second state, the *cell* $c_t$, and three *gates*: numbers
# between 0 and 1 that decide how much passes.
#
# $$\begin{aligned}
# i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) && \text{input gate: how much is written} \\
# f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) && \text{forget gate: how much is kept} \\
# g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g) && \text{what could be written} \\
# o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) && \text{output gate: how much is shown} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t && \text{the new cell} \\
# h_t &= o_t \odot \tanh(c_t) && \text{the new hidden state}
# \end{aligned}$$
#
# $\sigma(a) = 1 / (1 + e^{-a})$ is the sigmoid, $\odot$ multiplies element by element. A worked
# number: with $c_{t-1} = 2$, $f = 0.9$, $i = 0.5$, $g = -0.4$ the new cell is
# $0.9 \cdot 2 + 0.5 \cdot (-0.4) = 1.6$.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(x, W, U, b):
    """x: (T, D); W: (4H, D), U: (4H, H), b: (4H,): i, f, g, o in this order. Returns (T, H)."""
    h = c = np.zeros(len(b) // 4)
    states = []
    for x_t in x:
        i, f, g, o = np.split(W @ x_t + U @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


# %%
torch_lstm = nn.LSTM(D, H, batch_first=True)
W, U, b_ih, b_hh = (p.detach().numpy() for p in torch_lstm.parameters())
ours = lstm(x, W, U, b_ih + b_hh)
theirs = torch_lstm(torch.from_numpy(x[None]))[0][0].detach().numpy()
print(f"LSTM, largest difference to PyTorch: {np.abs(ours - theirs).max():.0e}")

keras_lstm = layers.LSTM(H, return_sequences=True)
keras_lstm.build((None, 12, D))
keras_lstm.set_weights([W.T, U.T, b_ih + b_hh])
theirs = ops.convert_to_numpy(keras_lstm(x[None]))[0]
print(f"LSTM, largest difference to Keras:   {np.abs(ours - theirs).max():.0e}")

# %% [markdown]
# Both frameworks stack the gates in the same order, $i, f, g, o$. (For the *gated recurrent unit*,
# GRU, they do not.)

# %% [markdown]
# ### Vanishing gradients
#
# To learn what the first frame is good for, the gradient has to travel back from the last step to
# the first. In an RNN each step multiplies it by $U^\top$ and by the slope of $\tanh$, which is at
# most 1. In an LSTM it also travels along the cell, multiplied by $f_t$: with the forget gate near
# 1 it survives. We measure it: the size of $\partial h_T / \partial x_1$, at the start of training.


# %%
def gradient_to_first(make, length, repeats=10):
    """The mean norm of the gradient of the last state's sum with respect to the first input."""
    norms = []
    for seed in range(repeats):
        torch.manual_seed(seed)
        layer = make()
        x = torch.randn(1, length, 16, requires_grad=True)
        layer(x)[0][0, -1].sum().backward()
        norms.append(x.grad[0, 0].norm().item())
    return np.mean(norms)


def orthogonal_rnn():
    layer = nn.RNN(16, 32, batch_first=True)
    nn.init.orthogonal_(layer.weight_hh_l0)
    return layer


def lstm_with_forget_bias(bias):
    layer = nn.LSTM(16, 32, batch_first=True)
    with torch.no_grad():
        layer.bias_ih_l0[32:64] = bias  # the second of the four gates
    return layer


# %%
lengths = [1, 2, 4, 8, 16, 32, 64]
makers = {
    "RNN": lambda: nn.RNN(16, 32, batch_first=True),
    "RNN, orthogonal U": orthogonal_rnn,
    "LSTM, forget bias 0": lambda: lstm_with_forget_bias(0.0),
    "LSTM, forget bias 1": lambda: lstm_with_forget_bias(1.0),
    "LSTM, forget bias 3": lambda: lstm_with_forget_bias(3.0),
}
sizes = {name: [gradient_to_first(make, T) for T in lengths] for name, make in makers.items()}
figure, axes = display.new_axes(height=3.2)
for color, (name, values) in zip(display.LINE_COLORS, sizes.items(), strict=False):
    axes.plot(lengths, values, "o-", color=color, label=name)
axes.set(xscale="log", yscale="log", xlabel="length T of the sequence (steps)")
axes.set_ylabel("size of the gradient")
axes.set_title("What the last state's gradient says about the first input")
axes.legend()
display.show_figure(figure, "Gradient size against length, for two RNNs and three LSTMs.")

# %%
for name, values in sizes.items():
    left = (values[6] / values[4]) ** (1 / 48)  # from T = 16 to T = 64 are 48 steps
    print(f"{name:<20} T = 16: {values[4]:.0e}   T = 64: {values[6]:.0e}   each step: x {left:.2f}")

# %% [markdown]
# Where the gradient shrinks, it shrinks by about a constant factor per step; the curves bend
# because the length axis is logarithmic. The forget gate decides how fast. Being an LSTM is not
# enough: with a forget bias of 0 the gate starts at $\sigma(0) = 0.5$, and about 0.6 of the
# gradient is left per step (other paths add a little). With a bias of 3 it does not shrink. Keras
# starts the bias at 1. PyTorch starts it near 0, and our models set it to 1 by hand.
#
# Part of the RNN's loss is PyTorch's small start of $U$: with an orthogonal $U$, as in Keras, the
# gradient shrinks more slowly. Factors above 1 are possible too: then gradients *explode*.

# %% [markdown]
# ## 6 PyTorch: CNN and LSTM
#
# ### 6.1 Features first
#
# The simplest way: framenet's features of each frame, computed once and frozen, and an LSTM that
# reads them. Only the LSTM and the last layer learn. The last state names the action: many frames,
# one label (*many-to-one*).


# %%
class TorchFeatureLSTM(nn.Module):
    """Features (N, T, D) -> logits (N, num_classes): the last hidden state decides."""

    def __init__(self, num_features, num_classes, hidden_size=64):
        super().__init__()
        self.lstm = nn.LSTM(num_features, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        states, _ = self.lstm(x)  # (N, T, H): the hidden state at every step
        return self.head(states[:, -1])


# %%
start = time.perf_counter()
train_features = vt.extract_features(backbone, train.frames)
test_features = vt.extract_features(backbone, test.frames)
mean, std = train_features.mean(axis=(0, 1)), train_features.std(axis=(0, 1)) + 1e-6
train_features, test_features = (train_features - mean) / std, (test_features - mean) / std
print(f"{train_features.shape} in {time.perf_counter() - start:.1f} s")

# %%
vt.set_seed(0)
feature_model = TorchFeatureLSTM(train_features.shape[-1], len(actions))
features_set = (train_features, train.labels)
vt.fit(feature_model, features_set, num_steps=100, learning_rate=3e-3, progress=False)
torch_frozen = vt.evaluate(feature_model, (test_features, test.labels))["accuracy"]
in_training = vt.evaluate(feature_model, features_set)["accuracy"]
print(f"frozen features + LSTM: {torch_frozen:.0%} (of the training clips: {in_training:.0%})")

# %% [markdown]
# Compare that with the flow baseline. Even the training clips are hardly learned in these 100
# steps, so it is not that clips are too few. What is missing? framenet averages over the picture.
# Its features say *what* is in a frame, and hardly *where*. A shape that moves to the left is, in
# every frame, the same shape. The LSTM cannot remember what nobody told it.
#
# ### 6.2 The model
#
# So our CNN shall say where. Each of its channels is turned into a map of weights that add up to 1
# (a *softmax* over the picture), and we take the map's mean position: where does this channel
# look? That is the *spatial softmax* of Levine and others (2016). We add variances and covariance:
# how wide, and in which direction, does it look?


# %%
class SpatialMoments(nn.Module):
    """Maps (N, C, H, W) -> (N, 5 C): mean x, y, variance of x, y, covariance, in [-1, 1]."""

    def forward(self, maps):
        height, width = maps.shape[2:]
        weight = torch.softmax(maps.flatten(2), dim=2)  # (N, C, H * W), adds up to 1
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height, device=maps.device),
            torch.linspace(-1, 1, width, device=maps.device),
            indexing="ij",
        )
        powers = torch.stack([x, y, x * x, y * y, x * y]).flatten(1)  # (5, H * W)
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = (weight @ powers.T).unbind(dim=2)
        var_x, var_y = mean_xx - mean_x**2, mean_yy - mean_y**2
        covariance = mean_xy - mean_x * mean_y
        return torch.cat([mean_x, mean_y, var_x, var_y, covariance], dim=1)


# %% [markdown]
# A test by hand: a map with one bright spot at the right, half-way up.

# %%
spot = torch.zeros(1, 1, 9, 9)
spot[0, 0, 4, 8] = 20.0
names = ("mean x", "mean y", "var x", "var y", "cov")
for name, value in zip(names, SpatialMoments()(spot)[0].tolist(), strict=True):
    print(f"{name:<7}{value:+.2f}")

# %% [markdown]
# Now the frame network. It gives these numbers for each frame *and their change* since the frame
# before, both brought to one scale by batch normalisation: a shape moves half a pixel per frame,
# and such a small change would hardly be heard beside the positions. Time is folded into the
# batch: the CNN sees $N \cdot T$ single frames.


# %%
class FrameMoments(nn.Module):
    """Clips (N, T, 3, H, W) -> (N, T - 1, 10 C): the moments, and how they just changed."""

    def __init__(self, num_channels=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, num_channels, 3, padding=1, bias=False)
        self.moments = SpatialMoments()
        self.norm2 = nn.BatchNorm1d(10 * num_channels)

    def maps(self, x):
        """Frames (N, 3, H, W) -> (N, C, H / 2, W / 2): before the softmax."""
        x = torch.relu(self.norm1(self.conv1(x)))  # (N, 16, H / 2, W / 2)
        return self.conv2(x)

    def forward(self, x):
        frames = x.flatten(0, 1)  # (N * T, 3, H, W): time is folded into the batch
        where = self.moments(self.maps(frames)).unflatten(0, x.shape[:2])  # (N, T, 5 C)
        now, change = where[:, 1:], where[:, 1:] - where[:, :-1]
        both = torch.cat([now, change], dim=2)  # (N, T - 1, 10 C)
        return self.norm2(both.transpose(1, 2)).transpose(1, 2)


# %% [markdown]
# Behind it the LSTM. We average its states over time, and the last layer reads the average. Is
# that not the short-cut of section 3? No: each state already knows the order of what came before.
# (And so does each change from frame to frame. Section 6.4 asks what the LSTM adds to that.)

# %%
from vidlab.torch.models.initial import initialize  # starts the weights as Keras does


class CNNLSTM(nn.Module):
    """Clips (N, T, 3, H, W) in [0, 1] -> logits (N, num_classes)."""

    takes = "clips"

    def __init__(self, num_classes, num_channels=16, hidden_size=64):
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.lstm = nn.LSTM(10 * num_channels, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, num_classes)
        self.apply(initialize)

    def states(self, x):
        """(N, T, 3, H, W) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.lstm(self.cnn(x))[0]

    def features(self, x):
        """(N, T, 3, H, W) -> (N, hidden_size): the mean of the hidden states over time."""
        return self.states(x).mean(dim=1)

    def forward(self, x):
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


# %% [markdown]
# ### 6.3 Training, end to end
#
# Now the CNN learns together with the LSTM. `vt.fit` runs the loop that chapter 02 wrote out. The
# learning rate follows *one cycle*: it rises over the first quarter of the steps, then falls to 0.

# %%
settings = {"num_steps": 100, "learning_rate": 1e-2, "schedule": "one_cycle", "progress": False}
vt.set_seed(0)
torch_model = CNNLSTM(len(actions))
print(f"parameters: {vt.count_parameters(torch_model):,}")
torch_history = vt.fit(torch_model, train, **settings)
print(torch_history)

# %%
display.curves({"PyTorch": torch_history.loss}, ylabel="loss", title="Training loss")

# %% [markdown]
# ### 6.4 The result

# %%
torch_logits = vt.predict(torch_model, test)  # (300, 10)
torch_accuracy = (torch_logits.argmax(axis=1) == test.labels).mean()
print(f"optical flow                 {flow_accuracy:.0%} (from 600 clips)")
print(f"frozen features + LSTM       {torch_frozen:.0%} (from 3,000)")
print(f"CNN+LSTM, end to end         {torch_accuracy:.0%} (from 3,000)")

# %% [markdown]
# What is the LSTM's part in this? A control: take it away. We average the trained network's
# `FrameMoments` over time, and a linear classifier reads the average.


# %%
def average_moments(frames):
    """uint8 (N, T, H, W, 3) -> (N, 160): the mean over time of what the LSTM is given."""
    with torch.no_grad():
        parts = [torch_model.cnn(vt.to_input(part)).mean(dim=1) for part in np.split(frames, 10)]
    return torch.cat(parts).cpu().numpy()


averages, test_averages = average_moments(train.frames[:1000]), average_moments(test.frames)
without = linear_accuracy(averages, train.labels[:1000], test_averages, test.labels, strength=0.01)
print(f"moments + mean + linear layer: {without:.0%} (from 1,000)")

# %% [markdown]
# The average of the *changes* is the last position minus the first, divided by the number of steps:
# it knows the direction. So most of the way goes without an LSTM, and its own part is the last ten
# points. That is a fact about this task (section 14 shows how far two frames get). Section 9 proves
# that the whole network reads the order; it does not prove that the LSTM does.

# %%
display.confusion(test.labels, torch_logits.argmax(axis=1), actions)

# %% [markdown]
# ### 6.5 An action for every frame
#
# So far many frames gave one label. Now we want a label for each (*many-to-many*). The last layer
# is linear, so the clip's logits are the mean of the logits of its states: the network has an
# opinion at each frame already. Does it hold when the action *changes*? We join the halves of two
# clips. Each step gets the label of its half; the step across the cut belongs to neither and gets
# −1, "no label here".


# %%
def join(clips, seed):
    """Half of each clip, then half of another: frames (N, 16, ...), labels (N, 15)."""
    other = np.random.default_rng(seed).permutation(len(clips))
    frames = np.concatenate([clips.frames[:, :8], clips.frames[other, 8:]], axis=1)
    labels = np.repeat(clips.labels[:, None], 15, axis=1)
    labels[:, 8:] = clips.labels[other][:, None]
    labels[:, 7] = -1  # from frame 7 to frame 8: the cut
    return frames, labels


train_stories, test_stories = join(train[:2000], seed=0), join(test, seed=0)


# %%
class TorchPerFrame(nn.Module):
    """Clips (N, T, 3, H, W) -> logits (N, T - 1, num_classes), from the layers of a CNNLSTM."""

    takes = "clips"

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model.head(self.model.states(x))


# %% [markdown]
# First without any further training, then after a few steps on joined clips.


# %%
def accuracy_by_step(logits, labels):
    """The share of right answers at each step, (T - 1,)."""
    return (logits.argmax(axis=-1) == labels).mean(axis=0)


import copy

story_settings = {**settings, "num_steps": 60, "learning_rate": 5e-3}
torch_frames_model = TorchPerFrame(copy.deepcopy(torch_model))
before = accuracy_by_step(vt.predict(torch_frames_model, test_stories[0]), test_stories[1])
vt.fit(torch_frames_model, train_stories, **story_settings)
after = accuracy_by_step(vt.predict(torch_frames_model, test_stories[0]), test_stories[1])


# %%
def draw_by_step(before, after, title):
    figure, axes = display.new_axes(height=2.8)
    steps = np.arange(1, 16)
    for color, label, values in zip(
        display.LINE_COLORS, ("before", "after training on stories"), (before, after), strict=False
    ):
        axes.plot(steps, 100 * np.where(steps == 8, np.nan, values), "o-", color=color, label=label)
    axes.axvline(8, color="gray", linestyle="--")
    axes.set(xlabel="frame (dashed: the cut)", ylabel="right (%)", ylim=(0, 103), title=title)
    axes.legend(loc="lower right")
    display.show_figure(figure, f"{title}: accuracy at each frame, before and after training.")


draw_by_step(before, after, "PyTorch: the action at each frame")

# %%
for name, values in (("before", before), ("after", after)):
    print(f"{name:<7}", *(f"frame {t}: {values[t - 1]:4.0%}  " for t in (1, 2, 9, 10, 11, 12, 15)))

# %% [markdown]
# After the cut the memory holds the wrong action. Training on clips in which forgetting pays makes
# the network forget faster. But compare frame 1 with frame 9: a single change names nearly three of
# four fresh clips. After the cut even the trained network needs three or four changes for that: the
# old state, and the jump at the cut, must be overwritten first.
#
# ### 6.6 Clips of different length
#
# A batch is one array, so shorter clips are *padded*: black frames fill the end. What do these do
# to the answer? We cut eight clips to 10 frames, once as they are and once padded to 16.

# %%
short = test.frames[:8, :10]
padded = np.concatenate([short, np.zeros_like(test.frames[:8, :6])], axis=1)
lengths = np.full(8, 10)
with torch.no_grad():
    alone = torch_model(vt.to_input(short))
    naive = torch_model(vt.to_input(padded))
    states = torch_model.states(vt.to_input(padded))  # (8, 15, 64)
    mask = torch.arange(15) < torch.from_numpy(lengths)[:, None] - 1  # (8, 15): real steps
    mean = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    masked = torch_model.head(mean)
print(f"difference to the unpadded clip: padded {(alone - naive).abs().max():.1f}", end=", ")
print(f"padded and masked {(alone - masked).abs().max():.0e}")

# %% [markdown]
# A *mask* says which steps are real. With it, padding changes nothing here, in `eval()`. (In
# training the black frames still enter the batch statistics; mask them there too, or sort clips by
# length.) If a model reads the *last* state, take the state at the true end. `pack_padded_sequence`
# does that:

# %%
from torch.nn.utils.rnn import pack_padded_sequence

with torch.no_grad():
    x = torch_model.cnn(vt.to_input(padded))  # (8, 15, 160)
    packed = pack_padded_sequence(x, lengths - 1, batch_first=True, enforce_sorted=False)
    last = torch_model.lstm(packed)[1][0][0]  # (8, 64)
print(f"last state, packed against unpadded: {(last - states[:, 8]).abs().max():.0e}")

# %% [markdown]
# ### 6.7 The folded batch
#
# `flatten(0, 1)` gives the CNN $N \cdot T$ frames at once. Many tutorials loop over the frames
# instead. The answer is the same; the time is not.


# %%
def seconds(function, repeats=5):
    """The median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return np.median(times)


x = vt.to_input(test.frames[:32])
with torch.no_grad():
    folded = seconds(lambda: torch_model.cnn.maps(x.flatten(0, 1)))
    looped = seconds(lambda: [torch_model.cnn.maps(x[:, t]) for t in range(16)])
print(f"folded {folded * 1e3:.0f} ms, one frame index at a time {looped * 1e3:.0f} ms")

# %% [markdown]
# On a CPU with a batch of 32 clips the two are closer than many expect; on a GPU, or with few
# clips, the loop may leave most of the machine idle. Try 1 clip in place of 32.

# %% [markdown]
# ## 7 Keras: CNN and LSTM
#
# ### 7.1 Features first
#
# The same features, the same plan.

# %%
import vidlab.keras as vk

vk.set_seed(0)
keras_feature_model = keras.Sequential(
    [keras.Input(train_features.shape[1:]), layers.LSTM(64), layers.Dense(len(actions))]
)
vk.fit(keras_feature_model, features_set, num_steps=100, learning_rate=3e-3, progress=False)
keras_frozen = vk.evaluate(keras_feature_model, (test_features, test.labels))["accuracy"]
print(f"frozen features + LSTM: {keras_frozen:.0%}")

# %% [markdown]
# Compare that with the flow baseline. What is missing? The features say *what* is in a frame, and
# hardly *where*.
#
# ### 7.2 The model
#
# Each channel becomes a map of weights that add up to 1, and we take the map's mean position, its
# variances and its covariance. Keras keeps the channels last, so maps are `(N, H, W, C)`.


# %%
class SpatialMoments(layers.Layer):
    """Maps (N, H, W, C) -> (N, 5 C): mean x, y, variance of x, y, covariance, in [-1, 1]."""

    def call(self, maps):
        height, width, channels = maps.shape[1:]
        weight = ops.softmax(ops.reshape(maps, (-1, height * width, channels)), axis=1)
        x, y = ops.meshgrid(ops.linspace(-1.0, 1.0, width), ops.linspace(-1.0, 1.0, height))
        powers = ops.reshape(ops.stack([x, y, x * x, y * y, x * y]), (5, height * width))
        means = ops.matmul(powers, weight)  # (5, H * W) times (N, H * W, C) is (N, 5, C)
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = ops.unstack(means, axis=1)
        var_x, var_y = mean_xx - mean_x**2, mean_yy - mean_y**2
        covariance = mean_xy - mean_x * mean_y
        return ops.concatenate([mean_x, mean_y, var_x, var_y, covariance], axis=1)


# %% [markdown]
# Now the frame network: the numbers of each frame and their change since the frame before, both
# brought to one scale by batch normalisation. Time is folded into the batch.


# %%
class FrameMoments(layers.Layer):
    """Clips (N, T, H, W, 3) -> (N, T - 1, 10 C): the moments, and how they just changed."""

    def __init__(self, num_channels=16):
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(16, 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv2 = layers.Conv2D(num_channels, 3, padding="same", use_bias=False)
        self.moments = SpatialMoments()
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    def maps(self, x, training=None):
        """Frames (N, H, W, 3) -> (N, H / 2, W / 2, C): before the softmax."""
        x = ops.relu(self.norm1(self.conv1(self.pad(x)), training=training))
        return self.conv2(x)

    def call(self, x, training=None):
        frames = ops.reshape(x, (-1, *x.shape[2:]))  # (N * T, H, W, 3): time is folded in
        where = self.moments(self.maps(frames, training))
        where = ops.reshape(where, (-1, ops.shape(x)[1], where.shape[1]))  # (N, T, 5 C)
        now, change = where[:, 1:], where[:, 1:] - where[:, :-1]
        both = ops.concatenate([now, change], axis=2)  # (N, T - 1, 10 C)
        return self.norm2(both, training=training)


# %% [markdown]
# Behind it the LSTM. We average its states over time, and the last layer reads the average.


# %%
class CNNLSTM(keras.Model):
    """Clips (N, T, H, W, 3) in [0, 1] -> logits (N, num_classes)."""

    takes = "clips"

    def __init__(self, num_classes, num_channels=16, hidden_size=64):
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.lstm = layers.LSTM(hidden_size, return_sequences=True)
        self.head = layers.Dense(num_classes)
        self(keras.Input((16, 32, 32, 3)))  # builds the weights, for clips of any size

    def states(self, x, training=None):
        """(N, T, H, W, 3) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.lstm(self.cnn(x, training=training))

    def features(self, x, training=None):
        """(N, T, H, W, 3) -> (N, hidden_size): the mean of the hidden states over time."""
        return ops.mean(self.states(x, training), axis=1)

    def call(self, x, training=None):
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


# %% [markdown]
# ### 7.3 Training, end to end
#
# The same settings, the same batches in the same order; only the random start differs. The first
# step takes seconds, since TensorFlow builds a graph first.

# %%
vk.set_seed(0)
keras_model = CNNLSTM(len(actions))
print(f"parameters: {vk.count_parameters(keras_model):,}")
keras_history = vk.fit(keras_model, train, **settings)
print(keras_history)

# %%
display.curves({"Keras": keras_history.loss}, ylabel="loss", title="Training loss")

# %% [markdown]
# ### 7.4 The result

# %%
keras_logits = vk.predict(keras_model, test)  # (300, 10)
keras_accuracy = (keras_logits.argmax(axis=1) == test.labels).mean()
print(f"optical flow                 {flow_accuracy:.0%} (from 600 clips)")
print(f"frozen features + LSTM       {keras_frozen:.0%} (from 3,000)")
print(f"CNN+LSTM, end to end         {keras_accuracy:.0%} (from 3,000)")

# %%
display.confusion(test.labels, keras_logits.argmax(axis=1), actions)

# %% [markdown]
# ### 7.5 An action for every frame
#
# The clip's logits are the mean of the logits of its states, so the network has an opinion at each
# frame. We ask for it on the joined clips of section 6.5, before and after a few more steps.


# %%
class KerasPerFrame(keras.Model):
    """Clips (N, T, H, W, 3) -> logits (N, T - 1, num_classes), from the layers of a CNNLSTM."""

    takes = "clips"

    def __init__(self, model):
        super().__init__()
        self.model = model
        self(keras.Input((16, 32, 32, 3)))

    def call(self, x, training=None):
        return self.model.head(self.model.states(x, training))


# %%
from vidlab.weights import copy_weights

copied = CNNLSTM(len(actions))
copy_weights(keras_model, copied)
keras_frames_model = KerasPerFrame(copied)
before = accuracy_by_step(vk.predict(keras_frames_model, test_stories[0]), test_stories[1])
vk.fit(keras_frames_model, train_stories, **story_settings)
after = accuracy_by_step(vk.predict(keras_frames_model, test_stories[0]), test_stories[1])
draw_by_step(before, after, "Keras: the action at each frame")

# %% [markdown]
# ### 7.6 Clips of different length
#
# A mask says which steps are real. With it, padding changes nothing here, with `training=False`.
# (In training, section 6.6 tells why, it still does.) Keras layers take masks themselves: the LSTM
# skips the steps that are not real and repeats its last real state.

# %%
alone = keras_model(vk.to_input(short), training=False)
naive = keras_model(vk.to_input(padded), training=False)
x = keras_model.cnn(vk.to_input(padded), training=False)  # (8, 15, 160)
mask = np.arange(15) < lengths[:, None] - 1  # (8, 15): real steps
states = keras_model.lstm(x, mask=mask)
real = mask[:, :, None].astype("float32")
masked = keras_model.head(ops.sum(states * real, axis=1) / ops.sum(real, axis=1))
print(f"padded: {float(ops.max(ops.abs(alone - naive))):.1f}", end=", ")
print(f"padded and masked: {float(ops.max(ops.abs(alone - masked))):.0e}", end=", ")
print(f"last state: {float(ops.max(ops.abs(states[:, -1] - states[:, 8]))):.0e}")

# %% [markdown]
# ### 7.7 The folded batch
#
# Keras has a wrapper for this purpose, `TimeDistributed`, which runs a layer on every frame. The
# answer is the same as with `reshape`.

# %%
inputs = keras.Input((16, 32, 32, 3))
convolution = layers.Conv2D(16, 3)
frames = ops.reshape(inputs, (-1, 32, 32, 3))
by_folding = keras.Model(inputs, ops.reshape(convolution(frames), (-1, 16, 30, 30, 16)))
by_wrapper = keras.Model(inputs, layers.TimeDistributed(convolution)(inputs))
x = vk.to_input(test.frames[:32])
gap = np.abs(by_folding.predict_on_batch(x) - by_wrapper.predict_on_batch(x)).max()
folded = seconds(lambda: by_folding.predict_on_batch(x))
wrapped = seconds(lambda: by_wrapper.predict_on_batch(x))
print(f"folded {folded * 1e3:.0f} ms, TimeDistributed {wrapped * 1e3:.0f} ms, gap {gap:.0e}")

# %% [markdown]
# ## 8 Same weights, same answer
#
# `copy_weights` carries the PyTorch network's numbers over to Keras: convolution kernels change
# their axes, the LSTM's matrices are transposed, its two biases are added.

# %%
twin = CNNLSTM(len(actions))
copy_weights(torch_model, twin)
gap = np.abs(vk.predict(twin, test.frames[:100]) - torch_logits[:100]).max()
print(f"outputs from {torch_logits.min():.1f} to {torch_logits.max():.1f}")
print(f"largest difference: {gap:.0e}")

# %% [markdown]
# ## 9 A control that could prove us wrong
#
# We claim that the network uses the order of the frames. So we destroy the order, and change no
# frame: *shuffled* (each clip in an order of its own), *reversed* and *frozen* (the middle frame
# 16 times).

# %%
rng = np.random.default_rng(0)
controls = {
    "as filmed": test.frames,
    "shuffled": np.stack([clip[rng.permutation(16)] for clip in test.frames]),
    "reversed": test.frames[:, ::-1],
    "frozen": np.repeat(test.frames[:, 8:9], 16, axis=1),
}

# %%
print("order        PyTorch         Keras")
print("             right partner   right partner")
for name, frames in controls.items():
    cells = []
    for room, model in ((vt, torch_model), (vk, keras_model)):
        guess = room.predict(model, frames).argmax(axis=1)
        right = (guess == test.labels).mean()
        swapped = (guess == partner_labels[test.labels]).mean()
        cells.append(f"{right:5.0%}  {swapped:5.0%}")
    print(f"{name:<10} {cells[0]}    {cells[1]}")

# %% [markdown]
# Backwards, the networks name the partner: they see direction. Shuffled or frozen, they lose most
# of what they knew.
#
# One objection remains. A network that was trained on ordered clips has never seen shuffled ones,
# and may fail on them for that reason alone. The stricter control *trains* on shuffled clips. Then
# the pair can be learned and the direction cannot: about 50 % is the most to expect. That takes
# longer, so it is a committed experiment over three seeds:

# %%
import csv
from pathlib import Path

places = (Path("results"), Path("../results"))  # seen from notebooks/ and from solutions/
path = next(place for place in places if place.exists()) / "03_shuffled.csv"
with path.open(newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
print(f"{rows[0]['steps']} steps, made by: {rows[0]['command']}\n")
print("model       framework   right on shuffled clips     right or partner")
for model, framework in dict.fromkeys((row["model"], row["framework"]) for row in rows):
    mine = [r for r in rows if (r["model"], r["framework"]) == (model, framework)]
    right = [float(r["test_accuracy"]) for r in mine]
    pair = [float(r["pair_accuracy"]) for r in mine]
    spread = f"{np.mean(right):.0%} ({min(right):.0%} to {max(right):.0%})"
    print(f"{model:<12}{framework:<12}{spread:<28}{np.mean(pair):.0%}")

# %% [markdown]
# Read the two columns together. The right one shows how often the model names the pair; the left
# one is about half of it. The pair can be seen in frames of any order: *that* something grew or
# shrank shows in the sizes. Which of the two it was, only the order tells. (`Conv3DNet` is the
# network of chapter 04.)

# %% [markdown]
# ## 10 Look inside
#
# Where do the channels look? The mean positions of four channels, drawn over a clip, with the path
# so far. Nobody told them where the shapes are: they had only the names of the actions. (There are
# two shapes, so a mean position may lie between them.)

# %%
clip = test.frames[first[actions.index("clockwise")]]
with torch.no_grad():
    maps = torch_model.cnn.maps(vt.to_input(clip[None])[0])  # (16, 16, 16, 16)
    where = torch_model.cnn.moments(maps).numpy()  # (16, 5 * 16)
x, y = (where[:, :16] + 1) * 15.5, (where[:, 16:32] + 1) * 15.5  # pixels
busiest = np.argsort(-(x.std(axis=0) + y.std(axis=0)))[:4]

# %%
figure, _ = display.new_axes(height=2.0)
figure.clear()
for panel, t in zip(figure.subplots(1, 5), (0, 4, 8, 12, 15), strict=True):
    panel.imshow(clip[t])
    for color, channel in zip(display.LINE_COLORS, busiest, strict=False):
        panel.plot(x[: t + 1, channel], y[: t + 1, channel], color=color, linewidth=1.5)
        panel.plot(x[t, channel], y[t, channel], "o", color=color, markersize=5)
    panel.set(title=f"frame {t}", xticks=[], yticks=[])
display.show_figure(figure, "Where four channels look in five frames of a clockwise clip.")

# %% [markdown]
# And what does the memory hold? Under the filmstrip stand the 64 hidden states, sorted by their
# last value, and the last layer's opinion at each frame.


# %%
def draw_memory(clip, title):
    with torch.no_grad():
        states = torch_model.states(vt.to_input(clip[None]))
        opinion = torch.softmax(torch_model.head(states), dim=-1)[0].numpy()
    states = states[0].numpy().T  # (64, 15)
    figure, _ = display.new_axes(height=5.2)
    figure.clear()
    strip, memory, bars = figure.subplots(3, 1, height_ratios=(1, 2.4, 2), sharex=True)
    strip.imshow(np.concatenate(list(clip), axis=1), extent=(-0.5, 15.5, 0, 1), aspect="auto")
    strip.set(yticks=[], title=title)
    order = np.argsort(states[:, -1])
    memory.imshow(
        states[order], extent=(0.5, 15.5, 64, 0), aspect="auto", cmap="coolwarm", vmin=-1, vmax=1
    )
    memory.set_ylabel("hidden unit")
    best = np.argsort(-opinion.max(axis=0))[:4]
    looks = zip(display.LINE_COLORS, best, strict=False)
    for color, action in looks:
        bars.plot(np.arange(1, 16), opinion[:, action], "o-", color=color, label=actions[action])
    bars.set(xlabel="frame", ylabel="probability", ylim=(-0.03, 1.4))
    bars.legend(loc="upper center", ncols=4)
    display.show_figure(figure, f"{title}: frames, hidden states and opinion over time.")


draw_memory(clip, "An action: clockwise")

# %%
number = next(n for n, label in enumerate(test_stories[1]) if label[0] != label[-1])
story, story_labels = test_stories[0][number], test_stories[1][number]
begin, end = actions[story_labels[0]], actions[story_labels[-1]]
draw_memory(story, f"Two joined halves: {begin}, then {end}")

# %% [markdown]
# Blue is −1, red is +1. In the clockwise clip many units are active for part of the orbit only. The
# first frames look like "up", and the last layer says so until the path bends.
#
# In the second picture the cut itself looks like a jump. Then several actions share the
# probability, and the right one leads only from frame 12 on. The opinion follows the memory, late.

# %% [markdown]
# ## 11 Leakage: how large is the lie?
#
# One long video gives many windows, and windows that overlap share frames. A random split puts
# some into training and their neighbours into the test. To see what this does we use labels that
# *cannot* be learned: each video gets "yes" or "no" by the throw of a coin. An honest test must end
# near 50 %. The classifier takes the label of the most similar training window.

# %%
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from sklearn.neighbors import KNeighborsClassifier


def windows_of(videos, length=16, stride=4):
    """Windows (M, length, H, W, 3) of videos (N, T, H, W, 3), and which video each is from."""
    starts = range(0, videos.shape[1] - length + 1, stride)
    parts = [video[s : s + length] for video in videos for s in starts]
    return np.stack(parts), np.repeat(np.arange(len(videos)), len(starts))


# %%
videos = world.generate(60, **{**options, "num_frames": 40, "difficulty": "medium"}).frames
windows, video_of = windows_of(videos)
small = windows[:, ::5, ::4, ::4].reshape(len(windows), -1) / 255  # a few pixels are enough
for name, splitter in {
    "random split": ShuffleSplit(3, test_size=0.3, random_state=0),
    "split by video": GroupShuffleSplit(3, test_size=0.3, random_state=0),
}.items():
    scores = []
    groups = video_of if isinstance(splitter, GroupShuffleSplit) else None
    for seed, (fit, held) in enumerate(splitter.split(small, groups=groups)):
        coin = np.random.default_rng(seed).integers(0, 2, len(videos))[video_of]
        nearest = KNeighborsClassifier(1).fit(small[fit], coin[fit])
        scores.append(nearest.score(small[held], coin[held]))
    print(f"{name:<16}" + "  ".join(f"{score:.0%}" for score in scores))

# %% [markdown]
# The random split reports a near-perfect classifier of coin throws. The distance to 50 % is the
# lie. (The honest numbers scatter, because only 18 videos are tested: one coin is 5.6 points.)
# `datasets.folder` therefore splits by source, and so should you.

# %% [markdown]
# ## 12 Augmentation that keeps the label true
#
# *Augmentation* makes more clips from few: move the crop, change the light, start a little later.
# Two rules. What changes must be the same in all frames of a clip, or it becomes a movement. And
# the label must stay true. A mirrored picture of a cat shows a cat. A mirrored clip?

# %%
mirrored = test.frames[:, :, :, ::-1]
guess = vt.predict(torch_model, mirrored).argmax(axis=1)
for label, name in enumerate(actions):
    said = guess[test.labels == label]
    same, other = (said == label).mean(), (said == partner_labels[label]).mean()
    print(f"{name:<14}mirrored: {same:4.0%} {name}, {other:4.0%} {partner[name]}")

# %% [markdown]
# The network is right nearly each time: a mirrored "left" *is* a "right", a mirrored "clockwise"
# turns the other way, and "up" stays "up". Whoever flips such clips at random and keeps the labels
# teaches that left and right are one. `augment.horizontal_flip` asks for the class names, and
# refuses:

# %%
from vidlab import augment

try:
    augment.horizontal_flip(actions)
except ValueError as error:
    print(error)

# %% [markdown]
# These keep the labels of our actions. Give them to `fit` as `augment=`.

# %%
change = augment.compose(
    augment.random_crop(3), augment.brightness_contrast(0.3, 0.3), augment.time_shift(2)
)
once = change(test.frames[:1], np.random.default_rng(0))[0]
display.filmstrip(test.frames[0], title=f"as filmed: {actions[test.labels[0]]}")
display.filmstrip(once, title="augmented: moved, relit, shifted in time")

# %% [markdown]
# ## 13 Your own clips
#
# The networks above take any clips. Put your videos into one folder per class;
# `datasets.folder` samples frames, splits by source, and returns the sets. Here we write such a
# folder ourselves, as MP4 files.

# %%
from vidlab import datasets, video

folder = Path("output/03_my_videos")
mine = world.generate(80, actions=["left", "right"], **{**options, "size": 64}, seed=5)
for number, (frames, label) in enumerate(zip(mine.frames, mine.labels, strict=True)):
    path = folder / mine.class_names[label] / f"{number:03}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    video.write_video(path, frames, fps=8)

# %%
my_data = datasets.folder(folder, num_frames=16, size=32, progress=False)
print(my_data)

# %% [markdown]
# ## 14 Playground
#
# All of this chapter's training in one function, a *recipe*. Its arguments are the knobs of a
# panel: a `Range` becomes a slider, a `Choice` a menu. A *live* knob acts while the model trains;
# another one starts a new run. The recipe yields a record after each step, so the panel can pause
# and stop it.
#
# First what the panel shows of one clip: the hidden state and the opinion after each frame.

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


def look_inside(framework, model, clip):
    """Hidden states (T, hidden_size) and opinions (T, K) after each frame of a clip."""
    if framework == "torch":
        with torch.no_grad():
            states = model.states(vt.to_input(clip[None]))
            logits = model.head(states).numpy()[0]
    else:
        states = model.states(vk.to_input(clip[None]))
        logits = ops.convert_to_numpy(model.head(states))[0]
    states = np.asarray(states)[0]
    opinion = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.vstack([0 * states[:1], states]), np.vstack([0 * opinion[:1], opinion])


# %% [markdown]
# (At frame 0 nothing has changed yet: the state is 0 and there is no opinion.) Now the recipe. It
# takes any data with training, validation and test clips: the ten actions, or your own folder.

# %%
from vidlab.clips import Dataset

ten_actions = Dataset("ten actions", train=train, val=test[:100], test=test[100:])
data_sets = {"ten actions": ten_actions, "my clips": my_data}
rooms = {"torch": vt, "keras": vk}


# %%
@playground(
    title="CNN + LSTM: which action is it?",
    presets=[
        Preset("works", "The validation points follow the training curve down."),
        Preset("two frames", "How far does it get without a memory?", {"num_frames": 2}),
        Preset("too fast", "It swings. Turn the rate down as it trains.", {"learning_rate": 0.3}),
        Preset("tiny memory", "Which actions does it mix up?", {"hidden_size": 4}),
    ],
    predict_first=PredictFirst(
        "How many validation clips will be right at the end?",
        ("below 50 %", "50 to 90 %", "above 90 %"),
        lambda run: f"{run.last()['val accuracy']:.0%}",
    ),
)
def recipe(
    framework: Choice("torch", "keras") = "torch",
    data: Choice("ten actions", "my clips") = "ten actions",
    num_frames: Range(2, 16, unit="frames") = 16,
    num_channels: Range(2, 32) = 16,
    hidden_size: Range(4, 128) = 64,
    learning_rate: Range(1e-4, 1, log=True, live=True) = 1e-2,
    num_steps: Range(20, 300, step=10, unit="steps") = 100,
    batch_size: Range(8, 64, step=8, unit="clips") = 32,
    seed: Range(0, 9) = 0,
):
    """Train a CNNLSTM; the panel shows what it says of test clips."""
    sets, room = data_sets[data], rooms[framework]
    room.set_seed(seed)
    model = room.fresh(room.CNNLSTM, len(sets.train.class_names), num_channels, hidden_size)
    chosen = np.linspace(0, sets.train.frames.shape[1] - 1, num_frames).round().astype(int)

    def inside(clip):
        states, opinion = look_inside(framework, model, clip[chosen])
        shown = np.searchsorted(chosen, np.arange(len(clip)), side="right") - 1
        names = sets.train.class_names
        return {
            "opinion so far": OverTime(opinion[shown], names, low=0, high=1),
            "hidden state": OverTime(states[shown], low=-1, high=1),
        }

    steps = room.train_steps(
        model,
        (sets.train.frames[:, chosen], sets.train.labels),
        (sets.val.frames[:, chosen], sets.val.labels),
        num_steps=num_steps,
        batch_size=batch_size,
        learning_rate=learning_rate.scheduled("one_cycle", num_steps),
        eval_every=20,
        seed=seed,
    )
    yield classifier(
        room, model, steps, sets.train, sets.test,
        select=lambda frames: frames[:, chosen],
        inspect=inside,
        draw=lambda path: world.animate(path, size=32),
    )  # fmt: skip
    yield from steps


# %% [markdown]
# Without a panel a recipe is ordinary code with a seed. Your own clips (the folder of section 13),
# and three settings of the ten actions to compare. Two frames are an LSTM of a single step. Does
# that fail? Guess before you look.

# %%
run = recipe.run(data="my clips", num_steps=60, batch_size=16)
print("your own clips:", run)
settings = {
    "8 frames": {"num_frames": 8},
    "2 frames": {"num_frames": 2},
    "8 frames, rate 0.3": {"num_frames": 8, "learning_rate": 0.3},
}
runs = {name: recipe.run(num_steps=60, **knobs) for name, knobs in settings.items()}
for name, run in runs.items():
    print(f"{name:<20}{run}")

# %% [markdown]
# Two frames come close to eight: on plain backgrounds a first and a last position are motion
# enough, and a longer memory buys little. That is a fact about this data, and worth knowing
# before one praises an LSTM for its memory. With `learning_rate=0.3` the loss falls fastest while
# the cycle is still low; as the rate rises, it climbs again and swings.
#
# Now the panel. Train, and move the learning rate while it runs. **Clips** shows what the model
# says of test clips; **Look inside** one of them frame by frame, as filmed, reversed, shuffled or
# frozen; **Draw** lets you draw a path: the world moves two shapes along it, and the model says
# what it sees.

# %%
recipe.show(examples=runs)

# %% [markdown]
# ## 15 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it.
#
# ### Exercise 1: what changed?
#
# The absolute difference of each frame from the one before. Mind that `uint8` numbers wrap around:
# `3 - 5` is 254.


# %% exercise="03.frame_difference"
def frame_difference(clip):
    """clip: uint8 (T, H, W, 3). Returns uint8 (T - 1, H, W, 3): |frame t + 1 - frame t|."""
    ### BEGIN SOLUTION
    return np.abs(clip[1:].astype(np.int16) - clip[:-1]).astype(np.uint8)
    ### END SOLUTION


# %%
check("03.frame_difference", frame_difference)

# %% [markdown]
# ### Exercise 2: one step of an RNN
#
# $h_t = \tanh(W x_t + U h_{t-1} + b)$ for one vector.


# %% exercise="03.rnn_step"
def rnn_step(x, h, W, U, b):
    """x: (D,); h: (H,), the state before; W: (H, D); U: (H, H); b: (H,). Returns (H,)."""
    ### BEGIN SOLUTION
    return np.tanh(W @ x + U @ h + b)
    ### END SOLUTION


# %%
check("03.rnn_step", rnn_step)

# %% [markdown]
# ### Exercise 3: what the gates do
#
# The four gates are computed already. Return the new cell and the new hidden state.


# %% exercise="03.lstm_step"
def lstm_step(c, i, f, g, o):
    """All float (H,). i, f, o in (0, 1) and g in (-1, 1), after sigmoid and tanh. Returns c, h."""
    ### BEGIN SOLUTION
    c = f * c + i * g
    return c, o * np.tanh(c)
    ### END SOLUTION


# %%
check("03.lstm_step", lstm_step)

# %% [markdown]
# ### Exercise 4: count
#
# How many numbers does an LSTM learn, for inputs of size $D$ and states of size $H$, with one bias
# vector per gate?


# %% exercise="03.lstm_parameters"
def lstm_parameters(input_size, hidden_size):
    """Returns an int."""
    ### BEGIN SOLUTION
    return 4 * hidden_size * (input_size + hidden_size + 1)
    ### END SOLUTION


# %%
check("03.lstm_parameters", lstm_parameters)

# %% [markdown]
# ### Exercise 5: the mean of what is real
#
# The mean over time of each sequence, without its padding. Sequence $n$ has `lengths[n]` real
# steps; what stands behind them must not matter, not even NaN.


# %% exercise="03.masked_mean"
def masked_mean(states, lengths):
    """states: float (N, T, H); lengths: int (N,), from 1 to T. Returns float (N, H)."""
    ### BEGIN SOLUTION
    return np.stack([s[:length].mean(axis=0) for s, length in zip(states, lengths, strict=True)])
    ### END SOLUTION


# %%
check("03.masked_mean", masked_mean)

# %% [markdown]
# ### Exercise 6: a split without a lie
#
# Each clip has a source: the video it was cut from. Return the indices of training and of test
# clips, such that no source is in both, and between 10 % and 50 % of the clips are test clips.


# %% exercise="03.split_by_source"
def split_by_source(sources, seed):
    """sources: a list of N strings, at least 10 different ones. Returns train, test: int arrays."""
    ### BEGIN SOLUTION
    sources = np.asarray(sources)
    names = np.random.default_rng(seed).permutation(np.unique(sources))
    wanted = np.cumsum([np.sum(sources == name) for name in names]) <= 0.4 * len(sources)
    held = np.isin(sources, names[wanted])
    return np.flatnonzero(~held), np.flatnonzero(held)
    ### END SOLUTION


# %%
check("03.split_by_source", split_by_source)

# %% [markdown]
# ### Exercise 7: repair this snippet
#
# A tutorial reads features `(N, T, D)` with an LSTM and returns the last state of each clip. It
# runs, and gives an array of a plausible shape. But the answer for one clip depends on the *other*
# clips in its batch. Find out why, and repair it. (PyTorch; the mistake is about axes.)

# %% tags=["setup"]
import torch
from torch import nn


# %% exercise="03.repair"
def last_state(features, hidden_size=5):
    """features: float32 tensor (N, T, D). Returns the last hidden state of each clip, (N, H)."""
    torch.manual_seed(0)
    ### BEGIN SOLUTION
    layer = nn.LSTM(features.shape[2], hidden_size, batch_first=True)
    states, _ = layer(features)
    return states[:, -1].detach()
    ### LEARNER GETS
    # layer = nn.LSTM(features.shape[2], hidden_size)
    # states, _ = layer(features)
    # return states[:, -1].detach()
    ### END SOLUTION


# %%
check("03.repair", last_state)

# %% [markdown]
# ### Exercise 8 (open): six motions
#
# One shape moves left, right, up or down, grows or shrinks, over a plain background. Name the
# motion. Flow, differences, thresholds, a network that you train in the cell: all is allowed. The
# check makes 60 fresh clips and asks for 80 %.


# %% exercise="03.six_motions"
def name_motion(frames):
    """frames: uint8 (16, 32, 32, 3). Returns "left", "right", "up", "down", "grow" or "shrink"."""
    ### BEGIN SOLUTION
    background = np.median(frames.reshape(-1, 3), axis=0)
    differs = np.abs(frames - background).sum(axis=-1) > 30  # (T, H, W)
    area = differs.sum(axis=(1, 2)).clip(1)
    x = (differs * np.arange(32)).sum(axis=(1, 2)) / area
    y = (differs * np.arange(32)[:, None]).sum(axis=(1, 2)) / area
    right, down = x[-3:].mean() - x[:3].mean(), y[-3:].mean() - y[:3].mean()
    if max(abs(right), abs(down)) < 2:
        return "grow" if area[-3:].mean() > area[:3].mean() else "shrink"
    if abs(right) > abs(down):
        return "right" if right > 0 else "left"
    return "down" if down > 0 else "up"
    ### END SOLUTION


# %%
check("03.six_motions", name_motion)

# %% [markdown]
# **For a person to read.** Suppose that your function reaches 100 % here. What would you measure
# before you trust it on videos from a street camera? Name two controls, and what each would show.

# %% [markdown] question="03.trust"
# A single-frame baseline: if one frame alone names the motion, the labels follow from the scene
# (the lane of a street fixes the direction), and motion was never measured. Reversed clips: the
# names must turn into their partners. A split by camera and day shows whether it works where it
# was not tuned. A frozen clip must not be given a direction with confidence.

# %% [markdown]
# ## 16 What you learned
#
# - Motion can be measured without learning; flow with five numbers is a baseline that deserves
#   respect.
# - An average over time is blind to order. An RNN is not; an LSTM remembers longer, if its forget
#   gate starts open.
# - A frame's features must say *where*, or there is no motion to read.
# - A clip's label or a label for each frame: the same states, read once or at each step.
# - Shuffled and reversed clips prove that a network uses order; a split by source keeps the test
#   honest.
# - An augmentation must leave the label true, and be the same in all frames of a clip.
#
# ## 17 What can go wrong in practice
#
# - **Real videos give the action away in one frame.** Then CNN+LSTM looks no better than a CNN, and
#   the LSTM may have learned nothing. Always train the single-frame baseline.
# - **Variable frame rate.** The LSTM counts frames, not seconds. Sample by time.
# - **Padding without a mask**, or the mask forgotten at test time only.
# - **State carried over** from one clip to the next (`stateful=True`, or a hidden state that is not
#   reset): the order of the test clips then changes the result.
# - **Exploding gradients:** clip their norm. `fit` does so at 1.
#
# ## 18 Papers
#
# - Hochreiter, Schmidhuber: *Long Short-Term Memory*. Neural Computation 9(8), 1997.
# - Gers, Schmidhuber, Cummins: *Learning to Forget: Continual Prediction with LSTM*. Neural
#   Computation 12(10), 2000. The forget gate.
# - Cho, van Merriënboer, Gulcehre, Bahdanau, Bougares, Schwenk, Bengio: *Learning Phrase
#   Representations using RNN Encoder-Decoder for Statistical Machine Translation*. EMNLP 2014. The
#   GRU.
# - Pascanu, Mikolov, Bengio: *On the Difficulty of Training Recurrent Neural Networks*. ICML 2013.
# - Donahue, Hendricks, Guadarrama, Rohrbach, Venugopalan, Saenko, Darrell: *Long-term Recurrent
#   Convolutional Networks for Visual Recognition and Description*. CVPR 2015.
# - Levine, Finn, Darrell, Abbeel: *End-to-End Training of Deep Visuomotor Policies*. JMLR 17, 2016.
#   The spatial softmax.
# - Farnebäck: *Two-Frame Motion Estimation Based on Polynomial Expansion*. SCIA 2003.
# - Simonyan, Zisserman: *Two-Stream Convolutional Networks for Action Recognition in Videos*.
#   NeurIPS 2014. What optical flow adds to a network.
#
# ## 19 Where to go next
#
# [Chapter 04, 3D convolutions](04_3d_convolutions.ipynb): networks that see space and time at once.
