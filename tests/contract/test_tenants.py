"""Every statement of every store says whose rows it means: the directory is never forgotten.

In Python it is the type of a key that keeps tenants apart; here it is the text of the SQL. What is
meant for all directories at once stands in a list, each with its reason.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("ingest", "roles", "projector", "portal")
_VERBS = re.compile(r"\s*(select|insert|update|delete|with)\s")
_TABLE = re.compile(r"create table (\w+) \((.*?)^\)", re.DOTALL | re.MULTILINE)
_COLUMN = re.compile(r"^  directory_id\b", re.MULTILINE)
_MENTION = re.compile(
    r"\b(?:from|join|update|into|using)\s+(?:projector\.portal_)?(\w+)(?:\s+as\s+(\w+))?"
)
MEANT_FOR_ALL = {
    "ingest.directories._RECORD_USE": "by the ids of tokens, which the service itself noted",
    "roles.fences._RAISED": "for operators: behind which fences something waits",
    "roles.fences._FORGET_HOLDERS": "a role is everywhere privileged, or nowhere",
    "roles.mappings._MAPPED_IN": "for who removes a role: which directories give it",
    "roles.mappings._REMOVE_ROLE": "a role goes once no directory gives it",
}


def tables(service: str) -> set[str]:
    """Return the tables of a service whose rows belong to directories."""
    # The portal reads the views of the projector, which are named after its tables.
    owner = "projector" if service == "portal" else service
    migrations = (ROOT / "services" / owner / "migrations").glob("*.sql")
    made = [found for one in migrations for found in _TABLE.findall(one.read_text("utf-8"))]
    return {name for name, columns in made if _COLUMN.search(columns)}


def statements(service: str) -> Iterator[tuple[str, str]]:
    """Yield each piece of SQL in the store of a service, under the name of where it stands."""
    for path in sorted((ROOT / "services" / service / "store").rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        known = {_name(node): _text(node.value, {}) for node in module.body if _is_text(node)}
        for node in module.body:
            found = filter(_VERBS.match, _texts(node, known))
            for number, text in enumerate(found):
                name = f"{service}.{path.stem}.{_name(node)}"
                yield f"{name}#{number}" if number else name, text


def _name(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
    return ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr)


def _texts(node: ast.AST, known: Mapping[str, str]) -> Iterator[str]:
    """Yield the strings in a piece of code; a constant of the module is put in where it is used."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield _text(node, known)
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child, known)


def _text(node: ast.AST, known: Mapping[str, str]) -> str:
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, known) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) if name in known:
            return known[name]
    return ast.unparse(node)


def forgotten(sql: str, tenants: set[str]) -> set[str]:
    """Return the tables of tenants whose rows a statement touches in whatever directory."""
    mentions = [(name, alias) for name, alias in _MENTION.findall(sql) if name in tenants]
    return {name for name, alias in mentions if not _is_bound(sql, name, alias)}


def _is_bound(sql: str, table: str, alias: str) -> bool:
    """Whether the directory of a table is compared, or given where rows are put in."""
    column = rf"(?:\b(?:{alias or table}|{table})\.|(?<![.\w]))directory_id\b"
    compared = rf"{column}\s*(?:=|in\b)|=\s*{column}|\({column},[^)]*\)\s*(?:=|in\b)"
    joined = rf"join (?:\w+\.)?{table}(?: as \w+)? using \([^)]*\bdirectory_id\b"
    put_in = rf"insert into {table}(?: as \w+)? \([^)]*\bdirectory_id\b"
    return bool(re.search(f"{compared}|{joined}|{put_in}", sql))


@pytest.mark.parametrize("service", SERVICES)
def test_every_statement_names_the_directory_of_the_rows_it_touches(service: str) -> None:
    tenants = tables(service)

    found = {name: forgotten(sql, tenants) for name, sql in statements(service)}

    assert len(found) > 30, "they are read"
    assert {name: gone for name, gone in found.items() if gone and name not in MEANT_FOR_ALL} == {}


def test_each_exception_is_one() -> None:
    found = {
        name
        for service in SERVICES
        for name, sql in statements(service)
        if forgotten(sql, tables(service))
    }

    assert found == MEANT_FOR_ALL.keys()


@pytest.mark.parametrize(
    "sql",
    [
        "select document from users where id = $1",
        "select directory_id, id from users where id = $1",
        "delete from users as u where u.id = $1",
        "update users set document = $2 where id = $1 returning directory_id",
        "insert into users (id, document) values ($1, $2)",
        "select m.user_id from users as u join memberships as m on true where u.directory_id = $1",
        "select m.user_id from memberships as m join users using (id) where m.directory_id = $1",
    ],
)
def test_a_statement_that_forgets_it_is_noticed(sql: str) -> None:
    assert forgotten(sql, {"users", "memberships"}) != set()


@pytest.mark.parametrize(
    "sql",
    [
        "select document from users where directory_id = $1 and id = $2",
        "select u.id from users as u join memberships as m on m.directory_id = u.directory_id",
        "delete from users where (directory_id, id) in (select * from unnest($1::uuid[], $2))",
        "insert into users (directory_id, id) values ($1, $2)",
        "select name from organizations where id = $1",
    ],
)
def test_a_statement_that_names_it_is_let_through(sql: str) -> None:
    assert forgotten(sql, {"users", "memberships"}) == set()
