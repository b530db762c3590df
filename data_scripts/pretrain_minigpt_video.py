"""Pretrain minigpt-video, which vidlab ships: random weights that learned to foresee frames.

    python data_scripts/pretrain_minigpt_video.py              # about two minutes on 2 cores
    python data_scripts/pretrain_minigpt_video.py --quick      # a smoke test; writes nothing

It has minigpt's size, and is the start "video" of data_scripts/experiments/05b_fine_tuning.py
(PyTorch, seed 0): 2,000 steps on 6,000 clips of the easy world, without any label. The same command
gives the same weights on one machine. They replace vidlab/data/minigpt-video when complete.
"""

import argparse
import importlib.util
import shutil
import sys
import time
from pathlib import Path

from safetensors.torch import save_file

import vidlab.torch as vt
from vidlab.gpt2 import SHIPPED, expected_shapes, read_settings

EXPERIMENT = Path(__file__).with_name("experiments") / "05b_fine_tuning.py"
OUTPUT = SHIPPED["minigpt-video"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    experiment = load_experiment()
    x, _, test_x, _ = experiment.data_for(0, quick)
    gpt2 = vt.load_gpt2("minigpt", pretrained=False, seed=0)
    start = time.perf_counter()
    model = experiment.foreseeing(vt, gpt2, x, 0, quick)
    seconds = time.perf_counter() - start
    said = vt.predict(model, test_x)
    errors = [((other - test_x[:, 1:]) ** 2).mean() for other in (said, test_x[:, :-1])]
    print(f"{seconds:.0f} s; error on new clips {errors[0]:.4f}, copying {errors[1]:.4f}")
    if not quick:
        save(gpt2)


def load_experiment():
    """The module of the experiment, whose name is no Python name."""
    sys.path.insert(0, str(EXPERIMENT.parent))
    spec = importlib.util.spec_from_file_location("fine_tuning_experiment", EXPERIMENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save(gpt2) -> None:
    """Write the folder under another name, then put it in the place of the old one."""
    new = OUTPUT.with_name(f"{OUTPUT.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    shutil.copy(SHIPPED["minigpt"] / "config.json", new)
    names = expected_shapes(read_settings(new))
    state = gpt2.state_dict()
    tensors = {name: state[name].half().contiguous() for name in names}
    save_file(tensors, new / "model.safetensors", metadata={"format": "pt"})
    (new / "model.safetensors").chmod(0o644)  # it is written for its owner alone
    shutil.rmtree(OUTPUT, ignore_errors=True)
    new.rename(OUTPUT)


if __name__ == "__main__":
    main()
