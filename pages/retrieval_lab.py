"""Retrieval: watch one question pass through every stage, then see over a whole set what each part earns."""

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.navigation import RETRIEVAL
from llmopt_ui.project import current_project
from llmopt_ui.retrieval.tabs import retrieval_lab

page_header(RETRIEVAL)
with show_errors():
    retrieval_lab(current_project())
