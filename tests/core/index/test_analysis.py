from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.index.bm25 import Bm25, analyse
from llmopt_core.index.term_positions import TermPositions


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Normans' ships were sailing", ["norman", "ship", "sail"]),
        ("I don't know what it is", ["know"]),
        ("1,000 agreed, 3.5 percent", ["1000", "agre", "3.5", "percent"]),
        ("studies studied studying", ["studi", "studi", "studi"]),
        ("hopping and hoping", ["hop", "hope"]),
        ("Café ＡＢＣ straße", ["cafe", "abc", "strass"]),
        ("hive-mind_set", ["hive", "mind", "set"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("", []),
        ("\x00 🙂 —", []),
    ],
)
def test_words_are_folded_stemmed_and_stop_words_left_out(text, terms):
    assert analyse(text) == terms


def test_chinese_gives_characters_and_pairs_also_between_latin_words():
    assert analyse("ABC公司2020年") == ["abc", "公", "司", "公司", "2020", "年"]


@given(st.text())
def test_any_text_can_be_analysed(text):
    assert all(term and not term.isspace() for term in analyse(text))


def test_chinese_is_found_by_the_words_it_shares():
    texts = ["诺曼人的名字来自诺曼底。", "莱茵河发源于瑞士。", "蜜蜂跳舞。"]
    result = Bm25.of(texts).search("莱茵河从哪里开始？", 3)
    assert result[0][0] == 1
    assert 2 not in [position for position, _ in result]


def test_only_texts_that_share_a_word_are_found_and_ties_keep_their_order():
    result = Bm25.of(["bees dance", "rivers flow", "bees dance"]).search("dancing bee", 5)
    assert [position for position, _ in result] == [0, 2]
    assert result[0][1] == result[1][1] > 0


@pytest.mark.parametrize("question", ["", "the of and", "unknownword"])
def test_a_question_without_known_words_finds_nothing(question):
    assert Bm25.of(["bees dance", "rivers flow"]).search(question, 5) == []


@pytest.mark.parametrize("texts", [["", " "], ["the", "of"]])
def test_texts_without_words_can_be_indexed(texts, tmp_path):
    Bm25.of(texts).save(tmp_path / "words")
    assert Bm25.load(tmp_path / "words").search("anything", 2) == []


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    words = Bm25.of(["bees dance", "rivers flow to the sea", "诺曼人"])
    words.save(tmp_path / "words")
    again = Bm25.load(tmp_path / "words")
    for question in ("flowing rivers", "诺曼", "bee"):
        assert again.search(question, 3) == words.search(question, 3) != []


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Where can I put a box?", "Crew members may stow two boxes below deck."),
        ("Which papers does the law require?", "A licence has been required since 1990."),
        ("What do they use?", "Steam was used there."),
        ("How is depth measured?", "They measure the depth at noon."),
        ("compensation for luggage", "You get com\u00adpen\u00adsa\u00adtion for lost lug\u200bgage."),
        ("compensation", "They paid com-\npensation for it."),
        ("well known", "a well-\nknown house"),
        ("3,5 Prozent", "about 3.5 percent"),
        ("1000000 people", "1,000,000 of them"),
        ("1000000 Leute", "1.000.000 davon"),
        ("1250 Euro", "kostet 1.250 Franken"),
        ("1.250 metres", "1.250 litres"),
        ("version 2.0.1", "since 2.0.1"),
        ("เด็กจ่ายเท่าไร", "ค่าตั๋วเรือข้ามฟากสำหรับผู้ใหญ่ยี่สิบบาท เด็กจ่ายครึ่งราคา"),
        ("ລາຄາ", "ຄ່າໂດຍສານລາຄາຖືກ"),
        ("ထမင်း", "ကျွန်တော်ထမင်းစားသည်"),
        ("ភាសាខ្មែរ", "ខ្ញុំរៀនភាសាខ្មែរនៅផ្ទះ"),
        ("محمد", "قال مُحَمَّدٌ ذلك"),
        ("שלום", "אמר שָׁלוֹם"),
        ("cafe\u0301", "un café noir"),
        ("10^6 cells", "10⁶ cells"),
        ("CO2", "about CO₂ here"),
        ("5 m2", "5 m² large"),
        ("rhine", "Rhine¹ begins"),
    ],
)
def test_a_question_finds_what_is_written_otherwise(question, text):
    texts = ["bees dance 77", text, "rivers flow 88", "蜜蜂跳舞"]
    assert [position for position, _ in Bm25.of(texts).search(question, 4)] == [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.5", "35"),
        ("1.25", "125"),
        ("2020.05.01", "20200501"),
        ("10⁶", "106"),
        ("1998¹", "19981"),
        ("1½", "11"),
        ("5①", "51"),
        ("3.5²", "3.52"),
    ],
)
def test_other_numbers_stay_other_numbers(one, other):
    assert not set(analyse(one)) & set(analyse(other))


@pytest.mark.parametrize(
    "forms",
    [
        "bus buses busses",
        "gas gases gassed",
        "alias aliases aliased aliasing",
        "canvas canvases",
        "lens lenses",
        "virus viruses",
        "free frees freed freeing",
        "glue glues glued gluing",
        "queue queues queued queueing queuing",
        "case cases cased",
        "menu menus",
        "CPU CPUs",
        "PDF PDFs",
        "VM VMs",
        "bureau bureaus",
        "hypothesis hypotheses",
        "parenthesis parentheses",
        "analysis analyses analyse",
        "panic panics panicked panicking",
        "quiz quizzes",
        "reference references referenced referencing",
        "experience experiences experienced",
        "sacrifice sacrificed sacrificing",
        "interfere interfered",
        "agree agreed",
    ],
)
def test_the_ordinary_forms_of_a_word_are_one_term(forms):
    assert len({term for form in forms.split() for term in analyse(form)}) == 1


@pytest.mark.parametrize(
    "words",
    [
        "need knee",
        "era erase",
        "please plea",
        "virus viru",
        "pick pic",
        "http https",
        "los lose",
        "seed see",
        "ten tense",
    ],
)
def test_other_words_stay_other_terms(words):
    assert len(set(analyse(words))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "10⁶ and 1½ of Rhine¹ buses, m² freed",
        "com-\npensation for 1,250.50 of ABC公司2020年",
        "ค่าตั๋วเรือ ก well-\n known, re\u00adquired",
        "ภาษา公司abc ქართული",
    ],
)
def test_placed_words_are_the_terms_of_the_index(text):
    words = TermPositions(text)
    whole = np.array([0]), np.array([len(text)])
    counts = Counter(analyse(text))
    assert {term: int(words.counts(term, *whole)[0]) for term in counts} == dict(counts)
    assert int(words.lengths(*whole)[0]) == sum(counts.values())
