"""Overview: the ladder, the map, what to do next, the leaderboard."""

from llmopt_core.experiments.imported_runs import judge_of_runs
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view, describe_outdated, judge_caption
from llmopt_ui.colours import project_inks
from llmopt_ui.components import empty_state, link_to, page_header, section, show_errors, side_by_side
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.navigation import EVALUATION, OVERVIEW
from llmopt_ui.overview.decisions_view import decisions_view
from llmopt_ui.overview.ladder_view import ladder_of, ladder_view, talk_view
from llmopt_ui.overview.view import RUNS_AT_MOST, family_entries, latest_family, map_view, metrics_of, setup_view
from llmopt_ui.project import current_project
from llmopt_ui.resources import store
from llmopt_ui.runs.leaderboard_table import leaderboard_table
from llmopt_ui.runs.next_steps import advice_on, steps_view
from llmopt_ui.runs.progress import follow_evaluations
from llmopt_ui.runs.project_setup import setup_of
from llmopt_ui.runs.results import describe_means, family_note

page_header(OVERVIEW)
project = current_project()
configurations = store().configurations(project)
runs = store().runs(project)

with show_errors():
    # One leaderboard for map, next steps and table: they must not tell of different runs.
    family = latest_family(runs, configurations)
    entries, every_entry = family_entries(family, RUNS_AT_MOST), family_entries(family)
    colours = project_inks(project, list(family))
    setup = setup_of(project, every_entry)
    ladder = ladder_of(project, runs)
    section("Ladder", "Each experiment against the last that was kept. The verdict proposes, you decide.")
    if ladder.rungs:
        ladder_view(project, ladder)
    # The progress of a first evaluation takes the place of the invitation to start one.
    elif not follow_evaluations(project):
        with empty_state(
            "Nothing evaluated yet",
            "The first evaluation gives you the baseline; each further one is a step that is kept or dropped.",
            ":material/stairs:",
        ):
            button_to(EVALUATION, "Go to Evaluation", "overview_to_run", "Run")
        talk_view()

    left, right = side_by_side([5, 3], "overview")
    with left:
        section(
            "Two directions", "Up: give the model what it needs to know. Right: change how it acts. Measure every step."
        )
        way = ladder.sections[-1].rungs if ladder.sections else ()
        # The experiments, which stand below, tell the scores.
        map_view(configurations, every_entry, colours, way, scores=len(ladder.rungs) < 2)
    with right:
        setup_view(setup, runs)
        section("What to do next")
        # Of all that were measured: what leads may be none of the newest.
        steps_view(project, advice_on(project, every_entry, setup), "overview")

    if len(ladder.rungs) > 1:
        section("Experiments", "Keep or drop each; later ones are compared with the last that was kept.")
        decisions_view(ladder, project_inks(project, [rung.name for rung in ladder.rungs]))

    if entries:
        section("Latest leaderboard")
        outdated_note = describe_outdated(project, {entry.name: entry.run for entry in entries})
        caveats_view([entry.caveats for entry in entries if entry.caveats], outdated_note)
        # All of them have the set and the judge in common, so any of them tells both.
        newest = entries[0].run
        leaderboard_table(entries, metrics_of(entries), colours, "overview")
        size = set_size(project, newest.evaluation_set, newest.set_version)
        means = describe_means([entry.run for entry in entries], size)
        part = f"{len(entries)} of {len(every_entry)} configurations: the baseline and the newest. "
        words = f"The set {fmt.markdown(newest.evaluation_set)}. {means} {family_note(entries)}"
        words = words if len(entries) == len(every_entry) else part + words
        judge_caption(judge_of_runs([entry.run for entry in entries]), metrics_of(entries), words)
        link_to(EVALUATION, "Open the results", "Results", newest.id)
