"""
Which files of a source folder are left out: the patterns of `.amlignore`, else of `.gitignore`, with git's rules.

Source: https://git-scm.com/docs/gitignore, section "Pattern format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

NAMES = (".amlignore", ".gitignore")  # the first one found in the source folder counts; they are not merged

# Nobody means to send these; a pattern such as `!outputs/` brings one back.
ALWAYS = (".git/", ".hg/", ".svn/", "__pycache__/", "*.pyc", ".ipynb_checkpoints/", ".DS_Store", "/outputs/")


class Rules:
    """
    The patterns that hold in one folder and below, the last match deciding.

    Args:
        lines: patterns, as in the file.
        above: the rules of the folder above, which these go before.
    """

    def __init__(self, lines: Iterable[str], *, above: Rules | None = None) -> None:
        self._above = above
        self._patterns = [found for line in lines if (found := _compile(line))]

    def leaves_out(self, path: str, *, is_folder: bool) -> bool:
        """Whether a path, relative to the folder of these rules, is left out by them or those above."""
        return bool(self._verdict([path], is_folder))

    def below(self, folder: Path, name: str, file_name: str) -> _Inner:
        """The rules within a subfolder, with those of its own file."""
        return _Inner(_lines_of(folder / name / file_name), outer=self, name=name)

    def _verdict(self, parts: list[str], is_folder: bool) -> bool | None:
        path = "/".join(parts)
        for expression, is_for_folders, brings_back in reversed(self._patterns):
            if (is_folder or not is_for_folders) and expression.fullmatch(path):
                return not brings_back
        return self._above._verdict(parts, is_folder) if self._above else None


class _Inner(Rules):
    """Rules of a subfolder: when they are silent, those outside are asked about the longer path."""

    def __init__(self, lines: Iterable[str], *, outer: Rules, name: str) -> None:
        super().__init__(lines)
        self._outer = outer
        self._name = name

    def _verdict(self, parts: list[str], is_folder: bool) -> bool | None:
        own = super()._verdict(parts, is_folder)
        return self._outer._verdict([self._name, *parts], is_folder) if own is None else own


def rules_of(source: Path) -> tuple[Rules, str]:
    """
    The rules of a source folder, and the name of the files that say them.

    Returns:
        the rules; `.amlignore` or `.gitignore`.
    """
    name = next((name for name in NAMES if (source / name).is_file()), NAMES[-1])
    return Rules(_lines_of(source / name), above=Rules(ALWAYS)), name


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return []


def _compile(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    """A pattern as an expression over the whole path, whether it is for folders only, and whether it brings back."""
    line = re.sub(r"(?<!\\)((?:\\\\)*)\s+$", r"\1", line)  # spaces at the end count only behind a backslash
    if not line or line.startswith("#"):
        return None
    brings_back = line.startswith("!")
    pattern = line[1:] if brings_back else line
    is_for_folders = pattern.endswith("/")
    pattern = pattern.rstrip("/") if is_for_folders else pattern
    if not pattern:
        return None
    is_anchored = "/" in pattern
    pattern = pattern.lstrip("/")
    try:
        expression = re.compile(("" if is_anchored else "(?:.*/)?") + _translate(pattern), re.DOTALL)
    except re.error:
        return None  # a bracket that does not close: git passes over such a line too
    return expression, is_for_folders, brings_back


def _translate(pattern: str) -> str:
    written = []
    place = 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        assert token
        place = token.end()
        text = token.group()
        if text == "**/":
            written.append("(?:.*/)?")
        elif text == "/**":
            written.append("/.*")
        elif text.startswith("*"):
            written.append("[^/]*")
        elif text == "?":
            written.append("[^/]")
        elif text.startswith("[") and len(text) > 1:
            written.append(_set(text[1:-1]))
        else:
            written.append(re.escape(text[1:] if len(text) > 1 else text))
    return "".join(written)


# `**` means any depth only as a whole part of the path; elsewhere it is a star.
_TOKEN = re.compile(r"(?:^|(?<=/))\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|.", re.DOTALL)


def _set(inside: str) -> str:
    is_negated = inside[:1] in "!^"
    letters = (inside[1:] if is_negated else inside).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"[{'^/' if is_negated else ''}{letters}]"
