# %% [markdown]
# # 02 · Features from frames: convolutional networks
#
# ![The way of a video; this chapter: frames and features.](images/way_02.png)
#
# A frame of 32 x 32 pixels is 3,072 numbers, and none of them means anything by itself. A
# *feature* is a number that does: how red is it, is there a corner, is it round? This chapter
# computes features by hand, then lets a network find them, and asks what they can tell.
#
# **After this chapter you can**
#
# - do one step of learning with pencil and paper,
# - measure a model honestly: three sets, no leakage, a confusion matrix,
# - compute convolution, pooling and receptive fields by hand,
# - train a frame classifier, and see what it looks at,
# - use a pretrained network when you have few labels,
# - say *where* something is, and follow it through a clip.
#
# **Builds on:** [chapter 01](01_frames.ipynb). **Run time:** {{run_time}}.

# %% tags=["setup"]
import time

import numpy as np

from vidlab import display, world
from vidlab.course import check

# %% [markdown]
# ## 1 Learning is walking downhill
#
# A model is a function with numbers $\theta$ in it that we may choose. A *loss* $L(\theta)$ says
# how wrong the model is. Learning means: change $\theta$ a little in the direction in which $L$
# falls, and repeat,
#
# $$\theta \leftarrow \theta - \alpha\, \nabla L(\theta).$$
#
# $\nabla L$ is the *gradient*: for each number, how fast the loss rises when that number does.
# $\alpha$ is the *learning rate*.

# %% [markdown]
# ### 1.1 One step by hand
#
# The smallest model has two numbers, $\theta = (w, b)$, and predicts $\hat y = w x + b$. We have
# three examples. The loss is the mean squared error,
# $L = \frac{1}{3} \sum_i (w x_i + b - y_i)^2$.

# %%
x = np.array([0.0, 1.0, 2.0])
y = np.array([1.0, 3.0, 5.0])


def mean_squared_error(w, b):
    return ((w * x + b - y) ** 2).mean()


print("loss at w = 0, b = 0:", round(mean_squared_error(0, 0), 3))

# %% [markdown]
# By hand: with $w = b = 0$ the errors $\hat y_i - y_i$ are $-1, -3, -5$, so
# $L = (1 + 9 + 25) / 3 = 11.67$. The gradient:
#
# - $\partial L / \partial w = \frac{2}{3} \sum_i (\hat y_i - y_i)\, x_i = \frac{2}{3} (0 - 3 - 10)
#   = -8.67$,
# - $\partial L / \partial b = \frac{2}{3} \sum_i (\hat y_i - y_i) = \frac{2}{3} (-9) = -6$.
#
# Both are negative: the loss falls when $w$ and $b$ rise. One step with $\alpha = 0.1$:


# %%
def gradient(w, b):
    error = w * x + b - y
    return np.array([2 * (error * x).mean(), 2 * error.mean()])


theta = np.zeros(2)
alpha = 0.1
print("gradient:    ", gradient(*theta).round(3))
theta = theta - alpha * gradient(*theta)
print("after a step:", theta.round(3), " loss", round(mean_squared_error(*theta), 3))

# %% [markdown]
# The loss fell from 11.67 to 3.21. **Never trust a gradient that you did not test:** push each
# number a little and see how much the loss changes.

# %%
tiny = 1e-6
pushed = [(tiny, 0), (0, tiny)]
slopes = [(mean_squared_error(*p) - mean_squared_error(0, 0)) / tiny for p in pushed]
print("by pushing:", np.round(slopes, 3), " by formula:", gradient(0, 0).round(3))

# %% [markdown]
# ### 1.2 The same step in both frameworks
#
# A framework computes the gradient itself: it records what was computed, and goes back through it
# with the chain rule. PyTorch shows the step, and Keras hides it behind a compiled model.

# %%
import torch

torch_theta = torch.zeros(2, requires_grad=True)
prediction = torch_theta[0] * torch.tensor(x) + torch_theta[1]
loss = ((prediction - torch.tensor(y)) ** 2).mean()
loss.backward()  # fills torch_theta.grad
with torch.no_grad():
    torch_theta -= alpha * torch_theta.grad
print("PyTorch after a step:", torch_theta.detach().numpy().round(3))

# %%
import keras

line = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
line.set_weights([np.zeros((1, 1)), np.zeros(1)])
line.compile(optimizer=keras.optimizers.SGD(learning_rate=alpha), loss="mse")
line.train_on_batch(x[:, None], y[:, None])
print("Keras after a step:  ", np.array([w.item() for w in line.get_weights()]).round(3))

# %% [markdown]
# Three ways, the same two numbers.

# %% [markdown]
# ### 1.3 How long a step?
#
# The gradient says in which direction, not how far. Here is the loss as a landscape over $(w, b)$,
# with eight steps at three learning rates.


# %%
def walk(alpha, num_steps=8):
    """The path (num_steps + 1, 2) of gradient descent from (0, 0)."""
    path = [np.zeros(2)]
    for _ in range(num_steps):
        path.append(path[-1] - alpha * gradient(*path[-1]))
    return np.array(path)


paths = {f"rate {alpha}": walk(alpha) for alpha in (0.02, 0.1, 0.44)}

# %%
w, b = np.meshgrid(np.linspace(-1, 4.5, 100), np.linspace(-1, 3, 100))
surface = ((w[..., None] * x + b[..., None] - y) ** 2).mean(axis=-1)
figure, axes = display.new_axes(width=6, height=3.4)
axes.contour(w, b, surface, levels=[0.05, 0.3, 1, 3, 7, 13, 21], colors="#999999", linewidths=0.8)
for name, path in paths.items():
    axes.plot(*path.T, "o-", markersize=3, linewidth=1, label=name)
axes.plot(2, 1, "k*", markersize=12, label="lowest point")
axes.set(xlabel="w", ylabel="b", xlim=(-1, 4.5), ylim=(-1, 3))
axes.legend(frameon=False)
display.show_figure(figure, "Paths of gradient descent over the loss for three learning rates.")

# %%
for name, path in paths.items():
    losses = [mean_squared_error(*theta) for theta in path]
    print(f"{name:<10} loss after 0, 1, 2, 3 ... steps:", *(f"{loss:6.2f}" for loss in losses))

# %% [markdown]
# A rate that is too small wastes time. One that is too large jumps across the valley and lands
# higher than before: the loss *rises*. Remember this picture when a network's loss does so.

# %% [markdown]
# ## 2 Measuring honestly
#
# A model that has learned its examples by heart can have a loss of zero and be useless on new ones.
# So we keep examples back, in three sets:
#
# - **training:** the model learns from them,
# - **validation:** we look at them while choosing (learning rate, how long, which model),
# - **test:** looked at once, at the end. Whoever chooses by the test set has trained on it.

# %%
options = {"size": 32, "num_frames": 4, "sound": False, "seed": 0}
train = world.generate(1200, split="train", **options)
val = world.generate(150, split="val", **options)
test = world.generate(300, split="test", **options)
print(train)
facts = zip(*(train.attributes[name][:8] for name in ("color", "shape", "action")), strict=True)
display.images(
    train.frames[:8, 1], [f"{color} {shape}, {action}" for color, shape, action in facts]
)

# %% [markdown]
# Four frames of every clip. What is to be learned from a frame is its *target*: the shape, the
# colour, or the action.

# %%
NAMES = {"shape": world.SHAPES, "color": world.COLORS, "action": world.ACTIONS}


def labelled_frames(clips, target):
    """All frames uint8 (N * T, H, W, 3) of the clips with their labels int (N * T,)."""
    labels = [NAMES[target].index(value) for value in clips.attributes[target]]
    num_frames = clips.frames.shape[1]
    return clips.frames.reshape(-1, *clips.frames.shape[2:]), np.repeat(labels, num_frames)


for target in NAMES:
    frames, labels = labelled_frames(train, target)
    print(f"{target:<7} {len(frames)} frames, {len(NAMES[target])} classes:", *NAMES[target])

# %% [markdown]
# ### Leakage: a test that lies
#
# The frames of one clip look alike. If some of them are in the training set and others in the
# test set, then the test asks: *have you seen this clip?* Let us produce that lie. The task is the
# ten actions, the clips have textured backgrounds, and the "model" has no brain at all: it finds
# the training frame whose pixels are nearest, and says what that one was.

# %%
from sklearn.neighbors import KNeighborsClassifier

few = world.generate(200, difficulty="medium", size=32, num_frames=8, sound=False, seed=1)
few_frames, few_labels = labelled_frames(few, "action")
pixels = few_frames.reshape(len(few_frames), -1).astype(np.float32)
source = np.repeat(few.sources, 8)  # the clip that each frame is from


def nearest_frame(in_train):
    """Labels and predictions for the frames outside ``in_train``, a boolean mask."""
    model = KNeighborsClassifier(1).fit(pixels[in_train], few_labels[in_train])
    return few_labels[~in_train], model.predict(pixels[~in_train])


# %%
rng = np.random.default_rng(0)
by_frame = rng.random(len(pixels)) < 0.8
by_clip = np.isin(source, rng.permutation(few.sources)[:160])
for name, in_train in (("frames at random", by_frame), ("clips at random", by_clip)):
    truth, guess = nearest_frame(in_train)
    print(f"split by {name:<17}{(truth == guess).mean():4.0%} right")

# %% [markdown]
# Nearly perfect, and nearly guessing (one in ten), from the same model and the same frames. The
# first number is the lie: the model knows clips, not actions. **Split by source** (the clip, the
# video, the person filmed), never by frame. `world` and `datasets.folder` do.

# %% [markdown]
# ### The confusion matrix
#
# One number hides which mistakes are made. The matrix shows them: a row is a true class, a column
# a predicted one. Here is the honest split. There is no diagonal to be seen: nothing was learned.

# %%
truth, guess = nearest_frame(by_clip)
display.confusion(truth, guess, world.ACTIONS)

# %% [markdown]
# ## 3 Convolution by hand
#
# Slide a small window, the *kernel*, over the picture. At each place multiply kernel and pixels
# element by element and add up:
#
# $$Y[i, j] = \sum_{u,v} K[u, v]\; X[i + u, j + v].$$
#
# The kernel decides what the result answers to.

# %%
from skimage import data

photograph = data.camera()[20:500, 20:500]
picture = photograph.reshape(80, 6, 80, 6).mean(axis=(1, 3))  # (80, 80), grey, 0 to 255


def convolve(X, K):
    """X: (H, W); K: (k, k). Returns (H - k + 1, W - k + 1)."""
    k = len(K)
    Y = np.empty((X.shape[0] - k + 1, X.shape[1] - k + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (K * X[i : i + k, j : j + k]).sum()
    return Y


# %% [markdown]
# **One number by hand.** A kernel that compares left with right, at a vertical edge of the
# photograph:

# %%
vertical = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # Sobel's kernel
edges = convolve(picture, vertical)
i, j = np.unravel_index(np.abs(edges).argmax(), edges.shape)
patch = picture[i : i + 3, j : j + 3]
print("pixels:", *patch.round().astype(int), sep="\n")
print("times the kernel:", *(vertical * patch).round().astype(int), sep="\n")
print(f"sum: {edges[i, j]:.0f}")

# %%
blur = np.full((5, 5), 1 / 25)
horizontal = vertical.T
down = convolve(picture, horizontal)
results = {
    "photograph": picture,
    "blur: mean of 5 x 5": convolve(picture, blur),
    "left against right": edges,
    "edges: both directions": np.hypot(edges, down),
}
display.images(list(results.values()), list(results), height=1.7)

# %% [markdown]
# In "left against right", grey is zero: no change. White is dark-to-bright, black is
# bright-to-dark. The same kernel, turned, compares above with below, and the length of both answers
# is large at every edge. **A convolution layer is this, with kernels that are learned instead of
# invented.**

# %% [markdown]
# The frameworks compute the same. (Both slide the kernel as it is; mathematicians would turn it
# round first and call this one *cross-correlation*. A learned kernel does not care.)

# %%
by_torch = torch.nn.functional.conv2d(
    torch.tensor(picture)[None, None], torch.tensor(vertical, dtype=torch.float64)[None, None]
)
by_keras = keras.ops.conv(picture[None, ..., None], vertical[..., None, None].astype("float64"))
for name, result in (("PyTorch", by_torch), ("Keras", by_keras)):
    result = keras.ops.convert_to_numpy(result).squeeze()
    print(f"{name}: largest difference {np.abs(result - edges).max():.1e}")

# %% [markdown]
# **Colours and many kernels.** A kernel for a colour picture is $k \times k \times C$: the sum runs
# over the channels too. A layer has many kernels, and stacks their results as the channels of its
# output. So its weights have four axes: PyTorch stores (out, in, k, k), Keras (k, k, in, out).

# %% [markdown]
# ### 3.1 Stride and padding
#
# - **Padding** $p$ puts a border of zeros around the picture, so that the kernel can be centred on
#   the pixels at the edge too, and the size can be kept.
# - **Stride** $s$ moves the kernel by $s$ pixels at a time: a smaller output, less work.
#
# $$H_{\text{out}} = \left\lfloor \frac{H + 2p - k}{s} \right\rfloor + 1.$$
#
# **Worked:** 32 pixels, $k = 3$, $s = 2$, $p = 1$:
# $\lfloor (32 + 2 - 3) / 2 \rfloor + 1 = \lfloor 15.5 \rfloor + 1 = 16$.

# %%
print("   H  kernel  stride  padding   formula  PyTorch")
for H, k, s, p in ((32, 3, 1, 0), (32, 3, 1, 1), (32, 3, 2, 1), (33, 3, 2, 1), (32, 5, 4, 2)):
    formula = (H + 2 * p - k) // s + 1
    layer = torch.nn.Conv2d(1, 1, k, stride=s, padding=p)
    print(f"{H:>4} {k:>7} {s:>7} {p:>8} {formula:>9} {layer(torch.zeros(1, 1, H, H)).shape[-1]:>8}")

# %%
edge_length = results["edges: both directions"]
strided = {f"stride {s}": edge_length[::s, ::s] for s in (1, 2, 4, 8)}
display.images(
    list(strided.values()),
    [f"{name}: {Y.shape[0]} x {Y.shape[1]}" for name, Y in strided.items()],
)

# %% [markdown]
# **A trap.** With stride 2, a kernel of 3 and an even size, Keras's `padding="same"` pads *one*
# side only, right and below; PyTorch's `padding=1` pads both. The outputs have one size and differ
# everywhere. That is why our Keras models pad with a layer of their own.

# %%
ramp = np.arange(64.0).reshape(1, 8, 8, 1)
middle = np.zeros((3, 3, 1, 1))
middle[1, 1] = 1  # this kernel copies the pixel under its middle
same = keras.ops.conv(ramp, middle, strides=2, padding="same")
both = keras.ops.conv(np.pad(ramp, ((0, 0), (1, 1), (1, 1), (0, 0))), middle, strides=2)
print('first row, padding="same":    ', keras.ops.convert_to_numpy(same)[0, 0, :, 0])
print("first row, one zero all round:", keras.ops.convert_to_numpy(both)[0, 0, :, 0])

# %% [markdown]
# ### 3.2 Pooling
#
# Pooling summarises blocks of an output: their largest value (*max*: is it anywhere in here?) or
# their mean. Nothing is learned. What moves by less than a block changes little.


# %%
def blocks(Y, size):
    """(H, W) -> (H // size, W // size, size * size): the values of each block."""
    H, W = (n // size for n in Y.shape)
    cut = Y[: H * size, : W * size].reshape(H, size, W, size)
    return cut.transpose(0, 2, 1, 3).reshape(H, W, -1)


pooled = blocks(edge_length, 4)
kept, highest, mean = pooled[..., 0], pooled.max(axis=-1), pooled.mean(axis=-1)
display.images(
    [edge_length, kept, highest, mean],
    ["edges", "every 4th pixel", "max of 4 x 4", "mean of 4 x 4"],
)

# %% [markdown]
# Keeping every fourth pixel loses the thin legs of the tripod where no kept pixel hits them. The
# maximum keeps them.

# %% [markdown]
# ### 3.3 The receptive field
#
# Which pixels can a number deep in a network see at all? One layer with a kernel of 3 sees 3
# pixels in a row. A second one sees 3 of *those*. Going up layer by layer, with the *jump* $j$
# (how many pixels apart neighbours are) and the field $r$, both 1 at the start:
#
# $$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j \cdot s.$$
#
# **Worked:** three layers with $k = 3$, $s = 2$: $r = 1 + 2 \cdot 1 = 3$, then $3 + 2 \cdot 2 = 7$,
# then $7 + 2 \cdot 4 = 15$.

# %%
networks = {  # (name, kernel, stride) of each layer
    "ClassicCNN": [("conv1", 3, 1), ("pool", 2, 2), ("conv2", 3, 1), ("pool", 2, 2)],
    "FrameCNN": [("conv1", 3, 2), ("conv2", 3, 2), ("conv3", 3, 2)],
}
for name, layers_of in networks.items():
    field, jump = 1, 1
    print(name)
    for layer, k, s in layers_of:
        field, jump = field + (k - 1) * jump, jump * s
        print(f"  {layer}: a field of {field} pixels, neighbours {jump} apart")

# %% [markdown]
# Drawn for one row of pixels: start at one number of `conv3` and go down to all that it is made
# of.

# %%
figure, axes = display.new_axes(width=6.4, height=2.5)
seen, sizes = {2}, [32, 16, 8, 4]
for level in (3, 2, 1):
    below = {2 * i + d for i in seen for d in (-1, 0, 1) if 0 <= 2 * i + d < sizes[level - 1]}
    for i in seen:
        for k in {2 * i - 1, 2 * i, 2 * i + 1} & below:
            ends = [i * 2**level, k * 2 ** (level - 1)]
            axes.plot(ends, [level, level - 1], color="#0072B2", linewidth=0.8)
    seen = below
for level, size in enumerate(sizes):
    axes.plot(np.arange(size) * 2**level, np.full(size, level), "o", color="#777777", markersize=5)
axes.set_yticks(range(4), ["pixels", "conv1", "conv2", "conv3"])
axes.set(xlabel="place along the row (pixels)", title="All that one number of conv3 is made of")
display.show_figure(figure, "One unit of conv3 sees seven units of conv1 and fifteen pixels.")

# %% [markdown]
# And in the frame: the pictures show what one number in the middle of each layer can see. Is the
# formula true? We ask the gradient: a pixel is seen exactly if changing it changes the number.


# %%
BOX_COLORS = ((255, 255, 255), (230, 120, 0))  # white, orange


def with_boxes(frame, *boxes, scale=4):
    """The frame enlarged, with the outlines of boxes [x0, y0, x1, y1] in pixels drawn on it."""
    large = frame.repeat(scale, axis=0).repeat(scale, axis=1)
    last = scale * np.array(frame.shape[1::-1] * 2) - 1
    for box, color in zip(boxes, BOX_COLORS, strict=False):
        x0, y0, x1, y1 = np.clip(np.round(np.asarray(box) * scale).astype(int), 0, last)
        large[[y0, y1], x0 : x1 + 1] = color
        large[y0 : y1 + 1, [x0, x1]] = color
    return large


# %%
stack, pictures, texts = [], [], []
for level, (channels, width) in enumerate(((3, 8), (8, 8), (8, 8)), start=1):
    stack.append(torch.nn.Conv2d(channels, width, 3, stride=2, padding=1))
    pixel = torch.zeros(1, 3, 32, 32, requires_grad=True)
    out = torch.nn.Sequential(*stack)(pixel)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    rows, columns = np.where(pixel.grad[0].abs().sum(dim=0) > 0)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    pictures.append(with_boxes(train.frames[0, 1], box, scale=8))
    texts.append(f"conv{level}: {len(set(rows))} x {len(set(columns))} pixels")
display.images(pictures, texts, columns=3)

# %% [markdown]
# The measured fields are those of the formula. A feature cannot know what lies outside its
# field. That is the first question to ask when a network does not see something large.

# %% [markdown]
# ## 4 Baseline: features by hand
#
# Before networks learned features, people invented them. Two famous ones:
#
# - The **colour histogram**: how many pixels have which colour? Where they are does not matter.
# - **HOG**, the histogram of oriented gradients: in each cell of the picture, how much edge is
#   there in which direction? Which colour it has does not matter.


# %%
def histogram(frames, levels=4):
    """uint8 (N, H, W, 3) -> (N, levels**3): the share of pixels in each box of colours."""
    r, g, b = np.moveaxis(frames.reshape(len(frames), -1, 3) // (256 // levels), -1, 0).astype(int)
    box = (r * levels + g) * levels + b
    return np.stack([np.bincount(row, minlength=levels**3) for row in box]) / box.shape[1]


# %%
from skimage.feature import hog

HOG = {"pixels_per_cell": (8, 8), "cells_per_block": (2, 2), "channel_axis": -1}


def hog_features(frames):
    """uint8 (N, H, W, 3) -> (N, D): 9 directions for each cell, block by block."""
    return np.stack([hog(frame, **HOG) for frame in frames])


# %%
frame = world.generate(1, size=64, num_frames=4, sound=False, seed=4).frames[0, 1]
_, drawn = hog(frame, visualize=True, **HOG)
figure, axes = display.new_axes(height=2.6)
numbers = histogram(frame[None])[0]
used = numbers > 0
middles = [(np.array([i // 16, i // 4 % 4, i % 4]) * 64 + 32) / 255 for i in np.where(used)[0]]
axes.bar(range(used.sum()), numbers[used], color=middles, edgecolor="#555555")
axes.set(xlabel="boxes of colours that occur", ylabel="share of pixels", yscale="log", xticks=[])
display.images([frame, drawn], ["a frame", "HOG: edges by direction"], height=2.2)
display.show_figure(figure, "Colour histogram of the frame, each bar in its colour.")

# %% [markdown]
# On top stands the simplest classifier: a *linear* one, which gives each feature a weight for each
# class. One frame of each clip is enough for it.

# %%
from sklearn.linear_model import RidgeClassifier

by_hand = {}
first, first_test = train.frames[:, 1], test.frames[:, 1]
print("features          shape   color")
for name, make in (("histogram", histogram), ("HOG", hog_features)):
    features, features_test = make(first), make(first_test)
    for target in ("shape", "color"):
        model = RidgeClassifier(alpha=0.1).fit(features, train.attributes[target])
        by_hand[name, target] = model.score(features_test, test.attributes[target])
    print(f"{name:<14} {by_hand[name, 'shape']:>7.0%} {by_hand[name, 'color']:>7.0%}")
print(f"{'guessing':<14} {1 / 3:>7.0%} {1 / 6:>7.0%}")

# %% [markdown]
# Each of the two is excellent at what it was invented for. At the other, HOG guesses, and the
# histogram knows a little (47 %): how many pixels of mixed colour lie along the edge depends on the
# outline. Take these numbers seriously: on plain backgrounds, a network will hardly beat them. What
# a network offers is something else: **one recipe for both questions**, and nobody had to know
# beforehand that edges matter for shapes.

# %% [markdown]
# ## 5 The loss of a classifier
#
# A classifier gives one number for each class, the *logits* $z$. *Softmax* makes probabilities of
# them, and the **categorical cross-entropy** is the surprise at the true class $c$:
#
# $$p_k = \frac{e^{z_k}}{\sum_l e^{z_l}}, \qquad L = -\sum_k y_k \log p_k = -\log p_c,$$
#
# where $y$ is 1 at the true class and 0 elsewhere (*one-hot*).
#
# **Worked:** the network says $p = (0.3, 0.6, 0.1)$ for circle, square, triangle. If it was a
# square, $L = -\log 0.6 = 0.51$; if a circle, $1.20$; if a triangle, $2.30$.

# %%
p = np.array([0.3, 0.6, 0.1])
for name, value in zip(world.SHAPES, p, strict=True):
    print(f"it was a {name:<9} loss {-np.log(value):.2f}")

# %%
figure, axes = display.new_axes(width=5.5, height=2.6)
probability = np.linspace(0.01, 1, 200)
axes.plot(probability, -np.log(probability))
for name, value in zip(world.SHAPES, p, strict=True):
    axes.plot(value, -np.log(value), "o", color="#D55E00")
    axes.annotate(name, (value + 0.02, -np.log(value) + 0.1))
axes.set(xlabel="probability given to the true class", ylabel="loss")
display.show_figure(figure, "The loss -log p: zero at p = 1, without bound towards p = 0.")

# %% [markdown]
# To be sure and wrong is punished without bound. The gradient with respect to the logits is as
# simple as can be, $p - y$: here, for a square, $(0.3, 0.6, 0.1) - (0, 1, 0) = (0.3, -0.4, 0.1)$.
# Both frameworks agree:

# %%
z = torch.tensor(np.log(p), requires_grad=True)
loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([1]))
loss.backward()
keras_cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
keras_loss = keras_cross_entropy(np.array([1]), np.log(p)[None])
print(f"PyTorch {loss.item():.4f}, Keras {float(keras_loss):.4f}")
print("gradient at the logits:", z.grad.numpy().round(3))

# %% [markdown]
# **Adam** (Kingma and Ba, 2015) is gradient descent that gives each number its own step. It keeps a
# running mean $m$ of the gradient and $v$ of its square, and steps by $\alpha\, m / (\sqrt v +
# \epsilon)$. At the first step $m / \sqrt v$ is 1 or -1 (after a correction for starting at zero),
# so a weight moves by $\alpha$, however small its gradient is.

# %%
weights = torch.zeros(3, requires_grad=True)
weights.grad = torch.tensor([100.0, -1.0, 0.01])
torch.optim.Adam([weights], lr=0.001).step()
print("gradients 100, -1, 0.01; first step:", weights.detach().numpy().round(6))

# %% [markdown]
# ### Small tools for pictures
#
# Both of the next two sections draw filters, feature maps and heat maps with these.

# %%
import cv2
from matplotlib import colormaps


def sheet(pictures, columns=8, scale=12):
    """Small pictures (H, W) or (H, W, 3), each stretched to its full range, on one sheet."""
    tiles = []
    for picture in pictures:
        spread = np.ptp(picture)
        tile = np.full(picture.shape, 0.5) if spread == 0 else (picture - picture.min()) / spread
        tile = tile[..., None].repeat(3, axis=2) if tile.ndim == 2 else tile
        tile = tile.repeat(scale, axis=0).repeat(scale, axis=1)
        tiles.append(np.pad(tile, ((2, 2), (2, 2), (0, 0)), constant_values=1))
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def show_sheet(picture, text):
    """Show one sheet over the whole width of the page."""
    height, width = picture.shape[:2]
    figure, axes = display.new_axes(height=8 * height / width + 0.3)
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(text, fontsize=10)
    display.show_figure(figure, text)


# %% [markdown]
# A heat map has 4 x 4 numbers, the frame 32 x 32. Enlarge it with care: with stride 2 and padding
# 1, unit $i$ of `conv3` is centred on pixel $8 i$ (see the drawing in 3.3), not in the middle of a
# block of 8 pixels. A plain `cv2.resize` would shift all heat by 3.5 pixels, down and to the right.


# %%
def enlarge(heat, size, pixels=32):
    """The heat map (h, h) of a frame of 32 pixels, as (size, size)."""
    place = (np.arange(size) + 0.5) * pixels / size - 0.5  # in pixels of the frame
    at = (place * len(heat) / pixels).clip(0, len(heat) - 1).astype(np.float32)  # in units
    return cv2.remap(heat.astype(np.float32), *np.meshgrid(at, at), cv2.INTER_LINEAR)


def heat_on(frame, heat):
    """The frame, enlarged and in grey, under its heat map (h, h): bright is hot."""
    large = enlarge(heat / max(heat.max(), 1e-9), 64)
    grey = cv2.resize(frame, (64, 64)).mean(axis=2, keepdims=True) / 255
    return 0.45 * grey + 0.55 * colormaps["inferno"](large)[..., :3]


def share_in_boxes(heat, boxes, size=32):
    """(share of the heat, share of the area) that lies in the boxes (K, 4) of a frame."""
    inside = np.zeros((size, size), bool)
    for x0, y0, x1, y1 in np.round(boxes).astype(int):
        inside[max(y0, 0) : y1, max(x0, 0) : x1] = True
    large = enlarge(heat, size)
    return large[inside].sum() / max(large.sum(), 1e-9), inside.mean()


# %%
sets = {  # target -> training, validation and test frames with their labels
    target: [labelled_frames(clips, target) for clips in (train, val, test)] for target in NAMES
}
shape_train, shape_val, shape_test = sets["shape"]
color_train, _, color_test = sets["color"]
boxes_test = test.boxes.reshape(-1, 2, 4)  # two shapes in each frame
scores = {}  # (framework, model, target) -> test accuracy
settings = {"num_epochs": 3, "batch_size": 64, "learning_rate": 1e-2, "schedule": "one_cycle"}

# %% [markdown]
# ## 6 PyTorch: a frame classifier
#
# The package `vidlab.torch` holds what every chapter needs: the models, `fit`, `evaluate`,
# `predict`. `vidlab.keras` has the same names with the same arguments.

# %% [markdown]
# ### 6.1 Frames as input
#
# PyTorch wants `float32 (N, C, H, W)` in [0, 1]: channels first. `to_input` moves the axis and
# scales.

# %%
from torch import nn

import vidlab.torch as vt
from vidlab.torch.models.initial import initialize

device = vt.default_device()
batch = vt.to_input(shape_train[0][:8])
print("frames: ", shape_train[0][:8].shape, shape_train[0].dtype)
print("tensor: ", tuple(batch.shape), batch.dtype, f"{batch.min():.2f} to {batch.max():.2f}")

# %% [markdown]
# ### 6.2 The classic recipe
#
# *Conv, Pool, Conv, Pool, Flatten, Dense* is what many first tutorials build. The convolutions
# find local patterns, pooling makes the map smaller, and the dense layers weigh all that is left.
#
# - *ReLU*, $\max(0, x)$, stands behind each convolution. Without a bend between them, two
#   convolutions in a row would be just one.
# - *Flatten* writes a map as one row of numbers.
# - A *dense* (linear) layer gives each output a weighted sum of all inputs.
#
# (`initialize` starts the weights as Keras does, so that both frameworks begin alike.)


# %%
class ClassicCNN(nn.Module):
    """The classic recipe: Conv, Pool, Conv, Pool, Flatten, Dense.

    Takes frames ``float32 (N, 3, size, size)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. It works for one picture size only, since ``hidden`` counts
    the pixels that are left.
    """

    takes = "frames"

    def __init__(self, num_classes: int, size: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(32 * (size // 4) ** 2, 64)
        self.head = nn.Linear(64, num_classes)
        self.apply(initialize)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 64)."""
        x = self.pool(torch.relu(self.conv1(x)))  # (N, 16, H / 2, W / 2)
        x = self.pool(torch.relu(self.conv2(x)))  # (N, 32, H / 4, W / 4)
        # Channels go last before flattening: the order in which Keras flattens.
        x = x.permute(0, 2, 3, 1).flatten(1)
        return torch.relu(self.hidden(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


# %% [markdown]
# Count its weights by hand: `conv1` has $16 \cdot 3 \cdot 3 \cdot 3 + 16 = 448$, `conv2` has $32
# \cdot 16 \cdot 3 \cdot 3 + 32 = 4{,}640$, and `hidden` has $2048 \cdot 64 + 64 = 131{,}136$.
# Nearly everything sits behind `Flatten`, and a larger picture would make it grow.

# %%
vt.set_seed(0)
torch_classic = ClassicCNN(3).to(device)
print("in: ", tuple(batch.shape), " out:", tuple(torch_classic(batch).shape))
print("parameters:", f"{vt.count_parameters(torch_classic):,}")

# %% [markdown]
# ### 6.3 Training, step by step
#
# One *epoch* is one pass over the training set in random order, 64 frames at a time (a *batch*).
# Each step is section 1 again: forward, loss, gradient, step.

# %%
frames, labels = shape_train
optimizer = torch.optim.Adam(torch_classic.parameters(), lr=1e-3)
rng = np.random.default_rng(0)
torch_losses = []
start = time.perf_counter()
for _epoch in range(3):
    for chosen in rng.permutation(len(frames)).reshape(-1, 64):
        logits = torch_classic(vt.to_input(frames[chosen]))
        loss = nn.functional.cross_entropy(logits, torch.tensor(labels[chosen], device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch_losses.append(loss.item())
print(f"{len(torch_losses)} steps in {time.perf_counter() - start:.1f} s")

# %%
scores["PyTorch", "ClassicCNN", "shape"] = vt.evaluate(torch_classic, shape_test)["accuracy"]
print(f"classic recipe: {scores['PyTorch', 'ClassicCNN', 'shape']:.0%} of the test frames right")

# %% [markdown]
# ### 6.4 Batch normalisation
#
# **Batch normalisation** (Ioffe and Szegedy, 2015) puts each channel on a fixed scale. The authors'
# reason: while a layer learns, the inputs of the next one keep changing their scale. (Later work,
# Santurkar and others, 2018, finds that it rather makes the loss smoother, so that larger steps
# succeed.) With mean $\mu$ and variance $\sigma^2$ over the batch and all places, and two learned
# numbers $\gamma$ and $\beta$:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta.$$
#
# **Worked:** the values 1, 3, 5 have $\mu = 3$, $\sigma^2 = 8/3$ and become $-1.22, 0, 1.22$.

# %%
values = torch.tensor([1.0, 3.0, 5.0]).reshape(3, 1, 1, 1)
print(nn.BatchNorm2d(1)(values).flatten().detach().numpy().round(2) + 0.0)

# %% [markdown]
# In use there may be only one frame, so the layer keeps *running averages* of $\mu$ and $\sigma^2$
# from training. That is why a model has two modes, `train()` and `eval()`; `vt` switches.
#
# `FrameCNN` also replaces pooling by stride 2, and `Flatten` by the **average of each channel over
# the picture**. It no longer matters where a shape is, and any picture size will do. Many things
# change at once: these three, one more and wider convolutions, no hidden layer, and in training a
# higher rate that rises and falls. So the curves below do not say which of them helps.


# %%
class FrameCNN(nn.Module):
    """Three convolutions with batch normalisation, then the average over the picture.

    Takes frames ``float32 (N, 3, H, W)`` in [0, 1] of any size, gives logits
    ``float32 (N, num_classes)``. Its features say what is in the frame, and not where.
    """

    takes = "frames"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(widths[0])
        self.conv2 = nn.Conv2d(widths[0], widths[1], 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(widths[1])
        self.conv3 = nn.Conv2d(widths[1], widths[2], 3, stride=2, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(widths[2])
        self.head = nn.Linear(widths[2], num_classes)
        self.apply(initialize)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, widths[-1], H / 8, W / 8): where in the frame is what."""
        x = torch.relu(self.norm1(self.conv1(x)))  # (N, widths[0], H / 2, W / 2)
        x = torch.relu(self.norm2(self.conv2(x)))  # (N, widths[1], H / 4, W / 4)
        return torch.relu(self.norm3(self.conv3(x)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, widths[-1]): each channel's average over the picture."""
        return self.maps(x).mean(dim=(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


# %% [markdown]
# `vt.fit` runs the loop of 6.3. With the schedule "one_cycle" the learning rate rises during the
# first quarter of the steps and then falls to zero, which allows a higher rate. The validation set
# is measured on the way.

# %%
vt.set_seed(0)
torch_net = FrameCNN(3)
history = vt.fit(torch_net, shape_train, shape_val, **settings, eval_every=75, progress=False)
print(history)
print("parameters:", f"{vt.count_parameters(torch_net):,}")


# %%
def by_fives(losses):
    """The mean of every five losses in a row: a calmer curve."""
    return np.reshape(losses, (-1, 5)).mean(axis=1)


display.curves(
    {"classic recipe": by_fives(torch_losses), "FrameCNN": by_fives(history.loss)},
    x=np.arange(0, len(torch_losses), 5),
    title="PyTorch: shape, training loss",
)

# %% [markdown]
# ### 6.5 Shape and colour
#
# The same class, other labels: colour.

# %%
vt.set_seed(0)
torch_color = FrameCNN(6)
vt.fit(torch_color, color_train, **(settings | {"num_epochs": 1}), progress=False)
for target, model, held_out in (
    ("shape", torch_net, shape_test),
    ("color", torch_color, color_test),
):
    scores["PyTorch", "FrameCNN", target] = vt.evaluate(model, held_out)["accuracy"]
    print(f"{target}: {scores['PyTorch', 'FrameCNN', target]:.1%} of the test frames right")

# %%
guess = vt.predict(torch_net, shape_test[0]).argmax(axis=1)
display.confusion(shape_test[1], guess, world.SHAPES, title="PyTorch, FrameCNN: shape")

# %% [markdown]
# ### 6.6 Filters and feature maps
#
# The kernels of the first layer are small colour pictures. How far has training moved them from
# their random start? The cosine between a kernel now and then says so: 1 is "not turned at all".

# %%
kernels = torch_net.conv1.weight.detach().cpu().permute(0, 2, 3, 1).numpy()  # (32, 3, 3, 3)
show_sheet(sheet(kernels, columns=16), "PyTorch: the 32 kernels of conv1")
vt.set_seed(0)
start = FrameCNN(3).conv1.weight.detach()  # as torch_net began
cosine = nn.functional.cosine_similarity(start.flatten(1), torch_net.conv1.weight.cpu().flatten(1))
print(f"cosine with the start: median {cosine.median():.2f}, lowest {cosine.min():.2f}")

# %% [markdown]
# After 225 steps most kernels still look much like their random start. Clear edges and contrasts of
# colour are seen in networks that were trained far longer. The maps below say more.

# %% [markdown]
# A *feature map* is what one kernel gives for all places of a frame. The deeper, the coarser: 16 x
# 16, 8 x 8, 4 x 4.

# %%
frame = shape_test[0][1:2]
with torch.no_grad():
    map1 = torch.relu(torch_net.norm1(torch_net.conv1(vt.to_input(frame))))
    map2 = torch.relu(torch_net.norm2(torch_net.conv2(map1)))
    map3 = torch.relu(torch_net.norm3(torch_net.conv3(map2)))
maps = [part[0, :8].cpu().numpy() for part in (map1, map2, map3)]  # eight channels of each

# %%
display.images([frame[0]], ["the frame"])
for name, part in zip(("conv1: 16 x 16", "conv2: 8 x 8", "conv3: 4 x 4"), maps, strict=True):
    show_sheet(sheet(part, 8, 64 // part.shape[1]), f"eight feature maps of {name}")

# %% [markdown]
# ### 6.7 Grad-CAM: what did it look at?
#
# **Grad-CAM** (Selvaraju and others, 2017) asks: which places of the last feature maps $A^k$ spoke
# for class $c$? The gradient of the class's logit says how much each map matters, and the heat is
# their weighted sum, where it is positive ($Z$ is the number of places):
#
# $$\alpha_k = \frac{1}{Z} \sum_{i,j} \frac{\partial z_c}{\partial A^k_{ij}}, \qquad
# \text{heat}_{ij} = \max\Big(0, \sum_k \alpha_k A^k_{ij}\Big).$$


# %%
def torch_grad_cam(model, frame, target):
    """Heat (h, w) of class ``target`` in a uint8 (H, W, 3) frame."""
    A = model.maps(vt.to_input(frame[None]))  # (1, K, h, w)
    z = model.head(A.mean(dim=(2, 3)))  # (1, num_classes)
    (gradient,) = torch.autograd.grad(z[0, target], A)
    alpha = gradient.mean(dim=(2, 3), keepdim=True)
    return torch.relu((alpha * A).sum(dim=1))[0].detach().cpu().numpy()


# %%
picks = [1, 9, 33]  # a triangle, a circle, a square
heats = [torch_grad_cam(torch_net, shape_test[0][i], shape_test[1][i]) for i in picks]
display.images(
    [heat_on(shape_test[0][i], heat) for i, heat in zip(picks, heats, strict=True)],
    [world.SHAPES[shape_test[1][i]] for i in picks],
    title="PyTorch: where the true class was found",
    height=1.8,
)

# %% [markdown]
# A pretty picture proves nothing: an edge detector is pretty too. Measure it. How much of the heat
# lies in the boxes of the shapes, compared with their share of the area, and with a network whose
# weights are random?


# %%
def box_shares(grad_cam, model, num=40):
    """Mean shares of heat and of area in the true boxes over some test frames."""
    chosen = np.arange(num) * 28 + 1
    heats = [grad_cam(model, shape_test[0][i], shape_test[1][i]) for i in chosen]
    return np.mean(
        [share_in_boxes(h, boxes_test[i]) for h, i in zip(heats, chosen, strict=True)], axis=0
    )


vt.set_seed(1)
for name, model in (("trained", torch_net), ("random", FrameCNN(3).to(device).eval())):
    heat, area = box_shares(torch_grad_cam, model)
    print(f"{name}: {heat:.0%} of the heat in the boxes, which are {area:.0%} of the area")

# %% [markdown]
# The trained network has about three times the heat of chance in the boxes, the random one hardly
# more than chance. So it looks at the shapes. But most of the heat lies outside the boxes, since a
# heat map of 4 x 4 numbers is coarse: one unit of `conv3` sees 15 pixels, a shape has six or so.

# %% [markdown]
# ## 7 Keras: a frame classifier
#
# The same two networks with `keras.layers`, and the same questions.

# %% [markdown]
# ### 7.1 Frames as input
#
# Keras wants `float32 (N, H, W, C)` in [0, 1]: the frames' own order. `to_input` scales.

# %%
from typing import Any

from keras import layers, ops

import vidlab.keras as vk

batch = vk.to_input(shape_train[0][:8])
print("frames: ", shape_train[0][:8].shape, shape_train[0].dtype)
print("tensor: ", tuple(batch.shape), f"{float(ops.min(batch)):.2f} to {float(ops.max(batch)):.2f}")

# %% [markdown]
# ### 7.2 The classic recipe
#
# *Conv, Pool, Conv, Pool, Flatten, Dense* is what many first tutorials build. The convolutions
# find local patterns, pooling makes the map smaller, and the dense layers weigh all that is left.
# *ReLU*, *Flatten* and *Dense* are explained in 6.2.


# %%
class ClassicCNN(keras.Model):
    """The classic recipe: Conv, Pool, Conv, Pool, Flatten, Dense.

    Takes frames ``float32 (N, size, size, 3)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. It works for one picture size only, since ``hidden`` counts
    the pixels that are left.
    """

    takes = "frames"

    def __init__(self, num_classes: int, size: int = 32) -> None:
        super().__init__()
        self.conv1 = layers.Conv2D(16, 3, padding="same")
        self.conv2 = layers.Conv2D(32, 3, padding="same")
        self.pool = layers.MaxPooling2D(2)
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(64)
        self.head = layers.Dense(num_classes)
        self(keras.Input((size, size, 3)))  # builds the weights

    def features(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, 64)."""
        x = self.pool(ops.relu(self.conv1(x)))  # (N, H / 2, W / 2, 16)
        x = self.pool(ops.relu(self.conv2(x)))  # (N, H / 4, W / 4, 32)
        return ops.relu(self.hidden(self.flatten(x)))

    def call(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x))


# %%
vk.set_seed(0)
keras_classic = ClassicCNN(3)
print("in: ", tuple(batch.shape), " out:", tuple(keras_classic(batch).shape))
print("parameters:", f"{vk.count_parameters(keras_classic):,}")

# %% [markdown]
# ### 7.3 Training, step by step
#
# One *epoch* is one pass over the training set in random order, 64 frames at a time (a *batch*).
# `compile` says how to step, `fit` steps: forward, loss, gradient, step. "Sparse" means that the
# labels are class numbers and not one-hot rows; the loss is the same.

# %%
frames, labels = shape_train
keras_classic.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
start = time.perf_counter()
keras_run = keras_classic.fit(vk.to_input(frames), labels, batch_size=64, epochs=3, verbose=0)
print(f"3 epochs in {time.perf_counter() - start:.1f} s")
print("mean loss of each epoch:", np.round(keras_run.history["loss"], 2))

# %%
scores["Keras", "ClassicCNN", "shape"] = vk.evaluate(keras_classic, shape_test)["accuracy"]
print(f"classic recipe: {scores['Keras', 'ClassicCNN', 'shape']:.0%} of the test frames right")

# %% [markdown]
# ### 7.4 Batch normalisation
#
# The formula and its worked number stand in 6.4. In Keras `training=True` or `False` chooses
# between the batch's own statistics and the running averages; `fit` and `predict` do so.

# %%
normalise = layers.BatchNormalization(epsilon=1e-5)
values = np.array([1.0, 3.0, 5.0]).reshape(3, 1, 1, 1)
print(ops.convert_to_numpy(normalise(values, training=True)).ravel().round(2))

# %% [markdown]
# `FrameCNN` also replaces pooling by stride 2, and `Flatten` by the **average of each channel over
# the picture**. It no longer matters where a shape is, and any picture size will do. Many things
# change at once: these three, one more and wider convolutions, no hidden layer, and in training a
# higher rate that rises and falls. So the curves below do not say which of them helps.


# %%
class FrameCNN(keras.Model):
    """Three convolutions with batch normalisation, then the average over the picture.

    Takes frames ``float32 (N, H, W, 3)`` in [0, 1] of any size, gives logits
    ``float32 (N, num_classes)``. Its features say what is in the frame, and not where.
    """

    takes = "frames"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(widths[0], 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv2 = layers.Conv2D(widths[1], 3, strides=2, use_bias=False)
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv3 = layers.Conv2D(widths[2], 3, strides=2, use_bias=False)
        self.norm3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((32, 32, 3)))  # builds the weights, for frames of any size

    def maps(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, H / 8, W / 8, widths[-1]): where in the frame is what."""
        x = ops.relu(self.norm1(self.conv1(self.pad(x)), training=training))
        x = ops.relu(self.norm2(self.conv2(self.pad(x)), training=training))
        return ops.relu(self.norm3(self.conv3(self.pad(x)), training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, widths[-1]): each channel's average over the picture."""
        return ops.mean(self.maps(x, training), axis=(1, 2))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


# %% [markdown]
# `vk.fit` compiles the model and calls Keras's `fit` with the settings of `vt.fit`: the same
# batches, the same learning rate at each step.

# %%
vk.set_seed(0)
keras_net = FrameCNN(3)
history = vk.fit(keras_net, shape_train, shape_val, **settings, eval_every=75, progress=False)
print(history)
print("parameters:", f"{vk.count_parameters(keras_net):,}")

# %%
classic_epochs = np.repeat(keras_run.history["loss"], 15)  # Keras keeps one mean for each epoch
calm = np.reshape(history.loss, (-1, 5)).mean(axis=1)  # the mean of every five losses in a row
display.curves(
    {"classic recipe": classic_epochs, "FrameCNN": calm},
    x=np.arange(0, len(history.loss), 5),
    title="Keras: shape, training loss",
)

# %% [markdown]
# ### 7.5 Shape and colour
#
# The same class, other labels: colour.

# %%
vk.set_seed(0)
keras_color = FrameCNN(6)
vk.fit(keras_color, color_train, **(settings | {"num_epochs": 1}), progress=False)
for target, model, held_out in (
    ("shape", keras_net, shape_test),
    ("color", keras_color, color_test),
):
    scores["Keras", "FrameCNN", target] = vk.evaluate(model, held_out)["accuracy"]
    print(f"{target}: {scores['Keras', 'FrameCNN', target]:.1%} of the test frames right")

# %%
guess = vk.predict(keras_net, shape_test[0]).argmax(axis=1)
display.confusion(shape_test[1], guess, world.SHAPES, title="Keras, FrameCNN: shape")

# %% [markdown]
# ### 7.6 Filters and feature maps
#
# The kernels of the first layer are small colour pictures. Keras keeps the number of the kernel in
# the last axis.

# %%
kernels = np.moveaxis(keras_net.conv1.get_weights()[0], -1, 0)  # (32, 3, 3, 3)
show_sheet(sheet(kernels, columns=16), "Keras: the 32 kernels of conv1")

# %%
frame = shape_test[0][1:2]
map1 = ops.relu(keras_net.norm1(keras_net.conv1(keras_net.pad(vk.to_input(frame)))))
map2 = ops.relu(keras_net.norm2(keras_net.conv2(keras_net.pad(map1))))
map3 = ops.relu(keras_net.norm3(keras_net.conv3(keras_net.pad(map2))))
maps = [np.moveaxis(ops.convert_to_numpy(part)[0], -1, 0)[:8] for part in (map1, map2, map3)]

# %%
display.images([frame[0]], ["the frame"])
for name, part in zip(("conv1: 16 x 16", "conv2: 8 x 8", "conv3: 4 x 4"), maps, strict=True):
    show_sheet(sheet(part, 8, 64 // part.shape[1]), f"eight feature maps of {name}")

# %% [markdown]
# ### 7.7 Grad-CAM: what did it look at?
#
# The formula stands in 6.7. A gradient outside `fit` is the one thing that Keras leaves to its
# backend, so one small function asks whichever is there.


# %%
def keras_gradient(function, x):
    """d function(x) / dx on Keras's TensorFlow or PyTorch backend."""
    if keras.backend.backend() == "torch":
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(function(x), x)
        return gradient
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


def keras_grad_cam(model, frame, target):
    """Heat (h, w) of class ``target`` in a uint8 (H, W, 3) frame."""
    A = model.maps(vk.to_input(frame[None]))  # (1, h, w, K)
    gradient = keras_gradient(lambda A: model.head(ops.mean(A, axis=(1, 2)))[0, target], A)
    alpha = ops.mean(gradient, axis=(1, 2), keepdims=True)
    return ops.convert_to_numpy(ops.relu(ops.sum(alpha * A, axis=-1))[0])


# %%
heats = [keras_grad_cam(keras_net, shape_test[0][i], shape_test[1][i]) for i in picks]
display.images(
    [heat_on(shape_test[0][i], heat) for i, heat in zip(picks, heats, strict=True)],
    [world.SHAPES[shape_test[1][i]] for i in picks],
    title="Keras: where the true class was found",
    height=1.8,
)

# %%
vk.set_seed(1)
for name, model in (("trained", keras_net), ("random", FrameCNN(3))):
    heat, area = box_shares(keras_grad_cam, model)
    print(f"{name}: {heat:.0%} of the heat in the boxes, which are {area:.0%} of the area")

# %% [markdown]
# The same picture: three times chance for the trained network, little more than chance for the
# random one.

# %% [markdown]
# ## 8 Same weights, same answer
#
# Is it really the same network? `copy_weights` puts PyTorch's numbers into a fresh Keras network.
# Kernels change from (out, in, k, k) to (k, k, in, out), the running averages come along.

# %%
from vidlab.weights import copy_weights

twin = vk.FrameCNN(3)
copy_weights(torch_net, twin)
torch_out, keras_out = vt.predict(torch_net, shape_test[0]), vk.predict(twin, shape_test[0])
print(f"outputs from {torch_out.min():.1f} to {torch_out.max():.1f}")
print(f"largest difference: {np.abs(torch_out - keras_out).max():.1e}")

# %% [markdown]
# The heat maps agree as well: a gradient is a computation like any other.

# %%
i = picks[0]
apart = torch_grad_cam(torch_net, shape_test[0][i], 0) - keras_grad_cam(twin, shape_test[0][i], 0)
print(f"Grad-CAM, largest difference: {np.abs(apart).max():.1e}")

# %% [markdown]
# ## 9 By hand against learned
#
# All that we have, side by side, on frames of the same test clips.

# %%
print("features                shape   color")
for name in ("histogram", "HOG"):
    print(f"{name + ', by hand':<22} {by_hand[name, 'shape']:>6.0%} {by_hand[name, 'color']:>7.0%}")
for framework in ("PyTorch", "Keras"):
    classic = scores[framework, "ClassicCNN", "shape"]
    print(f"{'ClassicCNN, ' + framework:<22} {classic:>6.0%}")
    shape, color = (scores[framework, "FrameCNN", target] for target in ("shape", "color"))
    print(f"{'FrameCNN, ' + framework:<22} {shape:>6.0%} {color:>7.0%}")

# %% [markdown]
# On plain backgrounds HOG and `FrameCNN` are close together on shapes, and so are the histogram and
# `FrameCNN` on colours: the network is no better than the right feature. But no feature by hand is
# good at both, and the classic recipe, with as many frames to learn from and another learning rate,
# is behind. Try a linear classifier on a well-chosen feature first; it takes a second.

# %% [markdown]
# ## 10 One recipe for everything
#
# Until now each network had a cell of its own. To turn knobs, one function is better: its arguments
# are the knobs, and everything else stays the same. The models come from the package: `vt.FrameCNN`
# and `vk.FrameCNN` are the classes above, and a test of the course compares them.

# %%
ROOMS = {"PyTorch": vt, "Keras": vk}


def recipe(
    framework="PyTorch",
    target="shape",
    learning_rate=1e-2,
    num_steps=200,
    width=32,
    num_labels=None,
    batch_size=64,
    seed=0,
):
    """Train a FrameCNN on ``num_labels`` training frames (all: None); (model, history)."""
    room = ROOMS[framework]
    room.set_seed(seed)
    frames, labels = sets[target][0]
    chosen = np.random.default_rng(seed).permutation(len(frames))[:num_labels]
    model = room.FrameCNN(len(NAMES[target]), widths=(width, 2 * width, 4 * width))
    history = room.fit(
        model,
        (frames[chosen], labels[chosen]),
        sets[target][1],
        num_steps=num_steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule="one_cycle",
        eval_every=max(1, num_steps // 8),
        keep_best=False,
        seed=seed,
        progress=False,
    )
    return model, history


# %% [markdown]
# ## 11 A control that could prove us wrong
#
# We claim that these features say what is *in a frame*. Then the same recipe must fail on what is
# **not** in a frame: the action. If it succeeded, something would leak, and the good numbers above
# would be worth nothing. What is possible at all is known here: a bound for every classifier of
# single frames.

# %%
bound = world.single_frame_bound(num_frames=4)
action_test = sets["action"][2]
for framework, room in ROOMS.items():
    model, history = recipe(framework, target="action", num_steps=100)
    scores[framework, "FrameCNN", "action"] = room.evaluate(model, action_test)["accuracy"]
    print(f"{framework:<8} {scores[framework, 'FrameCNN', 'action']:.0%} of the test frames right")
print(f"guessing 10%, no classifier of one frame gets beyond {bound:.0%}")

# %%
figure, axes = display.new_axes(height=2.8)
for k, framework in enumerate(ROOMS):
    values = [scores[framework, "FrameCNN", target] for target in NAMES]
    axes.bar(np.arange(3) + 0.3 * k - 0.15, values, width=0.28, label=framework)
for k, names in enumerate(NAMES.values()):
    axes.hlines(1 / len(names), k - 0.4, k + 0.4, color="black", linestyle="--")
axes.plot([], [], "k--", label="guessing")
axes.set_xticks(range(3), list(NAMES))
axes.set(xlabel="what the label says", ylabel="test accuracy (share)", ylim=(0, 1.05))
axes.legend(frameon=False, loc="center right")
display.show_figure(figure, "Test accuracy for shape, colour and action, against guessing.")

# %% [markdown]
# One run in each framework is not much. The long version trained another frame classifier on each
# of the 16 frames of a clip, on three difficulties, with three seeds:

# %%
import csv
from pathlib import Path


def read_table(name):
    """The rows of a table in notebooks/results, as dicts of strings."""
    folder = next(p for p in (Path("results"), Path("../results")) if p.exists())
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


rows = [row for row in read_table("world_single_frame.csv") if row["target"] == "action"]
accuracies = [float(row["test_accuracy"]) for row in rows]
print(f"{len(rows)} runs: mean {np.mean(accuracies):.1%}, the best {max(accuracies):.1%}")
print(f"bound for one of 16 frames: {world.single_frame_bound():.1%}")

# %% [markdown]
# Shape and colour can be seen in one frame, the action cannot. The long runs know a little more
# than guessing: where a shape stands says a little about where it can still go. None is beyond the
# bound. The control came out as it should.
#
# On real videos it often does not: a pool gives "swimming" away. So run it on your own data first;
# it is the number that a network for video has to beat. Chapter 03 adds time.

# %% [markdown]
# ## 12 Transfer: features that others learned
#
# 4,800 labelled frames are a luxury. With 20 labels a network from scratch has too little to learn
# from. But features can be learned on *other* pictures, where labels cost nothing, and used here:
#
# - **from scratch:** all weights start at random,
# - **frozen:** a pretrained network gives features; only a linear classifier is trained,
# - **fine-tuned:** start from the pretrained weights, train everything with a small learning rate.
#
# `framenet` is a `FrameCNN` that comes with the course. It learned on photographs, textures and
# noise (which photograph is this, which way is it turned, which two views belong together), and
# never saw a shape of our world.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def linear_probe(train_features, labels, test_features, test_labels):
    """Test accuracy of a linear classifier on features (N, D)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(train_features, labels).score(test_features, test_labels)


# %% [markdown]
# One case live: 100 labels, one seed, PyTorch.

# %%
chosen = np.random.default_rng(0).permutation(len(shape_train[0]))[:100]
few_shapes = shape_train[0][chosen], shape_train[1][chosen]
few_options = {"num_steps": 100, "eval_every": 50, "progress": False}

vt.set_seed(0)
scratch = vt.FrameCNN(3)
vt.fit(scratch, few_shapes, **few_options)
print(f"from scratch: {vt.evaluate(scratch, shape_test)['accuracy']:.0%}")

# %%
framenet = vt.pretrained_features("framenet")
features_few = vt.extract_features(framenet, few_shapes[0])
features_test = vt.extract_features(framenet, shape_test[0])
probe = linear_probe(features_few, few_shapes[1], features_test, shape_test[1])
print(f"frozen, {features_few.shape[1]} features: {probe:.0%}")

# %%
tuned = vt.pretrained_features("framenet", num_classes=3)  # with a new head
vt.fit(tuned, few_shapes, learning_rate=1e-3, **few_options)
print(f"fine-tuned: {vt.evaluate(tuned, shape_test)['accuracy']:.0%}")

# %% [markdown]
# One run proves little. `data_scripts/experiments/02_transfer.py` ran both frameworks with three
# seeds and three numbers of labels. It has a control too: the frozen features of a network with
# *random* weights. If they were as good, pretraining would have taught nothing.

# %%
table = read_table("02_transfer.csv")
METHODS = ("scratch", "frozen", "fine-tuned", "random frozen")
NUM_LABELS = (20, 100, 1000)
found = {}  # (framework, method, labels) -> test accuracies, one for each seed
for row in table:
    key = row["framework"], row["method"], int(row["num_labels"])
    found.setdefault(key, []).append(float(row["test_accuracy"]))
print(table[0]["command"], "on", table[0]["machine"])

# %%
print("test accuracy: mean of three seeds, lowest and highest behind")
for framework in ROOMS:
    print(f"{framework:<14}", *(f"{n:>8} labels      " for n in NUM_LABELS))
    for method in METHODS:
        cells = [found[framework, method, n] for n in NUM_LABELS]
        print(
            f"  {method:<14}",
            *(f"{np.mean(c):>6.0%} ({min(c):.0%} to {max(c):.0%})  " for c in cells),
        )

# %%
figure, axes = display.new_axes(width=5.6, height=2.4)
for framework, style, shift in (("PyTorch", "-", 0.98), ("Keras", "--", 1.02)):
    for method, color in zip(METHODS, display.LINE_COLORS, strict=False):
        cells = np.array([found[framework, method, n] for n in NUM_LABELS])
        name = method if framework == "PyTorch" else None
        axes.plot(np.array(NUM_LABELS) * shift, cells.mean(axis=1), style, color=color, label=name)
        axes.vlines(np.array(NUM_LABELS) * shift, cells.min(axis=1), cells.max(axis=1), color=color)
axes.axhline(1 / 3, color="#777777", linewidth=0.8)
axes.set(xscale="log", xlabel="labelled training frames", ylabel="test accuracy (share)")
axes.set_xticks(NUM_LABELS, NUM_LABELS)
axes.plot([], [], "k-", label="PyTorch")
axes.plot([], [], "k--", label="Keras")
axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
display.show_figure(figure, "Test accuracy over the number of labels for four ways to start.")

# %% [markdown]
# - With **20 labels** nothing works: all four stay near guessing.
# - With **100 labels** framenet's features are ahead of the network from scratch.
# - The control holds: from 100 labels on, features of random weights are behind all others. So it
#   is the pretraining that helps, not the architecture.
# - Fine-tuned and frozen lie too close together to call one of them better here.
#
# **Not flattering, and true:** every network that was trained had the same short budget of 150
# steps. The network of section 6, from scratch with 4,800 labels and more training, is far ahead of
# all of these, and so is HOG with its 1,200 labels. Photographs taught framenet little about
# circles and squares. Transfer pays when labels are few *and* the pictures are related.

# %% [markdown]
# **Real ImageNet networks** come the same way: `vt.pretrained_features("resnet50")` and
# `vk.pretrained_features("resnet50")` load them where a network connection is there, and say what
# to do where there is none.

# %% [markdown]
# ## 13 In batches or one at a time?
#
# Features of a long video are extracted once and kept. How one calls the network decides whether
# that takes minutes or hours: each call has a fixed price, whatever is in the batch.


# %%
def frames_per_second(extract, num_frames):
    """Speed of a function that extracts num_frames; the faster of two runs."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        extract()
        times.append(time.perf_counter() - start)
    return num_frames / min(times)


frames = shape_test[0][:512]
speed = {}
for (framework, room), net in zip(ROOMS.items(), (torch_net, keras_net), strict=True):
    at_once = frames_per_second(lambda r=room, n=net: r.extract_features(n, frames), 512)
    single = frames_per_second(
        lambda r=room, n=net: [r.extract_features(n, frame[None]) for frame in frames[:16]], 16
    )
    speed[framework] = at_once / single
    print(f"{framework:<8} in batches {at_once:>7,.0f}/s   one at a time {single:>6,.0f}/s")

# %%
print("in batches, times faster:", {name: round(ratio) for name, ratio in speed.items()})

# %% [markdown]
# How large the gap is depends on the fixed price of a call: here it is larger in Keras than in
# PyTorch. A larger network needs longer for each frame, and the fixed price counts less.

# %% [markdown]
# ## 14 Nearest neighbours: what do features think is alike?
#
# Two frames are alike *for a network* if their features point in the same direction:
# $\cos(a, b) = a \cdot b / (|a| |b|)$. For a test frame, look up the training frames with the
# largest cosine. This is how one searches pictures and videos.


# %%
def nearest(queries, library, count=5):
    """For each query (D,), the indices of the library's rows with the largest cosine."""
    queries, library = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (queries, library))
    return np.argsort(-queries @ library.T, axis=1)[:, :count]


shelf, asked = train.frames[:, 1], test.frames[:, 1]  # one frame of each clip
extractors = {
    "raw pixels": lambda frames: frames.reshape(len(frames), -1).astype(np.float32),
    "shape network": lambda frames: vt.extract_features(torch_net, frames),
    "color network": lambda frames: vk.extract_features(keras_color, frames),
    "framenet": lambda frames: vt.extract_features(framenet, frames),
}
neighbours = {name: nearest(make(asked), make(shelf)) for name, make in extractors.items()}

# %%
for name in ("shape network", "color network"):
    pictures = [picture for i in (1, 4) for picture in (asked[i], *shelf[neighbours[name][i]])]
    texts = (["asked for"] + ["found"] * 5) * 2
    display.images(pictures, texts, columns=6, title=f"Nearest for the {name}")

# %%
print("share of the five nearest that agree with the frame asked for")
print("features         shape   color")
for name, found_rows in neighbours.items():
    same = [
        (train.attributes[target][found_rows] == test.attributes[target][:, None]).mean()
        for target in ("shape", "color")
    ]
    print(f"{name:<14} {same[0]:>7.0%} {same[1]:>7.0%}")

# %% [markdown]
# Each network finds alike what it was trained to tell apart, and keeps much less of the rest. There
# is no likeness as such: **the training task decides which frames are near.**

# %% [markdown]
# ## 15 Where is it?
#
# A box is four numbers, $[x_0, y_0, x_1, y_1]$. To find it is *regression*: the network has four
# outputs instead of classes, and the loss measures how far they are off. `FrameCNN` averages over
# the picture and forgets *where*, so we take `ClassicCNN`: `Flatten` keeps every place.
#
# How good is a predicted box? **Intersection over union**: the area that both boxes share, divided
# by the area that they cover together.
#
# **Worked:** $[0, 0, 4, 4]$ and $[2, 2, 6, 6]$ share $2 \cdot 2 = 4$ and cover $16 + 16 - 4 = 28$:
# IoU $= 4 / 28 = 0.14$.


# %%
def mean_iou(a, b):
    """Mean IoU of boxes a and b, both (N, 4) as [x0, y0, x1, y1]."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = sides.clip(0).prod(axis=1)
    areas = [(box[:, 2:] - box[:, :2]).clip(0).prod(axis=1) for box in (a, b)]
    return (shared / (areas[0] + areas[1] - shared)).mean()


print(f"{mean_iou(np.array([[0, 0, 4, 4]]), np.array([[2, 2, 6, 6]])):.2f}")

# %% [markdown]
# One shape in each frame, over textures. The targets are divided by the frame's size, so that they
# lie in [0, 1] like the pixels. The loss "smooth_l1" is half the squared error for errors below 1,
# which nearly all are here, and only as large as the error itself (less 1/2) beyond. The baseline
# knows nothing of the frame: it always says the mean box.

# %%
one = {"num_shapes": 1, "difficulty": "medium", **options}
where_train, where_test = (
    world.generate(n, split=split, **one) for n, split in ((1200, "train"), (200, "test"))
)


def frames_and_boxes(clips):
    """Frames uint8 (N * T, H, W, 3) and their boxes float32 (N * T, 4) in [0, 1]."""
    return clips.frames.reshape(-1, 32, 32, 3), clips.boxes.reshape(-1, 4) / 32


boxes_train, boxes_one = frames_and_boxes(where_train), frames_and_boxes(where_test)
always = np.broadcast_to(boxes_train[1].mean(axis=0), boxes_one[1].shape)
print(f"always the mean box: IoU {mean_iou(always, boxes_one[1]):.2f}")

# %%
locator_settings = {"num_steps": 180, "learning_rate": 5e-3, "schedule": "one_cycle"}
locators = {}  # framework -> network
for framework, room in ROOMS.items():
    room.set_seed(0)
    locators[framework] = room.ClassicCNN(4)
    run = room.fit(
        locators[framework], boxes_train, loss="smooth_l1", **locator_settings, progress=False
    )
    predicted = room.predict(locators[framework], boxes_one[0])
    off = np.abs(predicted - boxes_one[1]).mean() * 32
    print(f"{framework:<8} IoU {mean_iou(predicted, boxes_one[1]):.2f}, ", end="")
    print(f"an edge is off by {off:.1f} pixels on average ({run.seconds:.0f} s of training)")

# %% [markdown]
# The boxes are near the shapes: an edge is off by between one and two pixels on average. IoU is a
# strict judge of small ones: with a box of 8 x 8 pixels, one pixel off to the right and one down
# leaves $49 / 79 = 0.62$.

# %%
chosen = (1, 15, 43)
drawn = [with_boxes(boxes_one[0][i], boxes_one[1][i] * 32, predicted[i] * 32) for i in chosen]
display.images(drawn, title="White: true box. Orange: predicted by the Keras network", height=1.8)

# %% [markdown]
# **A track.** Ask for the box in every frame of a clip that was never trained on, and the shape can
# be followed. The network knows nothing of time: each frame stands alone, so the track trembles.
# (We chose this clip among 20; the mean IoU over all test clips stands above.)

# %%
orbit = {"actions": ["clockwise"], "num_shapes": 1, "difficulty": "medium", "size": 32}
film = world.generate(20, **orbit, split="test", seed=3, sound=False)[19:20]
tracks = {
    framework: room.predict(locators[framework], film.frames[0]) * 32
    for framework, room in ROOMS.items()
}
truth = film.boxes[0, :, 0]
for framework, track in tracks.items():
    print(f"{framework:<8} IoU along the clip {mean_iou(track, truth):.2f}")

# %%
figure, axes = display.new_axes(width=4.2, height=2.2)
for name, track in {"true": truth, **tracks}.items():
    x_middle, y_middle = track[:, [0, 2]].mean(axis=1), track[:, [1, 3]].mean(axis=1)
    axes.plot(x_middle, y_middle, "o-", markersize=3, label=name)
axes.set(xlabel="x (pixels)", ylabel="y (pixels)", aspect="equal")
axes.invert_yaxis()  # as in the frame: y grows downwards
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
display.show_figure(figure, "The middle of the box, frame by frame: true, PyTorch, Keras.")

# %%
parts = zip(film.frames[0], truth, tracks["PyTorch"], strict=True)
boxed = np.stack([with_boxes(*part, scale=3) for part in parts])
display.play(boxed, film.fps, title="White: true box. Orange: PyTorch's track")

# %% [markdown]
# ## 16 Playground
#
# Two runs of `recipe` to compare with, one that works and one that fails:

# %%
presets = {
    "works": {"framework": "PyTorch", "num_labels": None, "learning_rate": 1e-2},
    "fails: 20 labels": {"framework": "PyTorch", "num_labels": 20, "learning_rate": 1e-2},
}
runs = {name: recipe(num_steps=160, **knobs)[1] for name, knobs in presets.items()}
for name, run in runs.items():
    print(f"{name:<17} training loss {run.loss[-1]:.2f}, val accuracy {run.val_accuracy[-1]:.0%}")

# %%
display.curves(
    {name: run.val_accuracy for name, run in runs.items()},
    x=runs["works"].val_steps,
    ylabel="accuracy (share)",
    title="Accuracy on the validation frames",
)

# %% [markdown]
# The run that *fails* has the **lower training loss**: it knows its 20 frames by heart. Only the
# validation curve shows that it learned nothing else. This is *overfitting*, and the reason why
# there are three sets.

# %% [markdown]
# **Now you.** A *panel* trains while you turn the knobs. Its recipe is a generator: it yields after
# each step. Of each clip the network sees one frame, the third; **Look inside** asks it about every
# frame.

# %%
from dataclasses import replace

from vidlab.playground import Choice, OverTime, Preset, Range, classifier, playground


def clips_with(target):
    """The test clips, labelled with their shape, colour or action."""
    labels = [NAMES[target].index(value) for value in test.attributes[target]]
    return replace(test, labels=np.array(labels), class_names=NAMES[target])


# %%
@playground(
    title="A frame classifier",
    presets=[
        Preset("works", "Training and validation loss fall together."),
        Preset("20 labels", "When do the two losses part?", {"num_labels": 20}),
        Preset("actions", "Why does no setting help?", {"target": "action"}),
        Preset("too fast", "Turn the rate down as it trains.", {"learning_rate": 1.0}),
    ],
)
def retrain(
    framework: Choice("torch", "keras") = "torch",
    target: Choice("shape", "color", "action") = "shape",
    num_labels: Choice(20, 100, 1000, 4800) = 4800,
    width: Range(2, 64, unit="channels") = 32,
    learning_rate: Range(1e-5, 1, log=True, live=True) = 1e-2,
    num_steps: Range(20, 400, step=20, unit="steps") = 160,
    seed: Range(0, 9) = 0,
):
    """Train a FrameCNN on some of the training frames."""
    room = {"torch": vt, "keras": vk}[framework]
    room.set_seed(seed)
    frames, labels = sets[target][0]
    chosen = np.random.default_rng(seed).permutation(len(frames))[:num_labels]
    widths = (width, 2 * width, 4 * width)
    model = room.fresh(room.FrameCNN, len(NAMES[target]), widths=widths)
    steps = room.train_steps(
        model, (frames[chosen], labels[chosen]), sets[target][1],
        num_steps=num_steps, batch_size=64, eval_every=20, seed=seed,
        learning_rate=learning_rate.scheduled("one_cycle", num_steps),
    )  # fmt: skip

    def every_frame(clip):
        logits = room.predict(model, clip)  # the frames of a clip are a batch of pictures
        opinion = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return {"opinion on each frame": OverTime(opinion, NAMES[target], low=0, high=1)}

    yield classifier(
        room, model, steps, train, clips_with(target),
        select=lambda frames: frames[:, 2], inspect=every_frame,
    )  # fmt: skip
    yield from steps


# %%
short_run = retrain.run(num_labels=20, max_steps=100)
print(short_run)
retrain.show(examples={"20 labels": short_run})

# %% [markdown]
# ## 17 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it.

# %% [markdown]
# ### Exercise 1: one step downhill
#
# A model predicts $\hat y = w x + b$, the loss is the mean squared error. Return the new $w$ and
# $b$ after **one** step of gradient descent with the learning rate $\alpha$.


# %% exercise="02.gradient_step"
def gradient_step(w, b, x, y, alpha):
    """w, b, alpha: floats; x, y: float (N,). Returns the new (w, b)."""
    ### BEGIN SOLUTION
    error = w * x + b - y
    return w - alpha * 2 * (error * x).mean(), b - alpha * 2 * error.mean()
    ### END SOLUTION


# %%
check("02.gradient_step", gradient_step)

# %% [markdown]
# ### Exercise 2: the size of an output
#
# A wrong size before `Flatten` is the most common error message in convolutional networks. Return
# the height of the output of a convolution or of a pooling layer.


# %% exercise="02.output_size"
def output_size(size, kernel, stride=1, padding=0):
    """All are ints, in pixels; padding on both sides. Returns an int."""
    ### BEGIN SOLUTION
    return (size + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


# %%
check("02.output_size", output_size)

# %% [markdown]
# ### Exercise 3: the receptive field
#
# Each layer has a kernel and a stride. How many pixels in a row does one number of the last layer
# see?


# %% exercise="02.receptive_field"
def receptive_field(layers):
    """layers: list of (kernel, stride), the first layer first. Returns an int, in pixels."""
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field
    ### END SOLUTION


# %%
check("02.receptive_field", receptive_field)

# %% [markdown]
# ### Exercise 4: a layer of kernels
#
# Section 3 convolved a grey picture with one kernel. Write the real thing: a colour picture, many
# kernels, a stride, no padding. As the frameworks do, do not turn the kernels round.


# %% exercise="02.convolve"
def convolve_layer(X, kernels, stride=1):
    """X: (H, W, C); kernels: (k, k, C, D). Returns (H_out, W_out, D)."""
    ### BEGIN SOLUTION
    k = len(kernels)
    rows = range(0, X.shape[0] - k + 1, stride)
    columns = range(0, X.shape[1] - k + 1, stride)
    return np.array(
        [[np.tensordot(X[i : i + k, j : j + k], kernels, axes=3) for j in columns] for i in rows]
    )
    ### END SOLUTION


# %%
check("02.convolve", convolve_layer)

# %% [markdown]
# ### Exercise 5: cross-entropy from logits
#
# Return the mean cross-entropy of a batch. It must survive logits of 1,000: $e^{1000}$ is too large
# for any computer, but softmax does not change when the same number is subtracted from all logits
# of a row.


# %% exercise="02.cross_entropy"
def cross_entropy(logits, labels):
    """logits: float (N, K); labels: int (N,). Returns a float."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())
    ### END SOLUTION


# %%
check("02.cross_entropy", cross_entropy)

# %% [markdown]
# ### Exercise 6: batch normalisation
#
# Normalise each channel of a batch with the mean and the variance of that channel over all frames
# and places, then scale and shift.


# %% exercise="02.batch_norm"
def batch_norm(x, gamma, beta, epsilon=1e-5):
    """x: float (N, H, W, C); gamma, beta: float (C,). Returns float (N, H, W, C)."""
    ### BEGIN SOLUTION
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    ### END SOLUTION


# %%
check("02.batch_norm", batch_norm)

# %% [markdown]
# ### Exercise 7: intersection over union
#
# Return the IoU of two boxes. Boxes that do not meet have 0.


# %% exercise="02.iou"
def iou(a, b):
    """a, b: float (4,) as [x0, y0, x1, y1]. Returns a float in [0, 1]."""
    ### BEGIN SOLUTION
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = width * height
    area_a, area_b = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return float(shared / (area_a + area_b - shared))
    ### END SOLUTION


# %%
check("02.iou", iou)

# %% [markdown]
# ### Exercise 8: repair this snippet
#
# Tutorials prepare their data like this. OpenCV read the frames, `sources` says which video each
# frame is from, and the rows are sorted by class. It runs, and the network will "reach" 100 %. Find
# three mistakes. The repaired version gives RGB to the network, and keeps **all frames of a random
# fifth of the sources** for validation and for nothing else.


# %% exercise="02.repair_split"
def prepare(bgr_frames, labels, sources, seed=0):
    """uint8 (N, H, W, 3) -> (x_train, y_train), (x_val, y_val); x float32 RGB in [0, 1]."""
    ### BEGIN SOLUTION
    x = bgr_frames[..., ::-1].astype(np.float32) / 255
    names = np.random.default_rng(seed).permutation(np.unique(sources))
    in_val = np.isin(sources, names[: len(names) // 5])
    return (x[~in_val], labels[~in_val]), (x[in_val], labels[in_val])
    ### LEARNER GETS
    # x = bgr_frames.astype(np.float32) / 255
    # num_val = len(x) // 5
    # x_val, y_val = x[-num_val:], labels[-num_val:]
    # return (x, labels), (x_val, y_val)
    ### END SOLUTION


# %%
check("02.repair_split", prepare)

# %% [markdown]
# ### Exercise 9 (open): twelve numbers
#
# HOG takes 324 numbers to tell circle, square and triangle. Do it with **at most 12 for each
# frame**, without training anything. The check makes fresh frames over plain backgrounds, trains a
# linear classifier on your features of 600 of them, and asks for 80 % of 300 others.
#
# There are many ways. What does a square have that a circle has not? In which directions do edges
# run?


# %% exercise="02.features"
def features(frames):
    """frames: uint8 (N, 32, 32, 3), two equal shapes each. Returns float (N, D), D <= 12."""
    ### BEGIN SOLUTION
    grey = frames.astype(float).mean(axis=3)
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right).reshape(len(frames), -1)
    direction = np.arctan2(down, right).reshape(len(frames), -1) % (2 * np.pi)
    boxes = np.minimum((direction / (2 * np.pi) * 12).astype(int), 11)
    counts = np.stack([np.bincount(b, s, 12) for b, s in zip(boxes, strength, strict=True)])
    return counts / counts.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %%
check("02.features", features)

# %% [markdown]
# **For a person to read.** Name two changes to the world under which your features would fail and a
# trained network, given examples of them, would not. Why is that so?

# %% [markdown] question="02.features_limits"
# The features count the directions of all edges in the frame. Over a textured or photographed
# background most edges belong to the background, so the shape is lost in them; and if the shapes
# were turned by random angles, a square would have edges in every direction, like a circle. My
# features fix beforehand what counts (edge directions of the whole frame). A trained network
# changes what it measures until the given examples are told apart: it can learn to ignore the
# background's edges, and to look for corners whatever their angle.

# %% [markdown]
# ## 18 What you learned
#
# - Learning is $\theta \leftarrow \theta - \alpha \nabla L(\theta)$, repeated; the rate decides
#   whether it creeps, works or explodes.
# - Split by source. A frame's neighbour in the test set makes any model look brilliant.
# - A convolution is a weighted sum in a sliding window; its receptive field is all it can see.
# - Features by hand are strong where one knows what matters. A network finds out by itself, with
#   one recipe for every question.
# - One frame tells shape, colour and place, not the action.
# - With few labels, start from features that others learned, and check with random ones.
#
# ## 19 What can go wrong in practice
#
# - **BGR into an RGB network.** Nothing fails, the accuracy is just lower. Look at a frame as the
#   network gets it.
# - **`eval()` forgotten.** Batch normalisation then uses the statistics of the test batch: one
#   frame gets another answer alone than among others.
# - **Another preprocessing than in pretraining.** Mean, scale, size and cropping belong to the
#   weights.
# - **A heat map believed.** Grad-CAM can look right for a network that is wrong. Measure it, and
#   compare with random weights.
# - **Choosing by the test set.** After the twentieth look it is a validation set.
#
# ## 20 Papers
#
# - LeCun, Bottou, Bengio, Haffner: *Gradient-Based Learning Applied to Document Recognition*.
#   Proceedings of the IEEE 86(11), 1998.
# - Dalal, Triggs: *Histograms of Oriented Gradients for Human Detection*. CVPR 2005.
# - Krizhevsky, Sutskever, Hinton: *ImageNet Classification with Deep Convolutional Neural
#   Networks*. NeurIPS 2012.
# - Simonyan, Zisserman: *Very Deep Convolutional Networks for Large-Scale Image Recognition*. ICLR
#   2015.
# - Yosinski, Clune, Bengio, Lipson: *How Transferable Are Features in Deep Neural Networks?*
#   NeurIPS 2014.
# - Kingma, Ba: *Adam: A Method for Stochastic Optimization*. ICLR 2015.
# - Ioffe, Szegedy: *Batch Normalization: Accelerating Deep Network Training by Reducing Internal
#   Covariate Shift*. ICML 2015.
# - Santurkar, Tsipras, Ilyas, Madry: *How Does Batch Normalization Help Optimization?* NeurIPS
#   2018.
# - He, Zhang, Ren, Sun: *Deep Residual Learning for Image Recognition*. CVPR 2016.
# - Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: *Grad-CAM: Visual Explanations from Deep
#   Networks via Gradient-Based Localization*. ICCV 2017.
# - Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim: *Sanity Checks for Saliency Maps*. NeurIPS
#   2018.
#
# ## 21 Where to go next
#
# One frame does not tell the action. Chapter 03 puts the features of many frames in a row and reads
# them with an LSTM. Chapter 04 lets the convolution itself run over time.
