"""`llmopt`: the core from the command line. A thin layer, like the pages."""
