"""A passage is followed into the next version of its text by the text around it."""

import random

import pytest

from llmopt_core.documents.span_tracking import SpanTracker

TEXT = (
    "# Norvale\n\nThe harbour of Norvale opened in 1887. Its first keeper was Ingrid Solheim.\n\n"
    "# Sundby\n\nThe mill of Sundby was built by two brothers in 1902 and closed in 1950.\n"
)


def follow(old: str, new: str, words: str, nth: int = 0) -> tuple[str | None, str]:
    """What stands before the place of the nth occurrence of these words, and the doubt."""
    start = -1
    for _ in range(nth + 1):
        start = old.index(words, start + 1)
    tracker = SpanTracker(old, new).track(start, start + len(words))
    if tracker.span is None:
        return None, tracker.doubt
    assert new[tracker.span[0] : tracker.span[1]] == words
    return new[: tracker.span[0]].rsplit("\n", maxsplit=1)[-1], tracker.doubt


def test_the_same_words_in_a_new_sentence_before_it_do_not_take_it():
    new = TEXT.replace("# Norvale\n\n", "# Norvale\n\nThe town was named in 1887 after a ship. ")
    assert follow(TEXT, new, "1887") == (
        "The town was named in 1887 after a ship. The harbour of Norvale opened in ", "",
    )  # fmt: skip


def test_the_same_words_at_the_same_offset_do_not_take_it():
    old, new = "It rose in 1887. It sank in 1990.", "It sank in 1887, x. It rose in 1887. It sank in 1990."
    assert new[11:15] == old[11:15] == "1887"
    assert follow(old, new, "1887") == ("It sank in 1887, x. It rose in ", "")


def test_a_passage_that_is_gone_is_lost_though_its_words_stand_elsewhere():
    new = TEXT.replace("The harbour of Norvale opened in 1887. ", "").replace("1950.", "1950. Its wheel is from 1887.")
    assert follow(TEXT, new, "1887") == (None, "its passage is gone; the same words stand elsewhere")
    assert follow(TEXT, TEXT.replace("opened in 1887", "is old"), "1887") == (None, "its words are gone")


def test_rows_of_a_table_are_told_apart():
    rows = [f"article: {name}\nprice: 12 EUR\n" for name in ("rope", "sail", "oar", "buoy")]
    old = "\n".join(rows)
    new = "\n".join(["article: anchor\nprice: 12 EUR\n", rows[2], "article: net\nprice: 12 EUR\n", rows[3], rows[0]])
    for number, name in ((2, "oar"), (3, "buoy")):
        start = [place for place in range(len(old)) if old.startswith("12 EUR", place)][number]
        tracker = SpanTracker(old, new).track(start, start + 6)
        assert tracker.span is not None
        assert new[: tracker.span[0]].endswith(f"{name}\nprice: ")
    gone = old.index("12 EUR", old.index("sail"))
    tracker = SpanTracker(old, new).track(gone, gone + 6)
    assert tracker.span is None or tracker.doubt


def test_a_section_that_moves_takes_its_passages_along():
    first, second = TEXT.split("# Sundby")
    new = f"# Sundby{second}\nIn 1887 and 1902 much was built.\n\n{first}"
    for words, before in (
        ("1887", "The harbour of Norvale opened in "),
        ("1902", "The mill of Sundby was built by two brothers in "),
    ):
        assert follow(TEXT, new, words) == (before, "")


def test_lines_may_be_broken_anew():
    new = TEXT.replace(" opened in", "\nopened in").replace("two brothers", "two\nbrothers")
    assert follow(TEXT, new, "1887") == ("opened in ", "")
    start = TEXT.index("built by two brothers")
    tracker = SpanTracker(TEXT, new).track(start, start + len("built by two brothers"))
    assert tracker.span is not None
    assert (new[slice(*tracker.span)], tracker.doubt) == ("built by two\nbrothers", "")


def test_a_text_without_spaces_is_followed_too():
    old = "港口於一八八七年開放。第一任看守人是英格麗。舊碼頭於一九二一年燒毀。"
    new = "燈塔也於一九二一年改建。" + old
    assert follow(old, new, "一九二一年") == (new[: new.rindex("一九二一年")], "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("Alpha opened in 1887. Beta opened in 1887.", "Gamma opened in 1887."),
     ("The harbour opened in 1887.", "Of the town's people 1887 were born here.")],
)  # fmt: skip
def test_what_cannot_be_told_is_said(old, new):
    assert follow(old, new, "1887")[1] != ""


def test_words_that_changed_a_little_are_kept_and_said():
    words = "Its first keeper was Ingrid Solheim."
    start = TEXT.index(words)
    new = "Preface.\n\n" + TEXT.replace("first keeper was", "first keeper is")
    tracker = SpanTracker(TEXT, new).track(start, start + len(words))
    assert tracker.span is not None
    assert new[slice(*tracker.span)] == "Its first keeper is Ingrid Solheim."
    assert tracker.doubt == "its words are a little different now"


def test_long_texts_of_few_words_take_no_time_by_their_square():
    chooser = random.Random(5)
    old, new = (" ".join(chooser.choices("abc", k=300_000)) for _ in range(2))
    tracker = SpanTracker(old, f"{new} end").track(300_000, 300_001)
    assert tracker.span is None or tracker.doubt


@pytest.mark.parametrize("words", [" opened in ", "pened in 188", "Norvale\n\nThe "])
def test_edges_inside_words_and_spaces_stay_where_they_are(words):
    start = TEXT.index(words)
    tracker = SpanTracker(TEXT, f"Preface.\n\n{TEXT}").track(start, start + len(words))
    assert tracker.span == (start + 10, start + 10 + len(words))


def test_a_sentence_said_again_with_what_followed_it_is_not_taken_for_sure():
    ferry, bus, dogs = (
        "The ferry leaves at nine. Pay 12 euros. ",
        "The bus leaves at ten. Pay 12 euros. ",
        "Dogs go free.",
    )
    assert follow(ferry + dogs, ferry + bus + dogs, "Pay 12 euros.")[1] == "the text around it is another now"
