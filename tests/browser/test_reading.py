"""Who leaves the page ends the reader of a file that never ends."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
ENDLESS = b"<p " + b" ".join(b"a%d=''" % number for number in range(300_000)) + b">text</p>"


def readers() -> list[psutil.Process]:
    """The child processes that read files for the app."""
    matches = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any("isolation_child" in part for part in process.cmdline()):
                matches.append(process)
        except psutil.Error:
            continue
    return matches


def busy_reader() -> psutil.Process:
    """The one that reads."""
    last = time.monotonic() + 60
    while not (matches := readers()):
        assert time.monotonic() < last, "nothing reads the file"
        time.sleep(0.1)
    return matches[0]


def test_a_closed_tab_and_a_left_page_end_the_reader(open_page: Open) -> None:
    for leave in (lambda page: page.goto("about:blank"), _to_settings):
        page = open_page()
        page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
        expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
        page.get_by_text("Add documents").click()
        file = {"name": "endless.html", "mimeType": "text/html", "buffer": ENDLESS}
        page.locator("input[type=file]").set_input_files([file])
        page.get_by_role("button", name="Add to project").click()
        reader = busy_reader()
        expect(page.get_by_text("Reading endless.html")).to_be_visible()
        leave(page)
        _, alive = psutil.wait_procs([reader], timeout=60)
        assert alive == []


def test_an_upload_says_how_far_it_is_and_can_be_cancelled(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    page.get_by_text("Add documents").click()
    short = {"name": "short.md", "mimeType": "text/markdown", "buffer": b"# A note\n\nIt is short."}
    endless = {"name": "endless.html", "mimeType": "text/html", "buffer": ENDLESS}
    page.locator("input[type=file]").set_input_files([short, endless])
    page.get_by_role("button", name="Add to project").click()
    expect(page.get_by_text("Adding 2 files")).to_be_visible()
    expect(page.get_by_text("Reading endless.html · 1 of 2 files")).to_be_visible()
    for fact in ("Time left", "Cost so far"):
        expect(page.get_by_test_id("stMain").get_by_text(fact)).to_be_visible()
    reader = busy_reader()
    page.get_by_role("button", name="Cancel").click()
    _, alive = psutil.wait_procs([reader], timeout=60)
    assert alive == []
    expect(page.get_by_text("Stopped. Files that were added before stay.")).to_be_visible()
    expect(page.get_by_text("13 documents")).to_be_visible()
    expect(page.get_by_text("Adding 2 files")).to_have_count(0)


def _to_settings(page: Page) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Settings").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible(timeout=30_000)
