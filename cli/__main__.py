"""The command `rollcall`; each group of commands is a module beside this one."""

import click

from cli.directories import directories, portal_link
from cli.events import events, topics
from cli.local import local
from cli.roles import explain, mapping, roles
from cli.services import COMMANDS
from cli.simulate.command import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rollcall")
def rollcall() -> None:
    r"""Directory sync you can run yourself.

    Without addresses in the environment, commands talk to the system that `make run` started.
    """


for _command in (
    directories,
    roles,
    mapping,
    explain,
    portal_link,
    simulate,
    events,
    topics,
    local,
    *COMMANDS,
):
    rollcall.add_command(_command)


def main() -> None:
    """Run the command line."""
    rollcall(prog_name="rollcall")


if __name__ == "__main__":
    main()
