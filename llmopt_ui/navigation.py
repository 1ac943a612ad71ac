"""The pages of the app, in the order and the sections of the menu.

Sections follow the two directions of the method: what the model needs to know, how it needs to act, and what both are
measured by.

Streamlit still discovers a folder named `pages/` by itself, so every page's address differs from its file name.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page.

    Attributes:
        file: Path of the script, relative to `app.py`.
        title: Its name in the menu and in its header.
        url_path: Its address; never the file's stem.
        icon: A Material symbol; Streamlit carries the font.
        purpose: What the page is for, in one line.
        section: The heading above it in the menu; empty for the page that stands above all sections.
        tabs: The parameter of its address that names the open tab.
    """

    file: str
    title: str
    url_path: str
    icon: str
    purpose: str
    section: str = ""
    tabs: str = ""
    default: bool = False


OVERVIEW = PageSpec(
    "pages/overview.py",
    "Overview",
    "map",
    ":material/explore:",
    "Where this project stands, which configuration leads, and what to try next.",
    default=True,
)
DOCUMENTS = PageSpec(
    "pages/documents.py",
    "Documents",
    "files",
    ":material/description:",
    "What the model can look things up in: add files, read what was extracted, see how they are cut into chunks.",
    "Context",
    "documents_tab",
)
PROMPTS = PageSpec(
    "pages/prompt_lab.py",
    "Prompts",
    "prompts",
    ":material/edit_note:",
    "Write prompts and few-shot sets, compare up to four side by side, and know which one is better.",
    "Context",
    "prompts_view",
)
RETRIEVAL = PageSpec(
    "pages/retrieval_lab.py",
    "Retrieval",
    "retrieval",
    ":material/manage_search:",
    "Watch a question pass through every stage of retrieval, and know what each part earns and costs.",
    "Context",
    "retrieval_view",
)
DATA_QUESTIONS = PageSpec(
    "pages/data_questions.py",
    "Data questions",
    "ask-data",
    ":material/database:",
    "Ask a database in words, watch every query that is tried, and know which way of asking gets the most right.",
    "Context",
    "data_view",
)
FINETUNING = PageSpec(
    "pages/finetuning_lab.py",
    "Fine-tuning",
    "fine-tuning",
    ":material/model_training:",
    "Turn good answers into training data, fine-tune a model, and see whether it beats the base, with and without RAG.",
    "Model",
    "tuning_view",
)
EVALUATION = PageSpec(
    "pages/evaluation.py",
    "Evaluation",
    "evaluate",
    ":material/bar_chart:",
    "Run configurations over the same questions, compare them with their uncertainty, and read single answers.",
    "Measure",
    "evaluation_view",
)
SETTINGS = PageSpec(
    "pages/settings.py",
    "Settings",
    "setup",
    ":material/settings:",
    "Model endpoints and prices, the built-in models, the judge, and where everything is kept.",
    "Workspace",
    "settings_view",
)

PAGES: tuple[PageSpec, ...] = (
    OVERVIEW, DOCUMENTS, PROMPTS, RETRIEVAL, DATA_QUESTIONS, FINETUNING, EVALUATION, SETTINGS,
)  # fmt: skip


def streamlit_pages() -> dict[str, list[st.Page]]:
    """The specs as Streamlit pages, by section."""
    sections: dict[str, list[st.Page]] = {}
    for spec in PAGES:
        # Titles and addresses are given, since those that Streamlit makes of file names are others.
        page = st.Page(spec.file, title=spec.title, url_path=spec.url_path, icon=spec.icon, default=spec.default)
        # A dictionary keeps the order of `PAGES`, so sections stand as they first appear.
        sections.setdefault(spec.section, []).append(page)
    return sections
