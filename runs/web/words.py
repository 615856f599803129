"""How pages say things: statuses, times, durations, figures, sizes, icons. A template library, built in by the settings."""

import json
import zlib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_lazy, ngettext

from runs.models import Experiment, Run, Status
from runs.web import figures, tags
from runs.web.figures import NOT_LOGGED

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
COLORS = 10

# Each of v1's words: the glyph and colour that the style sheet knows, and the word that people read.
_SHOWN: dict[str, tuple[str, Promise]] = {
    Status.NOT_STARTED: ("queued", gettext_lazy("Not started")),
    Status.QUEUED: ("queued", gettext_lazy("Queued")),
    Status.STARTING: ("preparing", gettext_lazy("Preparing")),
    Status.PROVISIONING: ("preparing", gettext_lazy("Preparing")),
    Status.PREPARING: ("preparing", gettext_lazy("Preparing")),
    Status.RUNNING: ("running", gettext_lazy("Running")),
    Status.FINALIZING: ("finalizing", gettext_lazy("Finalizing")),
    Status.CANCEL_REQUESTED: ("canceling", gettext_lazy("Canceling")),
    Status.COMPLETED: ("completed", gettext_lazy("Completed")),
    Status.FAILED: ("failed", gettext_lazy("Failed")),
    Status.CANCELED: ("canceled", gettext_lazy("Canceled")),
    Status.NOT_RESPONDING: ("lost", gettext_lazy("Not responding")),
}


# Statuses


@register.filter
def st(status: str) -> str:
    """The style sheet's name of a status, for `data-st` and the glyph."""
    return _SHOWN[status][0]


@register.filter
def status_word(status: str) -> str:
    """The word that people read for a status."""
    return str(_SHOWN[status][1])


@register.simple_tag
@cache
def glyph(name: str) -> SafeString:
    """A status glyph of the sprite, `completed` or `off`, say."""
    sprite = static("img/icons.svg")
    return format_html(
        '<svg class="st-i" viewBox="0 0 16 16" aria-hidden="true"><use href="{}#s-{}"/></svg>', sprite, name
    )


@register.simple_tag
def status(run: Run, kind: str = "st", note: str | None = None) -> SafeString:
    """
    A run's status: glyph, word, and what it means just now.

    Args:
        kind: `st` in tables, `pill` in page heads.
        note: instead of the run's own status note.
    """
    shown = st(run.status)
    note = run.status_note if note is None else note
    small = format_html(' <small title="{}">{}</small>', note, note) if note else ""
    return format_html(
        '<span class="{}" data-st="{}">{}{}{}</span>', kind, shown, glyph(shown), status_word(run.status), small
    )


# Times


@register.simple_tag
def when(at: datetime | None, default: str = NOT_LOGGED) -> SafeString:
    """How long ago, or in how long, as a `<time>` that carries the absolute time; the browser keeps it counting."""
    if at is None:
        return format_html('<span class="dim">{}</span>', default)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', at.isoformat(timespec="seconds"), absolute(at), ago(at)
    )


@register.filter
def absolute(at: datetime) -> str:
    """`2026-03-18 14:29 UTC`."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M %Z")


@register.filter
def ago(at: datetime) -> str:
    """`3 min ago`, `yesterday`, `in 9 days`."""
    seconds = (timezone.now() - at).total_seconds()
    if seconds < 0:
        return _ahead(-seconds)
    if seconds < MINUTE:
        return gettext("%d s ago") % seconds
    if seconds < HOUR:
        return gettext("%d min ago") % (seconds // MINUTE)
    if seconds < DAY:
        return gettext("%d h ago") % (seconds // HOUR)
    days = int(seconds // DAY)
    if days < 2:
        return gettext("yesterday")
    if days < 14:
        return ngettext("%d day ago", "%d days ago", days) % days
    if days < 60:
        return ngettext("%d week ago", "%d weeks ago", days // 7) % (days // 7)
    if days < 730:
        return ngettext("%d month ago", "%d months ago", days // 30) % (days // 30)
    return ngettext("%d year ago", "%d years ago", days // 365) % (days // 365)


def _ahead(seconds: float) -> str:
    if seconds < HOUR:
        return gettext("in %d min") % max(1, seconds // MINUTE)
    # To the nearest: what ends in 90 days does so a moment later, too.
    if seconds < 2 * DAY:
        return gettext("in %d h") % round(seconds / HOUR)
    days = round(seconds / DAY)
    return ngettext("in %d day", "in %d days", days) % days


@register.filter
def duration(length: timedelta | float | None) -> str:
    """`4.2s`, `42s`, `24m 10s`, `1h 12m`, `1d 3h`: the two largest units."""
    if length is None:
        return NOT_LOGGED
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if 0 < seconds < 10 and seconds != int(seconds):
        return gettext("%.1fs") % seconds
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return gettext("%ds") % whole
    if whole < HOUR:
        return gettext("%(m)dm %(s)02ds") % {"m": whole // MINUTE, "s": whole % MINUTE}
    if whole < DAY:
        return gettext("%(h)dh %(m)02dm") % {"h": whole // HOUR, "m": whole % HOUR // MINUTE}
    return gettext("%(d)dd %(h)dh") % {"d": whole // DAY, "h": whole % DAY // HOUR}


@register.simple_tag
def ran(run: Run) -> SafeString:
    """How long a run took, is taking, or has been waiting for; the browser counts on while the run is open."""
    now = timezone.now()
    if run.started_at is not None and run.ended_at is not None:
        return format_html("<span>{}</span>", duration(run.ended_at - run.started_at))
    if run.started_at is not None:
        return _counting(run.started_at, duration(now - run.started_at))
    if run.ended_at is not None:
        return format_html('<span class="dim" title="{}">{}</span>', gettext("Never started"), NOT_LOGGED)
    waited = duration(now - run.created_at)
    return _counting(run.created_at, waited, gettext("Waiting %s, not started yet") % waited)


@register.simple_tag
def lasting(since: datetime) -> SafeString:
    """How long something has been going on; the browser counts on."""
    return _counting(since, duration(timezone.now() - since))


@register.simple_tag
def clock(at: datetime) -> SafeString:
    """The time of day to the second, and the day with it when that is another one; for what stands beside its zone."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    text = local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
    title = local.strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="seconds"), title, text)


def _counting(since: datetime, text: str, title: str = "") -> SafeString:
    extra = format_html(' class="dim" title="{}"', title) if title else ""
    return format_html('<span data-since="{}"{}>{}</span>', since.isoformat(timespec="seconds"), extra, text)


@register.simple_tag
def words_for_browser() -> SafeString:
    """What the browser needs to keep times counting, as JSON: the server's clock and the patterns."""
    patterns = {
        "now": int(timezone.now().timestamp() * 1000),
        "ago": [gettext("%d s ago"), gettext("%d min ago"), gettext("%d h ago")],
        "ran": [gettext("%ds"), gettext("%(m)dm %(s)02ds"), gettext("%(h)dh %(m)02dm"), gettext("%(d)dd %(h)dh")],
        "lost": gettext("The server did not answer. What you entered is still here; try again."),
        "broken": gettext("Something broke on our side. What you entered is still here; try again."),
        "copied": gettext("Copied"),
        "offline": gettext("Not connected, trying again"),
    }
    return format_html('<script type="application/json" id="words">{}</script>', mark_safe(_json(patterns)))


def _json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003C").replace(">", "\\u003E")


# Figures: they need no template, and have a module of their own

for figure in (figures.number, figures.size, figures.thousands):
    register.filter(figure)


# Experiments and tags


@register.filter
def in_address(experiment: Experiment) -> str:
    """What names an experiment in an address: its name, or its id where the name could not be one part of a path."""
    name = experiment.name
    return experiment.experiment_id if "/" in name or name in (".", "..") else name


register.filter("for_people", tags.for_people)


# Colours and pictures


@register.filter
def slot(run_id: str) -> int:
    """The colour of a run in charts, 1 to 10: the same wherever the run is drawn."""
    return zlib.crc32(run_id.encode("utf-8", "surrogatepass")) % COLORS + 1


@register.filter
def pairs(mapping: dict[str, Any]) -> list[tuple[str, Any]]:
    """Keys with their values, for a loop: a template takes `tags.items` for the tag of that name, where there is one."""
    return list(mapping.items())


@register.filter
def initials(name: str) -> str:
    """`MP` of `mina.park`: the letters of an avatar."""
    parts = [
        part for part in name.replace("@", " ").replace(".", " ").replace("_", " ").replace("-", " ").split() if part
    ]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


@register.simple_tag
@cache
def icon(name: str, size: str = "") -> SafeString:
    """An icon of the sprite; `size` is `sm` or `xs`. Drawn for the eye alone: the words stand beside it."""
    extra = f" i--{size}" if size else ""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', extra, static("img/icons.svg"), name
    )


@register.simple_tag
def import_map() -> SafeString:
    """Every module of ours under `studio/…`, at the address that its content gave it; and uPlot."""
    modules = {f"studio/{name}": static(f"js/{name}.js") for name in _modules()}
    modules["uplot"] = static("vendor/uplot-1.6.32/uPlot.esm.js")
    return mark_safe(_json({"imports": modules}))


@cache
def _modules() -> tuple[str, ...]:
    folder = Path(settings.BASE_DIR) / "static" / "js"
    return tuple(sorted(file.stem for file in folder.glob("*.js")))
