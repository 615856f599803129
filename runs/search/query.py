"""What a list of runs may ask, and how it becomes a queryset."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from runs import limits
from runs.errors import Invalid
from runs.models import ENDED, OPEN, Experiment, Property, Run, Status, Tag, Workspace


@dataclass(frozen=True)
class Criteria:
    """
    The filter of a list of runs. Everything given must hold; several values of one field are alternatives, but for
    `tag` and `property`, which must all be there.

    Args:
        words: each word must occur in the id, name, description, a tag, the experiment, the submitter or the status.
        status: v1's words, or `open` for every run that has not ended.
        experiment: names.
        tag, property: `key`, or `key=value`.
        submitter, target, run_type: names.
        parent: run ids whose children are wanted; top: runs without a parent only.
        root: run ids whose descendants are wanted, at any depth.
        archived: archived runs only, instead of the others.
    """

    words: str = ""
    status: Sequence[str] = ()
    experiment: Sequence[str] = ()
    tag: Sequence[str] = ()
    property: Sequence[str] = ()
    submitter: Sequence[str] = ()
    target: Sequence[str] = ()
    run_type: Sequence[str] = ()
    parent: Sequence[str] = ()
    root: Sequence[str] = ()
    top: bool = False
    archived: bool = False


def matching(workspace: Workspace, criteria: Criteria) -> QuerySet[Run]:
    """
    The runs of a workspace that fit, unordered; `paging.page` orders them.

    Raises:
        Invalid: a status that does not exist, or a text that no database can hold.
    """
    wanted = Run.objects.filter(workspace=workspace, archived_at__isnull=not criteria.archived)
    if criteria.top:
        wanted = wanted.filter(parent__isnull=True)
    if criteria.status:
        statuses = _statuses(criteria.status)
        wanted = wanted.filter(status__in=statuses)
        if not set(statuses) & set(ENDED):
            # Few runs are open, and none of the newest may be: SQLite would go through all that have ended.
            wanted = wanted.filter(pk__in=Run.objects.filter(workspace=workspace).open().values("pk"))
    if criteria.experiment:
        named = Experiment.objects.filter(workspace=workspace).filter(
            Q(name__in=criteria.experiment) | Q(experiment_id__in=criteria.experiment)
        )
        wanted = wanted.filter(experiment__in=list(named.values_list("pk", flat=True)))
    if criteria.submitter:
        wanted = wanted.filter(submitted_by__username__in=criteria.submitter)
    if criteria.target:
        wanted = wanted.filter(target__in=criteria.target)
    if criteria.run_type:
        wanted = wanted.filter(run_type__in=criteria.run_type)
    if criteria.parent:
        wanted = wanted.filter(parent__workspace=workspace, parent__run_id__in=criteria.parent)
    if criteria.root:
        wanted = wanted.filter(_below(workspace, criteria.root))
    for model, pairs in ((Tag, criteria.tag), (Property, criteria.property)):
        for pair in pairs:
            wanted = wanted.filter(pk__in=_having(model, pair))
    for word in criteria.words.split():
        wanted = wanted.filter(_holding(_storable(word)))
    return wanted


def _statuses(given: Sequence[str]) -> list[str]:
    found: list[str] = []
    for word in given:
        if word.lower() == "open":
            found.extend(OPEN)
            continue
        known = next((status for status in Status if status.value.lower() == word.lower()), None)
        if known is None:
            raise Invalid(f"There is no status {word}. They are {', '.join(Status.values)}, or open.", field="status")
        found.append(known)
    return found


def _below(workspace: Workspace, run_ids: Sequence[str]) -> Q:
    """Descendants of the named runs. The top of a tree finds them by `root`; the middle, level by level."""
    wanted = Q(pk__in=[])
    for pk, root_id in Run.objects.filter(workspace=workspace, run_id__in=run_ids).values_list("pk", "root_id"):
        wanted |= Q(root_id=pk) if root_id is None else Q(pk__in=_descendants(pk))
    return wanted


def _descendants(pk: int) -> list[int]:
    found: list[int] = []
    level = [pk]
    for _ in range(limits.TREE_DEPTH):
        level = list(Run.objects.filter(parent__in=level).values_list("pk", flat=True))
        if not level:
            break
        found.extend(level)
    return found


def _having(model: type[Tag] | type[Property], pair: str) -> QuerySet:
    key, divided, value = _storable(pair).partition("=")
    rows = model.objects.filter(key=key)
    return (rows.filter(value=value) if divided else rows).values("run")


def _holding(word: str) -> Q:
    statuses = [
        status for status in Status if word.lower() in status.value.lower() or word.lower() in status.label.lower()
    ]
    tagged = Tag.objects.filter(Q(key__icontains=word) | Q(value__icontains=word)).values("run")
    return (
        Q(display_name__icontains=word)
        | Q(run_id__icontains=word)
        | Q(description__icontains=word)
        | Q(experiment__name__icontains=word)
        | Q(submitted_by__username__icontains=word)
        | Q(status__in=statuses)
        | Q(pk__in=tagged)
    )


def _storable(text: str) -> str:
    # PostgreSQL refuses a NUL even in a comparison.
    if "\0" in text or (not text.isascii() and text.encode("utf-8", "ignore").decode() != text):
        raise Invalid("A filter holds a character that no text can hold.", field="search")
    return text
