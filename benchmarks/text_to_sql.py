"""Text-to-SQL in small: the built-in model, base and fine-tuned, without and with retrieved solved queries.

    python -m benchmarks.text_to_sql [--data FOLDER] [--home HOME] [--questions N] [--set epochs=3]

Asks the 44 questions of the sample database. The local LoRA learns (schema, question) -> query from the sample's 44
solved queries, which ask for other queries than the questions do; with FOLDER, which holds `defog` (databases and
`questions_gen_sqlite.csv`), from 137 queries over five other databases too. Prints valid-SQL rate and execution
accuracy with intervals, and the four comparisons by question. A workspace named by `--home` keeps the trained model.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.finetuning import ROOT, train
from benchmarks.finetuning_factorial import chat_spec, report, trained_before
from llmopt_core.documents.questions import load_questions
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.plan import Plan
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.split import split_set
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.data_questions.training_pairs import query_pairs
from llmopt_core.labs.finetuning.training_pairs import with_tuned_model
from llmopt_core.models.registry import Models, close_builtin
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example

SHOP = ROOT / "sample_data" / "data"
NAME = "queries"
METRICS = ("execution_accuracy", "valid_sql", "table_recall")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--questions", type=int)
    parser.add_argument("--set", dest="values", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=options.home or Path(folder))
        tuned = trained_before(settings, NAME) or _train(options, settings)
        _compare(options, settings, tuned)
    close_builtin()


def _configurations(source: Path) -> tuple[Configuration, Configuration]:
    """The schema alone, and with solved queries of the nearest questions."""
    solved = [
        {"question": example.question, "sql": example.gold_queries[0]}
        for example in load_questions(SHOP / "solved.jsonl", "solved.jsonl").examples
    ]
    data: dict[str, Any] = {"source": str(source), "tables": 5, "sample_values": 2}
    model = {"endpoint": "builtin", "max_tokens": 96}
    few_shot = {"method": "few-shot-question", "examples": solved, "shots": 2}
    return (
        Configuration.model_validate({"name": "base", "model": model, "data": data}),
        Configuration.model_validate({"name": "base + examples", "model": model, "data": {**data, **few_shot}}),
    )


def _train(options: argparse.Namespace, settings: Settings) -> FineTunedModel:
    pairs = asyncio.run(_pairs(options.data, settings))
    values: dict[str, Any] = {"text_format": "completion", "epochs": 3, "max_tokens": 1024, "evaluations": 4}
    values |= dict(value.split("=", 1) for value in options.values)
    split = split_set(pairs, 0.1)
    print(f"{len(pairs.examples)} pairs, of which {len(split.validation.examples) if split.validation else 0} watched")
    return train(settings, "lora", NAME, (split.train, split.validation), values)


async def _pairs(folder: Path | None, settings: Settings) -> TrainingSet:
    shop = load_questions(SHOP / "solved.jsonl", "solved.jsonl").examples
    async with Models(settings, cache=Store.open(settings).cache) as models:
        pairs = (await query_pairs(_configurations(SHOP), shop, models)).examples
        if folder is not None:
            plain, _ = _configurations(folder / "defog" / "database")
            pairs += (await query_pairs([plain], _defog(folder), models)).examples
    return TrainingSet(NAME, pairs)


def _defog(folder: Path) -> list[Example]:
    with (folder / "defog" / "questions_gen_sqlite.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        Example(
            f"defog-{i}",
            row["question"],
            variables={"database": row["db_name"], "sql": row["query"].split(";")[0]},
        )
        for i, row in enumerate(rows)
    ]


def _compare(options: argparse.Namespace, settings: Settings, tuned: FineTunedModel) -> None:
    questions = load_questions(SHOP / "questions.jsonl", "questions.jsonl").examples[: options.questions]
    base = _configurations(SHOP)
    arms = [*base, *(with_tuned_model(one, chat_spec(tuned)) for one in base)]
    names = ("base", "base + examples", "fine-tuned", "fine-tuned + examples")
    named = [arm.model_copy(update={"name": name}) for arm, name in zip(arms, names, strict=True)]
    plan = Plan("text-to-sql", named, EvaluationSet("shop", questions), (), METRICS, JudgeSpec())
    report(plan, [(0, 1), (0, 2), (1, 3), (2, 3)], settings)


if __name__ == "__main__":
    main()
