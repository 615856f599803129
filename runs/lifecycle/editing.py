"""What people change about a run without moving it: its name, its description, whether lists show it."""

from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs import descriptions, limits, texts
from runs.errors import EditConflict, Invalid
from runs.models import Event, Run

_AT_ONCE: Final = 500


def rename(run: Run, name: str, *, by: User | None = None) -> Run:
    """
    Give a run another display name.

    Raises:
        Invalid: empty or too long.
    """
    texts.check(name, most=limits.NAME_LENGTH, least=1, field="display_name")
    if name == run.display_name:
        return run
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(display_name=name)
        Event.objects.create(run=run, kind="name.changed", actor=by, detail={"from": run.display_name, "to": name})
    run.display_name = name
    return run


def describe(run: Run, text: str, *, by: User | None = None, base: str | None = None) -> Run:
    """
    Set the description, in Markdown; it is rendered now, so that reading costs nothing.

    Args:
        base: the text that the editor began with; when given, a change by somebody else since then is not overwritten.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
        EditConflict: the stored text is not `base`.
    """
    text = texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description").replace("\r\n", "\n")
    rows = Run.objects.filter(pk=run.pk)
    if base is not None:
        rows = rows.filter(description=base.replace("\r\n", "\n"))
    html = descriptions.render(text)
    now = timezone.now()
    with transaction.atomic():
        won = rows.update(description=text, description_html=html, description_edited_at=now, description_edited_by=by)
        if not won:
            current = Run.objects.values_list("description", flat=True).get(pk=run.pk)
            raise EditConflict(
                "Somebody else changed the description in the meantime. Compare both texts, then save again.",
                current=current,
                field="description",
            )
        Event.objects.create(run=run, kind="description.changed", at=now, actor=by)
    run.refresh_from_db()
    return run


def archive(run: Run, *, by: User | None = None) -> Run:
    """Hide a run from lists, with nothing lost. Archiving twice changes nothing."""
    return _set_archived(run, timezone.now(), by)


def restore(run: Run, *, by: User | None = None) -> Run:
    """Bring an archived run back to the lists."""
    return _set_archived(run, None, by)


def archive_all(runs: QuerySet[Run], *, by: User | None = None) -> int:
    """Archive many; how many were not archived before."""
    return _set_all_archived(runs, timezone.now(), by)


def restore_all(runs: QuerySet[Run], *, by: User | None = None) -> int:
    """Bring many back; how many were archived before."""
    return _set_all_archived(runs, None, by)


def _set_archived(run: Run, at: datetime | None, by: User | None) -> Run:
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, archived_at__isnull=at is not None).update(archived_at=at):
            Event.objects.create(run=run, kind="archived" if at else "restored", actor=by)
    run.refresh_from_db(fields=["archived_at"])
    return run


def _set_all_archived(runs: QuerySet[Run], at: datetime | None, by: User | None) -> int:
    """Some hundred at a time, each with its event, as one by one would have it."""
    kind = "archived" if at else "restored"
    with transaction.atomic():
        waiting = runs.filter(archived_at__isnull=at is not None).order_by("pk").values_list("pk", flat=True)
        changed = 0
        while some := list(waiting[:_AT_ONCE]):
            Run.objects.filter(pk__in=some).update(archived_at=at)
            Event.objects.bulk_create(Event(run_id=pk, kind=kind, actor=by) for pk in some)
            changed += len(some)
    return changed


def adopt(run: Run, parent: Run | None, *, by: User | None = None) -> Run:
    """
    Make a run the child of another, with all that is below it; None makes it the top of a tree of its own.

    Raises:
        Invalid: the parent is the run itself or below it, or the tree would be too deep.
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.parent_id == (parent.pk if parent else None):
            return run
        levels = _levels_below(row)
        if parent and any(parent.pk in level for level in levels):
            raise Invalid(f"Run {parent.run_id} is below run {run.run_id}; it cannot be its parent.", field="parent")
        depth = parent.depth + 1 if parent else 0
        if depth + len(levels) - 1 > limits.TREE_DEPTH:
            raise Invalid(f"Runs nest up to {limits.TREE_DEPTH} deep.", field="parent")
        root_id = (parent.root_id or parent.pk) if parent else None
        Run.objects.filter(pk=row.pk).update(parent=parent, root_id=root_id, depth=depth)
        for below, level in enumerate(levels[1:], start=1):
            Run.objects.filter(pk__in=level).update(root_id=root_id or row.pk, depth=depth + below)
        Event.objects.create(
            run=run, kind="parent.changed", actor=by, detail={"parent": parent.run_id if parent else None}
        )
    run.parent, run.root_id, run.depth = parent, root_id, depth
    return run


def _levels_below(run: Run) -> list[list[int]]:
    """The primary keys of a run's tree, level by level; the first is the run's own."""
    levels = [[run.pk]]
    while level := list(Run.objects.filter(parent__in=levels[-1]).values_list("pk", flat=True)):
        levels.append(level)
    return levels
