"""Which texts may name a file of a run: one rule for artifacts, log streams and the files of a snapshot."""

import re
from typing import Final

from django.db.models import Q

from runs import limits, texts
from runs.errors import Invalid

# Control characters, line separators, and the marks that turn the direction of writing: with them "txt.exe" can be
# drawn as "exe.txt".
_UNWRITABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LAST: Final = "\U0010ffff"
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def safe_path(text: str, *, field: str = "path", most: int = limits.ARTIFACT_PATH_LENGTH) -> str:
    """
    The path as it was given, once it is known to be safe below any folder, on any system. Nothing is repaired.

    Args:
        text: names of folders and a file with forward slashes between them, as in `outputs/model.pt`.
        field: the input that an error names.
        most: how many characters it may have.

    Raises:
        Invalid: empty, absolute, with `.` or `..`, an empty part, a backslash or a control character, or too long.
    """
    writable(text, field=field, most=most)
    if not text:
        raise Invalid("A path is empty. Name a file, such as outputs/model.pt.", field=field)
    if text.startswith("/") or _DRIVE.match(text):
        raise Invalid(f"The path {text!r} is absolute. Name the file from the run's own folder.", field=field)
    if "\\" in text:
        raise Invalid(f"The path {text!r} has a backslash. Put forward slashes between folders.", field=field)
    for part in text.split("/"):
        if part in ("", ".", ".."):
            raise Invalid(f"The path {text!r} has the part {part!r}. Each part must be a name.", field=field)
    return text


def writable(text: str, *, field: str, most: int = limits.ARTIFACT_PATH_LENGTH) -> str:
    """
    The text, once it is known to be storable and printable: the part of the rule that also holds for a prefix.

    Raises:
        Invalid: too long, or with a control character.
    """
    texts.check(text, most=most, field=field)
    if _UNWRITABLE.search(text):
        raise Invalid(f"The {field} {text!r} has a control character. Leave it out.", field=field)
    return text


def begins_with(prefix: str) -> Q:
    """The condition that a `PathField` named `path` begins with a prefix: from it to the next text as long as it."""
    head = prefix.rstrip(_LAST)
    if not head:
        return Q(path__gte=prefix)
    following = ord(head[-1]) + 1
    # Surrogates are no characters: behind U+D7FF comes U+E000.
    return Q(path__gte=prefix, path__lt=head[:-1] + chr(0xE000 if following == 0xD800 else following))


def folders_of(path: str) -> list[str]:
    """The folders that a path lies in, outermost first: `a` and `a/b` of `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
