"""Overview: the map, the leaderboard, what to do next."""

from llmopt_core.experiments.next_steps import next_steps
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view, judge_caption, outdated_words
from llmopt_ui.colours import project_inks
from llmopt_ui.components import empty_state, link_to, page_header, section, show_errors, side_by_side
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.navigation import EVALUATION, OVERVIEW
from llmopt_ui.overview.view import latest_entries, map_view, metrics_of, state_of, state_view, steps_view
from llmopt_ui.project import current_project
from llmopt_ui.resources import store
from llmopt_ui.runs.leaderboard_table import leaderboard_table
from llmopt_ui.runs.progress import follow_evaluations
from llmopt_ui.runs.results import means_over, together

page_header(OVERVIEW)
project = current_project()
saved = store().configurations(project)
runs = store().runs(project)

with show_errors():
    found = latest_entries(runs, saved)
    colours = project_inks(project, [entry.name for entry in found])
    state = state_of(project, saved, found)
    left, right = side_by_side([5, 3], "overview")
    with left:
        section(
            "Two directions", "Up: give the model what it needs to know. Right: change how it acts. Measure every step."
        )
        map_view(saved, found, colours)
    with right:
        state_view(state, runs)
        section("What to do next")
        steps_view(next_steps(state))

    section("Latest leaderboard")
    if found:
        outdated = outdated_words(project, {entry.name: entry.run for entry in found})
        caveats_view([entry.known for entry in found if entry.known], outdated)
        newest = found[0].run
        leaderboard_table(found, metrics_of(found), colours, "overview")
        size = set_size(project, newest.evaluation_set, newest.set_version)
        means = means_over([entry.run for entry in found], size)
        words = f"The set {fmt.markdown(newest.evaluation_set)}. {means} {together(found)}"
        judge_caption(newest.judge, metrics_of(found), words)
        link_to(EVALUATION, "Open the results", "Results", newest.id)
    elif not follow_evaluations(project):
        with empty_state(
            "Nothing evaluated yet", "The first evaluation gives you the baseline.", ":material/bar_chart:"
        ):
            button_to(EVALUATION, "Go to Evaluation", "overview_to_run", "Run")
