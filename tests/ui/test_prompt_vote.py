"""The Blind vote tab of the prompt lab."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.comparison import comparisons
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store

App = Callable[..., AppTest]
PAGE = "pages/prompt_lab.py"
VIEW = "Blind vote"


def reply(request: ChatRequest) -> str:
    text = "\n".join(message.content for message in request.messages)
    return "The long way round." if "Be long" in text else "<b>Short.</b>"


def words(test: AppTest) -> str:
    parts = [*test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join([*(str(part.value) for part in parts), *(box.proto.body for box in test.get("html"))])


def voting(app: App, project: str) -> AppTest:
    """The tab, after a guest has said who they are."""
    return app(PAGE, project=project, prompts_view=VIEW).text_input(key="vote_voter").set_value("me").run()


@pytest.fixture
def compared(app: App, store: Store, used: str, script: Callable[..., object]) -> str:
    """A project with a finished comparison of two prompts that never agree."""
    script(reply)
    store.save_version(used, "prompt", "alpha", {"template": "Be long. {{ question }}"})
    store.save_version(used, "prompt", "omega", {"template": "{{ question }}"})
    test = app(PAGE, project=used, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    assert not test.exception
    return used


def test_without_a_comparison_it_says_what_to_do(app: App, used: str) -> None:
    test = app(PAGE, project=used, prompts_view=VIEW)
    assert not test.exception
    assert "Nothing to vote on yet" in words(test)


def test_a_ballot_names_nobody_and_shows_answers_as_text(app: App, compared: str) -> None:
    test = voting(app, compared)
    assert not test.exception
    text = words(test)
    assert "&lt;b&gt;Short.&lt;/b&gt;" in text
    assert "alpha" not in text
    assert "omega" not in text
    assert not any("alpha" in option for box in test.selectbox if box.key == "vote_on_choice" for option in box.options)
    keys = {button.key: button.proto.shortcut for button in test.button if button.key.startswith("vote_")}
    assert keys == {"vote_0": "1", "vote_1": "2", "vote_tie": "0", "vote_skip": "s", "vote_back": "b", "vote_end": ""}


def test_voting_goes_on_to_the_result(app: App, compared: str, store: Store) -> None:
    test = voting(app, compared)
    for _ in range(10):
        bodies = [box.proto.body for box in test.get("html")]
        answers = [body for body in bodies if "Short." in body or "long way" in body]
        test.button(key="vote_0" if "Short." in answers[0] else "vote_1").click().run()
        assert not test.exception
    (found,) = comparisons(store, compared)
    votes = store.votes(compared, found.id)
    assert len(votes) == 10
    assert {(vote.voter, vote.choice) for vote in votes} == {("me", "second")}
    table = test.dataframe[0].value
    assert table.loc[0, "Pair"] == "alpha against omega"
    assert table.loc[0, "Won, lost, tied"] == "0, 10, 0"
    assert table.loc[0, "Win rate (95 %)"] == "0% (0 to 28)"
    assert "worse" in table.loc[0, "The first is"]
    assert "10 preference pairs to train on (JSONL)" in [button.label for button in test.get("download_button")]


def test_ties_skips_back_and_another_voter(app: App, compared: str, store: Store) -> None:
    test = voting(app, compared)
    (found,) = comparisons(store, compared)
    assert test.button(key="vote_back").disabled
    test.button(key="vote_tie").click().run()
    test.button(key="vote_skip").click().run()
    assert {vote.choice for vote in store.votes(compared, found.id)} == {"tie", "neither"}
    test.button(key="vote_back").click().run()
    assert [vote.choice for vote in store.votes(compared, found.id)] == ["tie"]
    test.button(key="vote_0").click().run()
    test.button(key="vote_end").click().run()
    assert "What the votes say" in words(test)
    assert "8 questions left for me" in words(test)
    test.button(key="vote_go_on").click().run()
    assert "alpha" not in words(test)
    test.button(key="voter_other").click().run()
    test.text_input(key="vote_voter").set_value("bob").run()
    assert "Voting as bob" in words(test)
    test.button(key="vote_1").click().run()
    assert {vote.voter for vote in store.votes(compared, found.id)} == {"me", "bob"}
    test.button(key="voter_other").click().run()
    test.text_input(key="vote_voter").set_value("  ").run()
    assert "Who votes?" in words(test)


def test_a_guest_says_who_they_are_and_sees_no_result_before_a_vote(app: App, compared: str, store: Store) -> None:
    (found,) = comparisons(store, compared)
    first = voting(app, compared)
    first.button(key="vote_0").click().run()
    test = app(PAGE, project=compared, prompts_view=VIEW)
    assert "Who votes?" in words(test)
    assert not [button for button in test.button if button.key in {"vote_0", "vote_end"}]
    test.text_input(key="vote_voter").set_value("bob").run()
    assert "What the votes say" not in words(test)
    assert test.button(key="vote_end").disabled
    for _ in range(10):
        test.button(key="vote_skip").click().run()
    assert "What the votes say" not in words(test)
    assert "Every question was skipped" in words(test)
    test.button(key="vote_back").click().run()
    test.button(key="vote_tie").click().run()
    assert "What the votes say" in words(test)
    assert {vote.voter for vote in store.votes(compared, found.id)} == {"me", "bob"}


def guest_in_address(test: AppTest) -> str:
    """What AppTest gives as a list where a test has set it, and plainly where the app has."""
    value = test.query_params["guest"]
    return value if isinstance(value, str) else value[0]


def as_guest(app: App, project: str, comparison: str) -> AppTest:
    """The app, opened by the link that the tab's button copies."""
    return app(project=project, guest=comparison)


def test_the_tab_has_a_link_for_guests(app: App, compared: str, store: Store) -> None:
    (found,) = comparisons(store, compared)
    test = app(PAGE, project=compared, prompts_view=VIEW)
    (link,) = [part for part in test.get("bidi_component") if "vote_link_" in part.proto.id]
    query = parse_qs(json.loads(link.proto.json)["query"])
    assert query == {"project": [compared], "open": [VIEW], "guest": [found.id]}


@pytest.mark.parametrize("tab", ["Editor", "Few-shot", "Side by side", "Instruction search"])
def test_a_guest_sees_no_other_tab_before_the_vote(app: App, compared: str, store: Store, tab: str) -> None:
    (found,) = comparisons(store, compared)
    test = app(PAGE, project=compared, guest=found.id, prompts_view=tab, comparison=found.id)
    assert not test.exception
    assert "Your vote comes first" in words(test)
    assert "alpha" not in words(test)
    assert not [button for button in test.button if (button.key or "").startswith("row_details")]
    test.button(key="guest_to_vote").click().run()
    assert "Who votes?" in words(test)


@pytest.mark.parametrize("page", ["", "pages/evaluation.py", "pages/retrieval_lab.py", "pages/finetuning_lab.py"])
def test_a_guest_sees_no_page_with_results_before_the_vote(app: App, compared: str, store: Store, page: str) -> None:
    (found,) = comparisons(store, compared)
    test = as_guest(app, compared, found.id)
    test = test.switch_page(page).run() if page else test
    assert not test.exception
    assert "Your vote comes first" in words(test)
    assert not test.dataframe
    assert guest_in_address(test) == found.id
    test.button(key="guest_to_vote").click().run()
    assert "Who votes?" in words(test)
    assert guest_in_address(test) == found.id


def test_a_guest_sees_everything_after_the_last_ballot(app: App, compared: str, store: Store) -> None:
    (found,) = comparisons(store, compared)
    test = as_guest(app, compared, found.id).switch_page(PAGE).run()
    test.session_state["prompts_view"] = VIEW
    test.run().text_input(key="vote_voter").set_value("me").run()
    for number in range(10):
        test.switch_page("pages/evaluation.py").run()
        assert "Your vote comes first" in words(test), number
        test.switch_page(PAGE).run()
        test.button(key="vote_tie").click().run()
    test.switch_page("pages/evaluation.py").run()
    assert not test.exception
    assert "Your vote comes first" not in words(test)
    other = as_guest(app, compared, found.id)
    assert "Your vote comes first" in words(other)


def test_a_guest_who_ends_early_sees_everything(app: App, compared: str, store: Store) -> None:
    (found,) = comparisons(store, compared)
    test = app(PAGE, project=compared, guest=found.id, prompts_view=VIEW)
    test.text_input(key="vote_voter").set_value("me").run()
    test.button(key="vote_0").click().run()
    test.button(key="vote_end").click().run()
    assert "What the votes say" in words(test)
    assert "Your vote comes first" not in words(test.switch_page("pages/evaluation.py").run())
    test.switch_page(PAGE).run().button(key="voter_other").click().run()
    assert "Your vote comes first" in words(test.switch_page("pages/evaluation.py").run())


def test_a_guest_of_a_comparison_that_is_gone_is_told(app: App, compared: str) -> None:
    test = app(PAGE, project=compared, guest="no such comparison", prompts_view=VIEW)
    assert not test.exception
    assert "The comparison that this link names is not in this project." in [part.value for part in test.warning]
    assert "Your vote comes first" not in words(test.switch_page("pages/evaluation.py").run())


@pytest.mark.parametrize("name", ["bob", "BOB"])
def test_a_second_voter_of_the_same_name_sees_no_result_and_is_asked(
    app: App, compared: str, store: Store, name: str
) -> None:
    (found,) = comparisons(store, compared)
    first = app(PAGE, project=compared, guest=found.id, prompts_view=VIEW)
    first.text_input(key="vote_voter").set_value("bob").run()
    for _ in range(10):
        first.button(key="vote_tie").click().run()
    assert "What the votes say" in words(first)
    test = app(PAGE, project=compared, guest=found.id, prompts_view=VIEW)
    test.text_input(key="vote_voter").set_value(name).run()
    assert not test.exception
    assert "What the votes say" not in words(test)
    assert "bob has voted on 10 questions" in test.warning[0].value
    assert "Your vote comes first" in words(test.switch_page("pages/evaluation.py").run())
    test.switch_page(PAGE).run().button(key="vote_same").click().run()
    assert "What the votes say" in words(test)
    assert "Voting as bob" in words(test)


def test_two_who_take_one_name_at_the_same_time_do_not_mix_their_votes(app: App, compared: str) -> None:
    first, second = voting(app, compared), voting(app, compared)
    first.button(key="vote_0").click().run()
    second.run()
    assert "me has voted on 1 question" in second.warning[0].value
    assert not [button for button in second.button if button.key == "vote_0"]
    assert not first.warning
    assert "1 of 10 questions done" in first.get("progress")[0].proto.text
