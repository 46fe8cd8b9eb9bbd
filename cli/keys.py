"""`rollcall keys`: API keys that open a part of `/v1`; makes them, and keeps nothing."""

import json
import secrets

import click

from cli.output import console, json_option, print_json
from shared.keys import SCOPES, digest

_RANDOM_BYTES = 32


@click.group()
def keys() -> None:
    """API keys with a name and scopes."""


@keys.command("new")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(sorted(SCOPES)),
    help="What it opens; may be repeated.",
)
@json_option
def new(name: str, scopes: tuple[str, ...], *, as_json: bool) -> None:
    r"""Make a key, shown once, and the lines for the file ROLLCALL_API_KEYS_FILE names.

    \b
    Example: rollcall keys new billing --scope directories:read --scope roles:read
    """
    key = f"rollcall_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    entry = f"[{name}]\nsha256 = {json.dumps(digest(key))}\nscopes = {json.dumps(sorted(scopes))}"
    if as_json:
        print_json({"name": name, "key": key, "entry": entry})
        return
    console.print(f"The key, which is shown this once:\n\n{key}\n", markup=False, soft_wrap=True)
    console.print(f"For the file of keys:\n\n{entry}", markup=False, soft_wrap=True)
