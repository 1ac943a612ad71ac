"""Fine-tuning on this machine: what it takes and what it brings.

    python benchmarks/finetuning.py snips [--examples 1050] [--set epochs=2]  utterance -> strict JSON, before and after
    python benchmarks/finetuning.py qa [--set epochs=2]         base/tuned x plain/RAG on the sample project
    python benchmarks/finetuning.py forgetting --home HOME      what the tuned models there forgot of a general set
    python benchmarks/finetuning.py embedding [DATA]            Chinese questions -> English documents; DATA is a folder
                                                                with XQuAD's *.en.json and *.zh.json
    python benchmarks/finetuning.py check [--megabytes 50]      throughput of the file checks

The workspace is a new folder; `--home` names one to keep, whose tuned models are measured again instead of trained.
`snips` and `qa` end with what was forgotten; each takes about 15 minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

import numpy as np  # noqa: E402
import yaml  # noqa: E402
from finetuning_data import DATA, SAMPLE, sample_chinese, xquad  # noqa: E402
from finetuning_factorial import chat_spec, compare_arms, report_forgetting, trained_before  # noqa: E402

from llmopt_core.documents.load import load_documents  # noqa: E402
from llmopt_core.documents.questions import load_questions  # noqa: E402
from llmopt_core.experiments.configuration import Configuration  # noqa: E402
from llmopt_core.experiments.experiment_file import load_experiment  # noqa: E402
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example  # noqa: E402
from llmopt_core.finetuning.data.files import load_training_set  # noqa: E402
from llmopt_core.finetuning.data.lint import check_file  # noqa: E402
from llmopt_core.finetuning.data.split import split_set  # noqa: E402
from llmopt_core.finetuning.data.structured_outputs import Share, score_output, summarize_outputs  # noqa: E402
from llmopt_core.finetuning.jobs.job import FineTunedModel, Job, JobRequest  # noqa: E402
from llmopt_core.finetuning.training.adapters import adapters  # noqa: E402
from llmopt_core.finetuning.training.local_trainer import LocalTrainer  # noqa: E402
from llmopt_core.labs.finetuning.training_pairs import training_pairs  # noqa: E402
from llmopt_core.models.base import ChatRequest, EmbeddingSpec, ModelSpec  # noqa: E402
from llmopt_core.models.registry import Models, close_builtin  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.types import Document, Example, Message  # noqa: E402

Shots = tuple[tuple[str, str], ...]
SYSTEM = "Turn the request into JSON with an intent and its slots."


def train(
    settings: Settings, kind: str, name: str, sets: Sequence[TrainingSet | None], values: dict[str, Any]
) -> FineTunedModel:
    """Run one job to its end, printing the curve."""
    trainer = LocalTrainer(settings, kind)
    training, validation = sets
    assert training is not None
    job = trainer.create(JobRequest(name=name, hyperparameters=values), training, validation)
    shown = -1

    def on_progress(now: Job) -> None:
        nonlocal shown
        shown = show_curve(trainer, now, shown)

    job = trainer.train(job.id, on_progress=on_progress)
    on_progress(job)
    if job.status != "finished":
        raise SystemExit(f"{job.status}: {job.message}")
    tuned = trainer.result(job.id)
    facts = tuned.facts
    print(
        f"trained {facts['steps']} steps, {facts['trained_tokens']} tokens in {facts['seconds']:.0f} s "
        f"({job.tokens_per_second:.0f} tokens/s), best step {facts['best_step']}; "
        f"from start to end {job.finished_at - job.started_at:.0f} s"
    )
    return tuned


def show_curve(trainer: LocalTrainer, job: Job, shown: int) -> int:
    for point in trainer.metrics(job.id):
        if point.valid_loss is not None and point.step > shown:
            shown = point.step
            print(f"  step {point.step}/{job.total_steps}: validation loss {point.valid_loss:.4f}, "
                  f"accuracy {point.valid_accuracy:.3f}, {point.seconds:.0f} s", flush=True)  # fmt: skip
    return shown


def snips(options: argparse.Namespace, settings: Settings) -> None:
    """Prompting baselines against a LoRA on structured output."""
    train_set, validation = (load_training_set(DATA / f"snips_{part}.jsonl") for part in ("train", "validation"))
    train_set = TrainingSet(train_set.name, train_set.examples[: options.examples])
    test = load_questions(DATA / "snips_test.jsonl", "snips_test.jsonl").examples
    values = {"text_format": "completion", "epochs": 2, "evaluations": 6, "validation_examples": 48} | options.values
    if not options.tuned_only:
        plain = ModelSpec(mode="completion", stop=("\n",))
        nearest = nearest_shots(train_set, test, settings, options.shots)
        asyncio.run(ask_snips(f"base, {options.shots} nearest", settings, plain, test, nearest))
        shots = one_per_intent(train_set, test)
        asyncio.run(ask_snips("base, 7-shot", settings, plain, test, lambda _: shots))
        asyncio.run(ask_snips("base, zero-shot", settings, ModelSpec(mode="chat"), test))
    if options.prompting_only:
        return close_builtin()
    before = trained_before(settings, "snips")
    tuned = before or train(settings, "lora", "snips", (train_set, validation), values)
    asyncio.run(ask_snips("LoRA, zero-shot", settings, chat_spec(tuned), test))
    return forgotten(options, settings, tuned)


def one_per_intent(train_set: TrainingSet, test: Sequence[Example]) -> Shots:
    """A training example of each intent; which one it is comes with its JSON."""
    found: dict[str, tuple[str, str]] = {}
    for example in train_set.examples:
        found.setdefault(json.loads(example.answer)["intent"], (example.question, example.answer))
    return tuple(found[intent] for intent in sorted({e.category or "" for e in test}))


def nearest_shots(
    train_set: TrainingSet, test: Sequence[Example], settings: Settings, count: int
) -> Callable[[Example], Shots]:
    """For each request the training examples most like it, the nearest last: the best that prompting alone can do."""
    embedder = Models(settings).embedder(EmbeddingSpec())
    known = embedder.encode([e.question for e in train_set.examples])
    ranked = np.argsort(-(embedder.encode([e.question for e in test]) @ known.T), axis=1)[:, :count]
    found = {
        example.id: tuple((train_set.examples[i].question, train_set.examples[i].answer) for i in reversed(row))
        for example, row in zip(test, ranked, strict=True)
    }
    return lambda example: found[example.id]


async def ask_snips(
    title: str,
    settings: Settings,
    spec: ModelSpec,
    test: Sequence[Example],
    shots_for: Callable[[Example], Shots] = lambda _: (),
) -> None:
    spec = spec.model_copy(update={"max_tokens": 120})
    gate = asyncio.Semaphore(4)
    async with Models(settings) as models:
        chat = models.chat(spec)

        async def ask(example: Example) -> str:
            async with gate:
                return (
                    await chat.complete(ChatRequest(snips_messages(example.question, shots_for(example)), spec))
                ).text.strip()

        started = time.perf_counter()
        answers = await asyncio.gather(*(ask(example) for example in test))
    report = summarize_outputs([score_output(a, e.reference or "") for a, e in zip(answers, test, strict=True)])
    parts = [f"{n} {shown(getattr(report, n))}" for n in ("valid", "intent", "slot_f1", "exact")]
    print(f"{title}: {', '.join(parts)} (n {report.answers}, {(time.perf_counter() - started) / len(test):.2f} s each)")


def snips_messages(question: str, shots: Shots) -> tuple[Message, ...]:
    if not shots:
        return (Message("system", SYSTEM), Message("user", question))
    shown_before = "".join(f"Request: {q}\nJSON: {a}\n\n" for q, a in shots)
    return (Message("user", f"{SYSTEM}\n\n{shown_before}Request: {question}\nJSON:"),)


def shown(share: Share) -> str:
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def qa(options: argparse.Namespace, settings: Settings) -> None:
    """The reader: base/tuned x plain/RAG on the sample project, trained on other articles."""
    experiment = load_experiment(SAMPLE / "experiment.yaml")
    rag = experiment.configuration(options.configuration)
    tuned = trained_before(settings, "reader") or train_reader(options, rag, settings)
    # The adapter was trained on one configuration's chunks; over the other's it shows whether more chunks confuse it.
    others = [c.name for c in experiment.configurations if c.retrieval and c.name != rag.name]
    compare_arms(experiment, ("baseline", rag.name, *others), tuned, settings, options.questions)
    forgotten(options, settings, tuned)


def train_reader(options: argparse.Namespace, rag: Configuration, settings: Settings) -> FineTunedModel:
    documents = load_documents([DATA / "documents"])
    examples = load_questions(DATA / "qa_questions.jsonl", "qa_questions.jsonl", documents).examples
    values = {"text_format": "completion", "epochs": 2, "evaluations": 6, "validation_examples": 24} | options.values
    pairs = asyncio.run(make_pairs(rag, documents, examples[: options.examples], settings))
    split = split_set(pairs, 0.1)
    return train(settings, "lora", "reader", (split.train, split.validation), values)


async def make_pairs(
    rag: Configuration, documents: Sequence[Document], examples: Sequence[Example], settings: Settings
) -> TrainingSet:
    store = Store.open(settings)
    async with Models(settings, cache=store.cache) as models:
        return await training_pairs(rag, documents, examples, models, name="reader")


def forgotten(options: argparse.Namespace, settings: Settings, *tuned: FineTunedModel) -> None:
    """What the tuned models of the workspace have forgotten of a general set."""
    found = tuned or [adapter.as_choice() for adapter in adapters(settings)]
    if not found:
        raise SystemExit(f"{settings.home} has no tuned model; name with --home the workspace that snips or qa filled")
    plain = load_experiment(SAMPLE / "experiment.yaml").configuration("baseline")
    for model in found:
        report_forgetting(plain, model, settings, DATA / "general_questions.jsonl")
    close_builtin()


def embedding(options: argparse.Namespace, settings: Settings) -> None:
    """Chinese questions to English documents: dense search before and after, on documents held back from training."""
    from llmopt_core.labs.finetuning.embedder import EmbedderPlan, parts_by_document
    from llmopt_core.labs.finetuning.embedder_gain import gain_of_plan

    documents, examples = xquad(options.data) if options.data else sample_chinese()
    configuration = load_experiment(SAMPLE / "experiment.yaml").configuration("rag")
    retrieval = configuration.retrieval
    assert retrieval is not None
    chunking = retrieval.chunking.model_copy(update={"size": options.size})
    configuration = configuration.model_copy(update={"retrieval": retrieval.model_copy(update={"chunking": chunking})})
    parts = parts_by_document(
        examples, documents, configuration, held_back_share=options.held_back, whole=options.whole
    )
    sizes = (len(parts.train), len(parts.validation), len(parts.held_back))
    print(
        f"{sizes[0]} pairs learned, {sizes[1]} watched, {sizes[2]} held back; {len(documents)} documents, parted by "
        f"{options.whole}, chunks of at most {options.size} tokens"
    )
    values = {"epochs": 3, "learning_rate": 1e-4} | options.values
    sets = (TrainingSet("zh-en", parts.train), TrainingSet("zh-en-watched", parts.validation))
    tuned = train(settings, "embedding", "zh-en", sets, values)
    plan = EmbedderPlan(name="zh-en", evaluation_set="", held_back_set="", configuration=configuration, pairs=sizes[0])
    found = gain_of_plan(plan, tuned, Models(settings), examples=parts.held_back, documents=documents)
    for name, gain in found.gains.items():
        print(f"{name}: {estimate(found.before[name])} -> {estimate(found.after[name])}")
        print(f"  {gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], p {gain.p_value:.2g}, {gain.verdict}")
    print(f"{found.questions} questions about {found.documents} documents, among {found.chunks} chunks")
    print(f"training {found.train_seconds:.0f} s, "
          f"{found.megabytes:.0f} MB, embedding {found.embedded} chunks anew {found.embed_seconds:.1f} s")  # fmt: skip


def estimate(value: Any) -> str:
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def check(options: argparse.Namespace, settings: Settings) -> None:
    """Megabytes per second of the file checks, in CPU time."""
    path = settings.home / "big.jsonl"
    settings.home.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(20_000)]
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < options.megabytes * 1e6:
            example = chat_example(" ".join(rng.choices(words, k=60)), " ".join(rng.choices(words, k=40)), system="Hi")
            file.write(json.dumps(example.to_openai()) + "\n")
    started = time.process_time()
    report = check_file(path)
    seconds = time.process_time() - started
    print(
        f"{report.examples} examples, {options.megabytes} MB: {seconds:.1f} s, {options.megabytes / seconds:.2f} MB/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("snips", "qa", "forgetting", "embedding", "check"))
    parser.add_argument("data", nargs="?", type=Path, help="for embedding: a folder with XQuAD; else the sample data")
    parser.add_argument("--held-back", type=float, default=0.3, help="share of the questions, for embedding")
    parser.add_argument("--whole", choices=("documents", "passages"), default="documents", help="what is held back")
    parser.add_argument("--size", type=int, default=200, help="tokens per chunk, for embedding")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--configuration", default="rag-rerank", help="of the sample project, for qa")
    parser.add_argument("--questions", type=int, help="of the sample project, for qa; all by default")
    parser.add_argument("--tuned-only", action="store_true", help="leave the prompting baselines out")
    parser.add_argument("--prompting-only", action="store_true", help="leave the training out")
    parser.add_argument("--shots", type=int, default=7, help="training examples per prompt, for snips")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="hyperparameter")
    options = parser.parse_args()
    options.values = {key: yaml.safe_load(value) for key, _, value in (item.partition("=") for item in options.set)}
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(home=options.home or Path(temporary), threads=options.threads)
        parts = {"snips": snips, "qa": qa, "forgetting": forgotten, "embedding": embedding, "check": check}
        parts[options.part](options, settings)


if __name__ == "__main__":
    main()
