"""How to connect each provider, step by step, and what usually stalls there. Text, no decisions.

In texts `*…*` stands for a name on the provider's screen, and backquotes for what is typed.
"""

from collections.abc import Mapping

from services.portal.domain.guides import entra, generic, jumpcloud, okta, onelogin, ping
from services.portal.domain.guides.model import Guide, Milestone, Stall, Step

__all__ = ["GUIDES", "Guide", "Milestone", "Stall", "Step", "of"]

GUIDES: Mapping[str, Guide] = {
    "onelogin": onelogin.GUIDE,
    "okta": okta.GUIDE,
    "entra": entra.GUIDE,
    "jumpcloud": jumpcloud.GUIDE,
    "ping": ping.GUIDE,
    "generic": generic.GUIDE,
}


def of(provider: str) -> Guide:
    """Return the guide of a provider, the general one for a provider we do not know."""
    return GUIDES.get(provider, generic.GUIDE)
