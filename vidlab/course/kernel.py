"""Run code cells in a fresh Jupyter kernel and see what came of each."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from vidlab.course.verdict import MODE_VARIABLE

# The committed outputs are those of a CPU, with as little chance in them as can be had.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONHASHSEED": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    MODE_VARIABLE: "raise",
}


class CellError(Exception):
    """A cell raised, ran out of time or took the kernel with it.

    kind: the exception's name, "Timeout" or "DeadKernel". text: its message. trace: the traceback
    as IPython shows it, with terminal colours, or the empty string.
    """

    def __init__(self, kind: str, text: str, trace: str = "") -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.trace = trace


class ThisPython(AsyncKernelManager):
    """Starts kernels with the Python that runs this, whatever kernels a user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


class Kernel:
    """A running kernel."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client

    def run(self, cell: NotebookNode) -> None:
        """Execute a code cell in place: its outputs and its number are filled in.

        Raises CellError; the outputs so far stay in the cell.
        """
        cells = self._client.nb.cells
        cells.append(cell)
        try:
            self._client.execute_cell(cell, len(cells) - 1)
        except CellExecutionError as error:
            shown = [out.traceback for out in cell.outputs if out.output_type == "error"]
            raise CellError(
                error.ename, error.evalue, "\n".join(shown[-1]) if shown else ""
            ) from None
        except DeadKernelError:
            raise CellError("DeadKernel", "the kernel died (out of memory?)") from None

    def ask(self, source: str) -> Any:
        """Run code that is no part of the chapter and prints one JSON document; what it says."""
        cell = new_code_cell(source)
        self.run(cell)
        return json.loads("".join(out.text for out in cell.outputs if out.get("name") == "stdout"))


@contextmanager
def fresh_kernel(folder: Path, timeout: float) -> Iterator[Kernel]:
    """A kernel whose working directory is ``folder``; ``timeout`` in seconds for each cell.

    A cell that takes longer is interrupted and reported as CellError "Timeout"; later cells run.
    """
    client = NotebookClient(
        new_notebook(),
        timeout=timeout,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "Timeout", "evalue": f"the cell ran for over {timeout:g} s"},
        kernel_manager_class=ThisPython,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        force_raise_errors=True,  # whatever tags a cell has
        resources={"metadata": {"path": str(folder)}},
    )
    # What cells write to stderr comes as outputs; the kernel's own log is no use to an author.
    with client.setup_kernel(env=os.environ | ENVIRONMENT, stderr=subprocess.DEVNULL):
        yield Kernel(client)
