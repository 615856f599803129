"""What people change about a run without moving it: its name, its description, whether lists show it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs import descriptions, limits, texts
from runs.errors import EditConflict
from runs.models import Event, Run


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


def _set_archived(run: Run, at: datetime | None, by: User | None) -> Run:
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, archived_at__isnull=at is not None).update(archived_at=at):
            Event.objects.create(run=run, kind="archived" if at else "restored", actor=by)
    run.refresh_from_db(fields=["archived_at"])
    return run
