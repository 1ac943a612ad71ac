"""A very long document is looked at in parts, so that every move of a slider stays quick."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from llmopt_core.types import Document
from llmopt_ui.document_text.pages import turn_to
from llmopt_ui.document_text.window import WINDOW

PART = 3_000_000
"""Characters of one part. Cutting and counting so many takes about a second."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a document, cut as if it were a document of its own.

    Attributes:
        document: The part; its offsets count from `start`.
        start: Its first character in the whole document.
        whole: Characters of the whole document.
        number: From 1.
    """

    document: Document
    start: int
    whole: int
    number: int = 1

    @property
    def page_key(self) -> str:
        """The key of the control that turns the pages of this part."""
        return _page_key(self.document.name, self.number)


def parts_in(characters: int) -> int:
    """How many parts a document of that length has."""
    # Rounded up; an empty document is one part.
    return max(1, -(-characters // PART))


def part_number(offset: int) -> int:
    """The part that holds the character at `offset`, from 1."""
    return max(0, offset) // PART + 1


def part_of(document: Document, number: int) -> Part:
    """Part `number` of a document, counted from 1; a shorter document is its own only part."""
    whole = len(document.text)
    if parts_in(whole) == 1:
        return Part(document, 0, whole)
    number = min(max(1, number), parts_in(whole))
    start = (number - 1) * PART
    text = document.text[start : start + PART]
    # Pages before the part start below zero, so that its first character still knows its page.
    pages = tuple(page - start for page in document.page_starts)
    return Part(Document(document.name, text, document.metadata, pages, document.warnings), start, whole, number)


def choose_part(name: str, characters: int) -> int:
    """The part to look at; draws the choice where there is more than one."""
    total = parts_in(characters)
    if total == 1:
        return 1

    def part_label(number: int) -> str:
        start = (number - 1) * PART
        return f"Part {number:,} of {total:,}: characters {start:,} to {min(start + PART, characters):,}"

    return st.selectbox(
        "Part", range(1, total + 1), key=_key(name), format_func=part_label,
        help=f"A document of more than {PART:,} characters is looked at in parts. Cuts, numbers and ranks are those of "
        "the part; indexing and the sweep take the document whole.",
    ) or 1  # fmt: skip


def go_to(name: str, offset: int) -> None:
    """Show the part and the page that hold a character of the document when it is drawn the next time."""
    number = part_number(offset)
    st.session_state[_key(name)] = number
    turn_to(_page_key(name, number), offset - (number - 1) * PART, WINDOW)


def _key(name: str) -> str:
    return f"micro_part_{name}"


def _page_key(name: str, number: int) -> str:
    return f"micro_page_{name}" if number == 1 else f"micro_page_{name}_{number}"
