"""The Prompts page in Chromium: how late streamed text is, how fast filters answer, and 800 calls against the ideal.

    python benchmarks/prompt_lab.py [--parts stream,filter,calls]

The endpoint is a stub in a process of its own. *Stream*: four columns; the words of the answers are times of day, so
the page itself tells how long after the endpoint's writing each was painted. *Filter*: 200 examples x 4 variants, from
the click to the last change of the page. *Calls*: 200 examples x 4 variants at 200 ms and 25 at once, from the first to
the last call as the endpoint saw them, without a page and with one that watches, beside the bare calls.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page  # noqa: E402

from benchmarks.runner import control, many_calls, stub  # noqa: E402
from llmopt_core.evaluation.assertions.spec import AssertionSpec  # noqa: E402
from llmopt_core.experiments.comparison import new_id, start_comparison  # noqa: E402
from llmopt_core.experiments.comparison_plan import ComparisonPlan  # noqa: E402
from llmopt_core.experiments.comparison_setup import Setup, VariantSetup  # noqa: E402
from llmopt_core.experiments.configuration import Configuration  # noqa: E402
from llmopt_core.labs.prompts.board import Board  # noqa: E402
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison  # noqa: E402
from llmopt_core.models.base import ChatModel, ChatRequest, ModelSpec  # noqa: E402
from llmopt_core.models.endpoints import endpoints_from  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.models.scripted import ScriptedChat  # noqa: E402
from llmopt_core.prompts.spec import PromptSpec  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.settings import Settings  # noqa: E402
from llmopt_core.types import EvaluationSet, Example  # noqa: E402
from tests.browser.harness import browser, serve, settled  # noqa: E402

PROJECT, COLUMNS = "lab", 4
MODEL = ModelSpec(endpoint="stub")

# Notes, for every word of every answer, how many seconds after its writing the next frame was painted.
_OBSERVER = """() => {
  window.late = {};
  const look = () => requestAnimationFrame(() => setTimeout(() => {
    const now = Date.now() / 1000;
    document.querySelectorAll('.llmopt-answer').forEach((cell) => {
      for (const word of cell.textContent.split(' ')) {
        if (/^1[0-9]{9}[.][0-9]+$/.test(word) && !(word in window.late)) window.late[word] = now - parseFloat(word);
      }
    });
  }));
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""
_FIRSTS = """() => [...document.querySelectorAll('.llmopt-answer')]
  .map((cell) => cell.textContent.trim().split(' ')[0]).map((word) => window.late[word]).filter((late) => late > 0)"""


def questions(size: int) -> EvaluationSet:
    """The rows."""
    rows = tuple(Example(f"q{n}", f"What about number {n}?", f"Number {n}") for n in range(size))
    return EvaluationSet("questions", rows)


def seeded(home: Path, url: str, examples: int, concurrency: int) -> Store:
    """A workspace with four prompts, questions, an endpoint, and a comparison that waits for its start."""
    store = Store.open(Settings(home=home))
    (home / "endpoints.yaml").write_text(
        f"stub:\n  base_url: {url}\n  default_model: stub-small\n  max_concurrency: {concurrency}\n"
    )
    store.ensure_project(PROJECT)
    store.save_evaluation_set(PROJECT, questions(examples))
    for number in range(COLUMNS):
        store.save_version(PROJECT, "prompt", f"prompt-{number}", {"template": f"In way {number}: {{{{ question }}}}"})
    variants = tuple(VariantSetup(prompt=f"prompt-{number}", model=MODEL) for number in range(COLUMNS))
    checks = ({"type": "contains", "value": "answer"},)
    setup = Setup(variants=variants, set_name="questions", take="all", check_rows=checks, concurrency=concurrency)
    store.save_draft(PROJECT, "comparison", "", setup.model_dump(mode="json"))
    return store


@contextmanager
def opened(home: Path) -> Iterator[Page]:
    """The tab Side by side of the app over this workspace."""
    with serve(home) as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(address)
        settled(page)
        page.get_by_test_id("stSidebarNavLink").filter(has_text="Prompts").click()
        page.get_by_role("tab", name="Side by side").click()
        page.get_by_role("button", name="Compare", exact=True).wait_for(timeout=60_000)
        settled(page)
        yield page


def stream(folder: Path) -> None:
    """How late the words of four columns are painted."""
    with stub(0.0) as url:
        control(url, "/control", {"reply": "clock", "stream_pause": 0.05})
        seeded(folder / "stream", url, 4, COLUMNS).close()
        with opened(folder / "stream") as page:
            page.evaluate(_OBSERVER)
            page.get_by_role("button", name="Compare", exact=True).click()
            page.get_by_text("4 of 4 answered").nth(COLUMNS - 1).wait_for(timeout=120_000)
            settled(page)
            firsts, words = sorted(page.evaluate(_FIRSTS)), sorted(page.evaluate("() => Object.values(window.late)"))
    told("first words", firsts, "goal 0.15 s")
    told("all words", words)


def told(what: str, seconds: list[float], goal: str = "") -> None:
    """Median, 95th percentile and worst."""
    tail = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    print(f"{what}: {len(seconds)}, median {statistics.median(seconds):.3f} s, 95 % below {tail:.3f} s, "
          f"slowest {max(seconds):.3f} s{f' ({goal})' if goal else ''}", flush=True)  # fmt: skip


# Seconds from now until the answers on the page are other ones and nothing has changed for 150 ms.
_SETTLED = """() => new Promise((done) => {
  const began = performance.now();
  let last = 0;
  const noted = new MutationObserver(() => requestAnimationFrame(() => { last = performance.now(); }));
  noted.observe(document.querySelector('[data-testid="stMain"]'),
    {childList: true, subtree: true, characterData: true});
  const look = () => {
    const now = performance.now();
    if (last ? now - last > 300 : now - began > 5000) { noted.disconnect(); done(last ? (last - began) / 1000 : 5); }
    else setTimeout(look, 20);
  };
  look();
})"""


def interaction(page: Page, label: str) -> float:
    """Seconds from the click to the last change of the page."""
    page.evaluate(f"() => {{ window.measured = ({_SETTLED})(); }}")
    page.get_by_test_id("stMain").locator("button").filter(has_text=label).first.click()
    return float(page.evaluate("() => window.measured"))


def filters(folder: Path) -> None:
    """Filters, marked differences and pages of a finished grid."""
    home = folder / "filter"
    store = seeded(home, "http://127.0.0.1:9/v1", 200, 25)
    finished(store, home, 200, 25, ScriptedChat(varied))
    store.close()
    with opened(home) as page:
        page.get_by_label("Comparison").click()
        page.get_by_role("option").nth(1).click()
        page.get_by_text("200 of 200 answered").first.wait_for(timeout=60_000)
        settled(page)
        # Here failures are regressions, so that going from one to the other changes nothing that could be timed.
        clicks = ("Failures", "All", "Different", "All", "Regressions", "All", "Failures", "All")
        told("filter clicks, 200 x 4", [interaction(page, label) for label in clicks], "goal 0.5 s")
        signs = ("chevron_right", "chevron_right", "chevron_left")
        told("page turns, 200 x 4", [interaction(page, sign) for sign in signs], "goal 0.5 s")


def varied(request: ChatRequest) -> str:
    """Some eighty words; every third differs between prompts, every seventh fails the check."""
    way, number = (int(one) for one in re.findall(r"\d+", request.messages[-1].content))
    words = [f"word{(number * place) % 50}" for place in range(80)]
    if number % 3 == 0:
        words[way * 7 : way * 7 + 3] = ["another", "turn", "here"]
    return " ".join([*words, "" if way and number % 7 == 0 else "answer"])


def finished(store: Store, home: Path, examples: int, concurrency: int, chat: ChatModel | None = None) -> None:
    """Run the comparison in this process, on the stub or on a model of its own."""
    variants = tuple(
        Configuration(name=f"prompt-{n}", model=MODEL, prompt=PromptSpec(template=f"In way {n}: {{{{ question }}}}"))
        for n in range(COLUMNS)
    )
    checks = (AssertionSpec(type="contains", value="answer"),)
    plan = ComparisonPlan(PROJECT, variants, questions(examples), checks, concurrency=concurrency)
    comparison = start_comparison(store, plan, new_id())
    board = Board()
    board.add(all_cells(plan))
    settings = Settings(home=home, endpoints_file=home / "endpoints.yaml")

    async def run() -> None:
        async with Models(settings, store.cache, endpoints_from(settings, os.environ)) as models:
            if chat is not None:
                models.register("stub", chat)
            await run_comparison(store, plan, comparison, models, board)

    asyncio.run(run())


def calls(folder: Path) -> None:
    """800 calls: the bare calls, a comparison that nobody looks at, and one with a page open."""
    examples, concurrency, latency = 200, 25, 0.2
    ideal = examples * COLUMNS / concurrency * latency
    with stub(latency) as url:
        bare = asyncio.run(many_calls(url, examples * COLUMNS, concurrency))
    print(f"800 calls, bare: {bare:.2f} s, {bare / ideal:.3f} x ideal", flush=True)
    for watched in (False, True):
        with stub(latency) as url:
            home = folder / f"calls-{watched}"
            store = seeded(home, url, examples, concurrency)
            if watched:
                with opened(home) as page:
                    page.get_by_role("button", name="Compare", exact=True).click()
                    page.get_by_text("200 of 200 answered").nth(COLUMNS - 1).wait_for(timeout=120_000)
            else:
                finished(store, home, examples, concurrency)
            seen = control(url, "/stats")
            store.close()
        who = "compared, a page watching" if watched else "compared, nobody watching"
        print(f"800 calls, {who}: {seen['span']:.2f} s, {seen['span'] / ideal:.3f} x ideal (goal 1.10), "
              f"{seen['span'] / bare:.2f} x the bare calls", flush=True)  # fmt: skip


PARTS = {"stream": stream, "filter": filters, "calls": calls}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS))
    chosen = parser.parse_args().parts.split(",")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            start = time.perf_counter()
            PARTS[name](Path(folder))
            print(f"({name}: {time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
