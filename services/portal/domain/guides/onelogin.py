"""OneLogin."""

from services.portal.domain.guides.model import MAP, Guide, Stall, Step

GUIDE = Guide(
    steps=(
        Step(
            "Create the application in OneLogin",
            (
                "*Applications → Add App*, search for *SCIM with SAML (SCIM v2 Enterprise)*, and "
                "save it.",
            ),
            "reached",
            (
                Stall(
                    "calls are refused with *invalidVers* under Activity",
                    "the app is one of the older *SCIM v1.1* connectors: add the one named above.",
                ),
            ),
        ),
        Step(
            "Paste endpoint and token, and enable the connection",
            (
                "*Configuration*: paste the Endpoint URL into *SCIM Base URL* and the Bearer Token "
                "into *SCIM Bearer Token*. Leave the *SCIM JSON Template* as it is, and save.",
                "*API Status → Enable*. OneLogin makes one call; this page notices it.",
            ),
            "accepted",
            (
                Stall(
                    "the connection cannot be enabled",
                    "the token was cut while copying, or begins with a blank or the word *Bearer*: "
                    "create another and paste it whole.",
                ),
            ),
        ),
        Step(
            "Enable provisioning",
            (
                "*Provisioning → Enable provisioning*, and save.",
                "Below, choose what happens when access is removed: *Suspend* keeps the account "
                "here without roles, *Delete* removes it.",
            ),
            "user",
            (
                Stall(
                    "approval is asked for each user",
                    "untick *Require admin approval* for what need not be looked at: create, "
                    "delete, update.",
                ),
            ),
        ),
        Step(
            "Assign and approve a test user",
            (
                "*Users → (the user) → Applications → +*, and choose the app.",
                "If the app's *Users* tab shows *Pending*, click on it and *Approve*.",
            ),
            "user",
            (
                Stall(
                    "nobody arrives",
                    "tasks wait as *Pending* until somebody approves them, also again after a rule "
                    "was changed: this is where most set-ups stall.",
                ),
                Stall(
                    "the task failed",
                    "*Activity* shows the call and why it was refused; then *Retry* it in "
                    "OneLogin.",
                ),
            ),
        ),
        Step(
            "Include groups in user provisioning",
            (
                "*Parameters → Groups → Include in User Provisioning*, and save.",
                "*Rules → Add Rule*: action *Set Groups in (the app)*, *Map from OneLogin*, for "
                "each *role*, with value that matches `.*`; save.",
                "*More Actions → Reapply entitlement mappings*, and approve the users again.",
            ),
            "group",
            (
                Stall(
                    "users arrive without groups",
                    "*Include in User Provisioning* is not ticked, or the rule was added after the "
                    "user: reapply the mappings and approve once more.",
                ),
                Stall(
                    "a group that exists here is missing in the rule's list",
                    "*Provisioning → Entitlements → Refresh*: OneLogin learns our groups only "
                    "then.",
                ),
            ),
        ),
        MAP,
    ),
    token_field="Configuration → SCIM Bearer Token",  # noqa: S106  # a place, not a token
    enable="In OneLogin paste both under *Configuration*, then press *API Status → Enable*.",
    no_users=(
        "Assign the app to a test user. If the app's *Users* tab in OneLogin shows *Pending*, "
        "approve it there."
    ),
    no_groups=(
        "Users but no groups: tick *Parameters → Groups → Include in User Provisioning*, add the "
        "rule *Set Groups*, then *Reapply entitlement mappings* and approve again."
    ),
    no_members=(
        "Groups but nobody in them: the rule *Set Groups* must match the roles of your test user; "
        "then *Reapply entitlement mappings*."
    ),
)
