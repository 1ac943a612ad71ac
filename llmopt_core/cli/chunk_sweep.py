"""`llmopt chunk-sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import (
    EncodingOption,
    JsonOption,
    MainOnlyOption,
    ProgressLine,
    QuestionColumnOption,
    QuestionsEncodingOption,
    SplitOption,
    note,
    note_losses,
    number,
    pairs,
    print_result,
    table,
)
from llmopt_core.cli.setup import models_with, open_workspace

if TYPE_CHECKING:
    from llmopt_core.labs.chunking.result import SweepResult
    from llmopt_core.labs.chunking.spec import SweepSpec
    from llmopt_core.types import Document, EvaluationSet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chunk-sweep", help="Measure chunkings by what they retrieve for your questions.")(chunk_sweep)


def chunk_sweep(
    documents: Annotated[list[Path], typer.Option(help="A document or a folder; may be given several times.")],
    questions: Annotated[Path, typer.Option(help="Question file (JSONL or CSV) with `references`.")],
    *,
    methods: Annotated[
        str, typer.Option(help="recursive, fixed, sentence, structure, semantic, small-to-big; by comma.")
    ] = "recursive",
    sizes: Annotated[str, typer.Option(help="Largest chunk, in units; by comma.")] = "100,200,400",
    overlaps: Annotated[str, typer.Option(help="Units that neighbours share; by comma.")] = "0",
    top_k: Annotated[str, typer.Option(help="Chunks handed over per question; by comma.")] = "5",
    unit: Annotated[str, typer.Option(help="tokens (of the embedding model), cl100k or characters.")] = "tokens",
    search: Annotated[str, typer.Option(help="dense (by meaning) or bm25 (by words).")] = "dense",
    embedding: Annotated[str, typer.Option(help="Embedding model: a name, a folder, or the endpoint's model.")] = "",
    endpoint: Annotated[str, typer.Option(help="Endpoint of the embedding model; empty for a local one.")] = "",
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="USD",
            help="The most that embedding may cost in all, the same sweep before included.",
        ),
    ] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Exit with 1 where no setting has at least this mean recall (0 to 1)."),
    ] = None,
    column: QuestionColumnOption = None,
    encoding: EncodingOption = "",
    main_only: MainOnlyOption = False,
    questions_encoding: QuestionsEncodingOption = "",
    qrels: Annotated[
        Path | None, typer.Option(help="Which documents answer which question, as BEIR and TREC keep it.")
    ] = None,
    split: SplitOption = "",
    json: JsonOption = "",
) -> int:
    """Sweep."""
    from llmopt_core.documents.duplicates import duplicates
    from llmopt_core.documents.load import load_documents
    from llmopt_core.documents.qrels import read_qrels, with_judgements
    from llmopt_core.documents.questions import read_questions
    from llmopt_core.experiments.set_choice import choose_part
    from llmopt_core.labs.chunking.export import sweep_values
    from llmopt_core.labs.chunking.result import language_warning

    # Left out, it is the default of the spec; an empty name would be a model that nobody has.
    model = {"model": embedding} if embedding else {}
    spec = _spec(
        methods=_words(methods, "methods"),
        sizes=_numbers(sizes, "sizes"),
        overlaps=_numbers(overlaps, "overlaps"),
        top_k=_numbers(top_k, "top-k"),
        unit=unit,
        search=search,
        embedding={**model, "endpoint": endpoint},
    )
    loaded_documents = load_documents(documents, encoding=encoding, main_only=main_only)
    # Losses and copies before the work: they explain what the numbers come to, and some stop here to mend them.
    note_losses(loaded_documents)
    for names in duplicates(loaded_documents):
        note(f"llmopt: the same text: {', '.join(names)}; each copy takes a place among what is handed over")
    question_set = read_questions(
        questions, documents=loaded_documents, columns=pairs(column), skip_bad_lines=True, encoding=questions_encoding
    )
    # After the questions are read: the judgements are joined to them by id, and to the documents by name.
    if qrels is not None:
        question_set = with_judgements(question_set, read_qrels(qrels), loaded_documents)
    # Lines that were left out and the like: fewer questions than expected are explained before they are measured.
    for line in question_set.notes:
        note(f"llmopt: {questions.name}: {line}")
    # A file that says its parts is swept over the one to search with, unless another is named.
    choice = choose_part(question_set.evaluation_set, split, question_set.parts)
    if choice.note:
        note(f"llmopt: {choice.note}")
    result = _run(loaded_documents, choice.questions, spec, budget)
    for combination in result.skipped:
        note(f"llmopt: skipped {combination.name}: {combination.reason}")
    if warning := language_warning(result):
        note(f"llmopt: {warning}")
    print_result(_text(result), {**sweep_values(result), "notes": list(question_set.notes)}, json)
    # Where nothing was scored the mean is None, which must not pass a threshold.
    best = max(setting.summaries["recall"].mean or 0.0 for setting in result.settings)
    return 1 if fail_under is not None and best < fail_under else 0


def _words(text: str, option: str) -> tuple[str, ...]:
    from llmopt_core.errors import BadInput

    # Each once, in the order that was typed: `200,100,200` would measure the same twice.
    items = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not items:
        raise BadInput(f"--{option} is empty.")
    return items


def _numbers(text: str, option: str) -> tuple[int, ...]:
    from llmopt_core.errors import BadInput

    words = _words(text, option)
    # `isdigit` alone takes ² and digits of other scripts; `int` refuses the first and a reader misreads the second.
    wrong = next((word for word in words if not word.isascii() or not word.isdigit()), None)
    if wrong is not None:
        raise BadInput(f"--{option}: expected whole numbers separated by commas, found {wrong!r}.")
    return tuple(int(word) for word in words)


def _spec(**values: Any) -> SweepSpec:
    from llmopt_core.errors import BadInput
    from llmopt_core.labs.chunking.spec import sweep_spec

    try:
        return sweep_spec(**values)
    except BadInput as error:
        # The name before the fault is that of the field, which is the option's as well.
        raise BadInput(f"--{error}") from None


def _run(documents: list[Document], questions: EvaluationSet, spec: SweepSpec, budget: float | None) -> SweepResult:
    from llmopt_core.execution.spending import spending_words
    from llmopt_core.labs.chunking.cache import sweep
    from llmopt_core.labs.chunking.progress import Reporter

    _, store = open_workspace()
    try:
        models = models_with(store, {})
        with ProgressLine() as progress_line:
            report = Reporter(lambda progress: progress_line(lambda: _progress_words(progress)))
            # Asked for again it costs nothing: the sweep is kept under the key.
            key, result = sweep(documents, questions, spec, models, report, budget_usd=budget)
        if budget is not None:
            note(f"llmopt: {spending_words(store.cache, key, budget)}")
    finally:
        # Also after Ctrl-C: vectors that were paid are kept up to here.
        store.close()
    return result


def _progress_words(progress: dict[str, Any]) -> str:
    from llmopt_core.reporting.progress_summary import summarize_progress

    now = summarize_progress(progress)
    return f"llmopt: {now.message}: {now.line}"


def _text(result: SweepResult) -> str:
    from llmopt_core.experiments.setting_choices import choice_note
    from llmopt_core.labs.chunking.result import METRICS, TOKENS, by_recall, pareto

    front = set(pareto(result))
    # Recall leads the row, with its interval.
    columns = [name for name in METRICS if name != "recall"]
    header = ["setting", "top", "chunks", "recall", "95 % interval", *columns, "tokens", "missed", "front"]
    rows = []
    for position in by_recall(result):
        setting = result.settings[position]
        cutting, recall = result.cutting(setting), setting.summaries["recall"]
        c = cutting.chunking
        between = "-" if recall.low is None else f"{number(recall.low)} to {number(recall.high)}"
        # Questions, not references: one that misses several counts once, as the line below the table says.
        miss_count = sum(bool(misses) for misses in setting.misses)
        rows.append(
            [f"{c.method} {c.size}/{c.overlap}", str(setting.top_k), str(cutting.chunks), number(recall.mean), between,
             *(number(setting.summaries[name].mean) for name in columns),
             f"{setting.summaries[TOKENS].mean:.0f}", str(miss_count), "*" if position in front else ""]
        )  # fmt: skip
    recall = result.settings[0].summaries["recall"]
    lines = [
        f"{_plural(len(result.settings), 'setting')}, {_plural(len(result.documents), 'document')}, "
        f"{recall.scored} of {_plural(recall.total, 'question')} scored, searched by {result.searcher}",
        f"intervals over {result.unit}",
        "",
        table(header, rows),
        "",
        f"setting: method size/overlap in {result.spec.unit}. tokens: cl100k tokens handed over per question. "
        "missed: questions. front: no other setting has more recall for fewer tokens.",
        choice_note(result.set_name),
    ]
    return "\n".join(lines)


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
