"""What keeps files: a run, or a model that was logged."""

from runs.errors import NotFound
from runs.models import LoggedModel, Run

type Holder = Run | LoggedModel


def as_field(holder: Holder) -> dict[str, Holder]:
    """The field of an artifact that names its holder."""
    return {"run": holder} if isinstance(holder, Run) else {"logged_model": holder}


def word_for(holder: Holder) -> str:
    """What people call it."""
    return "run" if isinstance(holder, Run) else "model"


def lock(holder: Holder) -> None:
    """
    Hold the row until the transaction ends, so that the holder's paths are taken one by one.

    Raises:
        NotFound: it was deleted in the meantime.
    """
    if not type(holder)._default_manager.select_for_update(no_key=True).filter(pk=holder.pk).values_list("pk"):
        raise NotFound(f"The {word_for(holder)} was deleted while the file came.")
