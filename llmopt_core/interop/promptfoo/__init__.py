"""promptfoo's configurations, prompts, tests and assertions, in and out."""

from llmopt_core.interop.promptfoo.config import PromptfooFile, read_promptfoo
from llmopt_core.interop.promptfoo.prompts import FoundPrompt
from llmopt_core.interop.promptfoo.tests import FoundTest

__all__ = ["FoundPrompt", "FoundTest", "PromptfooFile", "read_promptfoo"]
