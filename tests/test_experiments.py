"""The long experiments: their tables, their arguments, and their smoke tests."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def experiment(monkeypatch):
    """A function: the name of an experiment -> its module."""
    folder = Path(__file__).resolve().parents[1] / "data_scripts" / "experiments"
    monkeypatch.syspath_prepend(folder)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"experiment_{name}", folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("results_table", None)


def test_half_a_row_is_not_counted_and_not_glued_to_the_next(experiment, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    table = experiment("results_table").ResultsTable(
        path, ("model", "error", "machine"), ("model",)
    )
    one, two = ({"model": n, "error": 0.5, "machine": f"{n}, one core"} for n in ("one", "two"))
    table.add(one)
    table.add(two)
    whole = path.read_bytes()
    assert whole.count(b"model") == 1
    for end in range(len(whole)):  # killed at any place
        path.write_bytes(whole[:end])
        finished = table.finished()
        assert finished == {(n,) for n in ("one", "two")[: max(0, whole[:end].count(b"\n") - 1)]}
        for row in (one, two):
            if (row["model"],) not in finished:
                table.add(row)
        assert path.read_bytes() == whole


def test_captions_of_an_interrupted_model_are_written_once(experiment, tmp_path: Path) -> None:
    captions = experiment("09a_captions")
    captions.TABLE.path = tmp_path / "results.csv"
    rows = [
        {**dict.fromkeys(captions.FIELDS, ""), "framework": "torch", "asked": asked, "seed": 0}
        for asked in ("seen", "two", "three")
    ]
    captions.add_missing(rows[1:2])  # and here it was interrupted
    captions.add_missing(rows)
    lines = captions.TABLE.path.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[3] for line in lines] == ["asked", "two", "three", "seen"]


@pytest.mark.parametrize("name", ["07_vae", "07_betas", "08_gan", "09a_captions"])
@pytest.mark.parametrize("quick", [[], ["--quick"]])
def test_the_processes_get_the_seeds(experiment, monkeypatch, name: str, quick: list[str]) -> None:
    module, given = experiment(name), []
    monkeypatch.setattr(module, "run_side_by_side", lambda *asked: given.append(asked))
    monkeypatch.setattr(sys, "argv", [name, "--seeds", "3", "4", *quick])
    module.main()
    [(_, frameworks, options)] = given
    assert tuple(frameworks) == ("torch", "keras")
    assert list(options) == ["--seeds", "3", "4", *quick]


def test_a_smoke_test_does_what_is_finished_again(experiment, monkeypatch) -> None:
    module, printed = experiment("09b_next_frames"), []
    clips = np.zeros((2, module.SEEN + module.AHEAD, 8, 8, 3), np.uint8)
    monkeypatch.setattr(module, "clips_for", lambda seed, quick: (clips, clips))
    monkeypatch.setattr(module, "MODELS", {})  # copying alone
    monkeypatch.setattr(module, "print", printed.append, raising=False)
    finished = {("torch", "copy last", "rolled out", "0")}
    monkeypatch.setattr(module.TABLE, "finished", lambda: finished)
    module.run("torch", quick=True)
    assert [row["model"] for row in printed] == ["copy last"]


def test_a_smoke_test_of_the_worlds_does_what_is_finished_again(experiment, monkeypatch) -> None:
    module, printed = experiment("09b_world"), []
    monkeypatch.setattr(module, "measure_model", lambda *asked: {"right_5": 1.0, "right_20": 1.0})
    monkeypatch.setattr(module, "print", printed.append, raising=False)
    finished = {("torch", name, "0") for name in module.RATES}
    monkeypatch.setattr(module.TABLE, "finished", lambda: finished)
    module.run("torch", quick=True)
    assert [row["model"] for row in printed] == list(module.RATES)
    tried = {(name, f"{rate:.4g}") for name in module.RATES for rate in module.TRIED}
    monkeypatch.setattr(module.RATES_TABLE, "finished", lambda: tried)
    printed.clear()
    module.try_rates(quick=True)
    assert {row["model"] for row in printed} == {
        name for name in module.RATES if "long" not in name
    }
