"""Links with values that no link of the app has, opened in a browser: the page is there and goes on."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.harness import settled

Open = Callable[..., Page]

LINKS = {
    "evaluate": ("Evaluation", {"runs": "9" * 3000, "metric": "<b>none</b>", "compared": "", "open": "Results"}),
    "retrieval": ("Retrieval", {"left": "no such", "left_with": '{"top_k": 1e999}', "retrieval_view": "<script>x"}),
    "files": ("Documents", {"document": "../../etc/passwd", "chunk_size": "-1", "documents_view": "Text"}),
}


@pytest.mark.parametrize("path", LINKS)
def test_an_odd_link_opens_its_page_and_the_menu_leads_on(open_page: Open, chromium: Browser, path: str) -> None:
    title, values = LINKS[path]
    home = open_page().url.split("?")[0]
    # A link from outside: Streamlit itself asks for an address below the page's first, which is not there.
    page = chromium.new_page()
    page.goto(f"{home}{path}?{urlencode({'project': 'sample', **values})}")
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settled(page)
    assert page.get_by_test_id("stException").count() == 0
    assert "This should not have happened" not in page.get_by_test_id("stMain").inner_text()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Settings").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    page.close()
