"""A provider that we have no steps for."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Find where your provider is set up for SCIM",
            (
                "Look for *Provisioning*, *User sync* or *SCIM 2.0* at the application in your "
                "provider. Choose version 2.0.",
            ),
            "reached",
        ),
        Step(
            "Paste endpoint and token, and test them",
            (
                "Paste the Endpoint URL where a *SCIM base URL* or *tenant URL* is asked for, and "
                "the Bearer Token where a *token* or *secret* is. The header that is sent must be "
                "`Authorization: Bearer` and the token.",
                "The unique identifier of users is `userName`.",
            ),
            "accepted",
            (
                Stall(
                    "every call is answered 401",
                    "some providers add the word *Bearer* by themselves, some do not: try both.",
                ),
                Stall(
                    "calls are answered 404",
                    "some add `/scim/v2` to the address: take it off what you paste, if so.",
                ),
            ),
        ),
        Step(
            "Enable creating, updating and deactivating users",
            ("Switch on all three; a user who is deactivated loses the roles here at once.",),
            "user",
        ),
        Step(
            "Assign a test user",
            ("Assign the application to one user, and let the provider provision it.",),
            "user",
            (
                Stall(
                    "nobody arrives",
                    "look for tasks that wait for approval, or a schedule: many providers send "
                    "only "
                    "every 20 to 40 minutes.",
                ),
            ),
        ),
        Step(
            "Send groups",
            ("Switch on group provisioning (*push groups*, *group sync*), and choose the groups.",),
            "group",
            (
                Stall(
                    "users arrive without groups",
                    "assigning by group is another thing than sending the group: look for both.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="its token field",  # noqa: S106  # a place, not a token
    enable="Paste both into your provider, and press its connection test.",
    no_users="Assign the application to a test user in your provider, and approve it there.",
    no_groups="Users but no groups: switch on group provisioning in your provider.",
    no_members="Groups but nobody in them: assign the people of the group to the application.",
)
