"""The first link to a page after the server has started, and the menu that is there until then."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_CLOSE = """<script>
(function close(tries) {
  const open = [...document.querySelectorAll('[role="dialog"]')];
  const dialog = open.find((one) => one.textContent.includes('Page not found'));
  const button = dialog && dialog.querySelector('button[aria-label="Close"]');
  if (button) button.click();
  else if (tries > 0) setTimeout(close, 50, tries - 1);
})(60);
</script>"""


def close_not_found_dialog() -> None:
    """Close the dialog "Page not found" that such a link brings up though its page is there.

    Until `st.navigation` has run once, Streamlit takes the files in `pages/` for the pages of the app and does not know
    the addresses given here; the page itself is found all the same.
    """
    # Only the address of a page brings the dialog up; the app's own does not.
    if PagesManager.uses_pages_directory and urlsplit(st.context.url or "").path.strip("/"):
        st.html(_CLOSE, unsafe_allow_javascript=True)


def leave_page_without_app() -> None:
    """Go to the app where a page runs alone.

    The same mistake of Streamlit shows the files in `pages/` as a menu for the first seconds after a start; what is
    opened there runs without `app.py`.
    """
    if PagesManager.uses_pages_directory:
        st.switch_page("app.py")
