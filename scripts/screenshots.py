"""Screenshots of every page in light and dark, wide and narrow.

    python scripts/screenshots.py OUT [--home WORKSPACE] [--questions N] [--pages Settings,Overview]

Without `--home` a temporary workspace is made and the sample project is evaluated with the built-in model on the first
N questions, so that the pages have something to show.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, Page

from tests.browser.harness import browser, serve, settled

WIDTHS = (1440, 1024)
HEIGHT = 1000
TALLEST = 4000


def main() -> None:
    """Read the arguments, make the workspace where none is named, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--home", type=Path, help="a workspace to show")
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--pages", default="", help="only these, by their names in the sidebar")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or Path(folder) / "workspace"
        if arguments.home is None:
            asyncio.run(evaluate_sample(home, arguments.questions))
        with serve(home) as address, browser() as opened:
            for theme in ("light", "dark"):
                for width in WIDTHS:
                    take_all(opened, address, arguments.out, theme, width, arguments.pages)


async def evaluate_sample(home: Path, questions: int) -> None:
    """Install the sample project and run its configurations."""
    from llmopt_core.experiments.experiment import list_configurations, run_experiment
    from llmopt_core.experiments.experiment_file import load_experiment
    from llmopt_core.experiments.plan import Plan
    from llmopt_core.experiments.sample import SAMPLE, install_sample
    from llmopt_core.models.registry import Models
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings

    settings = Settings(home=home)
    store = Store.open(settings)
    install_sample(store)
    project, sample = store.projects()[0], load_experiment(SAMPLE)
    configurations = list_configurations(store, project)
    plan = Plan(
        project, configurations, sample.evaluation_set, sample.documents, sample.metrics, sample.judge, limit=questions
    )
    async with Models(settings, cache=store.cache) as models:
        await run_experiment(store, plan, models)
    store.close()


def take_all(opened: Browser, address: str, out: Path, theme: str, width: int, pages: str) -> None:  # noqa: PLR0917
    """Every page with each of its tabs once, as tall as its content."""
    page = opened.new_page(color_scheme=theme, viewport={"width": width, "height": HEIGHT})  # type: ignore[arg-type]
    page.on("console", lambda message: print(message.text) if message.type == "error" else None)
    page.goto(address)
    settled(page)
    links = page.get_by_test_id("stSidebarNavLink")
    # An icon's text is its name; the page's title comes last.
    there = [text.splitlines()[-1] for text in links.all_inner_texts()]
    for title in [name.strip() for name in pages.split(",") if name] or there:
        links.filter(has_text=title).click()
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settled(page)
        top = page.get_by_role("tablist").first
        tabs = top.get_by_role("tab").all_inner_texts() if top.count() else [""]
        for tab in tabs:
            if tab:
                top.get_by_role("tab", name=tab, exact=True).click()
                settled(page)
            name = "-".join(f"{title} {tab}".lower().split())
            take(page, out / f"{name}-{theme}-{width}.png", width)
    page.close()


def take(page: Page, path: Path, width: int) -> None:
    """One picture of the whole page."""
    tall = int(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))
    page.set_viewport_size({"width": width, "height": min(max(HEIGHT, tall + 20), TALLEST)})
    settled(page)
    page.mouse.move(5, 5)
    page.screenshot(path=str(path))
    page.set_viewport_size({"width": width, "height": HEIGHT})


if __name__ == "__main__":
    main()
