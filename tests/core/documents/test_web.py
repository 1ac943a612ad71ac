import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

PAGE = """<!doctype html><html><head><title>Ignored</title><style>p {}</style></head><body>
<script>var a = "<p>not this</p>";</script><h1>Leave <b>policy</b></h1><p>Staff   get
<i>25</i> days.</p><!-- nor this --><ul><li>one</li><li><p>two</p></li></ul>
<table><tr><th>Country</th><th>Days</th></tr><tr><td><p>France</p></td><td>30</td></tr></table>
<h2>Code</h2><pre>a
  b</pre>after<br>break<p hidden>hidden</p><template>no</template></body></html>"""


def test_headings_lists_tables_and_code_are_kept_and_scripts_left_out():
    assert load_bytes("a.html", PAGE.encode())[0].text == (
        "# Leave policy\n\nStaff get 25 days.\n\n- one\n- two\n\nCountry | Days\nFrance | 30\n\n## Code\n\na\n  b\n\n"
        "after\nbreak"
    )


def test_the_title_stands_in_for_a_missing_heading():
    assert load_bytes("a.html", b"<title>My page</title><p>Text</p>")[0].text == "# My page\n\nText"


def test_the_declared_encoding_holds():
    page = '<meta charset="gb2312"><p>华沙的第一家证券交易所成立于</p>'.encode("gb18030")
    assert load_bytes("a.html", page)[0].text == "华沙的第一家证券交易所成立于"


def test_a_wrong_declaration_is_overruled():
    page = '<?xml version="1.0" encoding="ascii"?><meta charset="nonsense"><p>Größe</p>'.encode()
    assert load_bytes("a.html", page)[0].text == "Größe"


@pytest.mark.parametrize("page", [b"<script>x</script>", b"<html></html>", b"<!-- nothing -->"])
def test_a_page_without_text_is_refused(page):
    with pytest.raises(BadInput, match="holds no text"):
        load_bytes("a.html", page)


def test_broken_and_deep_pages_are_read():
    assert load_bytes("a.html", b"<p>one<p>two</b></div>&amp; &copy; <three")[0].text.startswith("one\n\ntwo& ©")
    assert load_bytes("a.html", b"<div>" * 200 + b"deep" + b"</div>" * 200)[0].text == "deep"


def read(body: str):
    return load_bytes("a.html", f"<body>{body}</body>".encode())[0]


def test_buttons_and_what_they_open_are_read():
    page = (
        "<h3><button aria-controls='p1'>How long?</button></h3><div id='p1' hidden>Ten days.</div>"
        "<details><summary>More</summary><p>Closed text.</p></details><div hidden='until-found'>Found later.</div>"
        "<div role='tabpanel' hidden>Second tab.</div>"
    )
    document = read(page)
    assert document.text == "### How long?\n\nTen days.\n\nMore\n\nClosed text.\n\nFound later.\n\nSecond tab."
    assert document.warnings == ()


def test_what_the_page_hides_is_left_out_and_told():
    document = read("<p>Seen</p><div hidden><p>Not seen</p></div><div hidden></div>")
    assert (document.text, document.warnings) == ("Seen", ("Left out: 1 hidden part of the page.",))


@pytest.mark.parametrize("empty", ["<h2></h2>", "<h2> <img src=x></h2>", "<h2><a id=top></a></h2>"])
def test_an_empty_heading_swallows_nothing(empty):
    assert read(f"<h1>Title</h1>{empty}<p>Paragraph.</p>").text == "# Title\n\nParagraph."


def test_a_table_that_only_places_things_gives_their_text():
    cells = "<td><h2>News</h2><p>One.</p><p>Two.</p></td><td><h2>Events</h2><ul><li>Fair</li></ul></td>"
    assert read(f"<table><tr>{cells}</tr></table>").text == "## News\n\nOne.\n\nTwo.\n\n## Events\n\n- Fair"
    outer = "<table><tr><td>Menu</td><td><table><tr><th>A<th>B<tr><td>1<td>2</table></td></tr></table>"
    assert read(outer).text == "Menu\n\nA | B\n1 | 2"


def test_cells_over_several_rows_and_columns_keep_the_columns():
    page = (
        "<table><tr><th>Region<th>City<th colspan=2>Staff<tr><td rowspan=2>North<td>Oslo<td>5<td>6"
        "<tr><td>Bergen<td>3<td>4<tr><td rowspan=99999>South<td>Rome<td>9<td>9</table>"
    )
    assert read(page).text == (
        "Region | City | Staff |\nNorth | Oslo | 5 | 6\nNorth | Bergen | 3 | 4\nSouth | Rome | 9 | 9"
    )


def test_code_and_words_with_a_hash_make_no_headings():
    from llmopt_core.chunking.headings import Headings

    text = read("<h2>Linux</h2><p># 42 was closed</p><pre># install\napt install</pre><p>After.</p>").text
    assert text == "## Linux\n\n\\# 42 was closed\n\n```\n# install\napt install\n```\n\nAfter."
    assert [heading.path for heading in Headings(text).all] == [("Linux",)]


def test_soft_hyphens_and_zero_width_spaces_are_not_part_of_words():
    assert read("<p>com&shy;pen&shy;sation Zero&#8203;width</p>").text == "compensation Zerowidth"
    assert "\u200b" in read("<p>ไทย&#8203;ไทย</p>").text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>Sizes: <select><option>S<option selected>M<option>L</select></p>", "Sizes: S, M, L"),
        ("<label>Text</label><textarea>Two\n lines</textarea>", "Text\n\nTwo lines"),
        ("<p><input type=submit value='Send now'> or <input type=image alt='Go back'></p>",
         "Send now or [Image: Go back]"),
        ("<p>See <img src=a.png alt='A map of the  pier'>.</p>", "See [Image: A map of the pier] ."),
        ("<map><area alt='North pier'></map><p>x</p>", "[Image: North pier]\n\nx"),
        ("<p>a</p><svg><title>Tides</title><text>High <tspan>6 am</tspan></text><text>Low</text></svg>",
         "a\n\n[Image: Tides]; High 6 am; Low"),
        ("<p>a</p><iframe srcdoc='&lt;p&gt;Inside &lt;img alt=pier&gt;&lt;/p&gt;'></iframe>",
         "a\n\nInside [Image: pier]"),
        ("<math><mi>c</mi><mo>=</mo><msqrt><msup><mi>a</mi><mn>2</mn></msup><mo>+</mo><mi>b</mi></msqrt></math>",
         "c = √(a^2 + b)"),
        ("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>n</mi></mfrac></math>", "(a + 1)/n"),
        ("<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>{\\displaystyle x^2}</annotation>"
         "</semantics></math><img aria-hidden=true alt='x^2'>", "x^2"),
        ("<p><a href='mailto:a%40b.org?subject=x'>Write</a>, <a href='tel:+1 23'>+1 23</a></p>",
         "Write (a@b.org), +1 23"),
        ("<div><template shadowrootmode=open><p>Shadow</p></template></div>", "Shadow"),
        ("<ol start=3><li>c<li value=9>i<li>j</ol><ol type=a reversed><li>b<li>a</ol><ul><li>x</ul>",
         "3. c\n9. i\n10. j\n\nb. b\na. a\n\n- x"),
        ("<dl><dt>Term<dd>Meaning</dl><p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby></p>",
         "Term\nMeaning\n\n漢(kan)"),
    ],
)  # fmt: skip
def test_what_a_page_shows_by_other_means_than_text(body, text):
    document = read(body)
    assert document.text == text
    assert document.warnings == ()


def test_what_has_no_text_is_told():
    options = "".join(f"<option>Country {n}" for n in range(30))
    document = read(
        f"<p>Text</p><iframe src=a.html></iframe><object data=b></object><video></video><input value=Ann>"
        f"<input type=hidden value=x><select>{options}</select><noscript>Use scripts <iframe src=c></iframe></noscript>"
        "<template>T</template><template> </template><canvas></canvas><p hidden>h</p><img src=a.png alt=a.png>"
    )
    assert document.text == "Text"
    assert document.warnings == (
        "Left out: 1 hidden part of the page, 2 embedded pages or files, 1 recording, 1 form field with a value, "
        "1 long list to choose from, 1 part for browsers without scripts, 1 template with text, 1 canvas.",
    )


def test_a_formula_nested_without_end_is_read():
    deep = "<mrow>" * 240 + "<mi>x</mi>" + "</mrow>" * 240
    assert read(f"<p>a</p><math>{deep}</math>").text == "a\n\nx"
