"""The parts of the Overview page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.current_runs import family_runs
from llmopt_core.experiments.measured_run import decisive_metrics
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.labs.evaluation.ladder.rung import SIGNS, Rung
from llmopt_core.runs.values import Run, SavedConfiguration
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import facts
from llmopt_ui.overview.map_chart import Leg, method_map, place
from llmopt_ui.runs.project_setup import place_of
from llmopt_ui.runs.results import Entry, entries, leading_metrics
from llmopt_ui.theme import Ink

RUNS_AT_MOST = 8
"""More rows than that push what to do next out of a laptop's window; all of them stand under Results."""
_LONGEST = 44
"""Characters of a name that the narrowest list of the map has room for in a line."""


def latest_family(runs: Sequence[Run], configurations: Sequence[SavedConfiguration]) -> dict[str, Run]:
    """The runs of the set and judge that most of the listed configurations were run with; the newest of equals.

    What the Prompts page compares is left out: a few questions say little about a project.
    """
    whole = [run for run in runs if run.done and not run.comparison]
    if not whole:
        return {}
    fingerprints = {item.fingerprint for item in configurations}
    fingerprints_by_set: dict[tuple[str, str, str], set[str]] = {}
    for run in whole:
        fingerprints_by_set.setdefault(place_of(run), set()).update(fingerprints & {run.fingerprint})
    # `max` takes the first of equals, and runs come newest first.
    newest = max(fingerprints_by_set, key=lambda place: len(fingerprints_by_set[place]))
    return family_runs(whole, configurations, *newest)


def family_entries(family: Mapping[str, Run], most: int | None = None) -> list[Entry]:
    """The leaderboard of these runs, or of the baseline and the newest others, so many in all."""
    if not family:
        return []
    names = list(family)
    baseline = names[baseline_position(names)]
    # The baseline always, and the last of the others, which are the newest.
    others = [name for name in names if name != baseline]
    names_to_show = [baseline, *(others if most is None or len(names) <= most else others[1 - most :])]
    return entries({name: family[name] for name in names if name in names_to_show}, baseline, family)


def metrics_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The metrics the overview speaks of."""
    return leading_metrics(tuple(dict.fromkeys(metric for entry in entries for metric in entry.run.metrics)))


def map_view(
    configurations: Sequence[SavedConfiguration],
    entries: Sequence[Entry],
    inks: Mapping[str, Ink],
    rungs: Sequence[Rung] = (),
    *,
    scores: bool = True,
) -> None:
    """The two-axis map with the project's configurations in their colours, and the way over these rungs.

    Their names stand below it, with their scores unless a list that has them follows.
    """
    places = {item.name: place(item.spec) for item in configurations}
    captions = _captions(entries)
    names = {item.fingerprint: item.name for item in configurations}
    signs = {names[rung.fingerprint]: rung.sign for rung in rungs if rung.fingerprint in names}
    dropped = [name for name, sign in signs.items() if sign == SIGNS["dropped"]]
    alt = "Map of the method: context optimization upward, LLM optimization to the right; configurations as numbers"
    show_chart(method_map(places, inks, captions, _path(rungs, names), dropped), "method_map", alt, plain=True)
    if rungs:
        st.caption("Arrows lead from each kept step to the next. ✗ was dropped; what has neither is undecided.")
    with st.container(key="map_names", horizontal=True, gap="small"):
        for number, name in enumerate(places, 1):
            caption = f" :gray[{fmt.markdown(captions[name])}]" if scores and captions.get(name) else ""
            sign = f"{signs[name]}\u00a0" if name in signs else ""
            words = f"{inks[name].dot}\u00a0{number} {sign}**{fmt.markdown(fmt.shorten(name, _LONGEST))}**{caption}"
            st.markdown(words, width="content")


def _path(rungs: Sequence[Rung], names: Mapping[str, str]) -> list[Leg]:
    """The legs between configurations that are on the map: one that was changed since is walked past."""
    legs: list[Leg] = []
    start = ""
    for name, rung in ((names.get(rung.fingerprint, ""), rung) for rung in rungs):
        if name and start and rung.is_kept:
            legs.append(Leg(start, name))
        start = name if name and rung.is_kept else start
    return legs


def _captions(entries: Sequence[Entry]) -> Mapping[str, str]:
    # One figure beside each name, the same for all.
    metric = next(iter(decisive_metrics(metrics_of(entries))), "")
    means = [(entry, entry.summaries[metric].mean) for entry in entries if metric in entry.summaries]
    return {
        # A score on questions that were learned would look like the best one.
        entry.name: "trained on it"
        if entry.overlap_count
        else f"{metric_title(metric)} {fmt.score(mean)}{_question_count(entry)}"
        for entry, mean in means
        if mean is not None
    }


def _question_count(entry: Entry) -> str:
    return f" ({entry.question_count})" if entry.question_count else ""


def setup_view(setup: ProjectSetup, runs: Sequence[Run]) -> None:
    """The project in four numbers."""
    facts(
        ("Documents", fmt.count(setup.documents)),
        ("Questions", fmt.count(setup.questions)),
        ("Configurations", fmt.count(len(setup.configurations))),
        ("Runs", fmt.count(len(runs))),
        columns=2,
    )
