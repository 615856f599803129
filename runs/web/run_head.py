"""What stands above every tab of a run's page: the way to it, its status and history, its actions, and the tabs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, Q
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from runs import access, lineage
from runs.access import Caller
from runs.models import Event, Run, Status, Table
from runs.web.metric_groups import MACHINE

PHASES_SHOWN = 8  # a run that was lost and found again many times shows its latest history here, the rest in Events

RECEIPTS = {
    "cancel.requested": gettext_lazy("Cancel requested"),
    "cancel.seen": gettext_lazy("Seen"),
    "cancel.signal_sent": gettext_lazy("Stop signal sent"),
    "cancel.killed": gettext_lazy("Killed"),
    "cancel.verified": gettext_lazy("Verified gone"),
}
# A submitted run's cancel ends with proof; an interactive one is only heard of. A kill is an exception, and is not foretold.
_FORETOLD = ("cancel.seen", "cancel.signal_sent", "cancel.verified")


@dataclass(frozen=True)
class Phase:
    """A stretch of a run's history: a status, and from when until when it lasted; `until` is None for the present one."""

    status: Status
    at: datetime
    until: datetime | None
    note: str = ""

    @property
    def length(self) -> timedelta | None:
        return None if self.until is None else self.until - self.at


@dataclass(frozen=True)
class Receipt:
    """A step of a cancel; `at` is None while it is still to come."""

    words: str
    at: datetime | None
    who: str = ""


class Head:
    """A run as the reader of its page may see it. What no template asks for is never looked up: most answers are parts."""

    def __init__(self, request: HttpRequest, workspace: str, run_id: str, *, tab: str = "") -> None:
        """
        Raises:
            NotFound: no such workspace or run, as far as the reader may know.
        """
        self.caller: Caller = access.caller(request.user, workspace_name=workspace)
        self.run: Run = access.run_for(self.caller, run_id)
        self.tab = tab
        self.is_renaming = False

    @property
    def can_write(self) -> bool:
        return self.caller.can_write

    @cached_property
    def crumbs(self) -> Sequence[tuple[Run, bool]]:
        """The runs above, from the top, and before which of them some are left out."""
        above = lineage.ancestors(self.run)
        depths = [-1] + [run.depth for run in above]
        return [(run, run.depth > before + 1) for run, before in zip(above, depths, strict=False)]

    @cached_property
    def neighbours(self) -> dict[str, Run | None]:
        before, after = lineage.neighbours(self.run)
        return {"before": before, "after": after}

    @cached_property
    def phases(self) -> list[Phase]:
        return self._all_phases[-PHASES_SHOWN:]

    @cached_property
    def phases_hidden(self) -> int:
        return max(0, len(self._all_phases) - PHASES_SHOWN)

    @cached_property
    def receipts(self) -> list[Receipt]:
        """The steps of a cancel so far, and while it is under way those that are still to come."""
        done = [event for event in self._events if event.kind in RECEIPTS]
        found = [Receipt(str(RECEIPTS[event.kind]), event.at, _who(event)) for event in done]
        if done and self.run.is_open and self.run.is_submitted:
            kinds = {event.kind for event in done}
            found += [Receipt(str(RECEIPTS[kind]), None) for kind in _FORETOLD if kind not in kinds]
        return found

    @property
    def metrics(self) -> int:
        """With the tables, which stand in the same tab."""
        return self._metrics["all"] - self.monitored + Table.objects.filter(run=self.run).count()

    @property
    def monitored(self) -> int:
        """How many metrics the machine's own are; they have a tab of their own."""
        return self._metrics["monitored"]

    @cached_property
    def _metrics(self) -> dict[str, int]:
        names = self.run.summaries.annotate(beginning=Left("key__name", len(MACHINE)))
        return names.aggregate(all=Count("pk"), monitored=Count("pk", filter=Q(beginning=MACHINE)))

    @cached_property
    def children(self) -> int:
        return lineage.children(self.run).count()

    @cached_property
    def events(self) -> int:
        return self.run.events.count()

    @cached_property
    def _events(self) -> list[Event]:
        wanted = Event.objects.filter(run=self.run, kind__in=["status", *RECEIPTS])
        return list(wanted.select_related("actor").order_by("at", "pk"))

    @cached_property
    def _all_phases(self) -> list[Phase]:
        moves = [event for event in self._events if event.kind == "status"]
        ends = [event.at for event in moves[1:]] + [None]
        return [Phase(Status(event.status), event.at, end, event.note) for event, end in zip(moves, ends, strict=True)]


def _who(event: Event) -> str:
    return event.actor.get_username() if event.actor else event.source
