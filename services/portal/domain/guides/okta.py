"""Okta."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Create the application in Okta",
            (
                "*Applications → Browse App Catalog*, search for *SCIM 2.0 Test App (OAuth Bearer "
                "Token)*, and add it. An app of your own works as well: *General → App Settings → "
                "Provisioning: SCIM*.",
            ),
            "reached",
            (
                Stall(
                    "there is no tab Provisioning",
                    "in an app of your own, *General → App Settings → Edit → Provisioning* must be "
                    "*SCIM*.",
                ),
            ),
        ),
        Step(
            "Paste endpoint and token, and test them",
            (
                "*Provisioning → Integration → Configure API Integration → Enable*. Paste the "
                "Endpoint URL as *SCIM 2.0 Base Url* and the Bearer Token as *OAuth Bearer Token*. "
                "In an app of your own the fields are *SCIM connector base URL*, *Unique "
                "identifier field for users*: `userName`, and *HTTP Header*.",
                "*Test API Credentials*, then save.",
            ),
            "accepted",
            (
                Stall(
                    "the test fails",
                    "the Endpoint URL must end with the directory's id, nothing behind it.",
                ),
            ),
        ),
        Step(
            "Enable provisioning to the app",
            (
                "*Provisioning → To App → Edit*: enable *Create Users*, *Update User Attributes* "
                "and *Deactivate Users*, and save.",
            ),
            "user",
            (
                Stall(
                    "the boxes are missing",
                    "in an app of your own, tick *Push New Users*, *Push Profile Updates* and "
                    "*Push "
                    "Groups* under *Integration → Supported provisioning actions* first.",
                ),
            ),
        ),
        Step(
            "Assign a test user",
            ("*Assignments → Assign → Assign to People*, and choose the user.",),
            "user",
            (
                Stall(
                    "the user was assigned before provisioning was enabled",
                    "*Assignments* shows a red mark: press *Provision User*, or assign the user "
                    "anew.",
                ),
                Stall("the task failed", "*Dashboard → Tasks* has *Retry Selected*."),
            ),
        ),
        Step(
            "Push groups",
            (
                "*Push Groups → Push Groups → Find groups by name*, choose a group, tick *Push "
                "group memberships immediately*, and save.",
            ),
            "group",
            (
                Stall(
                    "users arrive without groups",
                    "assigning a group to the app sends its people, not the group: add it under "
                    "*Push Groups* as well, best another group than the one you assign by.",
                ),
                Stall(
                    "a group arrives with fewer members",
                    "only who is assigned to the app is sent as a member.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="Provisioning → Integration",  # noqa: S106  # a place, not a token
    enable=(
        "In Okta paste both under *Provisioning → Integration* and press *Test API Credentials*."
    ),
    no_users=(
        "Assign the app to a test user. If the user was assigned before, press *Provision User* "
        "under *Assignments*; see that *Create Users* is enabled under *To App*."
    ),
    no_groups=(
        "Users but no groups: add the groups under *Push Groups*; assigning them is not enough."
    ),
    no_members=(
        "Groups but nobody in them: assign the people of the group to the app as well, then *Push "
        "now* under *Push Groups*."
    ),
)
