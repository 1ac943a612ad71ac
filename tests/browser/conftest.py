"""A Chromium, and a page that fails its test on a console error or a Streamlit exception box."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.harness import browser, serve, settled

Open = Callable[..., Page]

# A machine with two busy cores redraws a page in more than the five seconds that are usual.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for each module: its event loop runs in this thread, where asynchronous tests must not meet it."""
    with browser() as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a running app over `home`; nothing of the machine's own settings reaches it."""
    for name in ("LLMOPT_DATABASE_URL", "LLMOPT_ENDPOINTS", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with serve(home) as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser, app: str) -> Iterator[Open]:
    """Open the app; at the end of the test nothing may have gone wrong on the page."""
    problems: list[str] = []
    outside: list[str] = []
    pages: list[Page] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"{message.text} ({message.location.get('url', '')})")

    def start(theme: str = "light", width: int = 1440, script: str = "", zone: str | None = None) -> Page:
        page = chromium.new_page(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 1000},
            timezone_id=zone,
        )
        if script:
            page.add_init_script(script)
        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: outside.append(request.url) if not _is_ours(request.url) else None)
        page.goto(app)
        settled(page)
        pages.append(page)
        return page

    yield start
    for page in pages:
        boxes = page.get_by_test_id("stException").all_inner_texts()
        page.close()
        assert not boxes
    assert not problems
    assert not outside


def _is_ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
