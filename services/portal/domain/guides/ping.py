"""PingOne."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Create the connection in PingOne",
            (
                "*Integrations → Provisioning → + → New Connection → Identity Store → SCIM "
                "Outbound*, and give it a name.",
            ),
            "reached",
        ),
        Step(
            "Paste endpoint and token, and test the connection",
            (
                "Paste the Endpoint URL as *SCIM Base URL*; *SCIM Version* is `2.0`.",
                "*Authentication Method*: *OAuth 2 Bearer Token*; paste the Bearer Token as *OAuth "
                "Access Token*; *Auth Type Header*: *Bearer*.",
                "*Test connection*, and save.",
            ),
            "accepted",
            (
                Stall(
                    "users are found twice or not at all",
                    'the *User Filter Expression* is `userName Eq "%s"` and the *User Identifier* '
                    "`userName`.",
                ),
            ),
        ),
        Step(
            "Switch the connection on",
            ("Use the switch at the right of the connection; its page must say *Enabled*.",),
            "user",
            (
                Stall(
                    "nothing is sent",
                    "connection and rule each have a switch of their own: both must be on.",
                ),
            ),
        ),
        Step(
            "Make a rule for a test user",
            (
                "*Provisioning → + → New Rule*: from *PingOne* to the connection.",
                "*User Filter*: a population or a group that holds your test user. Save, and "
                "switch "
                "the rule on.",
            ),
            "user",
            (
                Stall(
                    "nobody arrives",
                    "the rule's *Sync Status* tells; who is *Disabled* in PingOne is not sent.",
                ),
            ),
        ),
        Step(
            "Provision groups",
            (
                "In the rule: *Groups → Add Groups*, choose the groups, save. Names of groups are "
                "sent as they are.",
            ),
            "group",
            (
                Stall(
                    "users arrive without groups",
                    "the *User Filter* of a rule does not send the group it names: add it under "
                    "*Groups* as well.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="the connection → OAuth Access Token",  # noqa: S106  # a place, not a token
    enable="In PingOne paste both into the connection, then press *Test connection*.",
    no_users="Make a rule whose *User Filter* holds your test user; switch on connection and rule.",
    no_groups="Users but no groups: add the groups in the rule, under *Groups → Add Groups*.",
    no_members=(
        "Groups but nobody in them: the members must pass the *User Filter* of the rule as well."
    ),
)
