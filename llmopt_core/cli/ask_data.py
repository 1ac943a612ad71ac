"""`llmopt ask-data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, one_line, print_error, print_result, table

if TYPE_CHECKING:
    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.types import Answer, QueryAttempt

_CELL_CHARACTERS = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="ask-data",
        help="Ask a database or files of tables in words: a model writes the query, which is run within limits and "
        "without writing. Exits with 1 where no query gave a result.",
    )(ask_data)


def ask_data(
    source: Annotated[str, typer.Argument(help="As of `llmopt sql`: a file, a folder of tables, or a URL.")],
    question: Annotated[str, typer.Argument(help="What is asked.")],
    *,
    endpoint: Annotated[str, typer.Option(help="Endpoint of the model that writes the query.")] = "builtin",
    model: Annotated[str, typer.Option(help="Model; by default the endpoint's own.")] = "",
    method: Annotated[
        str, typer.Option(help="plain, few-shot-question, few-shot-masked or few-shot-skeleton.")
    ] = "plain",
    examples: Annotated[Path | None, typer.Option(help="Solved queries: JSONL or CSV with question and sql.")] = None,
    shots: Annotated[int, typer.Option(help="Solved queries that are shown.")] = 3,
    reasoning: Annotated[bool, typer.Option(help="Columns and tables are named before the query.")] = False,
    repair: Annotated[int, typer.Option(help="How often an error goes back to the model.")] = 1,
    repair_empty: Annotated[bool, typer.Option(help="An empty result goes back, too.")] = False,
    samples: Annotated[int, typer.Option(help="Queries that vote on the result, at most.")] = 1,
    tables: Annotated[int, typer.Option(help="Tables of a large schema that are shown.")] = 12,
    max_tokens: Annotated[int, typer.Option(help="Longest query, in tokens.")] = 512,
    json: JsonOption = "",
) -> int:
    """Ask in words."""
    import asyncio

    from llmopt_core.errors import BadInput

    if not question.strip():
        raise BadInput("The question is empty.")
    solved = _read_solved(examples)
    if method != "plain" and not solved:
        raise BadInput(f"--method {method} needs solved queries; name them with --examples FILE.jsonl.")
    data = {
        "source": source, "method": method, "examples": solved, "shots": shots, "reasoning": reasoning,
        "repair": repair, "repair_empty": repair_empty, "samples": samples, "tables": tables,
    }  # fmt: skip
    configuration = _configuration(
        {
            "name": "ask-data",
            "model": {"endpoint": endpoint, "name": model, "max_tokens": max_tokens},
            "data": data,
        }
    )
    answer = asyncio.run(_ask(configuration, question))
    values = _values(answer, question)
    for text in answer.notes:
        note(f"llmopt: {text}")
    if values["status"] != "ok":
        print_result(_text(answer), values, json)
        return print_error("No query gave a result.", code=1)
    print_result(_text(answer), values, json)
    return 0


def _configuration(values: dict[str, Any]) -> Configuration:
    from pydantic import ValidationError

    from llmopt_core.errors import BadInput, field_problem
    from llmopt_core.experiments.configuration import Configuration

    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][-1]).replace("_", "-") if first["loc"] else "options"
        raise BadInput(f"--{name}: {field_problem(first)}.") from None


def _read_solved(path: Path | None) -> list[dict[str, str]]:
    from llmopt_core.documents.questions import read_questions

    if path is None:
        return []
    examples = read_questions(path, path.name).evaluation_set.examples
    return [{"question": one.question, "sql": one.gold_queries[0]} for one in examples if one.gold_queries]


async def _ask(configuration: Configuration, question: str) -> Answer:
    from llmopt_core.cli.setup import models_with, open_workspace
    from llmopt_core.experiments.data_stage import DataStage
    from llmopt_core.types import Example

    _, store = open_workspace()
    async with models_with(store, {}) as models:
        return await DataStage(configuration, models).answer(Example("question", question))


def _values(answer: Answer, question: str) -> dict[str, Any]:
    data = answer.data
    attempt = data.attempt if data is not None else None
    attempts = data.attempts if data is not None else ()
    return {
        "question": question,
        "status": "ok" if attempt is not None else (attempts[-1].status if attempts else "absent"),
        "reason": "" if attempt is not None else (attempts[-1].reason if attempts else ""),
        "source": data.source if data is not None else "",
        "sql": data.sql if data is not None else "",
        "columns": list(attempt.columns) if attempt is not None else [],
        "rows": [list(row) for row in attempt.rows] if attempt is not None else [],
        "row_count": attempt.row_count if attempt is not None else 0,
        "tables": list(data.tables) if data is not None else [],
        "examples": list(data.examples) if data is not None else [],
        "votes": list(data.votes) if data is not None and data.votes else None,
        "attempts": [_attempt(one) for one in attempts],
        "answer": answer.text,
        "tokens": {"prompt": answer.usage.prompt_tokens, "completion": answer.usage.completion_tokens},
        "cost_usd": answer.usage.cost_usd,
        "seconds": round(answer.seconds, 3),
    }


def _attempt(attempt: QueryAttempt) -> dict[str, Any]:
    values = {"stage": attempt.stage, "sql": attempt.sql, "status": attempt.status, "reason": attempt.reason}
    return {**values, "rows": attempt.row_count, "seconds": round(attempt.seconds, 4)}


def _text(answer: Answer) -> str:
    data = answer.data
    lines = []
    for one in data.attempts if data is not None else ():
        outcome = f"{one.row_count} rows" if one.status == "ok" else f"{one.status}: {one.reason}"
        lines.append(f"{one.stage:<12} {one_line(one.sql, 200)}\n{'':<12} {one_line(outcome, 200)}")
    if data is not None and data.attempt is not None:
        rows = [[one_line(_cell(cell), _CELL_CHARACTERS) for cell in row] for row in data.attempt.rows]
        header = [one_line(name, _CELL_CHARACTERS) for name in data.attempt.columns]
        lines += ["", table(header, rows) if header else "", f"{data.attempt.row_count} rows from {data.source}"]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value)
