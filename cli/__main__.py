"""The command `rollcall`; each group of commands is a module beside this one."""

from collections.abc import Mapping
from importlib import import_module

import click

from cli.output import SettingError
from shared import variables

# Only the command that runs is loaded: all of them together take a second.
_COMMANDS: Mapping[str, str] = {
    "accept-loss": "cli.losses:accept_loss",
    "after-restore": "cli.restore:after_restore",
    "audit": "cli.audit:audit",
    "bootstrap": "cli.bootstrap:bootstrap",
    "directories": "cli.directories:directories",
    "erase": "cli.erase:erase",
    "events": "cli.events:events",
    "explain": "cli.roles:explain",
    "fence": "cli.fence:fence",
    "first-sync": "cli.first_sync:first_sync",
    "ingest": "cli.services:ingest",
    "keys": "cli.keys:keys",
    "local": "cli.local:local",
    "mapping": "cli.mapping:mapping",
    "migrate": "cli.services:migrate",
    "parked": "cli.operations:parked",
    "portal": "cli.services:portal",
    "portal-link": "cli.directories:portal_link",
    "projector": "cli.services:projector",
    "rebuild": "cli.rebuild:rebuild",
    "requests": "cli.requests:requests",
    "roles": "cli.roles:roles",
    "schemas": "cli.schemas:schemas",
    "simulate": "cli.simulate.command:simulate",
    "snapshot": "cli.operations:snapshot",
    "topics": "cli.events:topics",
    "unpark": "cli.operations:unpark",
    "verify": "cli.verify.command:verify",
}


class _Rollcall(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Load a command; None for one that does not exist."""
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what was typed wrong or cannot be read is named."""
        try:
            return super().invoke(ctx)
        except variables.UnreadableFileError as error:
            raise SettingError(str(error)) from error
        except ValueError as error:
            from pydantic import ValidationError  # noqa: PLC0415  # as the commands: when needed

            from shared import web  # noqa: PLC0415  # brings aiohttp along, for this sentence alone

            if not isinstance(error, ValidationError):
                raise
            raise click.UsageError(web.describe(error)) from error


@click.group(cls=_Rollcall, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rollcall")
def rollcall() -> None:
    r"""Directory sync you can run yourself.

    Without addresses in the environment, commands talk to the system that `make run` started.
    """


def main() -> None:
    """Run the command line."""
    rollcall(prog_name="rollcall")


if __name__ == "__main__":
    main()
