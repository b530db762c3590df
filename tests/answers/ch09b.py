"""Answers to the exercises of chapter 09b."""

import numpy as np

from answers import Case


def step_errors(forecast, truth):
    difference = forecast.astype(float) - truth.astype(float)
    return np.sqrt((difference**2).mean(axis=(0, 2, 3, 4)))


def step_errors_by_loop(forecast, truth):
    pairs = zip(forecast.swapaxes(0, 1), truth.swapaxes(0, 1), strict=True)
    return np.array([np.sqrt(np.mean((np.int64(a) - np.int64(b)) ** 2)) for a, b in pairs])


def wrapped_errors(forecast, truth):
    return np.sqrt(((forecast - truth).astype(float) ** 2).mean(axis=(0, 2, 3, 4)))


def overflowing_errors(forecast, truth):
    return np.sqrt(((forecast - truth) ** 2).mean(axis=(0, 2, 3, 4)))


def mean_squares(forecast, truth):
    return step_errors(forecast, truth) ** 2


def one_error(forecast, truth):
    return np.sqrt(((forecast.astype(float) - truth) ** 2).mean())


def absolute_errors(forecast, truth):
    return np.abs(forecast.astype(float) - truth).mean(axis=(0, 2, 3, 4))


def mean_of_roots(forecast, truth):
    return np.sqrt(((forecast.astype(float) - truth) ** 2).mean(axis=(2, 3, 4))).mean(axis=0)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def convlstm_step(gates, cell):
    write, keep, show, new = np.split(gates, 4)
    cell = sigmoid(keep) * cell + sigmoid(write) * np.tanh(new)
    return sigmoid(show) * np.tanh(cell), cell


def convlstm_by_slices(gates, cell):
    count = len(cell)
    write, keep, show = (
        0.5 + 0.5 * np.tanh(gates[k * count : (k + 1) * count] / 2) for k in range(3)
    )
    cell = keep * cell + write * np.tanh(gates[3 * count :])
    return [show * np.tanh(cell), cell]


def convlstm_keras_order(gates, cell):
    keep, write, show, new = np.split(gates, 4)
    cell = sigmoid(keep) * cell + sigmoid(write) * np.tanh(new)
    return sigmoid(show) * np.tanh(cell), cell


def convlstm_old_cell(gates, cell):
    _, after = convlstm_step(gates, cell)
    return sigmoid(np.split(gates, 4)[2]) * np.tanh(cell), after


def convlstm_turned(gates, cell):
    return convlstm_step(gates, cell)[::-1]


def convlstm_linear(gates, cell):
    write, keep, show, new = np.split(gates, 4)
    cell = sigmoid(keep) * cell + sigmoid(write) * new
    return sigmoid(show) * np.tanh(cell), cell


def convlstm_ungated(gates, cell):
    _, after = convlstm_step(gates, cell)
    return np.tanh(after), after


def convlstm_interleaved(gates, cell):
    blocks = gates.reshape(len(cell), 4, *cell.shape[1:]).swapaxes(0, 1)
    return convlstm_step(np.concatenate(blocks), cell)


def frames_ahead(kernels, before):
    return sum(k - 1 - p for k, p in zip(kernels, before, strict=True))


def frames_ahead_by_loop(kernels, before):
    ahead = 0
    for kernel, padded in zip(kernels, before, strict=True):
        ahead += kernel - padded - 1
    return np.int64(ahead)


def walk(walls, x, y, key):
    place = {"left": (x - 1, y), "right": (x + 1, y), "up": (x, y - 1), "down": (x, y + 1)}
    column, row = place.get(key, (x, y))
    outside = min(column, row) < 0 or max(column, row) > 7
    return (x, y) if outside or walls[row, column] else (column, row)


def walk_on_a_padded_map(walls, x, y, key):
    framed = np.pad(walls, 1, constant_values=True)
    dx = (key == "right") - (key == "left")
    dy = (key == "down") - (key == "up")
    stopped = framed[y + dy + 1, x + dx + 1]
    return np.array([x, y]) if stopped else np.array([x + dx, y + dy])


def walk_upside_down(walls, x, y, key):
    return walk(walls, x, y, {"up": "down", "down": "up"}.get(key, key))


def walk_through_walls(walls, x, y, key):
    return walk(np.zeros_like(walls), x, y, key)


def walk_on_turned_walls(walls, x, y, key):
    return walk(walls.T, x, y, key)


def walk_off(walls, x, y, key):
    dx = (key == "right") - (key == "left")
    dy = (key == "down") - (key == "up")
    inside = 0 <= x + dx < 8 and 0 <= y + dy < 8
    return (x, y) if inside and walls[y + dy, x + dx] else (x + dx, y + dy)


def walk_round(walls, x, y, key):
    dx = (key == "right") - (key == "left")
    dy = (key == "down") - (key == "up")
    column, row = (x + dx) % 8, (y + dy) % 8
    return (x, y) if walls[row, column] else (column, row)


def walk_row_first(walls, x, y, key):
    return walk(walls, x, y, key)[::-1]


def as_planes(frames, key, num_colors, num_keys):
    height, width = frames.shape[1:]
    out = np.zeros((height, width, len(frames) * num_colors + num_keys), np.float32)
    for age, frame in enumerate(frames):
        for color in range(num_colors):
            out[..., age * num_colors + color] = frame == color
    out[..., len(frames) * num_colors + key] = 1
    return out


def planes_by_eye(frames, key, num_colors, num_keys):
    colors = np.concatenate(list(np.eye(num_colors)[frames]), axis=-1)
    keys = np.broadcast_to(np.eye(num_keys)[key], (*frames.shape[1:], num_keys))
    return np.concatenate([colors, keys], axis=-1).astype(np.float32)


def planes_newest_first(frames, key, num_colors, num_keys):
    return as_planes(frames[::-1], key, num_colors, num_keys)


def planes_first(frames, key, num_colors, num_keys):
    return as_planes(frames, key, num_colors, num_keys).transpose(2, 0, 1)


def planes_double(frames, key, num_colors, num_keys):
    return as_planes(frames, key, num_colors, num_keys).astype(float)


def planes_one_pixel(frames, key, num_colors, num_keys):
    out = as_planes(frames, key, num_colors, num_keys)
    out[1:, :, len(frames) * num_colors :] = 0
    return out


def planes_numbers(frames, key, num_colors, num_keys):
    out = as_planes(frames, key, num_colors, num_keys)
    return out * np.arange(out.shape[-1], dtype=np.float32)


def go_on(weights, clips, seen):
    frames = [clips[:, t] for t in range(seen)]
    while len(frames) < clips.shape[1]:
        frames.append(weights[0] * frames[-3] + weights[1] * frames[-2] + weights[2] * frames[-1])
    return np.stack(frames[seen:], axis=1)


def go_on_in_place(weights, clips, seen):
    made = np.array(clips)
    for t in range(seen, clips.shape[1]):
        made[:, t] = np.tensordot(made[:, t - 3 : t], weights, axes=(1, 0))
    return made[:, seen:]


def as_found(weights, clips, seen):
    length = clips.shape[1]
    padded = np.pad(clips, ((0, 0), (1, 1), (0, 0), (0, 0)))
    said = sum(weights[k] * padded[:, k : k + length] for k in range(3))
    return said[:, seen - 1 : -1]


def causal_but_fed(weights, clips, seen):
    length = clips.shape[1]
    padded = np.pad(clips, ((0, 0), (2, 0), (0, 0), (0, 0)))
    said = sum(weights[k] * padded[:, k : k + length] for k in range(3))
    return said[:, seen - 1 : -1]


def turned_weights(weights, clips, seen):
    return go_on(weights[::-1], clips, seen)


def clipped(weights, clips, seen):
    frames = [clips[:, t] for t in range(seen)]
    while len(frames) < clips.shape[1]:
        frames.append(sum(w * f for w, f in zip(weights, frames[-3:], strict=True)).clip(0, 1))
    return np.stack(frames[seen:], axis=1)


def one_frame_only(weights, clips, seen):
    return np.repeat(go_on(weights, clips, seen)[:, :1], clips.shape[1] - seen, axis=1)


def all_frames(weights, clips, seen):
    return np.concatenate([clips[:, :seen], go_on(weights, clips, seen)], axis=1)


def next_cells(before, now, key):
    """Floor 0, wall 1, coin 2, ball 3, player 4."""
    after = np.where(now >= 3, 0, now)
    y, x = np.argwhere(now == 4)[0]
    if (now == 3).any() and (before == 3).any():
        (row, old), (_, new) = np.argwhere(before == 3)[0], np.argwhere(now == 3)[0]
        ahead = 2 * new - old
        after[row, ahead if 0 <= ahead < 8 and now[row, ahead] != 1 else old] = 3
    x, y = walk(now == 1, x, y, key)
    after[y, x] = 4
    return after


def next_cells_remembered(before, now, key):
    """A ball that the player covers is where the player is."""
    hidden = now.copy()
    if not (now == 3).any():
        hidden[tuple(np.argwhere(now == 4)[0])] = 3
    after = np.where(now >= 3, 0, now)
    if (before == 3).any():
        (row, old), (_, new) = np.argwhere(before == 3)[0], np.argwhere(hidden == 3)[0]
        ahead = 2 * new - old
        after[row, ahead if 0 <= ahead < 8 and now[row, ahead] != 1 else old] = 3
    y, x = np.argwhere(now == 4)[0]
    x, y = walk(now == 1, x, y, key)
    after[y, x] = 4
    return after


def ball_forgotten(before, now, key):
    made = next_cells(before, now, key)
    return np.where((made == 3) | (now == 3), 3 * (now == 3), made)


def through_walls(before, now, key):
    return next_cells(before, np.where(now == 1, 0, now), key)


def coin_stays(before, now, key):
    made = next_cells(before, now, key)
    return np.where((now == 4) & (made == 0), 2, made)


ANSWERS = {
    "09b.errors": Case(
        right=[step_errors, step_errors_by_loop, lambda *given: step_errors(*given).tolist()],
        wrong=[
            (wrapped_errors, "subtract floats"),
            (overflowing_errors, "uint8 overflows"),
            (mean_squares, "The root brings it back"),
            (one_error, "Axis 1 holds the steps"),
            (absolute_errors, "mean absolute difference"),
            (mean_of_roots, "then the root"),
        ],
    ),
    "09b.convlstm": Case(
        right=[convlstm_step, convlstm_by_slices],
        wrong=[
            (convlstm_keras_order, "changed places"),
            (convlstm_old_cell, "not the old one"),
            (convlstm_turned, "in this order"),
            (convlstm_linear, "through a tanh"),
            (convlstm_ungated, "show is missing"),
            (convlstm_interleaved, "in blocks of C"),
        ],
    ),
    "09b.future": Case(
        right=[frames_ahead, frames_ahead_by_loop],
        wrong=[
            (lambda kernels, before: sum(k // 2 for k in kernels), "only"),
            (lambda kernels, before: frames_ahead(kernels, before) + 0.4, "zero frames before"),
            (lambda kernels, before: sum(before), "into the past"),
            (lambda kernels, before: sum(k - 1 for k in kernels), "minus p"),
            (lambda kernels, before: frames_ahead(kernels, before) + len(kernels), "minus 1"),
            (
                lambda kernels, before: max(
                    k - 1 - p for k, p in zip(kernels, before, strict=True)
                ),
                "add them up",
            ),
        ],
    ),
    "09b.walk": Case(
        right=[walk, walk_on_a_padded_map],
        wrong=[
            (walk_upside_down, "row 0 is at the top"),
            (walk_through_walls, "walls[y, x]"),
            (walk_on_turned_walls, "walls[y, x]"),
            (walk_off, "Check 0 <= x + dx < 8"),
            (walk_round, "does not come in at the other side"),
            (walk_row_first, "x first"),
        ],
    ),
    "09b.planes": Case(
        right=[as_planes, planes_by_eye],
        wrong=[
            (planes_newest_first, "frames[0] is the oldest"),
            (planes_first, "along the last axis"),
            (planes_double, "float32"),
            (planes_one_pixel, "keys[..., key] = 1"),
            (planes_numbers, "yes or no"),
        ],
    ),
    "09b.repair": Case(
        right=[go_on, go_on_in_place],
        wrong=[
            (as_found, "lets it see the frame that it foretells"),
            (causal_but_fed, "put the forecasts in their place"),
            (turned_weights, "belongs to the newest frame"),
            (one_frame_only, "must move on"),
            (clipped, "do not clip"),
            (all_frames, "T - seen of them"),
        ],
    ),
    "09b.rules": Case(
        right=[next_cells, next_cells_remembered],
        wrong=[
            (ball_forgotten, "The ball goes on"),
            (through_walls, "First the player"),
            (coin_stays, "What else changes"),
            (lambda before, now, key: now.repeat(4, 0), "8 x 8"),
        ],
        seeds=3,
    ),
}
