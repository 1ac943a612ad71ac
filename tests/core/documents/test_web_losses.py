"""What pages hold in odd places is read, or told."""

import re

import pytest

from llmopt_core.documents.load import load_bytes


def read(page: str):
    return load_bytes("a.html", page.encode())[0]


@pytest.mark.parametrize("blank", ["&nbsp;", " \u200b ", "<a href='#x'> </a>&nbsp;", "<br>"])
def test_a_heading_without_words_names_nothing(blank):
    assert read(f"<h2>{blank}</h2><p>Opening hours</p>").text == "Opening hours"


def test_a_heading_is_one_line_whatever_its_words_stand_in():
    page = "<h2>Opening<br>hours</h2><p>9 to 5</p><h3><div>Part</div><div>two</div></h3>"
    assert read(page).text == "## Opening hours\n\n9 to 5\n\n### Part two"


@pytest.mark.parametrize("end", ["</body></html>", "</BODY >\n</html>\n", "</html>"])
def test_what_stands_behind_the_end_of_a_page_is_read(end):
    assert read(f"<html><body><p>First</p>{end}<html><body><p>Second</p></body></html>").text == "First\n\nSecond"


@pytest.mark.parametrize(
    ("part", "name"),
    [("<!-- a note", "comment"), ("<script>x = 1;", "script"), ("<style>p {}", "style")],
)
def test_what_never_ends_is_told(part, name):
    document = read(f"<p>First</p>{part} <p>all of these words are shown by no browser</p>")
    (warning,) = document.warnings
    assert "browser" not in document.text
    assert re.fullmatch(rf"Left out: \d+ words behind a {name} that never ends\.", warning)


def test_a_script_that_ends_is_no_loss():
    assert read("<script>if (a) b = '<!--';</script><p>Words enough to be read by everybody here</p>").warnings == ()


def test_cdata_is_text_where_the_page_is_xml():
    page = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p><![CDATA[a < b]]></p></body></html>'
    )
    assert read(page).text == "a < b"


@pytest.mark.parametrize("head", ["<thead>{}</thead>\n<tbody>{}</tbody>", "<thead>{}</thead><tbody>{}</tbody>", "{}{}"])
def test_the_rows_of_a_long_table_have_the_names_of_its_head(head):
    names = "<tr><th>Port</th><th>Fee</th></tr>"
    rows = "".join(f"<tr><td>harbour {n}</td><td>{n}</td></tr>" for n in range(14))
    text = read("<table>" + head.format(names, rows) + "</table>").text
    assert text.split("\n\n") == [f"Port: harbour {n}\nFee: {n}" for n in range(14)]


def test_a_cell_may_span_all_rows_below():
    page = "<table><tr><th>A<th>B<tr><td rowspan=0>x<td>1<tr><td>2<tr><td>3</table>"
    assert read(page).text == "A | B\nx | 1\nx | 2\nx | 3"


def test_formulas_for_scripts_are_read_and_those_that_are_drawn_beside_them_are_not():
    katex = (
        "<span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation encoding=application/x-tex>"
        "x^2</annotation></semantics></math></span><span class=katex-html aria-hidden=true>x2</span></span>"
    )
    mathjax = "<span class=MathJax_Preview></span><script type='math/tex; mode=display'>y^3</script>"
    drawn = "<span class=MathJax>z4</span><script type=math/tex>z^4</script>"
    assert read(f"<p>{katex}, {mathjax}, {drawn}</p>").text == "x^2 , y^3 , z4"


def test_words_in_drawings_and_pictures_without_a_description():
    page = "<svg><foreignObject><div>Pier 4</div></foreignObject></svg><p>Map<img src=a.png><img src=b.png alt=''></p>"
    document = read(page)
    assert (document.text, document.warnings) == ("Pier 4\n\nMap", ("Left out: 1 picture without a description.",))
