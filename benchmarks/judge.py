"""The built-in judge against human labels: AUC, accuracy and kappa per metric and data set.

    python benchmarks/judge.py DATA [--limit 300] [--fit] [--only KIND]

DATA is a folder with the files named in `judge_data.py`. `--fit` fits the constants of `evaluation/grounding.py` anew
and prints them with their agreement on groups they were not fitted on.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from llmopt_core.settings import silence_telemetry  # noqa: E402

silence_telemetry()

from judge_data import Case, load  # noqa: E402
from judge_fit import Item, fit, report, scores, unseen  # noqa: E402

from llmopt_core.evaluation.judges.builtin import grounding  # noqa: E402
from llmopt_core.evaluation.judges.builtin.contradictions import contradiction  # noqa: E402
from llmopt_core.evaluation.judges.builtin.conversation import claim_of  # noqa: E402
from llmopt_core.evaluation.judges.builtin.grounding import (  # noqa: E402
    RELEVANCE_MODEL,
    RELEVANT,
    SUPPORT_THRESHOLD,
    Grounding,
    border_of,
)
from llmopt_core.evaluation.judges.builtin.grounding_features import (  # noqa: E402
    RELEVANCE_FEATURES,
    SHORT_ANSWER_FEATURES,
    STATEMENT_FEATURES,
    Match,
    Passage,
    relevance_features,
    short_answer_features,
    statement_features,
)
from llmopt_core.evaluation.judges.builtin.judge import QUESTIONS, answer_forms, statements  # noqa: E402
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader  # noqa: E402
from llmopt_core.models.base import BUILTIN_EMBEDDING, Vectors  # noqa: E402
from llmopt_core.models.local.embedding import local_embedder  # noqa: E402
from llmopt_core.text.scripts import has_cjk  # noqa: E402
from llmopt_core.text.sentences import sentences  # noqa: E402


class Features:
    """Features of cases, each context read once."""

    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader
        self._passage = ("", Passage([], []))

    def all_of(self, cases: Sequence[Case], relevance_model: Sequence[float]) -> list[list[list[float]]]:
        """Features per case; the texts of many cases are embedded together."""
        matches = []
        for start in range(0, len(cases), TOGETHER):
            part = cases[start : start + TOGETHER]
            self.reader.read([text for case in part for text in texts_of(case)])
            matches += [self.of(case, relevance_model) for case in part]
        return matches

    def of(self, case: Case, relevance_model: Sequence[float]) -> list[list[float]]:
        """One row per statement; one for relevance, where the context is a single sentence."""
        if case.kind == "relevance":
            return self._relevance(case.question, Passage([case.context], self.reader.read([case.context])))
        passage = self._read(case.context)
        if case.kind == "short answer":
            relevance = grounding.weigh_all(self._relevance(case.question, passage), relevance_model)
            return [short_answer_features(case.text, case.question, relevance, passage)[0]]
        texts = said(case)
        return [
            statement_features(statement, case.question, Match.of(tokens, passage))
            for statement, tokens in zip(texts, self.reader.read(texts), strict=True)
        ]

    def item(self, case: Case, rows: Sequence[Sequence[float]]) -> Item:
        """The case with what is known beside its features."""
        if case.kind != "statement":
            return Item(case.data, case.variant, case.group, case.label, rows)
        sources = self._read(case.context).sentences
        against = any(contradiction(statement, sources, case.question) for statement in said(case))
        border = border_of([case.text], case.question, reply=True)
        # Fitted on, Chinese pulls the weights to where nothing passes; the English ones serve it better.
        fitted = not has_cjk(case.text)
        return Item(case.data, case.variant, case.group, case.label, rows, against, fitted, border)

    def _relevance(self, question: str, passage: Passage) -> list[list[float]]:
        asked = self.reader.read([question])[0]
        return [relevance_features(question, asked, i, passage) for i in range(len(passage.sentences))]

    def _read(self, context: str) -> Passage:
        if self._passage[0] != context:
            self._passage = (context, Passage.read(context, self.reader))
        return self._passage[1]


def texts_of(case: Case) -> list[str]:
    """Everything that is embedded for a case."""
    context = [case.context] if case.kind == "relevance" else sentences(case.context)
    return [case.question, *context, *said(case)]


def said(case: Case) -> list[str]:
    """The statements of a case, as the judge would take them."""
    if case.kind == "relevance":
        return []
    return [claim_of(statement) or statement for statement in statements(case.text) or [case.text]]


def judge_relevancy(cases: Sequence[Case], encode: Callable[[list[str]], Vectors]) -> None:
    """Answer relevancy as Ragas computes it over the built-in judge: the cosine of question and answer."""
    full = [case for case in cases if case.kind == "relevance"]
    full = random.Random(0).sample(full, min(SENTENCES, len(full)))
    short = [case for case in cases if case.kind == "short answer" and case.variant in ("", "other article")]
    for title, chosen in (("sentences", full), ("short answers", short)):
        if chosen:
            asked = encode([case.question for case in chosen])
            forms = [answer_forms(case.question, case.text or case.context) for case in chosen]
            answers = [encode([form[i] for form in forms]) for i in range(QUESTIONS)]
            result = np.clip(np.mean([(asked * rows).sum(axis=1) for rows in answers], axis=0), 0, 1).tolist()
            print(f"\nAnswer relevancy of {title}: does the answer address the question?")
            report([Item(c.data, c.variant, c.group, c.label, ()) for c in chosen], result, SUPPORT_THRESHOLD)


def judge_chunks(cases: Sequence[Case], reader: TokenReader) -> None:
    """The whole judge, as context precision uses it."""
    if cases:
        matches = []
        for start in range(0, len(cases), TOGETHER):
            part = cases[start : start + TOGETHER]
            reader.read([text for case in part for text in texts_of(case)])
            matches += [Grounding(c.context, reader).usefulness(c.question, said(c)).probability for c in part]
        print("\nContext precision: is the chunk useful for the reference answer?")
        report([Item(c.data, c.variant, c.group, c.label, ()) for c in cases], matches, SUPPORT_THRESHOLD)


TOGETHER = 200
SENTENCES = 2_000
MODELS = {
    "relevance": ("RELEVANCE_MODEL", RELEVANCE_FEATURES, RELEVANT, 1e-4, False),
    "short answer": ("SHORT_ANSWER_MODEL", SHORT_ANSWER_FEATURES, SUPPORT_THRESHOLD, 1e-3, True),
    "statement": ("STATEMENT_MODEL", STATEMENT_FEATURES, SUPPORT_THRESHOLD, 1e-2, True),
}
TITLES: dict[str, str] = {
    "relevance": "Context precision: is the sentence an answer to the question?",
    "short answer": "Faithfulness and context precision of short answers",
    "statement": "Faithfulness and context recall of statements (an answer is right if all its sentences are)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=300, help="questions of each XQuAD language")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--only", choices=(*MODELS, "chunk", "relevancy"), help="one of the judgements")
    options = parser.parse_args()
    wanted = {options.only} if options.only else {*MODELS, "chunk", "relevancy"}
    cases = sorted(load(options.data, options.limit), key=lambda case: case.context)
    if not cases:
        sys.exit(f"No labelled data below {options.data}: see benchmarks/judge_data.py for the file names.")
    features = Features(TokenReader(lambda: local_embedder(BUILTIN_EMBEDDING, 2)))
    if "chunk" in wanted:
        judge_chunks([case for case in cases if case.kind == "chunk"], features.reader)
    if "relevancy" in wanted:
        judge_relevancy(cases, local_embedder(BUILTIN_EMBEDDING, 2).encode)
    relevance_model: Sequence[float] = RELEVANCE_MODEL
    for kind, (name, titles, threshold, penalty, balanced) in MODELS.items():
        start = time.perf_counter()
        chosen = [case for case in cases if case.kind == kind and kind in wanted]
        rows = features.all_of(chosen, relevance_model)
        items = [features.item(c, r) for c, r in zip(chosen, rows, strict=True) if r]
        if not items:
            continue
        each = 1e3 * (time.perf_counter() - start) / len(items)
        print(f"\n{TITLES[kind]}\n  ({each:.0f} ms per case, threshold {threshold})")
        model: Sequence[float] = getattr(grounding, name)
        report(items, scores(items, model), threshold)
        if options.fit:
            print("  fitted anew, on groups not fitted on:")
            report(items, unseen(items, penalty, balanced), threshold)
            model = fit(items, penalty, balanced)
            print(f"{name} = ({', '.join(f'{weight:.3f}' for weight in model)})\n  # intercept; {'; '.join(titles)}")
            relevance_model = model if kind == "relevance" else relevance_model


if __name__ == "__main__":
    main()
