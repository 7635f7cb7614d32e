"""The house style that a machine can check: sizes, and the constructs that are never used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("perfkit", "training", "inference", "scripts", "samples", "tests")
LIBRARY = ("perfkit", "training", "inference")
FILES = sorted(file.relative_to(ROOT) for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
LIBRARY_FILES = [file for file in FILES if file.parts[0] in LIBRARY]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 80
MAX_PARAMETERS = 7
SPEAKS_TO_THE_USER = {Path("training/nano/runs.py")}
"""What is called by a `__main__.py` and by nothing else; it may print."""
CARRIES_EXCEPTIONS_OVER = Path("perfkit/queues.py")
"""The one module beside the command line that may catch anything: it hands it to the other thread."""


def walk(file: Path) -> Iterator[ast.AST]:
    """Yield every node of a file."""
    return ast.walk(ast.parse((ROOT / file).read_text()))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file."""
    return (node for node in walk(file) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def called(node: ast.AST) -> str:
    """Return the dotted name that a call calls, or an empty string."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


@pytest.mark.parametrize("file", FILES, ids=str)
def test_module_and_functions_keep_to_their_size(file):
    assert len((ROOT / file).read_text().splitlines()) <= MAX_MODULE_LINES
    long = [f"{f.name}: {f.end_lineno - f.lineno + 1} lines" for f in functions(file)]
    assert [line for line in long if int(line.split()[-2]) > MAX_FUNCTION_LINES] == []


@pytest.mark.parametrize("file", LIBRARY_FILES, ids=str)
def test_module_and_public_functions_say_what_they_do(file):
    tree = ast.parse((ROOT / file).read_text())
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
    assert ast.get_docstring(tree) or not tree.body


@pytest.mark.parametrize("file", LIBRARY_FILES, ids=str)
def test_library_uses_none_of_the_forbidden_constructs(file):
    is_cli = file.parts[:2] == ("perfkit", "cli")
    may_catch = is_cli or file == CARRIES_EXCEPTIONS_OVER
    found = []
    for node in walk(file):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += ["pickle"] if {"pickle", "shelve", "joblib"} & set(names) else []
        elif isinstance(node, ast.ExceptHandler):
            broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            found += ["broad except"] if broad and not (may_catch or _raises_again(node)) else []
        elif isinstance(node, ast.Raise) and node.exc is not None:
            found += ["raise Exception"] if ast.unparse(node.exc).split("(")[0] == "Exception" else []
        elif isinstance(node, ast.Call):
            found += _forbidden_calls(
                node, may_print=is_cli or file.name == "__main__.py" or file in SPEAKS_TO_THE_USER
            )
    assert found == []


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def _forbidden_calls(node: ast.Call, *, may_print: bool) -> list[str]:
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    found = [] if may_print or called(node) != "print" else ["print"]
    found += ["shell string"] if options.get("shell") == "True" else []
    found += ["pickle"] if options.get("allow_pickle") == "True" else []
    if called(node) == "torch.load" and options.get("weights_only") != "True":
        found.append("torch.load without weights_only=True")
    return found


@pytest.mark.parametrize("file", LIBRARY_FILES, ids=str)
def test_functions_take_few_named_parameters(file):
    wide = []
    for function in functions(file):
        given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        named = [a.arg for a in given if a.arg not in ("self", "cls")]
        is_form = file.parts[:2] == ("perfkit", "cli") or "register_to_config" in map(
            ast.unparse, function.decorator_list
        )
        if len(named) > MAX_PARAMETERS and not is_form:
            wide.append(f"{function.name}: {len(named)} parameters")
        if function.args.kwarg:
            wide.append(f"{function.name}: **{function.args.kwarg.arg}")
    assert wide == []
