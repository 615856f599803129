"""
The rows of a list of runs, as HTML. Up to two hundred of them stand on a page, and a template takes ten times as long for
each; so the rows are written here, and all that stands around them in templates. A template library, built in by the settings.
"""

import html
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from runs.models import Run
from runs.web import words
from runs.web.figures import NOT_LOGGED, thousands
from runs.web.rows import Row

register = template.Library()

CHIP_LENGTH, TITLE_LENGTH = 80, 200

_ROW = """<tr id="{id}" data-run="{run_id}"{under}>
<td class="c-sel"><label class="hit">
<input type="checkbox" name="run_id" value="{run_id}" form="bulk" aria-label="{select}"></label></td>
<th scope="row" class="c-name"><div class="c-name__in">{unfold}<span class="sw" data-c="{slot}"></span>
<span class="lines"><span>{below}<a class="name" href="{url}" title="{name}">{name}</a>{number}</span>
{meta}</span></div></th>
{cells}
</tr>
"""
_UNFOLD = (
    '<a class="exp" href="{}/children" role="button" aria-expanded="false" aria-label="{}" '
    'hx-get="{}children_of={}{}" hx-target="#{}" hx-swap="afterend" hx-trigger="unfold">{}</a>'
)
_NO_FOLD = mark_safe('<span class="noexp"></span>')
_ABSENT = '<span class="dim" aria-hidden="true">{}</span><span class="vh">{}</span>'


@dataclass(frozen=True)
class _List:
    """What the rows of a list have in common, taken from the template's context."""

    context: template.Context

    @cached_property
    def runs_url(self) -> str:
        return reverse("runs", args=[self.context["workspace"].name])

    @cached_property
    def experiments_url(self) -> str:
        """Empty on the page of an experiment, which needs no column that says so."""
        return "" if self.context.get("experiment") else reverse("experiments", args=[self.context["workspace"].name])

    @cached_property
    def adding(self) -> str:
        """The list that a click on a tag narrows, up to where a filter is written (`…?` or `…&`)."""
        return self.context["listing"].adding

    @cached_property
    def columns_asked(self) -> str:
        return self.context.get("columns_asked", "")

    @cached_property
    def has_metrics(self) -> bool:
        return bool(self.context["table"].columns)

    def url(self, run: Run) -> str:
        return f"{self.runs_url}/{quote(run.run_id)}"


@register.simple_tag(takes_context=True)
def run_rows(context: template.Context, rows: list[Row], parent: int | None = None) -> SafeString:
    """
    The rows of a page of runs.

    Args:
        parent: the key of the run below which they unfold.
    """
    within = _List(context)
    return mark_safe("".join(_row(within, row, parent) for row in rows))


@register.simple_tag(takes_context=True)
def live_cells(context: template.Context, row: Row) -> SafeString:
    """The parts of a row that change while its run is live, each with the place that htmx puts it into."""
    within, status = _List(context), words.status(row.run, note=row.note)
    cells = {
        "meta": _meta(row, status, words.when(row.run.created_at)),
        "status": _status(row, status),
        "ran": _ran(within, row),
    }
    cells |= {f"m{place}": _figure(row, place, figure) for place, figure in enumerate(row.figures, 1)}
    partial = '<hx-partial hx-target="#{}-{}" hx-swap="outerHTML">{}</hx-partial>'
    return mark_safe("".join(_html(partial, row.dom_id, place, cell) for place, cell in cells.items()))


def _row(within: _List, row: Row, parent: int | None) -> SafeString:
    run, status, created = row.run, words.status(row.run, note=row.note), words.when(row.run.created_at)
    cells = [_status(row, status)]
    if within.experiments_url:
        cells.append(_experiment(within, run))
    cells += [_figure(row, place, figure) for place, figure in enumerate(row.figures, 1)]
    cells += [
        _tags(within, row),
        _ran(within, row),
        _html('<td class="mut">{}</td>', created),
        _plain(run.submitted_by.get_username() if run.submitted_by else ""),
        _plain(run.target),
    ]
    return _html(
        _ROW,
        id=row.dom_id,
        run_id=run.run_id,
        under=_under(row, parent),
        select=gettext("Select %s") % row.name,
        unfold=_unfold(within, row),
        slot=words.slot(run.run_id),
        below=_html('<span class="vh">{} </span>', gettext("child run")) if run.parent_id else "",
        url=within.url(run),
        name=row.name,
        number=_number(row),
        meta=_meta(row, status, created),
        cells=mark_safe("\n".join(cells)),
    )


def _html(pattern: str, *given: Any, **named: Any) -> SafeString:
    """`format_html` for what is never a lazy text: to ask each piece whether it is one takes half of a row's time."""
    return mark_safe(pattern.format(*map(_safe, given), **{name: _safe(piece) for name, piece in named.items()}))


def _safe(piece: Any) -> str:
    return piece if isinstance(piece, SafeString) else html.escape(str(piece))


def _under(row: Row, parent: int | None) -> SafeString:
    depth = _html(' data-depth="{}"', row.depth) if row.depth else ""
    return _html("{}{}", depth, _html(' data-parent="r{}"', parent) if parent else "")


def _unfold(within: _List, row: Row) -> SafeString:
    if not row.children:
        return _NO_FOLD
    return _html(
        _UNFOLD,
        within.url(row.run),
        gettext("Child runs of %s") % row.name,
        within.adding,
        quote(row.run.run_id, safe=""),
        within.columns_asked,
        row.dom_id,
        words.icon("chevron-right", "sm"),
    )


def _number(row: Row) -> SafeString:
    """How many child runs it has; of one without, its number in the experiment."""
    if row.children:
        said = ngettext("child run", "child runs", row.children)
        shown = _html('{}<span class="vh"> {}</span>', thousands(row.children), said)
    else:
        shown = _html('<span class="vh">{}</span>', gettext("number %d") % row.run.number)
    within = f" {gettext('in %s') % row.parent}" if row.parent else ""
    return _html('<span class="n">{}{}</span>', shown, within)


def _meta(row: Row, status: SafeString, created: SafeString) -> SafeString:
    """What stands below the name where the table is narrow."""
    return _html('<span class="meta" id="{}-meta">{} <span>· {}</span></span>', row.dom_id, status, created)


def _status(row: Row, status: SafeString) -> SafeString:
    live = mark_safe(" data-live") if row.run.is_open else ""
    return _html('<td class="c-st" id="{}-status"{}>{}</td>', row.dom_id, live, status)


def _experiment(within: _List, run: Run) -> SafeString:
    name, address = run.experiment.name, quote(words.in_address(run.experiment), safe="")
    link = '<td class="c-cut"><a class="plain" href="{}/{}" title="{}">{}</a></td>'
    return _html(link, within.experiments_url, address, name, name)


def _figure(row: Row, place: int, figure: str) -> SafeString:
    if figure == NOT_LOGGED:
        shown = _html(_ABSENT, figure, gettext("not logged"))
    else:
        shown = _html('<span class="fig">{}</span>', figure)
    first = " grp c-key" if place == 1 else ""
    return _html('<td class="num{}" id="{}-m{}">{}</td>', first, row.dom_id, place, shown)


def _tags(within: _List, row: Row) -> SafeString:
    chips = mark_safe("".join(_chip(within.adding, key, value) for key, value in row.tags_shown.items()))
    more = ""
    if row.tags_hidden:
        link = '<a class="chip chip--more" href="{}">+{}<span class="vh"> {}</span></a>'
        more = _html(link, within.url(row.run), row.tags_hidden, gettext("more tags"))
    return _html('<td class="c-tags grp"><div class="chips">{}{}</div></td>', chips, more)


def _chip(adding: str, key: str, value: str | None) -> SafeString:
    name = quote(key, safe="")
    if value is None:
        return _html('<a class="chip" href="{}tag={}" title="{}"><b>{}</b></a>', adding, name, key, key)
    return _html(
        '<a class="chip" href="{}tag={}%3D{}" title="{}: {}"><b>{}</b><span>{}</span></a>',
        adding, name, quote(value, safe=""), key, _cut(value, TITLE_LENGTH), key, _cut(value, CHIP_LENGTH),
    )  # fmt: skip


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _ran(within: _List, row: Row) -> SafeString:
    key = "" if within.has_metrics else " c-key"
    return _html('<td class="num{}" id="{}-ran">{}</td>', key, row.dom_id, words.ran(row.run))


def _plain(text: str) -> SafeString:
    return _html('<td class="mut c-cut" title="{}">{}</td>', text, text or NOT_LOGGED)
