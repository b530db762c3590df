"""A JupyterLab started by ``vidlab lab`` on a copy of the notebooks, and a Chromium to drive it.

Without a Chromium the tests are skipped; with VIDLAB_REQUIRE_BROWSER=1 they fail instead.
"""

import os
import secrets
import shutil
from collections.abc import Iterator

import pytest

from vidlab.doctor import find_browser

from .starting import WINDOW, Server, start_server


# The fixtures end with the last browser test of the run: Playwright keeps an event loop running in
# this thread, and tests of other folders start kernels that want one of their own.
@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab on a copy of the notebooks."""
    with start_server(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="package")
def chromium() -> Iterator[object]:
    """Start Chromium, or skip where there is none."""
    program = find_browser()
    if program is None:
        reason = (
            "no Chromium: apt-get install chromium (Debian), or set VIDLAB_BROWSER to the program"
        )
        if os.environ.get("VIDLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from .starting import start_chromium

    with start_chromium(program) as browser:
        yield browser


@pytest.fixture
def lab(chromium, server: Server, request: pytest.FixtureRequest):
    """A fresh page with JupyterLab; a failed test leaves a screenshot named after it."""
    from .lab_harness import Lab

    shutil.rmtree(server.settings, ignore_errors=True)  # what an earlier test changed
    context = chromium.new_context(viewport=WINDOW)
    page = context.new_page()
    driver = Lab(page, server.url, server.token, workspace=secrets.token_hex(4))
    yield driver
    if getattr(request.node, "vidlab_failed", False):
        print("screenshot:", driver.screenshot(f"failed-{request.node.name}"))
    driver.close()
    context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Note on the test whether it failed, for the fixture above."""
    report = (yield).get_result()
    if report.when == "call":
        item.vidlab_failed = report.failed
