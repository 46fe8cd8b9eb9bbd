"""`rollcall fence`: what looks like a provider's mistake and waits, and letting it happen."""

import click

from cli import api
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json, print_table
from cli.roles import reason_in_words
from shared.contracts.management import Directory, Fence, FenceApproval, FenceRules, WaitingLoss

_WHY = {"share": "too many at once", "last_holder": "the last holder"}


@click.group()
def fence() -> None:
    """See and approve the losses of roles that wait."""


@fence.command("list")
@json_option
def list_fences(*, as_json: bool) -> None:
    r"""List the directories in which losses wait.

    \b
    Example: rollcall fence list
    """

    async def work(client: Api) -> tuple[list[Fence], dict[str, Directory]]:
        return await client.fences(), {one.id: one for one in await client.directories()}

    found, directories = api.call(work)
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in found])
        return
    rows = [
        (
            directories[one.directory_id].name if one.directory_id in directories else "",
            one.directory_id,
            f"{one.waiting:,} of {one.assigned:,}",
            f"{one.raised_at:%Y-%m-%d %H:%M:%S} UTC" if one.raised_at else "",
        )
        for one in found
    ]
    print_table("Losses that wait", ("directory", "id", "losses", "since"), rows)


@fence.command()
@click.argument("directory")
@json_option
def show(directory: str, *, as_json: bool) -> None:
    r"""Show who would lose what in DIRECTORY, and how much it may lose at once.

    \b
    Example: rollcall fence show "Globex OneLogin"
    """

    async def work(client: Api) -> Fence:
        return await client.fence((await client.find_directory(directory)).id)

    _print_fence(api.call(work), as_json=as_json)


@fence.command()
@click.argument("directory")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def approve(directory: str, *, yes: bool, as_json: bool) -> None:
    r"""Let the losses happen that wait in DIRECTORY; it is recorded who did.

    \b
    Example: rollcall fence approve "Globex OneLogin"
    """

    async def look(client: Api) -> Fence:
        return await client.fence((await client.find_directory(directory)).id)

    found = api.call(look)
    if not found.waiting:
        raise CommandError("Nothing waits behind the fence of this directory.")
    if not yes:
        _print_fence(found, as_json=False)
        click.confirm(f"Take these {found.waiting:,} roles away?", abort=True)
    wanted = FenceApproval(actor=api.actor(), waiting=found.waiting)
    done = api.call(lambda client: client.approve_losses(found.directory_id, wanted))
    if as_json:
        print_json(done.model_dump(mode="json", by_alias=True))
        return
    console.print(f"{found.waiting:,} losses are approved.")


@fence.command("set")
@click.argument("directory")
@click.option("--percent", type=click.IntRange(1, 100), help="More than this share waits,")
@click.option("--least", type=click.IntRange(0), help="if it is more than so many,")
@click.option("--window", type=click.IntRange(1), help="within so many seconds.")
@click.option("--on/--off", "enabled", default=None, help="Off: nothing waits.")
@json_option
def set_rules(
    directory: str,
    percent: int | None,
    least: int | None,
    window: int | None,
    *,
    enabled: bool | None,
    as_json: bool,
) -> None:
    r"""Say how much DIRECTORY may lose at once; what no option says stays as it is.

    \b
    Example: rollcall fence set "Globex OneLogin" --percent 10 --window 86400
    """
    given = {"percent": percent, "least": least, "window_s": window, "enabled": enabled}
    changes = {name: value for name, value in given.items() if value is not None}

    async def work(client: Api) -> Fence:
        key = (await client.find_directory(directory)).id
        rules = (await client.fence(key)).rules
        wanted = FenceRules.model_validate(rules.model_dump() | changes | {"actor": api.actor()})
        return await client.set_fence(key, wanted)

    _print_fence(api.call(work), as_json=as_json)


def _print_fence(found: Fence, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    rules = found.rules
    says = (
        f"More than {rules.percent} % and more than {rules.least:,} of the assignments within "
        f"{rules.window_s:,} s wait, and the last holder of a privileged role."
        if rules.enabled
        else "The fence is off: nothing waits."
    )
    console.print(says, soft_wrap=True)
    columns = ("user", "role", "through", "waits since", "because")
    print_table(f"{found.waiting:,} losses wait", columns, [_row(one) for one in found.losses])
    more = found.waiting - len(found.losses)
    if more > 0 and found.losses:
        console.print(f"and {more:,} more")


def _row(one: WaitingLoss) -> tuple[str, ...]:
    since = f"{one.since:%Y-%m-%d %H:%M:%S} UTC"
    return (one.user.user_name, one.role.name, reason_in_words(one.reason), since, _WHY[one.why])
