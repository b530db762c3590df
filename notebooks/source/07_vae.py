# %% [markdown]
# # 07 · VAE: clips from a few numbers
#
# ![From file to frames, features, sequence, meaning and new video: the last part.](images/way_07.png)
#
# A clip of ours has 49,152 numbers, and yet a sentence describes it: a blue square turns. Whatever
# squeezes a clip into a few numbers and paints it again has understood something. And if we know which
# few numbers are likely, we can draw new ones, and get clips that nobody has filmed. That is what a
# *variational autoencoder*, a VAE, does (Kingma and Welling, 2014).
#
# **After this chapter you can**
#
# - build an autoencoder of frames, and see in its code what it has understood,
# - derive the bound that a VAE is trained with, and compute its KL term by hand,
# - train a VAE of whole clips in PyTorch and in Keras, and let it generate,
# - say what the KL term buys, and recognise its collapse,
# - walk through the latent space, go from one clip to another, and move a colour to another motion,
# - judge generated clips with numbers, and find out whether they are copies.
#
# **Builds on:** [chapter 03](03_lstm_sequences.ipynb) (moments of a picture) and
# [chapter 04](04_3d_convolutions.ipynb). **Run time:** {{run_time}}.

# %% tags=["setup"]
from pathlib import Path

import numpy as np

from vidlab import display, latents, metrics, world
from vidlab.course import check

# %% [markdown]
# ## 1 What we want, and how to measure it
#
# The clips are those of the easy world with one shape: eight actions, six colours, three shapes. The
# generator will be told the action and has to make up the rest.

# %%
options = {"size": 32, "num_shapes": 1, "sound": False}
train = world.generate(2000, seed=0, **options)
new = world.generate(400, split="val", seed=0, **options)
actions = list(train.class_names)
print(f"{len(train)} clips {train.frames.shape[1:]}: {train.frames[0].size:,} numbers each")
columns = (train.attributes[name][:8] for name in ("color", "shape", "action"))
names = [f"{color} {shape}: {action}" for color, shape, action in zip(*columns, strict=True)]
display.grid(train.frames[:8], names, columns=4)

# %% [markdown]
# How good are generated clips? The package brings a *judge*: a small network, trained on other real
# clips, that names action, colour and shape. Four numbers of `vidlab.metrics`:
#
# - **class consistency**: how often the judge sees the action that was asked for,
# - **Frechet distance**: how far the judge's features of generated clips are, as a cloud, from those of
#   real ones. It sees blur, wrong shapes and lack of variety,
# - **colours** and **shapes**: how many different ones the judge sees, at most 6 and 3. It is an
#   *effective number*, $e$ to the entropy of the judge's mean opinion: six equally frequent colours
#   give 6, one alone gives 1.
#
# The Frechet distance takes each cloud for a normal distribution, with a mean $m$ and a covariance $C$:
#
# $$d = \lVert m_1 - m_2 \rVert^2 + \operatorname{tr}\bigl(C_1 + C_2 - 2\, (C_1 C_2)^{1/2}\bigr)$$
#
# In one dimension, with spreads $s_1$ and $s_2$, this is $(m_1 - m_2)^2 + (s_1 - s_2)^2$. By hand: means
# 0 and 1, spreads 1 and 2 give $1 + 1 = 2$.

# %%
rng = np.random.default_rng(0)
narrow, wide = rng.normal(0, 1, (1_000_000, 1)), rng.normal(1, 2, (1_000_000, 1))
print(f"a million draws of each: {metrics.frechet_distance(narrow, wide):.2f}")

# %%
import torch
from torch import nn

import vidlab.torch as vt

judge = vt.load_judge()
real = vt.judge(judge, new.frames)


def grade(name, frames, labels):
    """What the judge says of generated clips, against 400 new real ones."""
    found = metrics.report(vt.judge(judge, frames), real.features, labels)
    shown = f"class {found['class_consistency']:4.0%}, distance {found['frechet']:5.1f}"
    print(f"{name:<22}{shown}, colours {found['colors']:.1f}, shapes {found['shapes']:.1f}")


other = world.generate(400, split="test", seed=0, **options)
grade("other real clips", other.frames, other.labels)
grade("the same, first frame", other.frames[:, :1].repeat(16, axis=1), other.labels)

# %% [markdown]
# The first line is the best that can be asked for. Even real clips have a distance above 0, since 400
# clips are a small sample: compare only sets of equal size.

# %% [markdown]
# ## 2 Baseline: a clip comes back
#
# ### 2.1 Without a network
#
# The simplest "few numbers": none at all (answer each clip with the mean of all), or one frame (answer
# each clip with its own median frame). The error is the mean squared difference of pixels in [0, 1].


# %%
def error_of(back, frames):
    """Mean squared difference of clips, pixels in [0, 1]."""
    return np.square((back.astype(np.float32) - frames) / 255).mean()


mean_clip = train.frames.mean(axis=0)
still = np.median(new.frames, axis=1, keepdims=True)
print(f"mean of all clips:     {error_of(mean_clip[None], new.frames):.4f}")
print(f"the clip's own median: {error_of(still, new.frames):.4f}")

# %% [markdown]
# Remember the second number. A model that is no better has learned the background, and no motion.
#
# ### 2.2 A plain autoencoder
#
# An *autoencoder* is two networks with a narrow place between them. The encoder squeezes a frame into
# a code, the decoder paints the frame from it, and the loss is the difference. The usual first try:
# strided convolutions down to 13 numbers, transposed ones up again (`vt.PlainAutoencoder`).

# %%
flat = train.frames.reshape(-1, 32, 32, 3)


def some_frames(rng):
    """One batch: 64 frames of any clips."""
    return (flat[rng.integers(0, len(flat), 64)],)


vt.set_seed(0)
plain = vt.PlainAutoencoder()
history = vt.fit_loss(plain, some_frames, num_steps=1200, learning_rate=2e-3, progress=False)
print(history)


# %%
def to_torch(frames):
    """Pictures uint8 (..., H, W, 3) -> float32 (..., 3, H, W) in [0, 1]."""
    return torch.from_numpy(frames).movedim(-1, -3).float() / 255


def to_pictures(x):
    """The way back."""
    return (x.detach().clamp(0, 1) * 255).round().byte().movedim(-3, -1).numpy()


def painted(function, rows, size=50):
    """The pictures that a model makes of many rows, some at a time."""
    with torch.no_grad():
        parts = torch.as_tensor(rows).split(size)
        return np.concatenate([to_pictures(function(part)) for part in parts])


def returned(model, frames):
    """Clips, encoded and painted again frame by frame."""
    x = torch.from_numpy(frames.reshape(-1, 32, 32, 3))
    back = painted(lambda part: model(to_torch(part.numpy())), x, 800)
    return back.reshape(frames.shape)


back = returned(plain, new.frames)
print(f"error {error_of(back, new.frames):.4f}")
grade("plain, painted again", back, new.labels)
display.images([*new.frames[:6, 8], *back[:6, 8]], columns=6, title="Real frames; painted again")

# %% [markdown]
# Grey spots where some of the shapes are, and an error that is not even below the median's: it is a small
# network, and this is little training. But there is a question that more training does not answer. Are
# the 13 numbers what we would write down: where it is, how large, which colour? One test: halfway between
# the codes of a yellow shape at the left and one at the right should be a yellow shape in the middle.
# Another: can a linear fit read off the place?

# %%
yellow = new.attributes["color"] == "yellow"
x, frames = new.attributes["x"][yellow].ravel(), new.frames[yellow].reshape(-1, 32, 32, 3)
pair = frames[[x.argmin(), x.argmax()]]  # far left, far right


def halfway(encode, decode):
    """Five pictures on the straight line between the codes of two frames."""
    with torch.no_grad():
        codes = encode(to_torch(pair))
        codes = codes if isinstance(codes, tuple) else (codes,)
        shares = torch.linspace(0, 1, 5)[:, None]
        return to_pictures(decode(*((1 - shares) * c[:1] + shares * c[1:] for c in codes)))


display.images(halfway(plain.encode, plain.decode), columns=5, title="A straight line, plain code")


# %%
def readable(encode):
    """R squared of x and y, read off the code by a linear fit, on new clips."""
    sides = []
    for clips in (train, new):
        with torch.no_grad():
            code = encode(to_torch(clips.frames[:400, ::5].reshape(-1, 32, 32, 3)))
        code = torch.cat(code, dim=1) if isinstance(code, tuple) else code
        place = np.stack([clips.attributes[k][:400, ::5].ravel() for k in "xy"], axis=1)
        sides.append((np.insert(code.numpy(), 0, 1, axis=1), place))
    (x, y), (new_x, new_y) = sides
    rest = new_y - new_x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return 1 - np.square(rest).sum() / np.square(new_y - new_y.mean(axis=0)).sum()


print(f"R squared of the place in the plain code: {readable(plain.encode):.2f}")

# %% [markdown]
# Even the two ends are grey, not yellow. And nothing moves to the middle: a spot fades out at one place,
# and another fades in at the other. Places lie curled up in this code, so a generator that draws a code a
# little wrong paints a ghost, or two halves of shapes. Section 4 makes a better code.

# %% [markdown]
# ## 3 From an autoencoder to a VAE
#
# An autoencoder does not generate: nobody knows which codes are likely. A VAE makes them likely in a
# known way. The letters: $x$ is what we want to generate, $c$ its class, $z$ a few *latent* numbers
# that nobody has seen. The story: first $z$ is drawn from $p(z)$, standard normal numbers; then a
# decoder makes $x$ from $z$ and $c$, up to some noise, $p(x \mid z, c)$.
#
# ### 3.1 The bound, line by line
#
# We want the real clips to be likely: $\log p(x \mid c)$ should be large. But any $z$ may have made $x$,
# and nobody can add up all of them. So a second network, the encoder, guesses which $z$ it was:
# $q(z \mid x, c)$.
#
# $$\begin{aligned}
# \log p(x \mid c) &= \log \int p(x \mid z, c)\, p(z)\, dz && \text{any } z \text{ may be it}\\
# &= \log \operatorname{E}_{z \sim q} \frac{p(x \mid z, c)\, p(z)}{q(z \mid x, c)}
# && \text{multiply and divide by } q\\
# &\ge \operatorname{E}_{z \sim q} \log \frac{p(x \mid z, c)\, p(z)}{q(z \mid x, c)}
# && \text{Jensen: log of a mean} \ge \text{mean of logs}\\
# &= \underbrace{\operatorname{E}_{z \sim q} \log p(x \mid z, c)}_{\text{it comes back}} -
# \underbrace{\mathrm{KL}\bigl(q(z \mid x, c)\,\|\,p(z)\bigr)}_{\text{the guess stays near } p(z)}
# \end{aligned}$$
#
# The last line is the *evidence lower bound*. It can be computed, and to raise it is to raise what we
# want, or to guess better. What is missing is exactly $\mathrm{KL}(q(z \mid x, c)\,\|\,p(z \mid x, c))$,
# which is 0 where $q$ is right: there it is an equality.

# %% [markdown]
# We do not have to believe it. In a world with one number, all of it can be computed: $x = 2z$ plus
# noise with a spread of 0.5. For $x = 1$ and several guesses $q$, a normal distribution with mean $m$
# and variance $v$:

# %%
w, s, x = 2.0, 0.5, 1.0


def log_normal(x, mean, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance)


right = 1 / (1 + w**2 / s**2)  # the variance of the true p(z | x)
guesses = {"far off": (-1, 0.5), "p(z)": (0, 1), "the true one": (right * w * x / s**2, right)}
for name, (m, v) in guesses.items():
    comes_back = log_normal(x, w * m, s**2) - 0.5 * w**2 * v / s**2
    kl = 0.5 * (v + m**2 - 1 - np.log(v))
    print(f"q {name:<13} {comes_back:7.2f} - {kl:5.2f} = {comes_back - kl:7.2f}")
print(f"log p(x)                        {log_normal(x, 0, w**2 + s**2):7.2f}")

# %% [markdown]
# ### 3.2 The KL term by hand
#
# The Kullback-Leibler divergence says how many *nats* (units of the natural logarithm; one bit is 0.69)
# one pays on average, on top, for describing draws from $q$ with a code made for $p$:
# $\mathrm{KL}(q\,\|\,p) = \operatorname{E}_{z \sim q} \log (q(z) / p(z))$. For one latent number with
# mean $\mu$ and variance $\sigma^2$ against a standard normal one:
#
# $$\log \frac{q(z)}{p(z)} = -\log \sigma - \frac{(z - \mu)^2}{2\sigma^2} + \frac{z^2}{2}
# \qquad \operatorname{E}(z - \mu)^2 = \sigma^2, \quad \operatorname{E} z^2 = \mu^2 + \sigma^2$$
#
# $$\mathrm{KL} = \tfrac{1}{2}\bigl(\sigma^2 + \mu^2 - 1 - \log \sigma^2\bigr)$$
#
# By hand, for $\mu = 1$ and $\sigma = 0.5$: $\tfrac{1}{2}(0.25 + 1 - 1 + 1.386) = 0.818$. The network
# gives the logarithm of the variance, so that no number is forbidden.


# %%
def kl_of(mu, log_variance):
    return 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance)


z = np.random.default_rng(0).normal(1, 0.5, 100_000)
drawn = (log_normal(z, 1, 0.25) - log_normal(z, 0, 1)).mean()
print(f"formula {kl_of(1.0, np.log(0.25)):.3f}, mean of 100,000 draws {drawn:.3f}")
for mu, sigma in ((0, 1), (0, 0.1), (2, 1), (2, 0.1)):
    print(f"mu {mu}, sigma {sigma:3}: {kl_of(mu, 2 * np.log(sigma)):5.2f} nats")

# %% [markdown]
# The term is 0 only where nothing is said: $\mu = 0$, $\sigma = 1$ for every clip. To be precise
# (small $\sigma$) costs, and to be special (large $\mu$) costs. So $z$ says what pays off, no more.
#
# ### 3.3 A slope through a die
#
# The bound has a mean over drawn $z$. How does one take the gradient of a draw? The trick of the
# paper: draw $\epsilon$ from a standard normal distribution, which depends on nothing, and put
# $z = \mu + \sigma \epsilon$. Now $z$ is an ordinary function of $\mu$ and $\sigma$
# (*reparameterisation*). The older way leaves the draw as it is and weighs results by
# $(z - \mu) / \sigma^2$. For the slope of $\operatorname{E}(z - 3)^2$ in $\mu$ at $\mu = 1$,
# $\sigma = 1$, which is $2(\mu - 3) = -4$:

# %%
epsilon = np.random.default_rng(0).standard_normal(100_000)
z = 1 + 1 * epsilon
slopes_of = {"through the draw": 2 * (z - 3), "weighed results": (z - 3) ** 2 * (z - 1)}
for name, slopes in slopes_of.items():
    print(f"{name:<17} mean {slopes.mean():5.2f}, spread of a single draw {slopes.std():5.1f}")

# %% [markdown]
# Both are right on average. The first is right with far fewer draws; one per clip is enough.
#
# ### 3.4 The loss
#
# Let the decoder's noise be normal with variance $\sigma_x^2$. Then $-\log p(x \mid z, c)$ is the
# squared error, divided by $2\sigma_x^2$, plus a constant. Multiply the bound by $-2\sigma_x^2$, call
# that number $\beta$, and it is a loss:
#
# $$\text{loss} = \sum_i (\hat x_i - x_i)^2 + \beta \sum_j \mathrm{KL}_j, \qquad \beta = 2\sigma_x^2$$
#
# So $\beta$ is no arbitrary weight: it says how much noise we allow. Mind the sums. Who takes a *mean*
# over the numbers of $x$ and a sum over those of $z$ has a $\beta$ that is larger by as many times as
# $x$ has numbers.

# %% [markdown]
# ## 4 PyTorch: two stages
#
# First an autoencoder that knows frames, then a VAE of its codes: each stage has one task. Images and
# videos of today's large models are made this way (Rombach et al., 2022).
#
# ### 4.1 Where it is, and what it is
#
# The ghost came from a code in which place and look are mixed. This encoder keeps them apart. Two maps
# of attention find the shape and the ground and take their colours. Measured along the line from one
# colour to the other, the frame becomes a mask; its moments are the *place*, as in chapter 03. The
# outline is read from waves around the centre: a square has four corners, a triangle three.

# %%
from vidlab.torch.models.initial import initialize


def pixel_grid(size, device):
    """x and y of the middle of each pixel, (size * size,), in a picture from -1 to 1."""
    middles = (torch.arange(size, device=device) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return x.flatten(), y.flatten()


# %%
class FrameEncoder(nn.Module):
    """Looks at a frame, and says what is there (the look) and where (the place).

    Convolutions find the shape and take its colour and that of the ground. The frame, measured
    along the line between these two colours, is a mask of the shape; its moments are the place,
    as in chapter 03, and its waves around the centre tell a square from a circle. Takes frames
    ``float32 (N, 3, size, size)`` in [0, 1], gives the look ``(N, 6 + outline_dim)`` and the
    place ``(N, 3)``: x and y in a picture that reaches from -1 to 1, and the logarithm of the
    size.
    """

    num_waves = 6

    def __init__(self, outline_dim=4, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.on_shape = nn.Conv2d(width, 4, 3, padding=1)
        self.on_ground = nn.Conv2d(width, 1, 1)
        self.hidden = nn.Linear(2 * self.num_waves + 2, 64)
        self.outline = nn.Linear(64, outline_dim)
        self.apply(initialize)

    def colors(self, frames):
        """The colours of shape and ground, (N, 3) each, where two maps of attention look."""
        mean = frames.mean(dim=(2, 3), keepdim=True)
        features = torch.relu(self.conv2(torch.relu(self.conv1(frames - mean))))
        energy = (self.on_shape(features) ** 2).sum(dim=1).flatten(1) + 1e-6
        on_shape = energy / energy.sum(dim=1, keepdim=True)  # (N, size * size / 4), adds up to 1
        on_ground = torch.softmax(self.on_ground(features).flatten(1), dim=1)
        both = torch.stack([on_shape, on_ground], dim=1)  # (N, 2, size * size / 4)
        small = nn.functional.avg_pool2d(frames, 2).flatten(2)
        colors = both @ small.transpose(1, 2)  # (N, 2, 3)
        return colors[:, 0], colors[:, 1]

    def forward(self, frames):
        shape, ground = self.colors(frames)
        line = (shape - ground)[:, None]  # (N, 1, 3)
        pixels = frames.flatten(2) - ground[:, :, None]  # (N, 3, size * size)
        mask = torch.relu(line @ pixels)[:, 0] / ((line**2).sum(dim=2) + 1e-4)
        weight = mask / (mask.sum(dim=1, keepdim=True) + 1e-3)  # adds up to 1

        x, y = pixel_grid(frames.shape[2], frames.device)
        mean_x, mean_y = weight @ x, weight @ y  # (N,)
        u, v = x - mean_x[:, None], y - mean_y[:, None]  # seen from the middle
        variance = (weight * (u * u + v * v)).sum(dim=1) + 1e-4
        place = torch.stack([mean_x, mean_y, 0.5 * torch.log(variance)], dim=1)

        distance = torch.sqrt(u * u + v * v + 1e-3 * variance[:, None])
        cos, sin = u / distance, v / distance
        waves, cos_k, sin_k = [], cos, sin
        for _ in range(self.num_waves):
            waves += [(weight * cos_k).sum(dim=1), (weight * sin_k).sum(dim=1)]
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        reach = (weight * distance).sum(dim=1) / variance.sqrt()
        seen = torch.stack([*waves, reach, place[:, 2]], dim=1)
        outline = self.outline(torch.relu(self.hidden(seen)))
        return torch.cat([shape, ground, outline], dim=1), place


# %% [markdown]
# ### 4.2 The painter
#
# It needs no convolution. Seen from the centre, an outline is a distance for each direction: one curve,
# written as a Fourier series. What is inside it gets the colour of the shape.


# %%
class FramePainter(nn.Module):
    """Paints a frame from a look and a place: a shape of one colour on a ground of another.

    Seen from the shape's centre, its outline lies at the distance R in the direction theta. R is
    a Fourier series whose coefficients a small network reads from the look:
    R(theta) = r + sum over k of (a_k cos(k theta) + b_k sin(k theta)). Takes looks
    ``(N, 6 + outline_dim)`` and places ``(N, 3)``, gives frames ``(N, 3, size, size)``.
    """

    def __init__(self, outline_dim=4, num_harmonics=9, size=32):
        super().__init__()
        self.num_harmonics, self.size = num_harmonics, size
        self.hidden = nn.Linear(outline_dim, 32)
        self.series = nn.Linear(32, 1 + 2 * num_harmonics)
        self.apply(initialize)

    def mask(self, outline, place):
        """Which pixels the shape covers, from 0 to 1: (N, size * size)."""
        x, y = pixel_grid(self.size, place.device)
        size = torch.exp(place[:, 2:])
        u = (x - place[:, 0:1]) / size  # (N, size * size): seen from the shape
        v = (y - place[:, 1:2]) / size
        distance = torch.sqrt(u * u + v * v + 1e-3)
        cos, sin = u / distance, v / distance

        series = self.series(torch.relu(self.hidden(outline)))
        radius = 0.7 + nn.functional.softplus(series[:, :1])  # never so small that it vanishes
        cos_k, sin_k = cos, sin
        for k in range(self.num_harmonics):
            a, b = series[:, 2 * k + 1, None], series[:, 2 * k + 2, None]
            radius = radius + a * cos_k + b * sin_k
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        pixels = (radius - distance) * size * self.size / 2  # from the outline, inwards
        return torch.sigmoid(3 * pixels)

    def forward(self, look, place):
        mask = self.mask(look[:, 6:], place)[:, None]  # (N, 1, size * size)
        shape, ground = look[:, :3, None], look[:, 3:6, None]
        frames = mask * shape + (1 - mask) * ground  # (N, 3, size * size)
        return frames.unflatten(2, (self.size, self.size))


# %% [markdown]
# This is a strong assumption: one shape, one colour, on a plain ground. It holds in our world, and that
# is why so few numbers suffice. Section 11 shows what becomes of it elsewhere.
#
# ### 4.3 Trained on pairs
#
# Nothing so far keeps the place out of the look. So each frame is painted with its own place and the
# look of *another* frame of the same clip. What differs between the two cannot hide in the look.


# %%
class FrameAutoencoder(nn.Module):
    """An encoder and a painter of frames that keep look and place apart.

    It learns from pairs of frames of one clip: each frame is painted with its own place and the
    look of the *other* frame. So nothing about the place can hide in the look. Takes frames
    ``float32 (N, 3, 32, 32)`` in [0, 1], gives frames of the same shape.
    """

    look_dim = 10
    place_dim = 3

    def __init__(self):
        super().__init__()
        self.encoder = FrameEncoder(self.look_dim - 6)
        self.painter = FramePainter(self.look_dim - 6)

    def encode(self, frames):
        """(N, 3, 32, 32) -> looks (N, 10) and places (N, 3)."""
        return self.encoder(frames)

    def decode(self, look, place):
        """Looks (N, 10) and places (N, 3) -> (N, 3, 32, 32)."""
        return self.painter(look, place)

    def forward(self, frames):
        return self.decode(*self.encode(frames))

    def training_loss(self, pairs):
        """The mean squared error of frames painted with their partner's look.

        Args:
            pairs: (N, 2, 3, 32, 32), two frames of one clip each.
        """
        first, second = pairs[:, 0], pairs[:, 1]
        look, place = self.encode(torch.cat([first, second]))
        look_of_second = look[len(first) :]
        return ((self.decode(look_of_second, place[: len(first)]) - first) ** 2).mean()


# %%
vt.set_seed(0)
painter = FrameAutoencoder()
pairs = latents.pairs_of_frames(train.frames)  # batches of 32 clips, two frames of each
history = vt.fit_loss(painter, pairs, num_steps=600, learning_rate=5e-3, progress=False)
print(history)
back = returned(painter, new.frames)
print(f"error {error_of(back, new.frames):.5f}")
print(f"R squared of the place in the code: {readable(painter.encode):.3f}")
grade("painted again", back, new.labels)

# %%
display.images([*new.frames[:6, 8], *back[:6, 8]], columns=6, title="Real frames; painted again")
line = halfway(painter.encode, painter.decode)
display.images(line, columns=5, title="A straight line, look and place apart")

# %% [markdown]
# The error is many times smaller, the place can be read off, and halfway is halfway.
#
# ### 4.4 Codes of whole clips
#
# Ten numbers of look and three of place for each of 16 frames. The look does not change, so one is
# enough. The path is smooth, so it is written as its eight slowest cosine waves. And each number is
# *standardised*: less its mean, divided by its spread over the training clips.

# %%
look, place = vt.encode_clips(painter, train.frames)
print(f"looks {look.shape}, places {place.shape}")
drift = look.std(axis=1).mean(axis=0) / look.mean(axis=1).std(axis=0)
print(f"the look drifts within a clip by {drift.mean():.0%} of what it differs between clips")
codes = latents.standardise(latents.join_codes(look, place), train.labels, 16)
smaller = train.frames[0].size / codes.codes.shape[1]
print(f"codes {codes.codes.shape}: {smaller:,.0f} times smaller than a clip")

# %%
waves = latents.cosine_waves(16)
turning = np.flatnonzero(train.labels == actions.index("clockwise"))[0]
figure, axes = display.new_axes(height=2.6)
for name, numbers, color in zip("xy", place[turning].T, display.LINE_COLORS, strict=False):
    axes.plot(numbers, "o", color=color, ms=4, label=f"{name} of each frame")
    for count, style in ((3, ":"), (8, "-")):
        smooth = waves[:, :count] @ (waves[:, :count].T @ numbers)
        axes.plot(smooth, style, color=color, label=f"{name} from {count} waves")
axes.set(xlabel="frame", ylabel="place, -1 to 1")
axes.legend(fontsize=8, ncols=2, loc="center")
display.show_figure(figure, "Places of a clockwise clip; dotted from 3 waves, lines from 8 waves.")

# %% [markdown]
# ### 4.5 A VAE of codes
#
# Dense layers with shortcuts. Both halves are told the class: the encoder, and the decoder, which is
# called `sample` since it makes codes from noise. `training_loss` is section 3 in three lines.


# %%
class ResidualBlock(nn.Module):
    """x plus what two dense layers make of x and a condition, both ``(N, width)``."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dense1 = nn.Linear(width, width)
        self.condition = nn.Linear(width, width)
        self.dense2 = nn.Linear(width, width)

    def forward(self, x, condition):
        hidden = self.dense1(self.norm(x)) + self.condition(condition)
        return x + self.dense2(nn.functional.silu(hidden))


# %%
class LatentVAE(nn.Module):
    """A conditional variational autoencoder of clip codes.

    Takes codes ``(N, code_dim)`` and classes ``(N,)``. Kingma and Welling (2014), "Auto-encoding
    variational Bayes"; conditional: Sohn, Lee and Yan (2015), "Learning structured output
    representation using deep conditional generative models".
    """

    def __init__(
        self,
        num_classes,
        code_dim=34,
        latent_dim=16,
        width=192,
        beta=0.2,
        condition=None,
    ):
        super().__init__()
        self.noise_shape, self.beta = (latent_dim,), beta
        self.condition = condition or nn.Embedding(num_classes, width)
        self.read = nn.Linear(code_dim, width)
        self.encoder = nn.ModuleList([ResidualBlock(width) for _ in range(2)])
        self.mean = nn.Linear(width, latent_dim)
        self.log_variance = nn.Linear(width, latent_dim)
        self.spread = nn.Linear(latent_dim, width)
        self.decoder = nn.ModuleList([ResidualBlock(width) for _ in range(3)])
        self.write = nn.Linear(width, code_dim)
        self.apply(initialize)

    def draws(self, rng, n):
        """The random numbers of ``training_loss`` for n codes: epsilon (n, latent_dim)."""
        return (rng.standard_normal((n, *self.noise_shape)),)

    def encode(self, codes, labels):
        """Codes (N, D) -> mean and logarithm of the variance of q(z | code), (N, latent_dim)."""
        x, condition = self.read(codes), self.condition(labels)
        for block in self.encoder:
            x = block(x, condition)
        return self.mean(x), self.log_variance(x).clamp(-10, 10)

    def sample(self, noise, labels):
        """z (N, latent_dim) -> codes (N, D)."""
        x, condition = self.spread(noise), self.condition(labels)
        for block in self.decoder:
            x = block(x, condition)
        return self.write(x)

    def forward(self, codes, labels):
        mu, _ = self.encode(codes, labels)
        return self.sample(mu, labels)

    def training_loss(self, codes, labels, epsilon):
        """Squared error plus beta times the Kullback-Leibler term, each summed over its numbers."""
        mu, log_variance = self.encode(codes, labels)
        z = mu + torch.exp(0.5 * log_variance) * epsilon
        error = ((self.sample(z, labels) - codes) ** 2).sum(dim=1)
        kl = 0.5 * (torch.exp(log_variance) + mu**2 - 1 - log_variance).sum(dim=1)
        return (error + self.beta * kl).mean()


# %% [markdown]
# ### 4.6 Training, and new clips
#
# `latents.items` draws batches of codes, labels and $\epsilon$. `averaged` keeps a running mean of the
# weights. `TwoStage` puts the painter behind the VAE, and `vt.generate` draws $z$ from a standard
# normal distribution: the training clips are not needed any more.

# %%
vt.set_seed(0)
vae = LatentVAE(num_classes=8, beta=0.2)
second = {"learning_rate": 2e-3, "averaged": True, "progress": False}
batches = latents.items(vae, codes.codes, codes.labels, batch_size=128)
history = vt.fit_loss(vae, batches, num_steps=1200, **second)
print(history)

# %%
asked = np.arange(400) % 8
made = vt.generate(vt.TwoStage(painter, vae, codes), asked, seed=1)
grade("two stages, VAE", made, asked)
display.grid(made[:16], [actions[c] for c in asked[:16]], columns=8, width=90)

# %% [markdown]
# Coloured shapes that move, turn and grow, from 16 random numbers each and in well under a minute of
# training. Nearly all of them do what was asked for. Look closely, and you find what a VAE is known for:
# colours that lie between the six, and outlines between two shapes.

# %% [markdown]
# ## 5 Keras: two stages
#
# The same models, layer by layer.
#
# ### 5.1 Where it is, and what it is

# %%
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow: fewer messages
import keras
from keras import layers, ops

logging.getLogger("tensorflow").setLevel(logging.ERROR)

import vidlab.keras as vk
from vidlab.keras.models.latent_generators import labels_shape


def grid_of_pixels(size):
    """x and y of the middle of each pixel, (1, size * size), in a picture from -1 to 1."""
    middles = (ops.arange(size, dtype="float32") + 0.5) * 2 / size - 1
    x, y = ops.meshgrid(middles, middles)
    return ops.reshape(x, (1, -1)), ops.reshape(y, (1, -1))


# %%
class FrameEncoder(layers.Layer):
    """Looks at a frame, and says what is there (the look) and where (the place).

    Convolutions find the shape and take its colour and that of the ground. The frame, measured
    along the line between these two colours, is a mask of the shape; its moments are the place,
    as in chapter 03, and its waves around the centre tell a square from a circle. Takes frames
    ``float32 (N, size, size, 3)`` in [0, 1], gives the look ``(N, 6 + outline_dim)`` and the
    place ``(N, 3)``: x and y in a picture that reaches from -1 to 1, and the logarithm of the
    size.
    """

    num_waves = 6

    def __init__(self, outline_dim=4, width=16):
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(width, 3, strides=2)
        self.conv2 = layers.Conv2D(width, 3, padding="same")
        self.on_shape = layers.Conv2D(4, 3, padding="same")
        self.on_ground = layers.Conv2D(1, 1)
        self.hidden = layers.Dense(64)
        self.outline = layers.Dense(outline_dim)

    def colors(self, frames):
        """The colours of shape and ground, (N, 3) each, where two maps of attention look."""
        mean = ops.mean(frames, axis=(1, 2), keepdims=True)
        features = ops.relu(self.conv2(ops.relu(self.conv1(self.pad(frames - mean)))))
        flat = (-1, features.shape[1] * features.shape[2])
        energy = ops.reshape(ops.sum(self.on_shape(features) ** 2, axis=3), flat) + 1e-6
        on_shape = energy / ops.sum(energy, axis=1, keepdims=True)  # (N, size * size / 4)
        on_ground = ops.softmax(ops.reshape(self.on_ground(features), flat), axis=1)
        both = ops.stack([on_shape, on_ground], axis=1)  # (N, 2, size * size / 4)
        small = ops.reshape(ops.average_pool(frames, 2, 2), (-1, flat[1], 3))
        colors = ops.matmul(both, small)  # (N, 2, 3)
        return colors[:, 0], colors[:, 1]

    def call(self, frames):
        shape, ground = self.colors(frames)
        line = (shape - ground)[:, None]  # (N, 1, 3)
        num_pixels = frames.shape[1] * frames.shape[2]
        pixels = ops.reshape(frames, (-1, num_pixels, 3)) - ground[:, None]
        mask = ops.relu(ops.sum(line * pixels, axis=2)) / (ops.sum(line**2, axis=2) + 1e-4)
        weight = mask / (ops.sum(mask, axis=1, keepdims=True) + 1e-3)  # adds up to 1

        x, y = grid_of_pixels(frames.shape[1])
        mean_x, mean_y = ops.sum(weight * x, axis=1), ops.sum(weight * y, axis=1)  # (N,)
        u, v = x - mean_x[:, None], y - mean_y[:, None]  # seen from the middle
        variance = ops.sum(weight * (u * u + v * v), axis=1) + 1e-4
        place = ops.stack([mean_x, mean_y, 0.5 * ops.log(variance)], axis=1)

        distance = ops.sqrt(u * u + v * v + 1e-3 * variance[:, None])
        cos, sin = u / distance, v / distance
        waves, cos_k, sin_k = [], cos, sin
        for _ in range(self.num_waves):
            waves += [ops.sum(weight * cos_k, axis=1), ops.sum(weight * sin_k, axis=1)]
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        reach = ops.sum(weight * distance, axis=1) / ops.sqrt(variance)
        seen = ops.stack([*waves, reach, place[:, 2]], axis=1)
        outline = self.outline(ops.relu(self.hidden(seen)))
        return ops.concatenate([shape, ground, outline], axis=1), place


# %% [markdown]
# ### 5.2 The painter


# %%
class FramePainter(layers.Layer):
    """Paints a frame from a look and a place: a shape of one colour on a ground of another.

    Seen from the shape's centre, its outline lies at the distance R in the direction theta. R is
    a Fourier series whose coefficients a small network reads from the look:
    R(theta) = r + sum over k of (a_k cos(k theta) + b_k sin(k theta)). Takes looks
    ``(N, 6 + outline_dim)`` and places ``(N, 3)``, gives frames ``(N, size, size, 3)``.
    """

    def __init__(self, outline_dim=4, num_harmonics=9, size=32):
        super().__init__()
        self.num_harmonics, self.size = num_harmonics, size
        self.hidden = layers.Dense(32)
        self.series = layers.Dense(1 + 2 * num_harmonics)

    def mask(self, outline, place):
        """Which pixels the shape covers, from 0 to 1: (N, size * size)."""
        x, y = grid_of_pixels(self.size)
        size = ops.exp(place[:, 2:])
        u = (x - place[:, 0:1]) / size  # (N, size * size): seen from the shape
        v = (y - place[:, 1:2]) / size
        distance = ops.sqrt(u * u + v * v + 1e-3)
        cos, sin = u / distance, v / distance

        series = self.series(ops.relu(self.hidden(outline)))
        radius = 0.7 + ops.softplus(series[:, :1])  # never so small that it vanishes
        cos_k, sin_k = cos, sin
        for k in range(self.num_harmonics):
            a, b = series[:, 2 * k + 1 : 2 * k + 2], series[:, 2 * k + 2 : 2 * k + 3]
            radius = radius + a * cos_k + b * sin_k
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        pixels = (radius - distance) * size * self.size / 2  # from the outline, inwards
        return ops.sigmoid(3 * pixels)

    def call(self, look, place):
        mask = self.mask(look[:, 6:], place)[:, :, None]  # (N, size * size, 1)
        shape, ground = look[:, None, :3], look[:, None, 3:6]
        frames = mask * shape + (1 - mask) * ground  # (N, size * size, 3)
        return ops.reshape(frames, (-1, self.size, self.size, 3))


# %% [markdown]
# ### 5.3 Trained on pairs
#
# In this section the training is shorter, for the time it takes; the table of section 10 has equal
# steps for both.


# %%
class FrameAutoencoder(keras.Model):
    """An encoder and a painter of frames that keep look and place apart.

    It learns from pairs of frames of one clip: each frame is painted with its own place and the
    look of the *other* frame. So nothing about the place can hide in the look. Takes frames
    ``float32 (N, 32, 32, 3)`` in [0, 1], gives frames of the same shape.
    """

    look_dim = 10
    place_dim = 3

    def __init__(self):
        super().__init__()
        self.encoder = FrameEncoder(self.look_dim - 6)
        self.painter = FramePainter(self.look_dim - 6)
        self(keras.Input((32, 32, 3)))

    def encode(self, frames):
        """(N, 32, 32, 3) -> looks (N, 10) and places (N, 3)."""
        return self.encoder(frames)

    def decode(self, look, place):
        """Looks (N, 10) and places (N, 3) -> (N, 32, 32, 3)."""
        return self.painter(look, place)

    def call(self, frames):
        return self.decode(*self.encode(frames))

    def training_loss(self, pairs):
        """The mean squared error of frames painted with their partner's look.

        Args:
            pairs: (N, 2, 32, 32, 3), two frames of one clip each.
        """
        first, second = pairs[:, 0], pairs[:, 1]
        look_of_second, _ = self.encode(second)
        _, place = self.encode(first)
        return ops.mean((self.decode(look_of_second, place) - first) ** 2)


# %%
vk.set_seed(0)
keras_painter = FrameAutoencoder()
history = vk.fit_loss(keras_painter, pairs, num_steps=300, learning_rate=5e-3, progress=False)
print(history)
keras_back = ops.convert_to_numpy(keras_painter(flat[:640] / np.float32(255))) * 255
print(f"error {error_of(keras_back, flat[:640]):.5f}")

# %% [markdown]
# ### 5.4 Codes of whole clips

# %%
keras_raw = latents.join_codes(*vk.encode_clips(keras_painter, train.frames))
keras_codes = latents.standardise(keras_raw, train.labels, 16)
print(f"codes {keras_codes.codes.shape}")

# %% [markdown]
# ### 5.5 A VAE of codes


# %%
class ResidualBlock(layers.Layer):
    """x plus what two dense layers make of x and a condition, both ``(N, width)``."""

    def __init__(self, width):
        super().__init__()
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.dense1 = layers.Dense(width)
        self.condition = layers.Dense(width)
        self.dense2 = layers.Dense(width)

    def call(self, x, condition):
        hidden = self.dense1(self.norm(x)) + self.condition(condition)
        return x + self.dense2(ops.silu(hidden))


# %%
class LatentVAE(keras.Model):
    """A conditional variational autoencoder of clip codes.

    Takes codes ``(N, code_dim)`` and classes ``(N,)``. Kingma and Welling (2014), "Auto-encoding
    variational Bayes"; conditional: Sohn, Lee and Yan (2015), "Learning structured output
    representation using deep conditional generative models".
    """

    def __init__(
        self,
        num_classes,
        code_dim=34,
        latent_dim=16,
        width=192,
        beta=0.2,
        condition=None,
    ):
        super().__init__()
        self.noise_shape, self.beta = (latent_dim,), beta
        self.condition = condition or layers.Embedding(
            num_classes, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0)
        )
        self.read = layers.Dense(width)
        self.encoder = [ResidualBlock(width) for _ in range(2)]
        self.mean = layers.Dense(latent_dim)
        self.log_variance = layers.Dense(latent_dim)
        self.spread = layers.Dense(width)
        self.decoder = [ResidualBlock(width) for _ in range(3)]
        self.write = layers.Dense(code_dim)
        self(ops.zeros((1, code_dim)), ops.zeros(labels_shape(condition), "int32"))

    def draws(self, rng, n):
        """The random numbers of ``training_loss`` for n codes: epsilon (n, latent_dim)."""
        return (rng.standard_normal((n, *self.noise_shape)),)

    def encode(self, codes, labels):
        """Codes (N, D) -> mean and logarithm of the variance of q(z | code), (N, latent_dim)."""
        x, condition = self.read(codes), self.condition(labels)
        for block in self.encoder:
            x = block(x, condition)
        return self.mean(x), ops.clip(self.log_variance(x), -10, 10)

    def sample(self, noise, labels):
        """z (N, latent_dim) -> codes (N, D)."""
        x, condition = self.spread(noise), self.condition(labels)
        for block in self.decoder:
            x = block(x, condition)
        return self.write(x)

    def call(self, codes, labels):
        mu, _ = self.encode(codes, labels)
        return self.sample(mu, labels)

    def training_loss(self, codes, labels, epsilon):
        """Squared error plus beta times the Kullback-Leibler term, each summed over its numbers."""
        mu, log_variance = self.encode(codes, labels)
        z = mu + ops.exp(0.5 * log_variance) * epsilon
        error = ops.sum((self.sample(z, labels) - codes) ** 2, axis=1)
        kl = 0.5 * ops.sum(ops.exp(log_variance) + mu**2 - 1 - log_variance, axis=1)
        return ops.mean(error + self.beta * kl)


# %% [markdown]
# ### 5.6 Training, and new clips

# %%
vk.set_seed(0)
keras_vae = LatentVAE(num_classes=8, beta=0.2)
batches = latents.items(keras_vae, keras_codes.codes, keras_codes.labels, batch_size=128)
history = vk.fit_loss(keras_vae, batches, num_steps=600, **second)
print(history)
keras_made = vk.generate(vk.TwoStage(keras_painter, keras_vae, keras_codes), asked, seed=1)
grade("two stages, VAE", keras_made, asked)
display.grid(keras_made[:8], [actions[c] for c in asked[:8]], columns=8, width=90)

# %% [markdown]
# ## 6 Same weights, same answer
#
# PyTorch's weights in the Keras models. The noise comes from NumPy, so both should make the same clips.

# %%
from vidlab import weights

twins = vk.FrameAutoencoder(), vk.LatentVAE(num_classes=8, beta=0.2)
for source, twin in zip((painter, vae), twins, strict=True):
    weights.copy_weights(source, twin)
same = vk.generate(vk.TwoStage(*twins, codes), asked[:40], seed=1)
gap = np.abs(same.astype(int) - made[:40])
print(f"{gap.size:,} numbers, largest difference {gap.max()} of 255 grey levels")

# %% [markdown]
# ## 7 What the KL buys
#
# ### 7.1 Without it, and with too much of it
#
# Four VAEs that differ in $\beta$ alone: next to none, ours, a lot, and too much. All have 500 steps. Each
# is asked twice. Once it may *see* a new clip and has to give back its code: that is what an autoencoder
# is trained for. And once it has to *make one up*, from a random $z$.

# %%
new_raw = latents.join_codes(*vt.encode_clips(painter, new.frames))
new_codes = torch.from_numpy(((new_raw - codes.mean) / codes.spread).astype(np.float32))
new_labels = torch.from_numpy(new.labels.astype(np.int64))
vaes = {}
for beta in (0.0005, 0.2, 5.0, 30.0):
    vt.set_seed(0)
    vaes[beta] = vt.LatentVAE(num_classes=8, beta=beta)
    batches = latents.items(vaes[beta], codes.codes, codes.labels, batch_size=128)
    vt.fit_loss(vaes[beta], batches, num_steps=500, **second)

# %%
first, said, nats = [], {}, {}  # four clips of each, what the judge sees, nats
for beta, model in vaes.items():
    with torch.no_grad():
        mu, log_variance = model.encode(new_codes, new_labels)
        error = ((model.sample(mu, new_labels) - new_codes) ** 2).mean()
    nats[beta] = kl_of(mu.numpy(), log_variance.numpy()).sum(axis=1)  # of each clip
    kl, active = nats[beta].mean(), int((mu.var(dim=0) > 0.01).sum())
    print(f"beta {beta:<7}error {error:.3f}, KL {kl:5.1f} nats, {active} of 16 latents active")
    made_up = vt.generate(vt.TwoStage(painter, model, codes), asked, seed=1)
    grade("   made up:", made_up, asked)
    first.append(made_up[:4])
    said[beta] = vt.judge(judge, made_up).action.argmax(axis=1)

# %%
print(f"{'right, and nats:':<16}" + "".join(f"{f'beta {beta}':>16}" for beta in vaes))
for action, name in enumerate(actions):
    line = f"{name:<16}"
    for beta in vaes:
        right = (said[beta][asked == action] == action).mean()
        line += f"{right:>9.0%}{nats[beta][new.labels == action].mean():7.1f}"
    print(line)

# %%
names = [f"beta {beta}: {actions[c]}" for beta in vaes for c in range(4)]
display.grid(np.concatenate(first), names, columns=4, width=130)

# %% [markdown]
# - **Next to none.** What it sees comes back best. But the codes $z$ of real clips fill a
#   strange small part of the space, and a random $z$ lies elsewhere: what it makes up is often wrong.
# - **Too much.** To say anything costs too much. The latents fall silent: $q(z \mid x, c) = p(z)$ for each
#   clip. The decoder paints the mean of the class, the same for every $z$. That is *posterior collapse*.
#   It loses the two turning actions: turns begin at any angle, so the mean of their paths hardly moves.
# - **A lot.** Nearly collapsed. The few nats that are left go where the class alone does not tell the
#   motion, to the turns. So every action is right, but nearly all clips of a class look alike.
# - **Ours.** The error is larger than without KL, and the made-up clips are better. **A lower error
#   does not mean better samples.** That is what the KL buys.
#
# ### 7.2 Beta, swept
#
# The committed experiment, with equal steps for all:

# %%
import csv

places = (Path("results"), Path("../results"))  # seen from notebooks/ and from solutions/
folder = next(place for place in places if place.exists())


def table(name):
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def middle(rows, field, **wanted):
    """The median of a column, in the rows that agree with what is wanted."""
    return np.median([float(r[field]) for r in rows if all(r[k] == v for k, v in wanted.items())])


sweep = table("07_betas")
betas = sorted({r["beta"] for r in sweep}, key=float)
COLUMNS = {
    "error": "error", "KL": "kl", "active": "active", "class": "prior_class",
    "distance": "prior_frechet", "class, fitted": "fitted_class",
    "distance, fitted": "fitted_frechet",
}  # fmt: skip
num_seeds = len({r["seed"] for r in sweep})
print(f"made by: {sweep[0]['command']}; seeds: {num_seeds}, medians")
print(f"{'':<10}{'beta':>7}" + "".join(f"{name:>{max(9, len(name) + 2)}}" for name in COLUMNS))
for framework in ("torch", "keras"):
    for beta in betas if any(r["framework"] == framework for r in sweep) else ():
        line = f"{framework:<10}{beta:>7}"
        for name, field in COLUMNS.items():
            value = middle(sweep, field, framework=framework, beta=beta)
            line += f"{value:{max(9, len(name) + 2)}.{3 if field == 'error' else 2}f}"
        print(line)

# %%
SHOWN = {"error": "error of new codes", "active": "active latents", "prior_frechet": "distance"}
figure = display.new_axes(height=2.6)[0]
figure.clear()
for axes, (field, title) in zip(figure.subplots(1, 3), SHOWN.items(), strict=True):
    for framework, color in zip(("torch", "keras"), display.LINE_COLORS, strict=False):
        rows = [r for r in sweep if r["framework"] == framework]
        if rows:
            dots = np.array([(float(r["beta"]), float(r[field])) for r in rows])
            axes.plot(*dots.T, "o", ms=4, color=color, label=framework)
            line = np.array([(float(b), middle(rows, field, beta=b)) for b in betas])
            axes.plot(*line.T, color=color)
    axes.set(xscale="log", xlabel="beta", title=title)
axes.legend(fontsize=8, title="dot: a seed, line: median", title_fontsize=8)
display.show_figure(figure, "Error, active latents and distance against beta; a dot for each seed.")

# %% [markdown]
# From $\beta = 0.2$ on, what comes back gets worse. What is made up is nearest to real clips in
# between. Mind the class at $\beta = 5$: nearly silent, this model is as consistent as any. Class
# consistency alone would praise it; the distance tells. At $\beta = 30$ the turns are lost, as above, and
# six actions of eight are left.
#
# A remedy for a small $\beta$ shows what goes wrong there. If $z$ is drawn from a normal distribution
# *fitted* to the $z$ of each class's training clips, the samples are good again. Then it is the
# fitted distribution that knows which $z$ are likely, and the VAE has become an autoencoder.

# %% [markdown]
# ## 8 Walks in the latent space
#
# ### 8.1 One number at a time
#
# All latents are 0 but one. The slider plays the clip for its value (in tenths). The latents are
# sorted: number 0 is the most active one. Underneath, the same as a sheet.

# %%
stages = vt.TwoStage(painter, vae, codes)
with torch.no_grad():
    mu, _ = vae.encode(new_codes, new_labels)
order = mu.var(dim=0).argsort(descending=True)


def paint(z, labels):
    """Latents (N, 16) and labels (N,) -> clips, uint8 (N, 16, 32, 32, 3)."""
    labels = torch.as_tensor(np.asarray(labels, np.int64))
    with torch.no_grad():
        made_up = vae.sample(torch.as_tensor(z, dtype=torch.float32), labels)
    return painted(stages.paint, made_up)


def walk(action, latent, value):
    """A clip whose latents are 0, but one."""
    z = np.zeros((1, 16))
    z[0, order[latent]] = value / 10
    return paint(z, [actions.index(action)])[0]


# %%
display.explore(walk, action=actions, latent=(0, 15), value=(-25, 25))

# %%
settings = [(latent, value) for latent in (0, 1, 2) for value in (-20, -10, 0, 10, 20)]
sheet = [walk("right", *setting) for setting in settings]
display.grid(sheet, [f"latent {k}: {v / 10:+.0f}" for k, v in settings], columns=5, width=110)

# %% [markdown]
# Each number changes several things at once, such as colour and place together. Nothing in the loss asks
# for numbers that mean one thing each.
#
# ### 8.2 From one clip to another
#
# Two real clips of one action. Above, their pixels are blended; below, their latents. Only the first and
# the last are (nearly) real.

# %%
first, last = np.flatnonzero(new.labels == actions.index("up"))[[0, 3]]
shares = np.linspace(0, 1, 5)
ends = new.frames[[first, last]].astype(float)
blended = [((1 - s) * ends[0] + s * ends[1]).round().astype(np.uint8) for s in shares]
line = (1 - shares[:, None]) * mu[first].numpy() + shares[:, None] * mu[last].numpy()
between = paint(line, [actions.index("up")] * 5)
names = [f"{what} {s:.0%}" for what in ("pixels", "latents") for s in shares]
display.grid([*blended, *between], names, columns=5, width=110)

# %% [markdown]
# Every clip of the lower row is a clip: one shape, one colour, one path. The blend in pixels shows both
# at once.
#
# ### 8.3 Motion of one, colour of another
#
# Three ways to combine two clips. **Code**: the path of one, and the shape's colour (three numbers of
# the look) of the other. **Label**: the latents stay, and the class changes. **Arithmetic**: to the
# latents of blue clips add the mean of red ones less the mean of blue ones; and of circles, to make them
# squares. The judge says how often action, colour and shape are as wanted.

# %%
raw = new_codes.numpy()
partner = np.random.default_rng(0).permutation(len(raw))
mixed = raw.copy()
mixed[:, :3] = raw[partner, :3]  # the colour of the shape
by_code = painted(stages.paint, mixed)
back = paint(mu, new.labels)
by_label = paint(mu, new.labels[partner])

color, action = new.attributes["color"], np.array(actions)[new.labels]
z, is_red, is_blue = mu.numpy(), color == "red", color == "blue"
reddened = paint(z[is_blue] + z[is_red].mean(axis=0) - z[is_blue].mean(axis=0), new.labels[is_blue])
shape = new.attributes["shape"]
is_circle, is_square = shape == "circle", shape == "square"
squared = paint(
    z[is_circle] + z[is_square].mean(axis=0) - z[is_circle].mean(axis=0), new.labels[is_circle]
)

# %%
for name, frames, wanted in (
    ("nothing changed", back, (action, color, shape)),
    ("code: other colour", by_code, (action, color[partner], shape)),
    ("label: other motion", by_label, (action[partner], color, shape)),
    ("arithmetic: red", reddened, (action[is_blue], ["red"] * is_blue.sum(), shape[is_blue])),
    (
        "arithmetic: square",
        squared,
        (action[is_circle], color[is_circle], ["square"] * is_circle.sum()),
    ),
):
    kinds = dict(zip(("action", "color", "shape"), wanted, strict=True))
    found = metrics.attribute_accuracy(vt.judge(judge, frames), **kinds)
    print(f"{name:<20}", *(f"{kind} {share:4.0%} " for kind, share in found.items()))

# %%
pairs_shown = [k for k in range(40) if color[k] != color[partner[k]]][:4]
sheet = [f[k] for k in pairs_shown for f in (new.frames, new.frames[partner], by_code, by_label)]
names = ["clip A", "clip B", "A, colour of B", "A, motion of B"] * 4
display.grid(sheet, names, columns=4, width=120)

# %% [markdown]
# To swap numbers of the *code* works, because we made a code in which colour has numbers of its own. To
# change the label keeps most of the rest: the latents hold what the label does not say. The
# famous arithmetic with *latents* works well for the colour, although nobody asked the latents for that. For
# the outline it works less often: one direction for all clips does not turn every circle into a square.

# %% [markdown]
# ## 9 In one piece
#
# Why two stages? Because it is easier. Here is the other way: encoder, latents and decoder of whole
# clips, trained together with the loss of section 3 (`vt.ClipVAE`). With the decoder "2d" the painter of
# section 4 paints four frames of each clip per step. With "3d", transposed 3D convolutions make all 16
# at once: a block of 2 x 4 x 4 becomes 16 x 32 x 32. It is told no class. To ask for one, we fit
# a normal distribution to the latents of the training clips of that class.
#
# Mind the weight: its loss takes the *mean* over the numbers of a clip. So its `beta` of 0.00001 is 0.5
# in the units of section 3.4.


# %%
def per_class(rows, labels):
    """Draw, for each asked class, from a normal distribution fitted to its rows (N, D)."""
    rng, drawn = np.random.default_rng(0), np.zeros((len(asked), rows.shape[1]), np.float32)
    for label in range(8):
        mine = rows[labels == label]
        count = (asked == label).sum()
        drawn[asked == label] = rng.multivariate_normal(mine.mean(axis=0), np.cov(mine.T), count)
    return drawn


# %%
one_piece, batches_of_clips = {}, np.split(train.frames[:800], 20)
for decoder in ("2d", "3d"):
    vt.set_seed(0)
    model = vt.ClipVAE(decoder=decoder)
    batches = latents.items(model, train.frames, train.labels, batch_size=16)
    history = vt.fit_loss(model, batches, num_steps=60, learning_rate=5e-3, progress=False)
    back = painted(model, to_torch(new.frames[:100]), 20)
    error = error_of(back, new.frames[:100])
    print(f"{decoder}: {history.seconds:.0f} s, error {error:.4f}")
    with torch.no_grad():
        seen = zip(*(model.encode(to_torch(clips)) for clips in batches_of_clips), strict=True)
        means, log_variances = (torch.cat(parts).numpy() for parts in seen)
    kl = kl_of(means, log_variances).mean(axis=0)  # (34,): nats in each latent
    largest = kl.argmax()
    print(f"    KL {kl.sum():.0f} nats, times beta {model.beta * kl.sum():.4f}")
    print(f"    latent {largest} alone: {kl.max():.0f}, its mean {means[:, largest].mean():.0f}")
    drawn = {
        "N(0, I)": np.random.default_rng(0).standard_normal((400, 34)).astype(np.float32),
        "fitted": per_class(means, train.labels[:800]),
    }
    for name, z in drawn.items():
        frames = painted(model.decode, z, 20)
        grade(f"{decoder} {name}", frames, asked)
        one_piece[f"{decoder} {name}"] = frames[:4]

# %%
sheet = np.concatenate(list(one_piece.values()))
names = [f"{name}: {actions[c]}" for name in one_piece for c in range(4)]
display.grid(sheet, names, columns=4, width=120)

# %% [markdown]
# - **2d, N(0, I).** With the painter, one piece learns fast. But its latents begin as the raw code, five
#   times as large and not standardised. One of them, latent 12, is the size, and lies far from 0. The KL
#   term is most of the loss, but these few steps cannot pull the latents to $N(0, I)$. So random $z$ lie
#   elsewhere.
# - **2d, fitted.** A fitted distribution knows where the $z$ of real clips are: nearly all clips do what
#   was asked for. The outlines have not been learned yet.
# - **3d, both.** With transposed convolutions the decoder knows nothing of shapes. After so few steps it
#   paints an empty ground, and its error is still above that of the mean of all clips.
#
# The table below has more steps.

# %% [markdown]
# ## 10 The whole table
#
# The committed experiment has more steps and several seeds (medians). Judged are 1,000 clips against 1,000 real
# ones, so the distances are smaller than above. *Distance* is the Frechet distance, *nearest* the
# median distance to the nearest training clip. Flow matching is a third kind of second
# stage; chapter 09a explains it.
#
# All were trained on 3,000 clips. *Steps* are those of the last stage, *s* includes the first. The
# machine was shared: take the seconds as rough.

# %%
results = table("07_vae")
models = list(dict.fromkeys(r["model"] for r in results))
FIELDS = {
    "steps": ("steps", ".0f"), "s": ("seconds", ".0f"), "error": ("error", ".5f"),
    "place": ("place_r2", ".2f"), "class": ("class_consistency", ".1%"),
    "distance": ("frechet", ".2f"), "colours": ("colors", ".2f"), "shapes": ("shapes", ".2f"),
    "nearest": ("nearest", ".4f"),
}  # fmt: skip


def row_of(framework, model):
    """One line: the medians over the seeds, empty where nothing was measured."""
    rows = [r for r in results if (r["framework"], r["model"]) == (framework, model)]
    cells = []
    for field, kind in FIELDS.values():
        found = [float(r[field]) for r in rows if r[field]]
        cells.append(f"{np.median(found):{kind}}" if found else "-")
    return "".join(f"{cell:>9}" for cell in cells)


for framework in ("torch", "keras"):
    print(f"\n{framework:<24}" + "".join(f"{name:>9}" for name in FIELDS))
    for model in models:
        print(f"{model:<24}{row_of(framework, model)}")

# %% [markdown]
# What the table says:
#
# - **The first stage decides.** The plain autoencoder has taken more than twice the steps. Its place can be
#   read off half as well, and what a VAE makes of its codes is poor.
# - **The painter is the floor.** Clips that are only painted again, with their own codes, have a distance of
#   about 1. No generator behind it can be much better.
# - **The VAE is hardly better than a normal distribution per class.** A few more clips do what was asked
#   for. Its distance is about the same. Section 11 comes back to this.
# - **Flow matching halves the distance** (with 2.5 times the steps), and nearly every clip does what was
#   asked for, in both frameworks.
# - **One piece.** With the painter, and with $z$ from a fitted distribution, most clips do what was asked
#   for. The 3D decoder has not learned motion in these steps.
# - **Nearest.** Clips of the VAE and the flow are somewhat nearer to training clips than new real clips
#   are. But the smallest distances belong to some of the worst models. Section 11 shows what is near.

# %% [markdown]
# ## 11 A control that could prove us wrong
#
# Three doubts, and a test for each.
#
# ### 11.1 Are they copies?
#
# A generator that plays back its training clips would score perfectly. So: how far is a generated clip
# from the nearest training clip, and how far are new real clips, which nobody can have copied?

# %%
which, distance = metrics.nearest_clips(made[:100], train.frames, max_bytes=50_000_000)
_, of_real = metrics.nearest_clips(other.frames[:100], train.frames, max_bytes=50_000_000)
print(f"generated clips: median {np.median(distance):.4f}, smallest {distance.min():.4f}")
print(f"new real clips:  median {np.median(of_real):.4f}, smallest {of_real.min():.4f}")
close = distance.argsort()[:4]
sheet = np.concatenate([made[close], train.frames[which[close]]])
names = [f"asked for: {actions[asked[k]]}" for k in close]
columns = (train.attributes[name][which[close]] for name in ("color", "shape", "action"))
names += [f"nearest: {c} {s}, {a}" for c, s, a in zip(*columns, strict=True)]
display.grid(sheet, names, columns=4, width=120)


# %%
def contrast(clips):
    """How much clips differ from their ground: mean squared difference, median over clips."""
    return np.median([np.square((c - np.median(c, axis=(0, 1, 2))) / 255).mean() for c in clips])


same = (train.labels[which] == asked[:100]).mean()
print(f"neighbours with the action that was asked for: {same:.0%}")
for name, clips in (
    ("real clips", other.frames[:100]),
    ("generated clips", made[:100]),
    ("neighbours", train.frames[which]),
):
    print(f"contrast of {name:<16}{contrast(clips):.4f}")

# %% [markdown]
# Above, the generated clips that are nearest to training clips; below, their neighbours. None is equal.
# But look: most neighbours have another action, and the shape may be another, too. Between pixels the
# ground counts most, and pale or small shapes are near to everything: the neighbours have little
# contrast. The generated clips have less than real ones, too, and that alone can make them nearer. In
# section 10, some of the worst models have the smallest distance. So this test finds exact copies, and says
# nothing more.
#
# ### 11.2 Is the VAE needed at all?
#
# The code has 34 numbers. Perhaps a normal distribution, fitted to the codes of each class, does as
# well. It needs no training.

# %%
fitted = painted(stages.paint, per_class(codes.codes, codes.labels))
grade("normal distribution", fitted, asked)
grade("VAE", made, asked)

# %% [markdown]
# In this run it is as good, or better; with more steps and clips (section 10) the VAE does a little more
# often what was asked for. That is worth knowing before one praises a network. Most of the work is done by
# the first stage: in a good code, even a simple distribution is a fair generator. What it cannot do is make
# several bumps, such as six separate colours or three outlines; neither can a VAE easily, since its $z$ is
# one bump, too. The flow of section 10 can.
#
# ### 11.3 How much did it learn, and how much did we build in?
#
# The place is found by an encoder that has not been trained at all. And what if frames are not one shape
# on a plain ground? The same training, on clips with two shapes and on clips with textures:


# %%
def trained_on(clips):
    """A frame autoencoder, trained like that of section 4."""
    vt.set_seed(0)
    model, batches = vt.FrameAutoencoder(), latents.pairs_of_frames(clips)
    vt.fit_loss(model, batches, num_steps=600, learning_rate=5e-3, progress=False)
    return model


vt.set_seed(0)
print(f"R squared of the place, no training: {readable(vt.FrameAutoencoder().encode):.3f}")
elsewhere = {
    "two shapes": {**options, "num_shapes": 2},
    "textures": {**options, "difficulty": "medium"},
}
shown = []
for name, chosen in elsewhere.items():
    frames = world.generate(50, split="val", seed=0, **chosen).frames
    model = trained_on(world.generate(2000, seed=0, **chosen).frames)
    back, still = returned(model, frames), np.median(frames, axis=1, keepdims=True)
    print(f"{name}: error {error_of(back, frames):.4f}, median frame {error_of(still, frames):.4f}")
    shown += [*frames[:3, 8], *back[:3, 8]]
title = "left: real, right: what comes back; above two shapes, below textures"
display.images(shown, columns=6, title=title)

# %% [markdown]
# So there it is. The place is built in. Two shapes become one blob with a waist. A texture becomes a plain
# ground with a pale shape, now and then of another size and outline; the error is not far from that of
# the clip's own median, which knows no motion. **This autoencoder knows our world because we wrote our
# world into it.** The VAE behind it has no such knowledge: it would learn other codes just as well.
# Real systems learn both stages from very many clips, and their first stage is a large convolutional
# network.

# %% [markdown]
# ## 12 Outlook: what does not come back is strange
#
# A machine that knows ordinary clips paints unusual ones badly. That is a way to find what nobody has
# labelled. The score of a clip is its error. How often is the score of a strange clip above that of an
# ordinary one (the area under the ROC curve; 50 % is chance)?

# %%
rng = np.random.default_rng(0)
strange = {
    "two shapes": world.generate(100, split="test", seed=1, **elsewhere["two shapes"]).frames,
    "frames shuffled": np.stack([clip[rng.permutation(16)] for clip in other.frames[:100]]),
}


def frame_scores(frames):
    """Each clip's error when its frames are painted one by one."""
    gap = (returned(painter, frames) - frames.astype(float)) / 255
    return np.square(gap).mean(axis=(1, 2, 3, 4))


def clip_scores(frames):
    """Each clip's error when it is painted from its code: one look, and eight slow waves."""
    raw = latents.join_codes(*vt.encode_clips(painter, frames))
    back = painted(stages.paint, (raw - codes.mean) / codes.spread)
    return np.square((back - frames.astype(float)) / 255).mean(axis=(1, 2, 3, 4))


# %%
for what, scores in (("frame by frame", frame_scores), ("as a whole clip", clip_scores)):
    ordinary = scores(new.frames[:100])
    for name, frames in strange.items():
        above = (scores(frames)[:, None] > ordinary).mean()
        print(f"{what:<16}{name:<16}{above:4.0%}")

# %% [markdown]
# Frame by frame, a shuffled clip looks ordinary: each of its frames is. Only a model of *motion* notices.
# An error says that something is unlike the training clips, and nothing more.

# %% [markdown]
# ## 13 Playground
#
# Train the second stage with your own $\beta$, and watch the clips that it makes up. They come from
# random $z$; the bars beside a clip are the judge's opinion.

# %%
from vidlab.playground import (
    Choice,
    PredictFirst,
    Preset,
    Range,
    Ready,
    Record,
    Samples,
    playground,
)  # fmt: skip

rooms = {"torch": (vt, painter), "keras": (vk, twins[0])}
shown_labels = np.array([0, 3, 4, 5, 6, 7])


def means_of(room, model):
    """The mean of q(z | x, c) for all new clips, (N, latents)."""
    if room is vt:
        with torch.no_grad():
            return model.encode(new_codes, new_labels)[0].numpy()
    return ops.convert_to_numpy(model.encode(raw, new.labels)[0])


def how_many(active, latent_dim):
    """One of the three answers to the question."""
    return "none" if active == 0 else "all" if active == latent_dim else "some"


# %%
@playground(
    title="A VAE of clips: how much may it say?",
    presets=[
        Preset("in between", "Most clips do what was asked for."),
        Preset("no KL", "It remembers well and invents badly.", {"beta": 0.0005}),
        Preset("collapse", "No latent is active: all clips of a class are alike.", {"beta": 30.0}),
        Preset("two latents", "Two numbers for colours, shape and path.", {"latent_dim": 2}),
        Preset("too fast", "A learning rate that it cannot stand.", {"learning_rate": 0.1}),
    ],
    predict_first=PredictFirst(
        "How many latents will be active at the end?",
        ("none", "some", "all"),
        lambda run: how_many(run.last()["val active latents"], run.settings["latent_dim"]),
    ),
)
def recipe(
    framework: Choice("torch", "keras") = "torch",
    beta: Range(0.0005, 100.0, log=True) = 0.2,
    latent_dim: Range(1, 32, unit="latents") = 16,
    learning_rate: Range(1e-4, 0.1, log=True, live=True) = 2e-3,
    num_steps: Range(100, 3000, step=100, unit="steps") = 800,
    batch_size: Range(16, 256, step=16, unit="codes") = 128,
    seed: Range(0, 9) = 0,
):
    """Train a VAE of clip codes; the panel shows the clips that it makes up."""
    room, frame_painter = rooms[framework]
    room.set_seed(seed)
    model = room.LatentVAE(num_classes=8, latent_dim=latent_dim, beta=beta)
    whole = room.TwoStage(frame_painter, model, codes)
    steps = room.loss_steps(
        model,
        latents.items(model, codes.codes, codes.labels, batch_size),
        num_steps=num_steps,
        learning_rate=learning_rate.scheduled("cosine", num_steps),
        seed=seed,
    )

    def samples():
        return Samples(room.generate(whole, shown_labels, seed=1), shown_labels, actions)

    def measures():
        """How many latents vary over the new clips."""
        return {"active latents": float((means_of(room, model).var(axis=0) > 0.01).sum())}

    yield Ready(
        num_steps=num_steps,
        compile=steps.compile,
        num_parameters=room.count_parameters(model),
        data_bytes=codes.codes.nbytes,
        samples=samples(),
        predict=lambda frames: vt.judge(judge, frames).action,
    )
    for record in steps:
        rest = {}
        if record.step % 100 == 0 or record.step == num_steps:
            rest = {"metrics": measures(), "samples": samples()}
        losses = {"loss": record.loss}
        yield Record(record.step, losses, learning_rate=record.learning_rate, **rest)


# %%
runs = {
    "beta 0.2": recipe.run(num_steps=200),
    "beta 30": recipe.run(num_steps=200, beta=30.0),
}
for name, run in runs.items():
    print(f"{name:<10}{run}")

# %%
recipe.show(examples=runs)

# %% [markdown]
# ## 14 Exercises
#
# Write your answer where the cell says `# your code here`, run it, then run the cell below it. All of
# them are NumPy.
#
# ### Exercise 1: KL by hand
#
# The KL term of section 3.2 for a batch, in nats: one number for each clip, the sum over its latents.


# %% exercise="07.kl"
def kl(mu, log_variance):
    """mu, log_variance: (N, latents). Returns (N,)."""
    ### BEGIN SOLUTION
    return 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)
    ### END SOLUTION


# %%
check("07.kl", kl)

# %% [markdown]
# ### Exercise 2: the loss
#
# The loss of section 3.4 from its parts: $z$ by reparameterisation, the squared error *summed* over the
# numbers of a code, $\beta$ times the KL term, and the mean over the batch. `decode` turns `z` into
# codes.


# %% exercise="07.loss"
def vae_loss(codes, mu, log_variance, epsilon, decode, beta):
    """codes: (N, D); mu, log_variance, epsilon: (N, latents). Returns a float."""
    ### BEGIN SOLUTION
    z = mu + np.exp(0.5 * log_variance) * epsilon
    error = ((decode(z) - codes) ** 2).sum(axis=1)
    kl_term = 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)
    return (error + beta * kl_term).mean()
    ### END SOLUTION


# %%
check("07.loss", vae_loss)

# %% [markdown]
# ### Exercise 3: which latents say something?
#
# A latent is *active* if its mean varies over the clips with a variance above a threshold (Burda et al.,
# 2016). Return the numbers of the active latents, the one with the largest variance first.


# %% exercise="07.active"
def active(mu, threshold=0.01):
    """mu: (N, latents). Returns a list of ints."""
    ### BEGIN SOLUTION
    variance = mu.var(axis=0)
    return [int(k) for k in np.argsort(-variance) if variance[k] > threshold]
    ### END SOLUTION


# %%
check("07.active", active)

# %% [markdown]
# ### Exercise 4: draw from a fitted normal distribution
#
# Turn standard normal noise into draws from the normal distribution that has the mean and the covariance
# of `rows`. You need a matrix $A$ with $A A^\top$ equal to the covariance: `np.linalg.cholesky`
# finds one.


# %% exercise="07.fitted"
def draw_fitted(rows, noise):
    """rows: (N, D); noise: (M, D), standard normal. Returns (M, D)."""
    ### BEGIN SOLUTION
    root = np.linalg.cholesky(np.cov(rows.T))
    return rows.mean(axis=0) + noise @ root.T
    ### END SOLUTION


# %%
check("07.fitted", draw_fitted)

# %% [markdown]
# ### Exercise 5: motion of one, look of another
#
# A raw code (not standardised) begins with the look. Then come the waves of the path, three numbers
# (x, y, size) for each wave. Wave 0 is constant in time: it says *where* and *how large* on average. The
# others are the motion. Combine: the look and the mean place of `a`, the motion of `b`.


# %% exercise="07.combine"
def combine(a, b, look_dim, place_dim=3):
    """a, b: (D,) raw codes. Returns (D,)."""
    ### BEGIN SOLUTION
    still = look_dim + place_dim
    return np.concatenate([a[:still], b[still:]])
    ### END SOLUTION


# %%
check("07.combine", combine)

# %% [markdown]
# ### Exercise 6: repair this snippet
#
# A colleague's VAE behaves oddly: its loss falls below zero and goes on falling, and its $z$ jump about.
# She swears that the network is right. It gives `mu` and `log_variance`, as in this chapter.


# %% exercise="07.repair"
def z_and_kl(mu, log_variance, epsilon):
    """All (N, latents). Returns z (N, latents) and the KL term (N,)."""
    ### BEGIN SOLUTION
    z = mu + np.exp(0.5 * log_variance) * epsilon
    return z, 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)
    ### LEARNER GETS
    # z = mu + np.exp(log_variance) * epsilon
    # kl = 0.5 * (1 + log_variance - mu**2 - np.exp(log_variance)).sum(axis=1)
    # return z, kl
    ### END SOLUTION


# %%
check("07.repair", z_and_kl)

# %% [markdown]
# **For a person to read.** A friend shows you a new VAE: "Its error is half of yours, so it generates
# better clips." Say why that does not follow, and name three measurements that you would ask for.

# %% [markdown] question="07.claim"
# The error says how well a clip comes back that the encoder may see. Generating starts from a random z,
# and nothing in the error makes random z likely ones: without the KL term the error is smallest and the
# made-up clips are worst.
#
# I would ask for the class consistency of made-up clips by a judge that was
# trained on other clips; for the Frechet distance from new real clips, with as many clips as mine, and
# the number of different colours and shapes, since a collapsed model can be consistent; and for the
# distance to the nearest training clip, against that of new real clips, to see copies. All of them over
# several seeds.

# %% [markdown]
# ## 15 What you learned
#
# - A code is good if a straight line in it stays among real things. A low error does not promise that.
# - A VAE raises a lower bound of the likelihood: "it comes back" less "the guess is special".
# - The KL term makes random $z$ likely ones. Too little of it, and samples are wrong; too much, and the
#   latents fall silent.
# - Two stages, first frames, then codes of clips, make right clips within a minute on two cores.
# - A simple control, such as a normal distribution per class, shows which part does the work.
# - What is built into a model works only where it holds.
#
# ## 16 What can go wrong in practice
#
# - **A mean in place of a sum.** If the error is a mean over pixels and the KL a sum over latents, $\beta$ is
#   thousands of times larger than it looks: section 9 has 0.00001 for 0.5. With a $\beta$ of ordinary size,
#   the latents may all fall silent.
# - **The variance as a spread.** The network gives $\log \sigma^2$; the spread is its exponential *of one
#   half*.
# - **Codes that are not standardised.** A number with a large spread then rules the error.
# - **Samples from the posterior, shown as samples.** Encoded and decoded clips are no generated clips.
# - **A number alone.** Class consistency can be high with ugly pictures, a small distance with copies.
# - **A decoder that is too strong** may ignore $z$ altogether, without any $\beta$ to blame (Bowman et
#   al., 2016).
#
# ## 17 Papers
#
# - Kingma, Welling: *Auto-Encoding Variational Bayes*. ICLR 2014.
# - Rezende, Mohamed, Wierstra: *Stochastic Backpropagation and Approximate Inference in Deep Generative
#   Models*. ICML 2014. The same idea at the same time.
# - Sohn, Lee, Yan: *Learning Structured Output Representation using Deep Conditional Generative Models*.
#   NeurIPS 2015. The VAE that is told a condition.
# - Higgins, Matthey, Pal, Burgess, Glorot, Botvinick, Mohamed, Lerchner: *beta-VAE: Learning Basic Visual
#   Concepts with a Constrained Variational Framework*. ICLR 2017.
# - Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio: *Generating Sentences from a Continuous Space*.
#   CoNLL 2016. Collapse, and what they did about it.
# - Burda, Grosse, Salakhutdinov: *Importance Weighted Autoencoders*. ICLR 2016. Active units.
# - Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter: *GANs Trained by a Two Time-Scale Update Rule
#   Converge to a Local Nash Equilibrium*. NeurIPS 2017. The Frechet distance of features.
# - Rombach, Blattmann, Lorenz, Esser, Ommer: *High-Resolution Image Synthesis with Latent Diffusion
#   Models*. CVPR 2022. Two stages, for large pictures.
#
# ## 18 Where to go next
#
# A VAE is told what to say: come back, and be ordinary. [Chapter 08](08_gan.ipynb) drops both and lets a
# second network be the judge.
