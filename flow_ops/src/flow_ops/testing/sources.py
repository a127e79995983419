"""What the rules look for in the syntax trees of the team's sources.

Each search yields the places that break one rule. They are heuristics of an honest kind: what they find is
wrong in all but a few cases, and those few are written in `[tool.flow-ops.exceptions]` with their reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from flow_ops import project

Search = Callable[[ast.Module], Iterator[ast.AST]]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def places(search: Search, code: str) -> list[str]:
    """Return `file:line: code` for everything that `search` finds in the team's sources and `deploy.py`.

    A line that ends in a comment such as `# allow: FT-RULE-09, the worker's own folder` is left out.
    """
    root = project.current().root
    found = []
    for file, text in _files():
        lines = text.splitlines()
        for node in search(ast.parse(text)):
            number = getattr(node, "lineno", 0)
            last = getattr(node, "end_lineno", number)
            if any(f"# allow: {code}" in line for line in lines[number - 1 : last]):
                continue
            shown = ast.unparse(node).splitlines()[0]
            found.append(f"{file.relative_to(root).as_posix()}:{number}: {shown}")
    return found


def _scopes(tree: ast.Module) -> list[ast.AST]:
    """Return the module and each function in it, inner ones too."""
    return [tree, *(node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))]


def _files() -> Iterator[tuple[Path, str]]:
    about = project.current()
    for file in [*sorted((about.root / "src" / about.package).rglob("*.py")), about.root / "deploy.py"]:
        yield file, file.read_text(encoding="utf-8")


def unresolved_futures(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield each `.submit()` and `.map()` whose future is dropped, or bound to a name that is never asked.

    To wait is not to ask: `wait` returns whether the task failed or not.
    """
    for scope in _scopes(tree):
        only_waited = {id(node) for one in ast.walk(scope) if _only_waits(one) for node in ast.walk(one)}
        asked = {
            node.id
            for node in ast.walk(scope)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in only_waited
        }
        for statement in _own_statements(scope):
            if isinstance(statement, ast.Expr) and _gives_futures(statement.value):
                yield statement
            elif isinstance(statement, ast.Assign) and _gives_futures(statement.value):
                names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
                if names and not asked.intersection(names):
                    yield statement


def _own_statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """Yield the simple statements of a scope, and the headers of its compound ones, without inner functions'."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _own_statements(child)


def _gives_futures(node: ast.AST) -> bool:
    if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        return _gives_futures(node.elt)
    if isinstance(node, ast.Await):
        return _gives_futures(node.value)
    return isinstance(node, ast.Call) and getattr(node.func, "attr", None) in ("submit", "map")


def _only_waits(statement: ast.AST) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    return getattr(called, "id", None) == "wait" or getattr(called, "attr", None) == "wait"


def reads_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield each read of a Variable or a block that happens when the module is imported."""
    from_prefect, from_secrets = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            if (node.module or "").partition(".")[0].startswith("prefect"):
                from_prefect |= names
            elif node.module == "flow_ops.secrets":
                from_secrets |= names
    readers = {"get", "aget", "load", "aload"}
    for call in _run_at_import(tree):
        called = call.func
        ours = isinstance(called, ast.Name) and called.id in from_secrets
        theirs = getattr(called, "attr", None) in readers and _root(called) in from_prefect
        if ours or theirs:
            yield call


def _run_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that an import makes: decorators and default values too, bodies of functions not."""
    if isinstance(node, ast.Call):
        yield node
    if isinstance(node, _FUNCTIONS):
        children: Iterable[ast.AST] = [*node.decorator_list, node.args]
    elif isinstance(node, ast.Lambda) or (isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)):
        children = []
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _run_at_import(child)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def names_of_runs() -> set[str]:
    """Return the names of the team's tasks and flows: a module may call those of another."""
    return {name for _, text in _files() for name in _runs_of(ast.parse(text))}


def secrets_as_parameters(tree: ast.Module, runs: Collection[str] = ()) -> Iterator[ast.AST]:
    """Yield each call of a task or flow that is given a secret, or a name that holds one.

    Parameters are stored and shown; a task reads its secret by itself. `runs` are the names of tasks and flows of other
    modules, which this one may import.
    """
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    run = _runs_of(tree) | (imported & {*runs}) | {"run_deployment", "arun_deployment"}
    for scope in _scopes(tree):
        held = {
            target.id
            for one in ast.walk(scope)
            if isinstance(one, ast.Assign) and _holds_a_secret(one.value)
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        for call in (node for each in _own_statements(scope) for node in ast.walk(each)):
            if not isinstance(call, ast.Call):
                continue
            root, *attributes = _path(call.func)
            if root in run or (root in imported and {*attributes} & {*runs}):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                if any(_holds_a_secret(one, held) for one in given):
                    yield call


def _runs_of(tree: ast.Module) -> set[str]:
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, _FUNCTIONS)
        if any(_path(getattr(one, "func", one))[-1] in ("flow", "task") for one in node.decorator_list)
    }


def _path(node: ast.expr) -> list[str]:
    """Return the names of `a.b.c`, or of what it is called on."""
    return re.findall(r"\w+", ast.unparse(node).partition("(")[0]) or [""]


def _holds_a_secret(node: ast.AST, held: Collection[str] = ()) -> bool:
    """Say whether a value is a secret or is made of one; what a function makes of it is the function's."""
    if isinstance(node, ast.Call):
        of_prefect = isinstance(node.func, ast.Attribute) and _path(node.func)[:2] == ["Secret", "load"]
        if getattr(node.func, "id", None) in ("secret", "asecret") or of_prefect:
            return True
        return _holds_a_secret(node.func, held)
    return getattr(node, "id", None) in held or any(
        _holds_a_secret(child, held) for child in ast.iter_child_nodes(node)
    )


# What reads and writes files in pandas and polars; `to_sql("dbo.sales")` and `to_period("Q.DEC")` name none.
_VERBS = {"read", "scan", "sink", "to", "write"}
_FORMS = {
    *("avro", "csv", "delta", "excel", "feather", "fwf", "hdf", "html", "ipc", "json", "latex", "markdown"),
    *("ndjson", "orc", "parquet", "pickle", "sas", "spss", "stata", "xml"),
}


def relative_paths(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield each file named by a relative path, and each use of the current folder: on a worker it is temporary."""
    divisions = [one for one in ast.walk(tree) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div)]
    joined = {id(one.right) for one in divisions}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in joined:
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in ("cwd", "getcwd"):
            yield node
        verb, _, form = name.partition("_")
        opens = name in ("open", "Path") or (verb in _VERBS and form in _FORMS)
        text = _leading_text(node.args[0]) if opens and node.args else None
        if text is not None and _is_relative_file(text, certain=name in ("open", "Path")):
            yield node


def _leading_text(node: ast.expr) -> str | None:
    """Return the text of a literal, or what an f-string begins with."""
    if isinstance(node, ast.JoinedStr):
        return _leading_text(node.values[0]) if node.values else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_relative_file(text: str, *, certain: bool) -> bool:
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith("~"):
        return False
    if "://" in text or "\n" in text:
        return False
    # `read_sql("select ...")` and `to_datetime("2026-01-01")` name no file.
    return certain or (" " not in text and bool(PurePosixPath(text).suffix))
