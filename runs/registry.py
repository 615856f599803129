"""
The model registry: files of a run become the next version of a named model.

Nothing is copied: a version names a file or a folder among its run's artifacts. Deleting a version therefore keeps the files,
and a file that a version names is not deleted.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from runs import artifacts, limits, records, texts
from runs.errors import Invalid, NotFound, TooLarge
from runs.models import Artifact, Event, ModelVersion, RegisteredModel, Run, Workspace
from runs.paths import begins_with, writable

_DIVIDES: Final = re.compile(r"[/\\:]")  # a version is addressed as name:version, and as name/version
_NAMED: Final = 10  # files of a run in the message of an error


def model_name(name: Any) -> str:
    """
    A model's name, once it is known to be one.

    Raises:
        Invalid: empty, too long, `.` or `..`, or with a slash, a backslash, a colon or a control character.
    """
    texts.check(name, most=limits.MODEL_NAME_LENGTH, least=1, field="name")
    writable(name, field="name", most=limits.MODEL_NAME_LENGTH)
    if name != name.strip() or name in (".", "..") or _DIVIDES.search(name):
        raise Invalid(
            f"{name!r} is no name of a model: no slash, backslash or colon, no space at either end, and not . or ..",
            field="name",
        )
    return name


def register(
    workspace: Workspace,
    name: str,
    *,
    run: Run,
    path: str,
    by: User | None = None,
    registration_id: str | None = None,
    description: str = "",
    framework: str = "",
    framework_version: str = "",
    tags: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
) -> tuple[ModelVersion, bool]:
    """
    Register files of a run as the next version of a model; the model is made when it is new.

    Args:
        run: whose files they are, of the same workspace; it may still go on.
        path: a file or a folder among its artifacts.
        registration_id: the client's own id, by which a repeated request is known.
        framework: what the model was made with, such as `ScikitLearn`, and
        framework_version: its version.

    Returns:
        The version, and whether it was made now.

    Raises:
        Invalid: a name, path or text breaks the rules.
        NotFound: the run has no file at the path; the message lists some that it has.
    """
    model_name(name)
    fields = {
        "description": texts.check(description, most=limits.DESCRIPTION_LENGTH, field="description"),
        "framework": texts.check(framework, most=limits.NAME_LENGTH, field="framework"),
        "framework_version": texts.check(framework_version, most=limits.NAME_LENGTH, field="framework_version"),
        "tags": _at_most(texts.tags(tags or {}), limits.TAGS_PER_RUN, "tags"),
        "properties": _at_most(texts.properties(properties or {}), limits.PROPERTIES_PER_RUN, "properties"),
    }
    if registration_id is not None:
        texts.check(registration_id, most=limits.BATCH_ID_LENGTH, least=1, field="registration_id")
        if repeated := _repeated(workspace, name, registration_id):
            return repeated, False
    if not files_at(run, path).exists():
        raise NotFound(_nothing_at(run, path), field="path")
    try:
        with transaction.atomic():
            model, _ = RegisteredModel.objects.get_or_create(
                workspace=workspace, name=name, defaults={"created_by": by}
            )
            made = ModelVersion.objects.create(
                model=model,
                version=_next_version(model),
                run=run,
                path=path,
                registration_id=registration_id,
                created_by=by,
                **fields,
            )
            told = {"model": name, "version": made.version, "path": path}
            Event.objects.create(run=run, kind="model.registered", actor=by, detail=told)
    except IntegrityError:
        # Another request with the same id was first.
        if registration_id is None or (repeated := _repeated(workspace, name, registration_id)) is None:
            raise
        return repeated, False
    return made, True


def _repeated(workspace: Workspace, name: str, registration_id: str) -> ModelVersion | None:
    return versions(workspace).filter(model__name=name, registration_id=registration_id).first()


def _next_version(model: RegisteredModel) -> int:
    """The model's next number. The UPDATE holds the row until the end of the transaction."""
    row = RegisteredModel.objects.filter(pk=model.pk)
    row.update(last_version=F("last_version") + 1, updated_at=timezone.now())
    return row.values_list("last_version", flat=True).get()


def files_at(run: Run, path: str) -> QuerySet[Artifact]:
    """
    The artifacts of a run that a path names: the one file, or all that lie in the folder.

    Raises:
        Invalid: no file can have that path.
    """
    here = Q(path=artifacts.safe_path(path)) | begins_with(f"{path}/")
    return run.artifacts.filter(here).order_by("path")


def files_of(version: ModelVersion) -> QuerySet[Artifact]:
    """The files of a version; none when no run keeps them."""
    return files_at(version.run, version.path) if version.run else Artifact.objects.none()


def _nothing_at(run: Run, path: str) -> str:
    there = list(run.artifacts.order_by("path").values_list("path", flat=True)[: _NAMED + 1])
    if not there:
        return f"The run has no file {path!r}: it has no files at all. Upload the model first."
    more = " and more" if len(there) > _NAMED else ""
    return f"The run has no file or folder {path!r}. It has: {', '.join(there[:_NAMED])}{more}."


# Finding


def models(workspace: Workspace) -> QuerySet[RegisteredModel]:
    """The models of a workspace, each with `latest_version`, the number of its newest version; None when all were deleted."""
    newest = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-version").values("version")[:1]
    rows = workspace.registered_models.select_related("workspace", "created_by")
    return rows.annotate(latest_version=Subquery(newest))


def find(workspace: Workspace, name: str) -> RegisteredModel:
    """
    Raises:
        NotFound: the workspace has no such model.
    """
    model = models(workspace).filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no model {name} in the workspace {workspace}.", field="model")
    return model


def versions(workspace: Workspace, *, model: str | None = None) -> QuerySet[ModelVersion]:
    """The versions of all models of a workspace, or of one, with what a document of them names; unordered."""
    rows = ModelVersion.objects.filter(model__workspace=workspace)
    rows = rows if model is None else rows.filter(model__name=model)
    return rows.select_related("model", "created_by", "run__experiment", "run__workspace")


def newest_only(rows: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Of each model the newest version alone."""
    newer = ModelVersion.objects.filter(model=OuterRef("model")).order_by("-version").values("version")[:1]
    return rows.filter(version=Subquery(newer))


def find_version(workspace: Workspace, name: str, version: int) -> ModelVersion:
    """
    Raises:
        NotFound: there is no such version, or no such model.
    """
    rows = versions(workspace, model=name)
    found = rows.filter(version=version).first() if 0 < version <= limits.LARGEST_INTEGER else None
    if found is None:
        raise NotFound(
            f"There is no version {version} of a model {name} in the workspace {workspace}.", field="version"
        )
    return found


def of_run(run: Run) -> QuerySet[ModelVersion]:
    """The versions whose files a run keeps, in the order of their making."""
    return run.model_versions.select_related("model").order_by("pk")


# Changing


def describe[Row: (RegisteredModel, ModelVersion)](row: Row, text: str) -> Row:
    """
    Set the description, plain text, of a model or of a version.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
    """
    text = texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description")
    return _changed(row, description=lambda _: text)


def set_tags[Row: (RegisteredModel, ModelVersion)](row: Row, tags: dict[str, Any]) -> Row:
    """
    Merge tags into a model or a version; None is a tag without a value.

    Raises:
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = texts.tags(tags)
    return _changed(row, tags=lambda old: _at_most(old | new, limits.TAGS_PER_RUN, "tags"))


def remove_tags[Row: (RegisteredModel, ModelVersion)](row: Row, keys: Iterable[str]) -> Row:
    """Remove tags of a model or a version; unknown keys are passed over."""
    gone = set(keys)
    return _changed(row, tags=lambda old: {key: value for key, value in old.items() if key not in gone})


def add_properties(version: ModelVersion, properties: dict[str, Any]) -> ModelVersion:
    """
    Write properties of a version, each once: the same value again is fine. All are written, or none.

    Raises:
        PropertyIsFixed: one of them has another value already.
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = texts.properties(properties)

    def added(old: dict[str, str]) -> dict[str, str]:
        return _at_most(old | records.once(old, new, "property", "properties"), limits.PROPERTIES_PER_RUN, "properties")

    return _changed(version, properties=added)


def _changed[Row: (RegisteredModel, ModelVersion)](row: Row, **changes: Callable[[Any], Any]) -> Row:
    """Write columns anew, each from what it holds, with the row held so that nobody's change is lost."""
    with transaction.atomic():
        held = type(row).objects.select_for_update().get(pk=row.pk)
        fields = {name: change(getattr(held, name)) for name, change in changes.items()}
        fields["updated_at"] = timezone.now()
        type(row).objects.filter(pk=row.pk).update(**fields)
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def _at_most(rows: dict, most: int, field: str) -> dict:
    if len(rows) > most:
        raise TooLarge(f"A model holds up to {most:,} {field}; this would make {len(rows):,}.", field=field)
    return rows


def delete(row: RegisteredModel | ModelVersion) -> None:
    """Forget a version, or a model with all its versions. The runs and their files stay."""
    row.delete()
