"""Small trials of what the course stands on, each run in a Python of its own by ``vidlab doctor``.

``python -m vidlab.probes torch`` prints one line of JSON. A library that crashes, hangs or prints
takes only this process with it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT = 180.0  # seconds; TensorFlow's first import on a slow disk takes the longest


def probe(name: str, timeout: float = TIMEOUT) -> dict[str, Any]:
    """Run a probe in a subprocess and return what it found, or ``{"error": why}``."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vidlab.probes", name],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer after {timeout:.0f} s"}
    if done.returncode == 0 and done.stdout.strip():
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return {"error": f"Python ended with status {done.returncode}: {last}"}


def torch_devices() -> dict[str, Any]:
    """Return PyTorch's devices, each one tried with a small sum."""
    import torch

    devices = {"cpu": "CPU"}
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        devices[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    if torch.backends.mps.is_available():
        devices["mps"] = "Apple GPU"
    for device in devices:
        if float(torch.ones(3, device=device).sum()) != 3:
            raise RuntimeError(f"1 + 1 + 1 is not 3 on {device}")
    return {"devices": list(devices.values())}


def tensorflow_devices() -> dict[str, Any]:
    """Return TensorFlow's devices, each one tried with a small sum."""
    import tensorflow as tf

    names = []
    for device in tf.config.list_physical_devices():
        if device.device_type not in ("CPU", "GPU"):
            continue
        with tf.device(device.name.removeprefix("/physical_device:")):
            if float(tf.reduce_sum(tf.ones(3))) != 3:
                raise RuntimeError(f"1 + 1 + 1 is not 3 on {device.name}")
        details = tf.config.experimental.get_device_details(device)
        names.append(details.get("device_name", device.device_type))
    return {"devices": names}


def keras_backend() -> dict[str, Any]:
    """Return the backend that Keras runs on."""
    import keras

    return {"backend": keras.backend.backend()}


def video_and_sound() -> dict[str, Any]:
    """Write a small clip with sound, read it back and return how far it is from what was written.

    ``difference`` is the mean absolute difference of the pixels in grey levels, ``loudness`` the
    ratio of the sound's root mean square after and before.
    """
    import numpy as np

    from vidlab import video

    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    clip = np.stack(
        [np.stack([np.roll(ramp, 4 * t)[None].repeat(64, 0)] * 3, -1) for t in range(8)]
    )
    rate = 16_000
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "doctor.mp4"
        video.write_video(path, clip, fps=8, audio=tone, audio_rate=rate)
        codec = video.probe(path).codec
        back = video.read_frames(path)
        sound = video.read_audio(path, rate)
    if back.shape != clip.shape:
        raise RuntimeError(f"wrote frames of shape {clip.shape} and read back {back.shape}")
    return {
        "codec": codec,
        "difference": float(np.abs(back.astype(float) - clip).mean()),
        "loudness": float(np.sqrt((sound**2).mean() / (tone**2).mean())) if len(sound) else 0.0,
    }


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "torch": torch_devices,
    "tensorflow": tensorflow_devices,
    "keras": keras_backend,
    "video": video_and_sound,
}


def main(name: str) -> None:
    """Run one probe and print what it found, or its error, as one line of JSON."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        found = PROBES[name]()
    except Exception as error:
        # Whatever goes wrong in a library is what doctor is there to report.
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
