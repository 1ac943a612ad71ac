"""Chinese questions to English documents, for the embedding part of `finetuning.py`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from llmopt_core.documents.load import load_documents
from llmopt_core.documents.questions import load_questions
from llmopt_core.types import Document, Example, Span

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data"
DATA = SAMPLE / "finetuning"


def sample_chinese() -> tuple[list[Document], list[Example]]:
    """The Chinese questions that come along, with the articles of the sample project and the further ones."""
    documents = load_documents([SAMPLE / "documents", DATA / "documents"])
    asked = [load_questions(DATA / name, name) for name in ("zh_questions.jsonl", "zh_evaluation.jsonl")]
    names = {Path(document.name).name: document.name for document in documents}
    moved = [
        replace(e, references=tuple(replace(s, document=names[Path(s.document).name]) for s in e.references))
        for one in asked
        for e in one.examples
    ]
    return documents, moved


def xquad(folder: Path) -> tuple[list[Document], list[Example]]:
    """English articles and Chinese questions from XQuAD's `*.en.json` and `*.zh.json`, paired by their ids."""
    english, chinese = (json.loads(next(folder.glob(f"*.{code}.json")).read_text("utf-8")) for code in ("en", "zh"))
    asked = {qa["id"]: qa["question"] for a in chinese["data"] for p in a["paragraphs"] for qa in p["qas"]}
    documents, examples = [], []
    for number, article in enumerate(english["data"]):
        name, text = f"{number:02d}-{article.get('title', 'article')}.md", ""
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                (answer, *_) = qa["answers"]
                start = len(text) + answer["answer_start"]
                span = Span(name, start, start + len(answer["text"]))
                examples.append(Example(qa["id"], asked[qa["id"]], answer["text"], (span,)))
            text += paragraph["context"] + "\n\n"
        documents.append(Document(name, text))
    return documents, examples
