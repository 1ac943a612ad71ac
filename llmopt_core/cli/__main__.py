"""`python -m llmopt_core.cli`."""

from llmopt_core.cli import main

main()
