"""Text areas that hand over what is typed while it is typed."""

from __future__ import annotations

from pathlib import Path

from llmopt_ui.own_component import own_component

_JS = Path(__file__).with_suffix(".js")


def hand_over_typing(key: str) -> None:
    """Let all text areas of the page hand over what is typed, so that their `on_change` can keep it.

    Args:
        key: Of this element on its page.
    """
    own_component(_JS, isolated=True)(key=key, height=0)
