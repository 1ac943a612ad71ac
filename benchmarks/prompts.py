"""Prompts on public questions with the built-in model: plain against think-first, and the three searches.

    nice -n 19 python benchmarks/prompts.py DATA [--n 24] [--parts think,search] [--home FOLDER]

DATA is a folder with `bbh/TASK.jsonl`, `bbh/cot-prompts/TASK.txt` (BIG-Bench Hard) and `gsm8k/*.jsonl`. For each task a
comparison file is written to FOLDER/prompts, so that `llmopt compare-prompts FOLDER/prompts/navigate.yaml` shows the
same side by side. Both variants show the same three examples; think-first shows them with their reasoning.

With `--home` the workspace stays: a second run costs no model call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.experiments.comparison import comparison, new_id, start_comparison  # noqa: E402
from llmopt_core.experiments.configuration import Configuration  # noqa: E402
from llmopt_core.experiments.search.confirmation import Verification  # noqa: E402
from llmopt_core.experiments.search.task import SearchTask  # noqa: E402
from llmopt_core.labs.prompts.board import Board  # noqa: E402
from llmopt_core.labs.prompts.columns import columns_of  # noqa: E402
from llmopt_core.labs.prompts.comparison_file import load_comparison  # noqa: E402
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison  # noqa: E402
from llmopt_core.labs.prompts.few_shot_effect import measure_few_shot_effect  # noqa: E402
from llmopt_core.labs.prompts.few_shot_search import choose_few_shot  # noqa: E402
from llmopt_core.labs.prompts.grid import Grid, load_grid  # noqa: E402
from llmopt_core.labs.prompts.instruction_search import search_instruction  # noqa: E402
from llmopt_core.models.base import ModelSpec  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.settings import Settings  # noqa: E402
from llmopt_core.statistics.intervals import Summary  # noqa: E402
from llmopt_core.statistics.paired_comparison import Comparison  # noqa: E402
from llmopt_core.types import EvaluationSet, Example  # noqa: E402

PLAIN = ModelSpec(max_tokens=12, stop=("\n",))
THINK = ModelSpec(max_tokens=240, stop=("\n\n", "Q:"))
ANSWER = r"[Tt]he answer is (?P<answer>.+?)\.?\s*(?:\n|$)"
POOL, SEARCHED = 8, "boolean_expressions"


@dataclass(frozen=True)
class Task:
    """Questions with short answers, and three worked examples as (question, reasoning, answer)."""

    name: str
    instruction: str
    rows: list[tuple[str, str]]
    worked: list[tuple[str, str, str]]


def bbh(folder: Path, name: str) -> Task:
    """A task of BIG-Bench Hard with its chain-of-thought prompt."""
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    text = (folder / "cot-prompts" / f"{name}.txt").read_text(encoding="utf-8").split("-----\n", 1)[1]
    instruction, *blocks = re.split(r"\n\nQ: ", text.strip())
    worked = []
    for block in blocks:
        question, reasoning = block.split("\nA: ", 1)
        worked.append((question, reasoning.strip(), re.findall(ANSWER, reasoning)[-1]))
    return Task(name, instruction, [(row["input"], row["target"]) for row in rows], worked)


def gsm8k(path: Path) -> Task:
    """Grade-school mathematics; its first three problems are the worked examples."""
    rows, worked = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        reasoning, _, answer = row["answer"].partition("\n#### ")
        reasoning = re.sub(r"<<.*?>>", "", reasoning).replace("\n", " ")
        rows.append((row["question"], answer))
        worked.append((row["question"], f"Let's think step by step. {reasoning} So the answer is {answer}.", answer))
    return Task("gsm8k", "Solve the problem.", rows[3:], worked[:3])


def load(data: Path) -> list[Task]:
    """Every task that is there."""
    names = sorted(path.stem for path in (data / "bbh").glob("*.jsonl"))
    tasks = [bbh(data / "bbh", name) for name in names]
    return tasks + [gsm8k(path) for path in sorted((data / "gsm8k").glob("*.jsonl"))]


def prompts(task: Task) -> dict[str, tuple[PromptSpec, ModelSpec]]:
    """The two variants of a task."""
    short = tuple({"question": question, "answer": answer} for question, _, answer in task.worked)
    long = tuple({"question": question, "answer": reasoning} for question, reasoning, _ in task.worked)
    template = "Q: {{ question }}\nA:"
    plain = PromptSpec(system=task.instruction, template=template, few_shot=FewShotSpec(examples=short))
    think = PromptSpec(system=task.instruction, template=template, few_shot=FewShotSpec(examples=long), extract=ANSWER)
    return {"plain": (plain, PLAIN), "think first": (think, THINK)}


def drawn(task: Task, most: int) -> list[Example]:
    """Questions at random, the worked ones left out."""
    shown = {question for question, *_ in task.worked}
    rows = [row for row in task.rows if row[0] not in shown]
    random.Random(0).shuffle(rows)
    return [Example(f"{task.name}-{number}", *row) for number, row in enumerate(rows[:most], 1)]


def write(folder: Path, task: Task, most: int) -> Path:
    """The comparison as files for `llmopt compare-prompts`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": e.id, "question": e.question, "reference": e.reference}) for e in drawn(task, most)]
    (folder / f"{task.name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    variants = [
        {"name": name, "prompt": _plain(prompt), "model": _plain(model)}
        for name, (prompt, model) in prompts(task).items()
    ]
    values = {"project": "think-first", "evaluation_set": f"{task.name}.jsonl", "variants": variants}
    values |= {"metrics": ["exact_match"], "concurrency": 4}
    path = folder / f"{task.name}.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


async def side_by_side(store: Store, settings: Settings, path: Path) -> Grid:
    """What `llmopt compare-prompts` does."""
    plan = load_comparison(path, store).plan
    store.ensure_project(plan.project)
    found, board = start_comparison(store, plan, new_id()), Board()
    board.add(all_cells(plan))
    async with Models(settings, cache=store.cache) as models:
        await run_comparison(store, plan, found, models, board)
    return load_grid(store, comparison(store, plan.project, found.id), plan.evaluation_set.examples)


def think(store: Store, settings: Settings, task: Task, path: Path) -> None:
    """One line per task: both means, the paired difference, and what it costs."""
    start = time.perf_counter()
    grid = asyncio.run(side_by_side(store, settings, path))
    first, second = columns_of(grid)
    said = [[row[place].record.answer for row in grid.rows if row[place].record] for place in (0, 1)]
    unfinished = sum(bool(answer and answer.notes) for answer in said[1])
    versus = second.versus["exact_match"]
    tokens = [statistics.mean(answer.usage.completion_tokens for answer in column if answer) for column in said]
    cells = [
        f"{task.name:22} {len(grid.rows):3}",
        *(told(column.metrics["exact_match"]) for column in (first, second)),
        difference(versus),
        f"{tokens[0]:4.0f} {tokens[1]:4.0f}  {unfinished:3}  {time.perf_counter() - start:4.0f} s",
    ]
    print("  ".join(cells), flush=True)


def search(store: Store, settings: Settings, task: Task, most: int) -> None:
    """The three searches on one task."""
    questions = drawn(task, most + POOL)
    pool = tuple({"question": e.question, "answer": e.reference or ""} for e in questions[most:])
    prompt = PromptSpec(system=task.instruction, template="Q: {{ question }}\nA:", few_shot=FewShotSpec(examples=pool))
    result = Configuration(name="plain", model=PLAIN, prompt=prompt)
    about = SearchTask("searches", result, EvaluationSet(task.name, tuple(questions[:most])), "exact_match")
    worth = run(store, settings, measure_few_shot_effect, about)
    print(f"\nWorth of {POOL} examples on {worth.questions} questions of {task.name}: all {told(worth.full)}")
    for row in worth.examples:
        print(f"  {difference(row.comparison)}  by Holm: {row.verdict:18}  {row.question}")
    took(worth)
    choice = run(store, settings, choose_few_shot, about)
    best = max((t.summary.mean or 0) for t in choice.trials if t.complete)
    print(f"\nChoice, greedy: {len(choice.trials)} subsets on {choice.training} questions, best there {best:.2f}")
    verified(choice.verification, f"examples {[place + 1 for place in choice.chosen or ()]}")
    took(choice)
    found = run(store, settings, search_instruction, about, rewrites=4)
    print(f"\nInstruction search from: {found.original!r}, {told(found.baseline)} on {found.training} questions")
    for candidate in found.candidates:
        print(f"  {told(candidate.summary) if candidate.summary else candidate.refused}: {candidate.text!r}")
    verified(found.verification, "the best rewrite")
    took(found)


def run(store: Store, settings: Settings, made: Any, about: SearchTask, **options: Any) -> Any:
    async def work() -> Any:
        async with Models(settings, cache=store.cache) as models:
            return await made(about, models, store.cache, **options)

    return asyncio.run(work())


def told(summary: Summary) -> str:
    """`0.42 (0.28 to 0.57)`."""
    if summary.low is None or summary.high is None:
        return f"{summary.mean or 0:.2f} (no spread)    "
    return f"{summary.mean:.2f} ({summary.low:.2f} to {summary.high:.2f})"


def difference(found: Comparison) -> str:
    """`+0.12 (+0.03 to +0.21)  p 0.010  better`."""
    between = "(no spread)" if found.low is None or found.high is None else f"({found.low:+.2f} to {found.high:+.2f})"
    return f"{found.difference:+.2f} {between}  p {found.p_value:.3f}  {found.verdict:18}"


def verified(found: Verification | None, what: str) -> None:
    if found is None:
        print("  nothing better on the training part: not tested, nothing to report")
        return
    print(f"  held back, {found.questions} questions: {told(found.before)} -> {told(found.after)} with {what}")
    print(f"  {difference(found.comparison)}")


def took(found: Any) -> None:
    print(f"  {found.usage.calls} calls, {found.usage.cached_calls} from the cache, {found.seconds:.0f} s", flush=True)


def _plain(spec: Any) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_defaults=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--n", type=int, default=24, help="questions of each task")
    parser.add_argument("--parts", default="think,search")
    parser.add_argument("--home", type=Path, help="the workspace; a temporary one otherwise")
    options = parser.parse_args()
    tasks = load(options.data)
    if not tasks:
        sys.exit(f"No questions below {options.data}: see the top of this file for the names of files.")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=options.home or Path(folder))
        store = Store.open(settings)
        parts = options.parts.split(",")
        if "think" in parts:
            print("task, questions, plain, think first, difference, tokens per answer of each, no answer found, time")
            for task in tasks:
                think(store, settings, task, write(settings.home / "prompts", task, options.n))
        if "search" in parts:
            search(store, settings, next((task for task in tasks if task.name == SEARCHED), tasks[0]), options.n)
        store.close()


if __name__ == "__main__":
    main()
