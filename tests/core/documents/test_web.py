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
