"""`/ai/licenses` and `/ai/usage`: scripts of the original install licences and ask what is used.

Melanzana needs no licence. Every call succeeds, as such scripts expect, keeps nothing, and says that nothing is needed.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.web.answers import answers

_Serial = Annotated[str, Path(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewLicence(BaseModel):
    """A licence that a script wants to install."""

    license: str = Field(max_length=50_000)
    serialNumber: str = Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")


class Licence(BaseModel):
    """What is to be said of any licence."""

    serialNumber: str
    needed: bool = Field(default=False, description="Nothing needs a licence.")
    kept: bool = Field(default=False, description="It was not stored.")
    message: str = "Melanzana needs no licence; nothing was stored."


class Usage(BaseModel):
    """How much of what is licensed is used."""

    licensed: bool = Field(default=False, description="Nothing needs a licence.")
    unlimited: bool = Field(default=True, description="As many runs, agents and people as the machine carries.")
    licenses: list[Licence] = Field([], description="Always empty.")


def router(gate: Gate) -> APIRouter:
    """`/ai/licenses` and `/ai/usage`."""
    routes = APIRouter(prefix="/ai", tags=["Licences"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.USERS_READ))]
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.USERS_MANAGE))]

    @routes.get("/licenses", responses=answers(401, 403, 503))
    async def list_licences(_principal: may_read, response: Response) -> list[Licence]:
        """Always empty."""
        response.headers["X-Total-Count"] = "0"
        return []

    @routes.post("/licenses", responses=answers(400, 401, 403, 413, 415, 422, 503))
    async def add_licence(_principal: may_manage, body: NewLicence) -> Licence:
        """Succeeds and stores nothing."""
        return Licence(serialNumber=body.serialNumber)

    @routes.get("/licenses/{serial}", responses=answers(401, 403, 422, 503))
    async def get_licence(_principal: may_read, serial: _Serial) -> Licence:
        """The same of every serial number: it is not needed."""
        return Licence(serialNumber=serial)

    @routes.delete("/licenses/{serial}", status_code=204, responses=answers(401, 403, 422, 503))
    async def delete_licence(_principal: may_manage, serial: _Serial) -> None:
        """Succeeds: it is not there."""

    @routes.get("/usage", responses=answers(401, 403, 503))
    async def usage(_principal: may_read) -> Usage:
        """Nothing is licensed, so nothing of it is used."""
        return Usage(licensed=False, unlimited=True, licenses=[])

    return routes
