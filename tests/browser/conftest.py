"""Chromium, a served page over a scripted assistant, and the rule that no page may ask any other host for anything."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.window.conftest import BELL, BOATS, SKY, feedback_file, harbour, scripted, serve, served
from tests.window.fakes import Served

WELL_KNOWN = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
QUIETLY = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--disable-quic"
).split()
HERE = Path(__file__).parent
PATIENCE = 60
"""Seconds to wait for anything: these tests wait for conditions, and a busy machine is slow."""
expect.set_options(timeout=1000 * PATIENCE)

__all__ = ["BELL", "BOATS", "SKY", "feedback_file", "harbour", "scripted", "serve", "served"]  # fixtures of the window's tests

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a Chromium that is already on this machine."""
    places = [os.environ["FOOTNOTE_CHROMIUM"]] if "FOOTNOTE_CHROMIUM" in os.environ else WELL_KNOWN
    path = next((place for place in places if Path(place).is_file()), None)
    if path is None:
        pytest.skip(f"no Chromium (looked for {', '.join(places)}); set FOOTNOTE_CHROMIUM to one")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIETLY)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Return a function that opens an address in a browser profile of its own.

    When the test ends, no page may have asked another host for anything, nor failed in its own script.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def watch(page: Page) -> Page:
        page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
        page.on("request", lambda request: faults.append(f"left the machine: {request.url}") if _leaves(request.url) else None)
        return page

    def open_one(url: str, *, ready: str = "#conversation .turns", **options: object) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = browser.new_context(**options)
        contexts.append(context)
        page = watch(context.new_page())
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(url)
        page.wait_for_selector(ready)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def page(served: Served, open_page: Open) -> Page:
    """Return the page in a wide window, with the models loaded."""
    opened = open_page(served.url)
    opened.wait_for_selector('[data-state="ready"]')
    return opened


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, fetched from its npm package into a temporary folder."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(["npm", "pack", "axe-core@4", "--silent"], cwd=folder, check=True, timeout=120, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core could not be fetched by npm: {error}")
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member
        return member.read().decode()


def ask(page: Page, question: str) -> None:
    """Ask a question and wait for its answer."""
    turns = page.locator(".turn").count()
    page.locator("#box textarea").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_selector(f'.turn[data-turn="{turns}"]')
    page.wait_for_selector('.turns[data-running="false"]')


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that the page does not show."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)


def _leaves(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob") and not str(parts.hostname).startswith("127.")
