"""Pages are one file, escape what they are given and stand without script or network."""

from __future__ import annotations

import pytest
from page_checks import NASTY, Tags, assert_harmless

from likewise.contracts import Number
from likewise.errors import ShapeError
from likewise.evaluate import page
from likewise.evaluate.markup import Html, element, escape, join, word


def make_page(keys: list[str]) -> str:
    rows = [(key, keys, 1.5) for key in keys]
    return page.Page(
        keys[0],
        keys[1],
        page.part("Text", page.paragraph(keys[0]), page.heading(keys[1]), page.code(keys[0]), page.link(keys[0], "#x")),
        page.part(keys[0], page.table(("word", keys[1], "n"), rows, caption=keys[1])),
        page.part("Numbers", page.number_table([Number(keys[0], 1.0, 0.5, 1.5, 3, {keys[1]: 0.5}, note=keys[0])])),
        page.part("More", page.details(keys[0], page.paragraph("x")), None),
        opening=[page.verdict_bar("healthy", keys[0], keys[1]), page.tiles({keys[0]: (keys[1], keys[2]), "b": "c"})],
        footer=page.facts_table({keys[0]: {keys[1]: [1, 2.5, keys[0]]}, "threads": 2, "ready": True}),
    ).to_html()


def test_untrusted_text_is_shown_and_never_run() -> None:
    tags = assert_harmless(make_page(NASTY))
    assert NASTY[0] in tags.text
    assert NASTY[1] in tags.text


def test_a_page_is_made_for_phones_dark_mode_and_listeners() -> None:
    html = make_page(["a", "b", "c"])
    assert 'name="viewport"' in html
    assert "prefers-color-scheme:dark" in html
    assert '<html lang="en">' in html
    assert "default-src &#39;none&#39;" in html
    assert "<script" not in html  # only a map brings the script
    assert html == make_page(["a", "b", "c"])


def test_the_contents_link_to_every_part() -> None:
    tags = Tags(make_page(["a", "b", "c"]))
    places = {attributes["id"] for _, attributes in tags.seen if "id" in attributes}
    links = {(attributes.get("href") or "")[1:] for tag, attributes in tags.seen if tag == "a"}
    assert places == {f"part-{i}" for i in range(4)} == links - {"x"}


def test_verdicts_have_a_sign_and_not_only_a_colour() -> None:
    assert "✓" in page.verdict_bar("healthy", "", "")
    assert "✕" in page.verdict_bar("complete collapse", "", "")
    assert 'class="verdict warn"' in page.verdict_bar("cannot tell", "", "")


def test_escaping() -> None:
    assert escape("<&'\">") == "&lt;&amp;&#39;&quot;&gt;"
    assert escape(Html("<b>")) == "<b>"
    assert escape("\x00\ud800\u202e") == "\ufffd" * 3
    assert element("p", None, "a<b", Html("<i>"), data_x='"', class_=None) == '<p data-x="&quot;">a&lt;b<i></p>'
    assert element("rect", x=1.26, y=2.0) == '<rect x="1.3" y="2"/>'
    assert join("a", None, Html("<br/>")) == "a<br/>"
    assert word("<") == "<bdi>&lt;</bdi>"


def test_a_link_runs_no_script() -> None:
    assert 'href="#"' in page.link("x", "javascript:alert(1)")
    assert 'href="docs/a.md"' in page.link("x", "docs/a.md")
    assert 'href="https://a.org"' in page.link("x", "https://a.org")


def test_a_row_must_fit_its_table() -> None:
    with pytest.raises(ShapeError, match="a row has 1 cells, the table has 2"):
        page.table(("a", "b"), [("x",)])


def test_empty_blocks() -> None:
    assert page.number_table([]) is None
    assert page.facts_table({}) is None
    assert "<tbody></tbody>" in page.table(("a",), [])
    assert page.table(("a", "b", "c"), [("x", None, ["y", "z"])]).count("<bdi>") == 3


def test_facts_are_told_in_words() -> None:
    told = Tags(page.facts_table({"a": None, "b": True, "c": {"d": 1234, "e": [0.5, "x"]}}) or "").text
    assert told == "factvalueanonebyescd 1,234, e 0.5, x"
