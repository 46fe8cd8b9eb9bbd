"""JumpCloud."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Create the application in JumpCloud",
            (
                "*SSO Applications → Add New Application → Custom Application*, tick *Export users "
                "to this app (Identity Management)*, give it a name, and save.",
            ),
            "reached",
        ),
        Step(
            "Paste endpoint and token, and activate",
            (
                "*Identity Management → Configuration settings*: *API Type* is *SCIM API*, *SCIM "
                "Version* is *SCIM 2.0*. Paste the Endpoint URL as *Base URL* and the Bearer Token "
                "as *Token Key*.",
                "Give a *Test User Email* that nobody has, *Test Connection*, then *Activate*.",
            ),
            "accepted",
            (
                Stall(
                    "the test fails with a conflict",
                    "the test creates a user and removes it again: the address must be unused.",
                ),
            ),
        ),
        Step(
            "Manage groups as well",
            (
                "Switch on *Enable management of User Groups and Group Membership in this "
                "application* before you activate, and save.",
            ),
            "group",
            (
                Stall(
                    "the switch is locked",
                    "*Deactivate IdM Connection*, switch it on, activate again.",
                ),
            ),
        ),
        Step(
            "Bind a group with a test user",
            ("*User Groups*: tick a group that holds your test user, and save.",),
            "user",
            (
                Stall(
                    "nobody arrives",
                    "only people of a bound group are sent, and only those whose state is "
                    "*Active*.",
                ),
            ),
        ),
        Step(
            "See the groups arrive",
            ("Each bound group is created here and filled, one call a member.",),
            "group",
            (
                Stall(
                    "users arrive without groups",
                    "group management was switched on later: unbind the group, save, bind it "
                    "again.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="Identity Management → Token Key",  # noqa: S106  # a place, not a token
    enable="In JumpCloud paste both under *Identity Management*, then *Test Connection*.",
    no_users="Bind a group that holds your test user under *User Groups*, and save.",
    no_groups=(
        "Users but no groups: switch on *Enable management of User Groups and Group Membership*, "
        "then unbind the group and bind it again."
    ),
    no_members="Groups but nobody in them: see that the people of the group are *Active*.",
)
