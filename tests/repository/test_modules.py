"""
Rules for every module: size, names, and what no module does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
import source_tree


#: Names that say nothing, so that anything ends up there.
BANNED_NAMES = frozenset(
    {"utils", "common", "helpers", "misc", "base", "core", "types"}
)
MAX_LINES = 500
#: Who may read the environment: the command line, and processes for their children.
READS_ENVIRONMENT = (
    "gateway.cli.*",
    "gateway.supervisor",
    "gateway.metrics",
    "gateway.worker",
)
BANNED_CALLS = frozenset({"eval", "exec", "compile", "__import__", "import_module"})
#: Calls that touch disk or environment; none happens while a module is imported.
READING = frozenset(
    {"open", "read_text", "read_bytes", "getenv", "iterdir", "glob", "exists", "load"}
)


def tree_of(text: str) -> ast.Module:
    return ast.parse(text)


def name_of(call: ast.Call) -> str:
    """Last part of what is called: ``path.read_text()`` -> ``read_text``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def calls_at_import(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that run while the module is imported: outside every function."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__"):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def banned_calls(text: str) -> list[str]:
    """Calls that run text as code, by line; a method of that name is another thing."""
    return [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree_of(text))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS)
            or name_of(node) == "import_module"
        )
    ]


def reads_at_import(text: str) -> list[str]:
    """Calls at import that touch the disk or the environment."""
    return [
        f"line {call.lineno}: {ast.unparse(call.func)}"
        for call in calls_at_import(tree_of(text))
        if name_of(call) in READING
    ]


def reads_of_environment(text: str) -> list[str]:
    """Where ``os.environ`` or ``os.getenv`` is used."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree_of(text))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
    ]


SOURCES = source_tree.read()
every_module = pytest.mark.parametrize("module", SOURCES)


def test_no_module_has_a_name_that_says_nothing() -> None:
    """A function lives beside its first caller, later in a module with a noun."""
    assert [m for m in SOURCES if m.split(".")[-1] in BANNED_NAMES] == []


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    """Five hundred lines at most."""
    lengths = {module: text.count("\n") for module, text in SOURCES.items()}
    assert {m: n for m, n in lengths.items() if n > MAX_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    """The first statement of a module is its docstring, quotes on their own lines."""
    missing = [
        module
        for module, text in SOURCES.items()
        if not (ast.get_docstring(tree_of(text)) or "").strip()
    ]
    assert missing == []


def test_no_text_is_ever_run_as_code() -> None:
    """No eval, no exec, no import by a name made at run time."""
    found = {module: banned_calls(text) for module, text in SOURCES.items()}
    assert {module: lines for module, lines in found.items() if lines} == {}


def test_importing_a_module_reads_nothing() -> None:
    """No file and no variable is read before somebody asks for it."""
    found = {module: reads_at_import(text) for module, text in SOURCES.items()}
    assert {module: lines for module, lines in found.items() if lines} == {}


def test_the_environment_is_read_at_the_edge_only() -> None:
    """Settings come in as values; the command line and processes read variables."""
    found = {
        module: lines
        for module, text in SOURCES.items()
        if (lines := reads_of_environment(text))
        and not any(fnmatchcase(module, edge) for edge in READS_ENVIRONMENT)
    }
    assert found == {}


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (banned_calls, "def f(x):\n    return eval(x)\n"),
        (banned_calls, "import importlib\nimportlib.import_module('a')\n"),
        (reads_at_import, "WORDS = Path('words.txt').read_text()\n"),
        (reads_at_import, "class A:\n    x = open('x')\n"),
        (reads_of_environment, "import os\ndef f():\n    return os.environ['A']\n"),
    ],
)
def test_the_checks_above_can_fail(check: object, text: str) -> None:
    """A planted sin is found by its check."""
    assert callable(check)
    assert check(text)


def test_the_checks_above_let_honest_code_pass() -> None:
    """Reading inside a function, a method called compile: both are fine."""
    text = "def f(p):\n    return re.compile(p).match(Path('x').read_text())\n"
    assert banned_calls(text) == reads_at_import(text) == []
