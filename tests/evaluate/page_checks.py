"""What tests of pages share: nasty keys, and a reader that finds whatever could run or load something."""

from __future__ import annotations

import re
from html.parser import HTMLParser

NASTY = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "שלום", "a'b&c", "\x00\ud800\u202e", "日本"]


class Tags(HTMLParser):
    """Collect elements, and check that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Tags:
    """Check that the only scripts are ours, nothing is loaded and no attribute runs anything."""
    tags = Tags(html)
    for tag, attributes in tags.seen:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "link"}
        assert not any(name.startswith("on") or name in {"src", "style"} for name in attributes)
        assert (attributes.get("href") or "#").startswith(("#", "https://", "http://", "docs/"))
    assert sum(tag == "script" for tag, _ in tags.seen) <= 1
    assert not re.search(r"url\(|@import", html)
    html.encode("utf-8")
    return tags
