"""Fine-tuning: training data, checks, jobs, the 2 x 2, what to label next."""

from llmopt_ui.components import page_header
from llmopt_ui.finetuning.tabs import TABS, VIEW, open_former_tab
from llmopt_ui.navigation import FINETUNING
from llmopt_ui.project import current_project
from llmopt_ui.tabs import show_tabs

page_header(FINETUNING)
open_former_tab()
show_tabs(VIEW, TABS, current_project())
