"""Markup: any text or nested pieces in, safe HTML and SVG out; nothing untrusted gets through unescaped."""

from __future__ import annotations

import re
from typing import Final, final

_UNSAFE: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_EMPTY: Final = frozenset({"meta", "br", "hr", "img", "line", "rect", "circle", "path", "polyline"})


@final
class Html(str):
    """Text that is markup already; only this module's functions and constants should make it."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Return `text` so that a browser shows it as it is; characters that no page may hold become �.

    >>> escape('<script>"x"')
    '&lt;script&gt;&quot;x&quot;'
    """
    if isinstance(text, Html):
        return text
    return Html(_UNPRINTABLE.sub("\ufffd", str(text)).translate(_UNSAFE))


def element(tag: str, *inside: object, **attributes: object) -> Html:
    """Return one element; what is inside is escaped unless it is `Html`, and `None` is left out.

    In attribute names a trailing underscore is dropped and the others become hyphens.

    >>> element("p", "1 < 2", class_="lead")
    '<p class="lead">1 &lt; 2</p>'
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY and not inside:
        return Html(f"<{tag}{named}/>")
    return Html(f"<{tag}{named}>{''.join(escape(part) for part in inside if part is not None)}</{tag}>")


def join(*parts: object) -> Html:
    """Return the parts one after the other; `None` is left out."""
    return Html("".join(escape(part) for part in parts if part is not None))


def word(key: object) -> Html:
    """Return a key as inline text of its own direction, so that right-to-left words do not turn the line."""
    return element("bdi", key)


def _short(value: object) -> object:
    """Return coordinates with one digit after the point: a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
