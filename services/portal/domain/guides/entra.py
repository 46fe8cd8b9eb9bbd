"""Microsoft Entra ID."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Create the application in Entra",
            (
                "*Enterprise applications → New application → Create your own application*, with "
                "*Integrate any other application you don't find in the gallery (Non-gallery)*.",
            ),
            "reached",
        ),
        Step(
            "Paste endpoint and token, and test the connection",
            (
                "*Provisioning → Get started*, *Provisioning Mode*: *Automatic*. Under *Admin "
                "Credentials* paste the Endpoint URL as *Tenant URL* and the Bearer Token as "
                "*Secret Token*.",
                "*Test Connection*, then save.",
            ),
            "accepted",
            (
                Stall(
                    "the test fails",
                    "Secret Token holds the token alone, without the word *Bearer*.",
                ),
            ),
        ),
        Step(
            "Choose who is in scope",
            (
                "*Provisioning → Settings → Scope*: *Sync only assigned users and groups*.",
                "*Mappings*: leave both switched on.",
            ),
            "user",
            (
                Stall(
                    "a group cannot be assigned",
                    "assigning groups needs *Entra ID P1*; without it assign users alone.",
                ),
            ),
        ),
        Step(
            "Assign a test user and send it now",
            (
                "*Users and groups → Add user/group*, and choose the user.",
                "*Provisioning → Provision on demand*, choose the user, *Provision*.",
            ),
            "user",
            (
                Stall(
                    "nobody arrives",
                    "Entra sends every 40 minutes: use *Provision on demand* for the test.",
                ),
                Stall(
                    "*Quarantine* is shown",
                    "too many calls failed: see *Activity* for why, then *Restart provisioning*.",
                ),
            ),
        ),
        Step(
            "Assign groups and start provisioning",
            (
                "*Users and groups → Add user/group*, and choose the groups.",
                "*Provisioning → Start provisioning*, and see that *Provisioning Status* is *On*.",
            ),
            "group",
            (
                Stall(
                    "members are missing",
                    "groups within groups are not followed: assign the inner groups themselves.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="Provisioning → Admin Credentials → Secret Token",  # noqa: S106  # a place
    enable="In Entra paste both under *Provisioning → Admin Credentials*, then *Test Connection*.",
    no_users=(
        "Assign a test user and press *Provision on demand*: by itself Entra sends only every 40 "
        "minutes."
    ),
    no_groups=(
        "Users but no groups: assign the groups under *Users and groups*, and see that *Provision "
        "Microsoft Entra ID Groups* is on under *Mappings*."
    ),
    no_members=(
        "Groups but nobody in them: only direct members are sent. Wait for the next cycle, or "
        "assign the inner groups."
    ),
)
