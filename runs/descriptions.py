"""
Markdown to HTML that is safe to show: Markdown, then bleach, then nh3, behind the pages' content policy.

Python-Markdown needs minutes for some texts of a few kilobytes (nested brackets), so texts that look like it are shown
as they were written.
"""

import html
import re
from typing import Any

import markdown
import nh3
from bleach.linkifier import LinkifyFilter
from bleach.sanitizer import Cleaner

from runs import limits

VERSION = 1  # of the rendering; stored HTML of an older one is rendered again

_TAG_NAMES = (
    "a abbr b blockquote br code dd del details dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre s strong sub "
    "summary sup table tbody td th thead tr ul"
)
TAGS = frozenset(_TAG_NAMES.split())
PROTOCOLS = frozenset({"http", "https", "mailto"})
# Per block and per text: how many openers before the parser's time grows out of hand.
_OPENERS = re.compile(r"[\[<]")
_OPENERS_PER_BLOCK = 200
_OPENERS_PER_TEXT = 3_000


def render(text: str) -> str:
    """
    The HTML of a description; safe whatever the text.

    Args:
        text: Markdown with fenced code and tables.

    Returns:
        HTML of a small set of tags: links open nothing but http, https and mailto, images come from this server alone.
    """
    if not text.strip():
        return ""
    if _is_too_costly(text):
        return _as_written(text)
    try:
        raw = markdown.markdown(
            text,
            extensions=["fenced_code", "tables", "sane_lists"],
            extension_configs={"tables": {"use_align_attribute": True}},
            output_format="html",
        )
    except RecursionError:
        return _as_written(text)
    cleaned = _cleaner().clean(raw)
    return nh3.clean(
        cleaned,
        tags=set(TAGS),
        attributes={
            "a": {"href", "title", "rel"},
            "img": {"src", "alt", "title"},
            "th": {"align"},
            "td": {"align"},
            "code": {"class"},
        },
        link_rel=None,
        url_schemes=set(PROTOCOLS),
        attribute_filter=_kept,
    )


def _is_too_costly(text: str) -> bool:
    if len(text) > limits.DESCRIPTION_LENGTH or len(_OPENERS.findall(text)) > _OPENERS_PER_TEXT:
        return True
    return any(len(_OPENERS.findall(block)) > _OPENERS_PER_BLOCK for block in re.split(r"\n\s*\n", text))


def _as_written(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def _kept(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if re.fullmatch(r"language-[\w+#-]+", value) else None
    if tag == "img" and name == "src":
        return value if _is_own_address(value) else None
    return value


def _is_own_address(value: str) -> bool:
    """A path on this server: `//host`, `/\\host` and schemes lead elsewhere."""
    return bool(re.match(r"/(?![/\\])", value)) or not re.match(r"[\\/]|[^/?#]*:", value)


def _allowed(tag: str, name: str, value: str) -> bool:
    allowed = {
        "a": {"href", "title"},
        "img": {"src", "alt", "title"},
        "th": {"align"},
        "td": {"align"},
        "code": {"class"},
    }
    return name in allowed.get(tag, set()) and _kept(tag, name, value) is not None


def _cleaner() -> Cleaner:
    # A cleaner is not safe to share between threads.
    return Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols=PROTOCOLS,
        strip=True,
        filters=[lambda source: LinkifyFilter(source, callbacks=[_link], skip_tags={"pre", "code"})],
    )


def _link(attrs: dict[Any, Any], new: bool = False) -> dict[Any, Any] | None:
    href = attrs.get((None, "href"), "")
    # linkify takes file.py and notes.md for hosts.
    if new and not attrs["_text"].startswith(("http:", "https:")):
        return None
    if not re.match(r"(/(?![/\\])|#)", href):
        attrs[(None, "rel")] = "nofollow noopener noreferrer ugc"
    return attrs
