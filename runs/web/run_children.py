"""The tab Child runs: the runs below a run as a tree, each with a status of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET

from runs import lineage
from runs.models import Run, Status
from runs.search import paging, query
from runs.web import rows
from runs.web.page import page
from runs.web.run_head import Head

SIZE = 50
OPEN_MOST = 20  # branches that are unfolded at once
SHOWN_BELOW = 6  # child runs of an unfolded branch; the rest are on its own page
SORTS = ("created", "-created", "name", "-duration")


@dataclass(frozen=True)
class Branch:
    """A row of the tree; or, with `rest`, the line below a branch that says how many more there are."""

    row: rows.Row
    is_open: bool = False
    toggle_url: str = ""
    rest: int = 0


@login_required
@require_GET
def index(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id, tab="children")
    tree = Tree(head.run, request.GET)
    context = {"head": head, "run": head.run, "tree": tree}
    return page(request, "runs/children.html", context, parts={"run-children"})


class Tree:
    """
    A page of a run's child runs, with what is unfolded below them. Its state is the address.

    Args:
        run: the run whose child runs are shown.
        params: the address's query: `status`, `sort`, `after` or `before`, and `open` for each unfolded run.
    """

    def __init__(self, run: Run, params: QueryDict) -> None:
        self.run = run
        self._params = params
        self.status = params.get("status", "") if params.get("status") in Status.values else ""
        self.sort = params.get("sort") if params.get("sort") in SORTS else "created"
        self._open = list(dict.fromkeys(params.getlist("open")))[:OPEN_MOST]
        criteria = query.Criteria(parent=[run.run_id], status=[self.status] if self.status else [])
        matching = rows.readable(query.matching(run.workspace, criteria))
        place = {"after": params.get("after"), "before": params.get("before")}
        self._page = paging.page(matching, sort=self.sort, size=SIZE, **place)
        table = rows.table(self._page.rows)
        self.columns = table.columns
        self.branches = list(self._unfolded(table.rows))
        self.tally = lineage.counts(run)

    def _unfolded(self, found: list[rows.Row]) -> Iterator[Branch]:
        for row in found:
            is_open = row.run.run_id in self._open and row.children > 0
            yield Branch(row, is_open, self._toggled(row.run.run_id))
            if is_open:
                below = rows.readable(lineage.children(row.run)).order_by("pk")[:SHOWN_BELOW]
                table = rows.table(list(below), columns=self.columns, depth=row.depth + 1)
                yield from self._unfolded(table.rows)
                if row.children > SHOWN_BELOW:
                    yield Branch(row, rest=row.children - SHOWN_BELOW)

    @property
    def is_live(self) -> bool:
        """Whether anything shown can still change by itself."""
        return self.run.is_open or any(branch.row.run.is_open for branch in self.branches)

    @property
    def total(self) -> int:
        return sum(self.tally.values())

    @property
    def newer_url(self) -> str:
        return self._address(before=self._page.newer) if self._page.newer else ""

    @property
    def older_url(self) -> str:
        return self._address(after=self._page.older) if self._page.older else ""

    @property
    def here_url(self) -> str:
        """This very page, for the polling."""
        return self._address(after=self._params.get("after"), before=self._params.get("before"))

    @property
    def tally_urls(self) -> list[tuple[Status, int, str]]:
        return [(status, count, self._address(status=status)) for status, count in self.tally.items()]

    @property
    def all_url(self) -> str:
        return self._address(status=None)

    def _toggled(self, run_id: str) -> str:
        others = [other for other in self._open if other != run_id]
        place = {"after": self._params.get("after"), "before": self._params.get("before")}
        return self._address(open=others if run_id in self._open else [*others, run_id], **place)

    def _address(self, **changes: str | list[str] | None) -> str:
        new = QueryDict(mutable=True)
        kept = {
            "status": self.status or None,
            "sort": self.sort if self.sort != "created" else None,
            "open": self._open,
        }
        for name, value in (kept | changes).items():
            new.setlist(name, [value] if isinstance(value, str) else list(value or []))
        return f"?{new.urlencode()}"
