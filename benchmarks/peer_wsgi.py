"""scim2-server as a WSGI application, for a server that keeps connections open."""

import os

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)


def _application() -> BearerTokenApplication:
    config = load_default_service_provider_config()
    schemes = config.authentication_schemes or []
    config.authentication_schemes = [*schemes, BEARER_TOKEN_SCHEME]
    types = load_default_resource_types().values()
    provider = ScimProvider.from_discovery(load_default_schemas().values(), types, config=config)
    return BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[os.environ["TOKEN"]])


application = _application()
