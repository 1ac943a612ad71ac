"""Settings: endpoints, built-in models, judge, workspace."""

from llmopt_ui.components import page_header
from llmopt_ui.navigation import SETTINGS
from llmopt_ui.settings.endpoints import endpoints_view
from llmopt_ui.settings.judge import judge_view
from llmopt_ui.settings.machine import builtin_view, workspace_view
from llmopt_ui.tabs import show_tabs

VIEW = "settings_view"

page_header(SETTINGS)
views = {"Endpoints": endpoints_view, "Built-in models": builtin_view, "Judge": judge_view, "Workspace": workspace_view}
show_tabs(VIEW, views)
