"""Data questions: ask a database in words, see its schema, and measure the ways of asking."""

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.data_questions.tabs import data_questions
from llmopt_ui.navigation import DATA_QUESTIONS
from llmopt_ui.project import current_project

page_header(DATA_QUESTIONS)
with show_errors():
    data_questions(current_project())
