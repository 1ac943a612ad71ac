"""The commands, and how each of them ends: 0 done, 1 a threshold or check failed, 2 could not be done.

3: the budget ended it before there was anything to show. `evaluate` and `gate` end with 3 where so few questions cannot
tell, too, with 4 where too few answers or scores came, and with 5 where a run broke: see docs/gate.md.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Annotated, TextIO, cast

import typer
from typer.exceptions import TyperException

from llmopt_core.cli import (
    ablate,
    advise,
    ask_data,
    browser,
    chunk,
    chunk_sweep,
    compare,
    doctor,
    evaluate,
    export,
    failures,
    finetune,
    gate,
    import_results,
    jobs,
    judge_labels,
    ladder,
    noise,
    project,
    prompts,
    questions,
    report,
    retrieve,
    sql,
    sql_audit,
    sql_compare,
)
from llmopt_core.cli.coverage import OUT_OF_BUDGET
from llmopt_core.cli.output import SafeStream, print_error
from llmopt_core.errors import LlmOptError, OutOfBudget
from llmopt_core.installation import program_version

# What a shell gives a program that was stopped with Ctrl-C: 128 + SIGINT.
_EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="llmopt",
    help="Raise an LLM feature, step by measured step. Each command exits with 0, 1 (a threshold or assertion failed), "
    "2 (it could not be done; one line on stderr says why), 3 (its budget had no room for a result, or so few "
    "questions cannot tell), 4 (too few answers or scores came) or 5 (a run broke).",
    no_args_is_help=True,
    # No hint for commands of a shell: `--install-completion` would write into the user's start files.
    add_completion=False,
    # Rich frames and Typer's own tracebacks are off: each problem is one line that a script can read.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_MODULES = (
    evaluate, gate, import_results, compare, noise, advise, ladder, failures, judge_labels, prompts, chunk, chunk_sweep,
    retrieve, sql, sql_compare, sql_audit, ask_data, ablate, finetune, jobs, project, questions, report, export, doctor,
    browser,
)  # fmt: skip
for module in _MODULES:
    module.register(app)


def _print_version(show: bool) -> None:
    # Eager, so that it is printed before a missing command is complained of.
    if show:
        print(f"llmopt {program_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and end.")
    ] = False,
) -> None:
    """What stands before a command."""


def run(arguments: Sequence[str]) -> int:
    """Run one command. Returns its exit code; every foreseeable problem is one line on stderr."""
    try:
        # All that is printed goes through it, by any command: texts of models may hold codes that steer a terminal.
        with redirect_stdout(cast("TextIO", SafeStream(sys.stdout))):
            # Not standalone: Typer would print faults its own way and end the process itself.
            code = app(_with_json_value(arguments) or ["--help"], prog_name="llmopt", standalone_mode=False)
            sys.stdout.flush()  # A full disk or a closed pipe shows here, where it is still caught.
    except OutOfBudget as error:
        # Before its base class below: a budget has an exit code of its own.
        return print_error(str(error), code=OUT_OF_BUDGET)
    except LlmOptError as error:
        return print_error(str(error))
    except TyperException as error:
        # Checks of values are worded for a sentence that begins with the input; here the option stands before.
        return print_error(error.format_message().replace("Input should be", "it should be"), hint=" (see --help)")
    except (KeyboardInterrupt, typer.Abort):
        code = _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough. Python flushes stdout once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _unforeseen(error)
    # Typer makes this of a keyboard interrupt.
    return print_error("stopped", code=_EXIT_INTERRUPTED) if code == _EXIT_INTERRUPTED else int(code or 0)


def _unforeseen(error: Exception) -> int:
    # An error of the system about a file (full, forbidden, gone) is the user's to mend, and no fault of the program.
    if isinstance(error, OSError) and error.filename is not None:
        return print_error(f"{error.filename} cannot be used: {error.strerror}.")
    if os.environ.get("LLMOPT_DEBUG"):
        traceback.print_exc()
    message = f"this should not have happened: {type(error).__name__}: {error}"
    return print_error(f"{message}; set LLMOPT_DEBUG=1 for the details")


def _with_json_value(arguments: Sequence[str]) -> list[str]:
    """A bare `--json` means stdout."""
    result: list[str] = []
    for i, argument in enumerate(arguments):
        result.append(argument)
        # `--` stands for the end: a `--json` that comes last has nothing after it.
        following = arguments[i + 1] if i + 1 < len(arguments) else "--"
        # A single `-` is the value that means stdout, and no option.
        if argument == "--json" and following.startswith("-") and following != "-":
            result.append("-")
    return result
