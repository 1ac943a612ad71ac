"""Menus, headers and footers of a page are left out where that is asked for, and counted."""

import zipfile
from pathlib import Path

import pytest

from llmopt_core.documents.load import load_bytes, load_documents

AROUND = "<header><a>Acme shop</a></header><nav><ul><li>Home<li>Prices</ul></nav>"
FOOT = "<aside>Read also</aside><footer>Imprint</footer><div id='cookie-banner'>We use cookies</div>"
TEXT = "<h1>Leave</h1><p>Staff get 25 days.</p>"


def page(body: str) -> bytes:
    return f"<html><head><title>T</title></head><body>{body}</body></html>".encode()


@pytest.mark.parametrize(
    ("body", "gone"),
    [(f"{AROUND}<main>{TEXT}</main>{FOOT}", 10), (f"{AROUND}<div role=main>{TEXT}</div><p>stray</p>{FOOT}", 11),
     (f"{AROUND}<div>{TEXT}</div>{FOOT}", 10), (f"<div role=navigation>Menu</div>{TEXT}", 1)],
)  # fmt: skip
def test_the_main_text_is_what_a_page_says_it_is(body: str, gone: int) -> None:
    (document,) = load_bytes("a.html", page(body), main_only=True)
    assert document.text == "# Leave\n\nStaff get 25 days."
    assert document.warnings == (f"Left out: {gone} word{'s' if gone > 1 else ''} around the main text, as asked.",)


def test_what_belongs_to_an_article_stays() -> None:
    body = "<article><header><h1>Leave</h1></header><p>Text</p><aside>A note</aside><footer>Sources</footer></article>"
    (document,) = load_bytes("a.html", page(body + "<p class='cookie-recipe'>Bake it.</p>"), main_only=True)
    assert document.text == "# Leave\n\nText\n\nA note\n\nSources\n\nBake it."
    assert document.warnings == ()


@pytest.mark.parametrize("body", ["<nav>Only a menu</nav>", "<main></main><p>Text</p>", "<main>a</main><main>b</main>"])
def test_a_page_is_not_emptied(body: str) -> None:
    whole = load_bytes("a.html", page(body))
    assert load_bytes("a.html", page(body), main_only=True) == whole


def test_nothing_is_left_out_unasked_and_other_files_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(page(f"{AROUND}<main>{TEXT}</main>"))
    (tmp_path / "b.md").write_text("<nav>Menu</nav>")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("d.html", page(f"{AROUND}<main>{TEXT}</main>"))
    whole = {document.name: document for document in load_documents([tmp_path])}
    assert "Prices" in whole["a.html"].text
    assert whole["a.html"].warnings == ()
    main = {document.name: document.text for document in load_documents([tmp_path], main_only=True)}
    assert main == {"a.html": "# Leave\n\nStaff get 25 days.", "b.md": "<nav>Menu</nav>",
                    "d.html": "# Leave\n\nStaff get 25 days."}  # fmt: skip
