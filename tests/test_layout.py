"""The house's own rules (design.md): who imports whom, what the rules may know, who may call what."""
from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("models", "kiosk", "admin", "printers", "rehearsal")
FORBIDDEN = {
    "models": ("kiosk", "admin", "printers", "flask", "guard", "sessions", "throttle", "app", "console"),
    "kiosk": ("printers", "admin", "app"),
    "printers": ("kiosk", "admin", "app"),
    "admin": ("app",),
    # It judges from outside: what it knows of the server it was told over HTTP or by a command.
    "rehearsal": ("models", "kiosk", "app", "flask", "guard", "sessions", "throttle", "serving", "migrations"),
}
WEB_IN_MODELS = {"flask_sqlalchemy", "flask_babel"}     # the database extension; words for problems, where a request is
PURE = ("rules", "undo", "facts", "history", "attendance", "codes", "masks")
LONGEST_FUNCTION, LONGEST_FILE = 50, 300


def sources(room: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> set[str]:
    """Names of the modules that are imported anywhere in a file."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    for path, tree in sources(room):
        if path.name == "words.py" and room == "models":
            continue        # says a problem in the language of whoever asks, if somebody does
        tops = {name.split(".")[0] for name in imports(tree)} - WEB_IN_MODELS
        assert not tops & set(FORBIDDEN[room]), f"{path.name} imports {tops & set(FORBIDDEN[room])}"


def test_law_10_the_rules_import_the_standard_library_only() -> None:
    own = {f"models.{name}" for name in PURE}
    for name in PURE:
        for module in imports(ast.parse((ROOT / "models" / f"{name}.py").read_text(encoding="utf-8"))):
            top = module.split(".")[0]
            known = top in sys.stdlib_module_names or any(module == o or module.startswith(f"{o}.") for o in own)
            assert known or (module.startswith("models") and module.split(".")[1] in PURE), f"{name} imports {module}"


def test_law_10_no_sql_in_the_templates_and_no_clock_in_the_rules() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\.(execute|query|scalars?)\(|\bselect\(", path.read_text(encoding="utf-8")), path
    for name in ("rules", "history", "attendance"):
        assert "now(" not in (ROOT / "models" / f"{name}.py").read_text(encoding="utf-8")


def test_law_9_every_route_says_who_may_call_it(app: Flask) -> None:
    silent = [rule.endpoint for rule in app.url_map.iter_rules()
              if rule.endpoint != "static" and not getattr(app.view_functions[rule.endpoint], "may", None)]
    assert not silent


def test_nothing_is_written_by_get(app: Flask) -> None:
    """A view that takes a write takes no GET beside it, but for forms that show themselves."""
    both = {rule.endpoint for rule in app.url_map.iter_rules()
            if {"GET", "POST"} <= (rule.methods or set())}
    assert not both, f"one view for GET and POST: {both}"


def test_functions_are_short_and_files_are_not_two() -> None:
    for room in (*ROOMS, "bench", "tools"):
        for path, tree in sources(room):
            length = len(path.read_text(encoding="utf-8").splitlines())
            assert length <= LONGEST_FILE, f"{path} has {length} lines"
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    lines = (node.end_lineno or 0) - node.lineno + 1
                    assert lines <= LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name} has {lines} lines"


def test_pages_carry_no_inline_script_style_or_handler() -> None:
    """What the content security policy forbids would fail only in the browser."""
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))[^>]*>", text), path
        assert not re.search(r"\s(on[a-z]+|style)=", text), path
        assert not re.search(r"\|\s*safe\b", text), path


def test_nothing_third_party_is_committed_and_nothing_reaches_the_internet() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in tracked if "vendor/" in name or "node_modules/" in name]
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").glob("*.css"), *(ROOT / "static/css").glob("*.css"),
                 *(ROOT / "static/js").glob("*.js")]:
        for address in re.findall(r"https?://[^\s\"'`)]+", path.read_text(encoding="utf-8")):
            assert address.startswith("http://www.w3.org/"), f"{path}: {address}"
