"""Documents: add files, see how they are cut, and find the chunking that serves the questions."""

from llmopt_ui.components import page_header
from llmopt_ui.documents.tabs import TABS, VIEW
from llmopt_ui.navigation import DOCUMENTS
from llmopt_ui.project import current_project
from llmopt_ui.tabs import show_tabs

page_header(DOCUMENTS)
show_tabs(VIEW, TABS, current_project())
