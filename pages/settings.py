"""settings."""

from llmopt_ui.components import page_header
from llmopt_ui.navigation import SETTINGS

page_header(SETTINGS)
