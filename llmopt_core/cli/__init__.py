"""`llmopt`: the core from the command line. A thin layer, like the pages."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments name and end the process with its exit code."""
    import sys

    from llmopt_core.startup import end_quickly, start_quickly
    from llmopt_core.workspace import keep_private

    start_quickly()
    # Before anything is imported that opens files, so that every file of this process is the owner's alone.
    keep_private()
    # Imported only now: its imports make the many objects that the setting above is for.
    from llmopt_core.cli.app import run

    code = run(sys.argv[1:])
    # Before `sys.exit`, which begins the search that this spares.
    end_quickly()
    sys.exit(code)
