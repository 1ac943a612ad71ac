"""Prompts: write them, show examples, compare them side by side."""

from llmopt_ui.components import page_header
from llmopt_ui.navigation import PROMPTS
from llmopt_ui.project import current_project
from llmopt_ui.prompts.guest import VOTE, vote_first, waiting_vote
from llmopt_ui.prompts.tabs import TABS, VIEW, prompt_frame
from llmopt_ui.tabs import show_tabs

page_header(PROMPTS)
project = current_project()
prompt_frame()
waits = waiting_vote() is not None
show_tabs(VIEW, {name: vote_first if waits and name != VOTE else view for name, view in TABS.items()}, project)
