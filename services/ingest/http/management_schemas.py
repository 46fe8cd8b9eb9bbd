"""`/v1/directories/{id}/schemas`: the extension schemas that a directory declares."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.domain.directories import UnclearSchemaError
from services.ingest.domain.schemas import DeclaredSchema
from services.ingest.scim import declaration, discovery
from services.ingest.usecases import schemas
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import schemas as contracts

_ONE = "/directories/{id}/schemas/{urn}"


@dataclass(frozen=True, slots=True)
class Schemas:
    """The handlers."""

    database: db.Database

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "GET",
                "/directories/{id}/schemas",
                self.list_schemas,
                {200: list[contracts.DeclaredSchema]},
            ),
            Endpoint(
                "PUT",
                _ONE,
                self.declare_schema,
                {200: contracts.DeclaredSchema, 201: contracts.DeclaredSchema},
                takes=contracts.NewSchema,
                refuses=(409,),
            ),
            Endpoint(
                "DELETE",
                _ONE,
                self.remove_schema,
                {204: None},
                asks=contracts.SchemaRemoval,
                refuses=(409,),
            ),
        ]

    async def list_schemas(self, request: web.Request) -> web.Response:
        """Answer the schemas that the directory declares, by URN."""
        found = await schemas.listed(self.database, request.match_info["id"])
        return edge.answers([_contract(each) for each in found])

    async def declare_schema(self, request: web.Request) -> web.Response:
        """Answer 201 with a new schema, 200 with one that was declared before."""
        wanted = await edge.body(request, contracts.NewSchema)
        if wanted.id.lower() != request.match_info["urn"].lower():
            raise UnclearSchemaError(
                "The id in the body is not the URN in the address; make them equal."
            )
        schema = declaration.schema(wanted.model_dump(by_alias=True))
        declared, is_new = await schemas.declare(
            self.database,
            request.match_info["id"],
            schema,
            wanted.resource_type,
            datetime.now(UTC),
        )
        return edge.answer(_contract(declared), 201 if is_new else 200)

    async def remove_schema(self, request: web.Request) -> web.Response:
        """Answer 204; `?force=true` removes a schema although there are values of it."""
        directory, urn = request.match_info["id"], request.match_info["urn"]
        is_forced = edge.query(request, contracts.SchemaRemoval).force
        await schemas.remove(self.database, directory, urn, is_forced=is_forced)
        return web.Response(status=204)


def _contract(declared: DeclaredSchema) -> contracts.DeclaredSchema:
    described = discovery.described(declared.schema)
    return contracts.DeclaredSchema.model_validate(
        described | {"resourceType": declared.resource_type}
    )
