# %% [markdown]
# # 00 · Start here
#
# ![From file to frames, features, sequence, meaning and new video.](images/way_00.png)
#
# A video goes in, its meaning comes out, and from meaning a new video is made. This course walks
# that way in thirteen chapters. This chapter runs all of it once, with the smallest models that
# work.
#
# **After this chapter you can**
#
# - run a chapter, and know what its signs mean,
# - say how a clip is stored as numbers,
# - train a small video network in PyTorch or in Keras,
# - test whether a network uses *motion*, with a control that could prove you wrong,
# - solve an exercise and pass its check.
#
# **Builds on:** Python, and having seen a neural network once. **Run time:** {{run_time}}.

# %% [markdown]
# ## 1 How to use the course
#
# - **Run a cell** with Shift + Enter. Run the cells in order; later cells need earlier ones.
# - **Choose a track.** Every model is built twice, in a *PyTorch* section and in a *Keras*
#   section with the same headings. Read one and skip the other, or read both. Checks accept
#   either.
# - **Numbers are measured.** A number in the text was printed by a cell near it, or stands in a
#   table in `notebooks/results`, with the command that made it. Your machine may differ in the
#   last digits.
# - **Controls.** Each chapter holds an experiment that could prove its claim wrong.
# - **Exercises** are cells with `# your code here`. The cell after each calls `check`. It says
#   "correct", or which property fails, for which input, and gives a hint.
# - **To check a whole chapter** in a terminal: `vidlab check 00`.

# %% [markdown]
# The first code cell of a chapter imports what it needs. It is tagged `setup`: checks need it
# too.

# %% tags=["setup"]
import time

import numpy as np

from vidlab import display, metrics, video, world
from vidlab.course import check

# %% [markdown]
# The letters are the same everywhere in the course:
#
# | letter | meaning | here |
# |---|---|---|
# | $N$ | number of clips | |
# | $T$ | frames in a clip | 16, later 8 |
# | $H$, $W$ | height and width in pixels | 32, 32 |
# | $C$ | colour channels: red, green, blue | 3 |

# %% [markdown]
# ## 2 A clip is an array
#
# No download stands between you and the first clip. `vidlab.world` generates videos whose truth
# is known: two shapes that do one of ten **actions** together.

# %%
clips = world.generate(8, size=64, seed=0)
print(clips)
print("one clip:", clips.frames[0].shape, clips.frames[0].dtype)
print("first caption:", clips.captions[0])

# %%
names = [clips.class_names[label] for label in clips.labels]
display.grid(clips.frames, names)

# %% [markdown]
# A clip is an array `uint8 (T, H, W, 3)`: $T$ pictures of $H \times W$ pixels, each with three
# numbers from 0 to 255. Take it apart: the first frame, one pixel of it, and the clip's size in
# memory.

# %%
frame = clips.frames[0, 0]
print("a frame:", frame.shape)
print("its pixel in row 10, column 20:", frame[10, 20], "(red, green, blue)")
print(f"the clip: {clips.frames[0].nbytes:,} bytes")

# %% [markdown]
# **Touch it.** Move the *frame* slider, or press play. Then move *x* and *y* and watch the
# pixel's numbers.

# %%
display.inspect(clips.frames[0])

# %% [markdown]
# ## 3 Baseline first: one frame
#
# Before a network sees motion, ask how far one gets without. We train a linear classifier on the
# **middle frame** of each clip. Ten actions are equally frequent, so guessing gets about 10 %.

# %%
options = {"size": 32, "num_frames": 8, "seed": 0, "sound": False}
train = world.generate(2000, **options)
test = world.generate(500, split="test", **options)
actions = train.class_names
print(train)
print(test)

# %% [markdown]
# The clips are small, 32 x 32 pixels and 8 frames, so that everything trains in seconds.
# *Training* clips are what a model learns from. *Test* clips are kept apart, to measure what it
# learned. The two never share a clip here: they are generated from different seeds.

# %%
from sklearn.linear_model import RidgeClassifier


def middle_frame(frames):
    """uint8 (N, T, H, W, 3) -> float (N, H * W * 3), the middle frame, in [0, 1]."""
    middle = frames[:, frames.shape[1] // 2]
    return middle.reshape(len(frames), -1) / 255


baseline = RidgeClassifier(alpha=100.0)
baseline.fit(middle_frame(train.frames), train.labels)
baseline_accuracy = baseline.score(middle_frame(test.frames), test.labels)
print(f"one frame, linear classifier: {baseline_accuracy:.0%} of the test clips right")

# %% [markdown]
# That is close to guessing. A better classifier would not help: the world is built so that **no
# single frame tells the action**. Actions come in pairs that are each other's reversal in time
# (left and right, grow and shrink, ...), and where the shapes are, how large and how far apart, has
# nearly the same distribution in all ten. From these distributions follows a bound for *every*
# classifier of single frames, however clever:

# %%
print(f"no classifier of single frames gets beyond {world.single_frame_bound(num_frames=8):.0%}")

# %% [markdown]
# Whoever names the action must look at several frames.

# %% [markdown]
# ## 4 PyTorch: a network that sees motion
#
# The network works in two stages. Two ordinary **2D convolutions** look at each frame by itself and
# find edges and corners. Then two **3D convolutions** slide a small box over height, width *and
# time*: it sees three neighbouring frames at once, so it can answer to motion. Chapters 02 and 04
# build both by hand.

# %% [markdown]
# ### 4.1 The model
#
# PyTorch wants the channels first: a batch of clips is `float32 (N, T, C, H, W)` with values in
# [0, 1]. The comments say which shape each step has.

# %%
import torch
from torch import nn


class TorchMotionNet(nn.Module):
    """(N, T, 3, 32, 32) -> (N, num_classes): 2D convolutions, 3D convolutions, a linear layer."""

    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2)
        self.conv3 = nn.Conv3d(32, 32, 3)
        self.norm3 = nn.BatchNorm3d(32)
        self.conv4 = nn.Conv3d(32, 64, 3)
        self.norm4 = nn.BatchNorm3d(64)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x):
        frames = x.flatten(0, 1)  # (N * T, 3, 32, 32): every frame by itself
        frames = torch.relu(self.conv1(frames))  # (N * T, 16, 15, 15)
        frames = torch.relu(self.conv2(frames))  # (N * T, 32, 7, 7)
        x = frames.unflatten(0, x.shape[:2]).transpose(1, 2)  # (N, 32, T, 7, 7)
        x = torch.relu(self.norm3(self.conv3(x)))  # (N, 32, T - 2, 5, 5)
        x = torch.relu(self.norm4(self.conv4(x)))  # (N, 64, T - 4, 3, 3)
        return self.linear(x.amax(dim=(2, 3, 4)))  # (N, 64) -> (N, num_classes)


# %% [markdown]
# `amax` keeps the largest value of each of the 64 channels, wherever in the clip it stands: "was
# this motion there, at any place and time?" *Batch normalisation* (`norm3`, `norm4`) keeps each
# channel at one scale while it learns; chapter 02 shows why that helps.


# %%
def to_torch(frames):
    """uint8 (N, T, H, W, 3) -> float32 tensor (N, T, 3, H, W) in [0, 1]."""
    return torch.from_numpy(frames).permute(0, 1, 4, 2, 3).float() / 255


torch.manual_seed(0)
torch_net = TorchMotionNet(len(actions))
print("output:", tuple(torch_net(to_torch(train.frames[:5])).shape))
print("parameters:", f"{sum(p.numel() for p in torch_net.parameters()):,}")

# %% [markdown]
# ### 4.2 Training
#
# Training repeats one step: take a batch of clips, let the network predict, measure how wrong it
# is (the *loss*), and move every parameter a little in the direction that makes the loss smaller.
# Towards the end the steps get smaller (*cosine schedule*). Chapter 02 takes the step by hand.

# %%
batch_size, num_steps = 32, 190
rng = np.random.default_rng(0)
batches = rng.integers(0, len(train), (num_steps, batch_size))

torch_optimizer = torch.optim.Adam(torch_net.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(torch_optimizer, num_steps)
torch_losses = []
start = time.perf_counter()
for chosen in batches:
    x, y = to_torch(train.frames[chosen]), torch.from_numpy(train.labels[chosen])
    loss = nn.functional.cross_entropy(torch_net(x), y)
    torch_optimizer.zero_grad()
    loss.backward()
    torch_optimizer.step()
    schedule.step()
    torch_losses.append(loss.item())
print(f"{num_steps} steps in {time.perf_counter() - start:.1f} s")

# %%
display.curves({"PyTorch": torch_losses}, ylabel="loss", title="Training loss")

# %% [markdown]
# ### 4.3 The result
#
# The test clips were never trained on.


# %%
def torch_predict(frames):
    """uint8 (N, T, H, W, 3) -> probabilities float32 (N, num_classes)."""
    torch_net.eval()  # batch normalisation with the averages from training
    with torch.no_grad():
        return torch.softmax(torch_net(to_torch(frames)), dim=1).numpy()


torch_guess = torch_predict(test.frames).argmax(axis=1)
torch_accuracy = (torch_guess == test.labels).mean()
print(f"PyTorch, 8 frames: {torch_accuracy:.0%} of the test clips right")

# %%
display.confusion(test.labels, torch_guess, actions)

# %% [markdown]
# Row: the true action. Column: the predicted one. Off the diagonal stand the mistakes.

# %% [markdown]
# ## 5 Keras: a network that sees motion
#
# The same network, written with Keras. The numbers may differ a little, since it starts from
# other random weights.

# %% [markdown]
# ### 5.1 The model
#
# Keras wants the channels last: `float32 (N, T, H, W, C)` with values in [0, 1]. That is the clip's
# own order. `TimeDistributed` runs a layer on every frame by itself.

# %%
import keras
from keras import layers

keras.utils.set_random_seed(0)
keras_net = keras.Sequential(
    [
        keras.Input((8, 32, 32, 3)),
        layers.TimeDistributed(layers.Conv2D(16, 3, strides=2, activation="relu")),
        layers.TimeDistributed(layers.Conv2D(32, 3, strides=2, activation="relu")),
        layers.Conv3D(32, 3),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.ReLU(),
        layers.Conv3D(64, 3),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.ReLU(),
        layers.GlobalMaxPooling3D(),
        layers.Dense(len(actions)),
    ]
)


# %%
def to_keras(frames):
    """uint8 (N, T, H, W, 3) -> float32 array of the same shape in [0, 1]."""
    return frames.astype("float32") / 255


print("output:", tuple(keras_net(to_keras(train.frames[:5])).shape))
print("parameters:", f"{keras_net.count_params():,}")

# %% [markdown]
# ### 5.2 Training
#
# `fit` runs the steps that section 4.2 wrote out. One *epoch* is one pass over the training
# clips.

# %%
keras_net.compile(
    optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, num_steps)),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
start = time.perf_counter()
num_epochs = num_steps * batch_size // len(train)  # 3
history = keras_net.fit(
    to_keras(train.frames), train.labels, batch_size=batch_size, epochs=num_epochs, verbose=0
)
print(f"{num_epochs} epochs in {time.perf_counter() - start:.1f} s")

# %%
display.curves({"Keras": history.history["loss"]}, xlabel="epoch", title="Training loss")

# %% [markdown]
# ### 5.3 The result


# %%
def keras_predict(frames):
    """uint8 (N, T, H, W, 3) -> probabilities float32 (N, num_classes)."""
    logits = keras_net.predict(to_keras(frames), verbose=0)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


keras_guess = keras_predict(test.frames).argmax(axis=1)
keras_accuracy = (keras_guess == test.labels).mean()
print(f"Keras, 8 frames: {keras_accuracy:.0%} of the test clips right")

# %%
display.confusion(test.labels, keras_guess, actions)

# %% [markdown]
# ## 6 Same weights, same answer
#
# Is it really the same network? Copy PyTorch's numbers into Keras and compare the outputs. Only
# the order of the axes differs: PyTorch stores a kernel as (out, in, T, H, W), Keras as (T, H, W,
# in, out).


# %%
def to_keras_weights(layer):
    """The weights of a PyTorch layer in Keras's order: input before output axis, at the end."""
    if isinstance(layer, nn.BatchNorm3d):
        parts = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
        return [part.detach().numpy() for part in parts]
    weight = layer.weight.detach()  # (out, in), (out, in, H, W) or (out, in, T, H, W)
    weight = weight.permute(*range(2, weight.ndim), 1, 0)
    return [weight.numpy(), layer.bias.detach().numpy()]


# %%
twin = keras.models.clone_model(keras_net)
torch_layers = list(torch_net.children())
keras_layers = [layer for layer in twin.layers if layer.weights]
for source, target in zip(torch_layers, keras_layers, strict=True):
    target.set_weights(to_keras_weights(source))

# %%
with torch.no_grad():
    torch_out = torch_net(to_torch(test.frames[:100])).numpy()
keras_out = twin.predict(to_keras(test.frames[:100]), verbose=0)
print(f"outputs from {torch_out.min():.1f} to {torch_out.max():.1f}")
print(f"largest difference: {np.abs(torch_out - keras_out).max():.1e}")

# %% [markdown]
# The two frameworks are two ways to write one computation.

# %% [markdown]
# ## 7 A control that could prove us wrong
#
# We claim that the network uses the *order* of the frames. Then it must fail when we destroy the
# order. Three tests, none of which changes what the single frames show:
#
# - **shuffled:** the frames of each clip in random order,
# - **reversed:** the last frame first. Left becomes right, so a network that sees direction
#   should now name the *partner*,
# - **frozen:** the middle frame, 8 times.

# %%
rng = np.random.default_rng(0)
orders = {
    "as filmed": np.arange(8),
    "shuffled": rng.permutation(8),
    "reversed": np.arange(8)[::-1],
    "frozen": np.full(8, 4),
}
partner = {name: other for pair in world.PAIRS for name, other in (pair, pair[::-1])}
partner_labels = np.array([actions.index(partner[name]) for name in actions])

# %%
print("order        PyTorch         Keras")
print("             right partner   right partner")
for name, order in orders.items():
    cells = []
    for predict in (torch_predict, keras_predict):
        guess = predict(test.frames[:, order]).argmax(axis=1)
        right = (guess == test.labels).mean()
        swapped = (guess == partner_labels[test.labels]).mean()
        cells.append(f"{right:5.0%}  {swapped:5.0%}")
    print(f"{name:<10} {cells[0]}    {cells[1]}")

# %% [markdown]
# Read the table. Where the clip runs backwards, the network names the partner: it sees direction.
# Where the frames are shuffled or frozen, it loses most of what it knew. So it does use the order
# of the frames. Had "shuffled" stayed as good as "as filmed", our claim would have been wrong,
# however good the accuracy.

# %% [markdown]
# ## 8 From meaning to a new video
#
# Now backwards: name an action, get a clip that nobody filmed. First **the simplest generator that
# deserves the name**, and it is not a network: for one action, *principal component analysis* (PCA)
# finds the directions in which its clips differ most. A new clip is their mean plus a random amount of
# each direction.

# %%
from sklearn.decomposition import PCA


def fit_generator(action, num_directions=12):
    """Fit PCA to the training clips of one action."""
    chosen = train.frames[train.labels == actions.index(action)]
    return PCA(num_directions, random_state=0).fit(chosen.reshape(len(chosen), -1) / 255)


def generate(pca, num_clips, rng):
    """New clips: mean + a Gaussian amount of each direction -> uint8 (N, 8, 32, 32, 3)."""
    amounts = rng.normal(size=(num_clips, pca.n_components_)) * np.sqrt(pca.explained_variance_)
    pixels = pca.inverse_transform(amounts).clip(0, 1)
    return np.rint(pixels * 255).astype(np.uint8).reshape(num_clips, 8, 32, 32, 3)


# %%
generators = {action: fit_generator(action) for action in ("left", "right", "grow", "shrink")}
rng = np.random.default_rng(0)
new = {action: generate(pca, 50, rng) for action, pca in generators.items()}
display.grid([clip for part in new.values() for clip in part[:1]], list(new), fps=4)

# %% [markdown]
# Blurred ghosts: a sum of clips is not a clip of one object. But is their *motion* right? Let the
# networks judge.

# %%
for action, part in new.items():
    torch_share = (torch_predict(part).argmax(axis=1) == actions.index(action)).mean()
    keras_share = (keras_predict(part).argmax(axis=1) == actions.index(action)).mean()
    print(f"{action:<7} seen as {action}: {torch_share:4.0%} (PyTorch)  {keras_share:4.0%} (Keras)")

# %% [markdown]
# Take both results seriously. A judge that was trained on crisp clips can be right about motion
# and blind to ugliness; a single number is no grade. Chapter 07 comes back to this.

# %% [markdown]
# **And with networks.** Chapters 07 to 09a build them: one paints frames from a few numbers, and one
# makes these numbers from noise, for the action that you name. The package brings both with their
# weights, trained for some minutes on 4,000 clips (`vidlab/data/latent_flow.md`). They know clips of
# 16 frames with *one* shape. PyTorch or Keras? The weights are the same.

# %%
import vidlab.torch as vt  # the Keras room has the same names: import vidlab.keras as vk

generator = vt.load_latent_flow()
wanted = ["left", "up", "clockwise", "grow"]
numbers = [metrics.NAMES["action"].index(action) for action in wanted]
made = vt.generate(generator, np.array(numbers), seed=0)
display.grid(made, wanted)

# %% [markdown]
# Nobody filmed these. Is the motion right? The network of section 4 has learned pairs of shapes, so we
# ask a judge who knows single ones; it also comes with the package.

# %%
many = np.arange(80) % 8
judged = vt.judge(vt.load_judge(), vt.generate(generator, many, seed=1))
right = metrics.class_consistency(judged, many)
print(f"{right:.0%} of 80 generated clips show the action that was asked for")
print(f"colours: {metrics.diversity(judged.color):.1f} of 6, shapes: "
      f"{metrics.diversity(judged.shape):.1f} of 3")  # fmt: skip

# %% [markdown]
# The last two numbers say how varied the clips are. This world is small and its painter knows it
# well: do not expect the same of a cat. How it is done, and what it cannot do, is in chapters 07 to 09a.

# %% [markdown]
# The last step of the way: **meaning → new video → file**. The file plays in any browser.

# %%
from pathlib import Path

folder = Path("output")
folder.mkdir(exist_ok=True)
video.write_video(folder / "00_new_clip.mp4", made[0], fps=8)
print(video.probe(folder / "00_new_clip.mp4"))

# %% [markdown]
# ## 9 Playground
#
# Choose an action, a clip and an order of the frames. The bars are the PyTorch network's opinion.
# Watch what "reversed" does to *left*, and what "hard" does to everything: this network has never
# seen a photograph. (To use the Keras network, write `keras_predict` in place of
# `torch_predict`.) Below it a second panel *retrains* the network.


# %%
def make_clip(action, order, difficulty, seed):
    """A fresh clip: the knobs of the explorer below."""
    chosen = {**options, "seed": 1000 + seed, "difficulty": difficulty}
    made = world.generate(1, actions=[action], **chosen)
    return made.frames[0][orders[order]]


display.explore(
    make_clip,
    predict=lambda clip: torch_predict(clip[None])[0],
    class_names=actions,
    fps=4,
    action=actions,
    order=list(orders),
    difficulty=world.DIFFICULTIES,
    seed=(0, 99),
)

# %% [markdown]
# **Retrain it yourself.** A *panel* trains a model live while you turn its knobs. Behind it stands a
# *recipe*: a function whose arguments are the knobs and which yields a record after each step. Here
# is this chapter's. `train_steps` takes the steps of section 4.2, in PyTorch or in Keras.

# %%
import vidlab.keras as vk
from vidlab.playground import Choice, Preset, Range, classifier, playground

val = world.generate(200, split="val", **options)


def new_model(framework):
    """The network of this chapter with fresh weights."""
    if framework == "torch":
        return vt.fresh(TorchMotionNet, 10)
    return vk.fresh(keras.models.clone_model, keras_net)


# %%
@playground(
    title="A network that sees motion",
    presets=[
        Preset("works", "The loss falls, and the accuracy on new clips rises with it."),
        Preset("too slow", "It learns, but hardly gets anywhere.", {"learning_rate": 1e-5}),
        Preset("too fast", "It jumps about. Turn the rate down meanwhile.", {"learning_rate": 1.0}),
    ],
)
def recipe(
    framework: Choice("torch", "keras") = "torch",
    learning_rate: Range(1e-5, 1, log=True, live=True) = 3e-3,
    num_clips: Range(100, 2000, step=100, unit="clips") = 2000,
    num_steps: Range(20, 300, step=10, unit="steps") = 190,
    seed: Range(0, 9) = 0,
):
    """Train the network on the first num_clips training clips."""
    room = {"torch": vt, "keras": vk}[framework]
    room.set_seed(seed)
    model = new_model(framework)
    steps = room.train_steps(
        model, (train.frames[:num_clips], train.labels[:num_clips]), val,
        num_steps=num_steps, eval_every=20, seed=seed,
        learning_rate=learning_rate.scheduled("cosine", num_steps),
    )  # fmt: skip
    yield classifier(room, model, steps, train, test)
    yield from steps


# %% [markdown]
# Choose a framework and press **Train**. While it runs, move the *learning rate*: it is **live** and
# acts at once. The other knobs start a new run. **Pause**, take single **steps**, **stop**. Below
# the curves stand test clips with the model's opinion; **Look inside** plays one of them reversed,
# shuffled or frozen. **Runs** compares your runs, **Code** holds the cell that repeats the last one:

# %%
short_run = recipe.run(max_steps=40)
print(short_run)
recipe.show(examples={"40 steps": short_run})

# %% [markdown]
# ## 10 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it. If
# the hint does not help, ask for the next one: `check("00.clip_bytes", clip_bytes, hint=2)`.

# %% [markdown]
# ### Exercise 1: how large is a clip?
#
# Each pixel holds three numbers, each of them one byte. Return the number of bytes of a clip.


# %% exercise="00.clip_bytes"
def clip_bytes(num_frames, height, width):
    """Bytes of a uint8 RGB clip."""
    ### BEGIN SOLUTION
    return num_frames * height * width * 3
    ### END SOLUTION


# %%
check("00.clip_bytes", clip_bytes)

# %% [markdown]
# ### Exercise 2: run it backwards
#
# Return the clip in reversed order of time. The pictures themselves stay as they are.


# %% exercise="00.reverse"
def reverse(frames):
    """frames: uint8 (T, H, W, 3). Returns the same shape, last frame first."""
    ### BEGIN SOLUTION
    return frames[::-1]
    ### END SOLUTION


# %%
check("00.reverse", reverse)

# %% [markdown]
# ### Exercise 3: accuracy
#
# The accuracy is the share of predictions that are right. The model gives one row of
# probabilities for each clip; it predicts the class with the largest.


# %% exercise="00.accuracy"
def accuracy(probabilities, labels):
    """probabilities: float (N, num_classes); labels: int (N,). Returns a float in [0, 1]."""
    ### BEGIN SOLUTION
    return float((probabilities.argmax(axis=1) == labels).mean())
    ### END SOLUTION


# %%
check("00.accuracy", accuracy)

# %% [markdown]
# ### Exercise 4: a control of your own
#
# Write the control "half speed": each frame of the first half of the clip twice, so that the clip
# keeps its length $T$ and everything in it moves half as fast. $T$ is even.


# %% exercise="00.half_speed"
def half_speed(frames):
    """frames: uint8 (T, H, W, 3), T even. Returns the same shape: frames 0, 0, 1, 1, 2, 2, ..."""
    ### BEGIN SOLUTION
    return frames[: len(frames) // 2].repeat(2, axis=0)
    ### END SOLUTION


# %%
check("00.half_speed", half_speed)

# %% [markdown]
# ### Exercise 5 (open): see direction without learning
#
# One shape moves to the left or to the right over a plain background. Write a function that tells
# which, with NumPy and no training at all. The check makes 60 fresh clips and asks for 90 % of
# them.
#
# There are many ways. One of them: the background is plain, so its colour is easy to find in a
# corner...


# %% exercise="00.left_or_right"
def left_or_right(frames):
    """frames: uint8 (16, 32, 32, 3), one shape. Returns "left" or "right"."""
    ### BEGIN SOLUTION
    background = np.median(frames.reshape(-1, 3), axis=0)
    differs = np.abs(frames - background).sum(axis=-1) > 30  # (T, H, W)
    columns = np.arange(frames.shape[2])
    centre = (differs * columns).sum(axis=(1, 2)) / differs.sum(axis=(1, 2)).clip(1)
    return "left" if centre[-1] < centre[0] else "right"
    ### END SOLUTION


# %%
check("00.left_or_right", left_or_right)

# %% [markdown]
# **For a person to read.** On which clips of the world's "medium" and "hard" settings would your
# function fail, and why? What would you need in order to mend it? Three sentences are enough.

# %% [markdown] question="00.limits"
# On "medium" and "hard" the background has many colours, so no single colour separates the shape
# from it, and on "hard" the distractors would be counted as part of the shape. The camera drifts
# as well: then the background moves, and a shape that stands still seems to move. One would need
# to find what moves *against* the background, for example by aligning the frames first, or learn
# it from examples.

# %% [markdown]
# ## 11 What you learned
#
# - A clip is an array `uint8 (T, H, W, 3)`. PyTorch takes `float32 (N, T, C, H, W)`, Keras
#   `float32 (N, T, H, W, C)`, both in [0, 1].
# - One frame did not tell the action; eight did.
# - The same weights give the same answer in both frameworks.
# - A control decides whether a network uses what we believe it uses.
# - A simple generator can have the right motion and still look wrong; networks do better.
#
# ## 12 What can go wrong in practice
#
# - **The network reads the scene, not the action.** A video of a pool "is" swimming, whatever
#   happens in it. Run a single-frame baseline first.
# - **Train and test share a video.** Two pieces of one video look alike, and the test becomes a
#   memory test. Split by source.
# - **Axes in the wrong order.** `(T, C, H, W)` where `(T, H, W, C)` is expected often runs, and
#   learns nothing.
#
# ## 13 Papers
#
# - Ji, Xu, Yang, Yu: *3D Convolutional Neural Networks for Human Action Recognition*. ICML 2010;
#   IEEE TPAMI 35(1), 2013.
# - Karpathy, Toderici, Shetty, Leung, Sukthankar, Fei-Fei: *Large-scale Video Classification with
#   Convolutional Neural Networks*. CVPR 2014. It found single-frame networks surprisingly strong
#   on real videos.
# - Huang, Ramanathan, Mahajan, Torresani, Paluri, Fei-Fei, Niebles: *What Makes a Video a Video:
#   Analyzing Temporal Information in Video Understanding Models and Datasets*. CVPR 2018.
#
# ## 14 Where to go next
#
# [Chapter 01, frames](01_frames.ipynb): what a video file is, and how to get the right frames out
# of it.
