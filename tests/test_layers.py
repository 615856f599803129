"""Who may import whom: the table of the house, walked. Another arrow is a decision to be made, not a slip."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SURFACES = ("web", "api", "mlflow", "commands")

# A room, and the rooms it may import besides itself. Files of runs/ that stand nowhere else are the domain.
ALLOWED = {
    "errors": set(),
    "limits": set(),
    "models": {"errors", "limits"},
    "domain": {"errors", "limits", "models"},
    "worker": {"errors", "limits", "models", "domain"},
    "web": {"errors", "limits", "models", "domain"},
    "api": {"errors", "limits", "models", "domain"},
    "mlflow": {"errors", "limits", "models", "domain"},
    "commands": {"errors", "limits", "models", "domain", "worker", "studio"},
    # The project wires: it mounts the surfaces, and starts processes.
    "studio": {"web", "api", "mlflow", "domain"},
    "migrations": {"models", "limits"},
    # The SDK knows the server by its protocol alone, a driver the rest of the SDK by its contract alone.
    "sdk": {"drivers"},
    "drivers": set(),
}
# Packages from elsewhere that only some rooms may know.
ONLY_IN = {
    "rest_framework": {"api", "studio"},
    "drf_spectacular": {"api", "studio"},
    "django_filters": {"api", "studio"},
    "django_htmx": {"web", "studio"},
    "granian": {"studio"},
    # A batch of points is decoded once, into columns; MLflow's wire has its own.
    "numpy": {"domain", "mlflow"},
    "msgspec": {"domain", "mlflow"},
}
# What the SDK may import besides the standard library: one HTTP client, one YAML reader, one query language.
SDK_NEEDS = {"urllib3", "yaml", "jmespath"}


def room_of(module: str) -> str | None:
    """The room of one of our modules; None for what is not ours."""
    parts = module.split(".")
    if parts[0] == "studio":
        return "studio"
    if parts[0] in ("runstudio", "azureml"):
        return "drivers" if parts[:3] == ["runstudio", "agent", "drivers"] and len(parts) > 3 else "sdk"
    if parts[0] != "runs":
        return None
    name = parts[1] if len(parts) > 1 else ""
    if name == "management":
        return "commands"
    return name if name in ALLOWED else "domain"


def sources() -> Iterator[tuple[str, Path]]:
    sdk = ROOT / "sdk"
    for base, tops in ((ROOT, ("runs", "studio")), (sdk, ("runstudio",)), (sdk / "azureml" / "src", ("azureml",))):
        for top in tops:
            for file in sorted((base / top).rglob("*.py")):
                parts = file.relative_to(base).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


@cache
def imports_of(module: str, file: Path) -> tuple[tuple[str, int], ...]:
    """Every module that a file imports, wherever it does, with the line; `from runs import queue` is runs.queue."""
    return tuple(_imports(module if file.name == "__init__.py" else module.rpartition(".")[0], file))


def _imports(package: str, file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            elif (file.parent / f"{base}.py").exists():
                base = f"{package}.{base}"  # a file that runs as a script, beside the one it imports
            for name in node.names:
                whole = f"{base}.{name.name}"
                yield whole if whole in MODULES else base, node.lineno


MODULES = dict(sources())


def test_a_module_imports_only_what_its_room_may():
    wrong = [
        f"{module}:{line}: {room_of(module)} imports {name} ({other})"
        for module, file in MODULES.items()
        for name, line in imports_of(module, file)
        if (other := room_of(name)) is not None and other != room_of(module) and other not in ALLOWED[room_of(module)]
    ]

    assert not wrong, wrong


def test_every_package_from_elsewhere_stays_in_its_rooms():
    wrong = [
        f"{module}:{line} imports {name}"
        for module, file in MODULES.items()
        for name, line in imports_of(module, file)
        if room_of(module) not in ONLY_IN.get(name.split(".")[0], {room_of(module)})
    ]

    assert not wrong, wrong


def test_the_sdk_needs_the_standard_library_and_little_else():
    wrong = [
        f"{module}:{line} imports {name}"
        for module, file in MODULES.items()
        if room_of(module) in ("sdk", "drivers")
        for name, line in imports_of(module, file)
        if room_of(name) not in ("sdk", "drivers")
        and (top := name.split(".")[0]) not in SDK_NEEDS
        and top not in sys.stdlib_module_names
    ]

    assert not wrong, wrong


def test_the_domain_has_no_import_cycles():
    arrows = {
        module: {name for name, _ in imports_of(module, file) if name in MODULES and name != module}
        for module, file in MODULES.items()
        if room_of(module) == "domain"
    }

    assert cycle_in(arrows) is None


def cycle_in(arrows: dict[str, set[str]]) -> list[str] | None:
    """Some cycle of a graph, as the modules along it."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        for name in sorted(arrows.get(module, ())):
            if found := walk(name, [*path, module]):
                return found
        done.add(module)
        return None

    return next((found for module in sorted(arrows) if (found := walk(module, []))), None)


def test_the_cycle_finder_finds_cycles():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
