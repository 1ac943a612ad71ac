"""The chunk microscope: from a moved slider to what is sent to the browser, for a document of 200 pages.

    python benchmarks/microscope.py [--pages 200] [--browser]

Every step is done for sizes that were not cut before, as when a slider is dragged; the document itself is known. With
`--browser` the same in Chromium: from the key that moves the slider to the drawn text.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.chunking.chunk import chunk_document  # noqa: E402
from llmopt_core.chunking.microscope import inspect_chunking  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.labs.chunking.chunk_ranks import bm25_ranks, ranks_in, words_of  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.settings import Settings  # noqa: E402
from llmopt_core.types import Document, EvaluationSet, Example, Span  # noqa: E402
from llmopt_ui.document_text.chunk_sizes import sizes_data  # noqa: E402
from llmopt_ui.document_text.window import TextWindow, text_data  # noqa: E402
from tests.browser.harness import Page, browser, serve, settled  # noqa: E402

PAGE = 3_000
GOAL = 0.150
WORDS = (
    *("harbour", "lighthouse", "market", "island", "wool", "cheese", "smoked", "fish"),
    *("railway", "station", "clock", "snow", "spring", "boat", "winter", "river"),
)
QUESTION = "When was the harbour lighthouse finished?"
_WATCH = (
    "() => { window.drawn = []; new MutationObserver(() => window.drawn.push(performance.now()))"
    ".observe(document.querySelector('.mic'), { childList: true }); }"
)
_KEY = (
    "() => { window.drawn = []; document.addEventListener('keydown', () => { window.pressed = performance.now(); },"
    " { once: true, capture: true }); }"
)


def book(pages: int) -> Document:
    """A text of so many pages, with chapters and paragraphs."""
    chance = random.Random(0)
    parts: list[str] = []
    while sum(map(len, parts)) < pages * PAGE:
        parts.append(f"# Chapter {len(parts)}")
        parts += [" ".join(_sentence(chance) for _ in range(chance.randint(3, 8))) for _ in range(6)]
    text = "\n\n".join(parts)[: pages * PAGE]
    return Document("book.md", text, page_starts=tuple(range(0, len(text), PAGE)))


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(6, 18))).capitalize() + "."


def redraw(document: Document, method: str, unit: str, sizes: list[int]) -> list[tuple[float, float]]:
    """Seconds and processor seconds for each size: cut, rank all chunks, make what is sent and the histogram."""
    words = words_of([document])
    chunk_document(document, ChunkingSpec(method=method, unit=unit, size=sizes[0] + 1))
    seconds = []
    for size in sizes:
        started, busy = time.perf_counter(), time.process_time()
        cutting = inspect_chunking(document, ChunkingSpec(method=method, unit=unit, size=size, overlap=size // 10))
        ranks = ranks_in(cutting.chunks, bm25_ranks(cutting.chunks, QUESTION, words))
        middle = len(document.text) // 2
        json.dumps(text_data(document, cutting, TextWindow(middle, middle + 3_600, ((middle, middle + 90),), ranks)))
        json.dumps(sizes_data(cutting, int(cutting.tokens.max())))
        seconds.append((time.perf_counter() - started, time.process_time() - busy))
    return seconds


def in_browser(document: Document, presses: int = 12) -> list[tuple[float, float]]:
    """Seconds, twice, from a key on the size slider to the drawn text."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store = Store.open(Settings(home=home))
        store.ensure_project("book")
        store.save_documents("book", [document])
        example = Example("q", QUESTION, None, (Span(document.name, 100, 190),))
        store.save_evaluation_set("book", EvaluationSet("questions", (example,)))
        store.close()
        with serve(home) as address, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1440, "height": 1000})
            page.goto(address)
            settled(page)
            page.goto(f"{address}/files?project=book&documents_tab=Microscope")
            page.locator(".mic-text").wait_for()
            settled(page)
            page.keyboard.press("Escape")
            page.evaluate(_WATCH)
            page.locator(
                "[data-testid=stSlider] input[type=range], [data-testid=stSlider] [tabindex='0']"
            ).first.focus()
            return [_press(page) for _ in range(presses)][1:]


def _press(page: Page) -> tuple[float, float]:
    page.evaluate(_KEY)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => window.drawn.length > 0", timeout=20_000)
    seconds = page.evaluate("() => window.drawn[0] - window.pressed") / 1000
    page.wait_for_timeout(400)
    return float(seconds), float(seconds)


def told(name: str, seconds: list[tuple[float, float]]) -> None:
    """One line: wall time, and processor time, which other work on the machine does not add to."""
    wall, busy = (statistics.median(column) for column in zip(*seconds, strict=True))
    print(f"{name:<26} {1000 * wall:6.0f} ms, {1000 * busy:4.0f} ms of processor ({busy / GOAL:.2f} x goal)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--browser", action="store_true")
    asked = parser.parse_args()
    document = book(asked.pages)
    print(f"{asked.pages} pages, {len(document.text):,} characters; goal {1000 * GOAL:.0f} ms")
    sizes = list(range(150, 410, 20))
    for method in ("recursive", "fixed", "sentence", "structure", "small-to-big"):
        told(f"{method}, tokens", redraw(document, method, "tokens", sizes))
    told("recursive, characters", redraw(document, "recursive", "characters", [4 * size for size in sizes]))
    if asked.browser:
        told("in the browser", in_browser(document))


if __name__ == "__main__":
    main()
