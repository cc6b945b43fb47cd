"""What the user and group routes read from a body and write into an answer."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from melanzana.access.permissions import Role
from melanzana.users.passwords import LONGEST, SHORTEST
from melanzana.users.records import Group, GroupChange, NewUser, User, UserChange
from melanzana.web.inputs import YesNo

_Text = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
_Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Password = Annotated[str, StringConstraints(max_length=4_000)]
_REFS_LIMIT = 1_000


class UserBody(BaseModel):
    """A person's account. Fields of the original product that mean nothing here (`license`) are accepted and dropped."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"username": "lee", "role": "dai:user", "groups": ["checkout"]}]},
    )

    username: _Text | None = Field(None, description="Unique in the realm; case makes no difference. Needed to make an account.")
    name: _Text | None = Field(None, description="As shown; the username when left out.")
    email: _Text | None = Field(None, description="Empty for none.")
    role: Role | None = Field(None, description="`dai:admin` or `dai:user` (also without `dai:`); `dai:user` when left out.")
    enabled: YesNo | None = Field(None, description="Whether the person may log in.")
    password: _Password | None = Field(
        None, description=f"{SHORTEST} to {LONGEST} characters. Without one the person needs a one-time link first."
    )
    groups: Annotated[list[_Ref], Field(max_length=_REFS_LIMIT)] | None = Field(None, description="Names or ids, all of them.")

    @field_validator("role", mode="before")
    @classmethod
    def _long_role(cls, value: Any) -> Any:
        """`admin` means `dai:admin`."""
        if not isinstance(value, str):
            return value
        word = value.lower()
        return f"dai:{word}" if word in {"admin", "user"} else word

    def new(self) -> NewUser:
        """What a POST makes; `username` is given."""
        return NewUser(
            username=self.username or "",
            name=self.name or "",
            email=self.email or "",
            role=self.role or Role.USER,
            password=self.password,
            groups=tuple(self.groups or ()),
        )

    def change(self) -> UserChange:
        """What a PUT sets."""
        return UserChange(
            username=self.username,
            name=self.name,
            email=self.email,
            role=self.role,
            enabled=self.enabled,
            password=self.password,
            groups=None if self.groups is None else tuple(self.groups),
        )


class GroupBody(BaseModel):
    """People under a name."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [{"groupname": "checkout", "members": ["lee"]}]})

    groupname: _Text | None = Field(None, description="Unique in the realm; case makes no difference. Needed to make a group.")
    description: _Text | None = None
    members: Annotated[list[_Ref], Field(max_length=_REFS_LIMIT)] | None = Field(None, description="Usernames or ids, all of them.")

    def change(self) -> GroupChange:
        return GroupChange(
            name=self.groupname,
            description=self.description,
            members=None if self.members is None else tuple(self.members),
        )


class UserItem(BaseModel):
    """A person's account."""

    id: str = Field(description="Uuid; `sub` of the person's tokens.")
    username: str
    name: str
    email: str
    role: Role
    enabled: bool
    groups: list[str] = Field(description="Names of the person's groups.")
    created_at: datetime
    last_login_at: datetime | None


class GroupItem(BaseModel):
    """People under a name."""

    id: str
    groupname: str
    description: str
    members: list[str] = Field(description="Ids of its people, by name.")
    created_at: datetime


def user_item(person: User, groups: list[Group]) -> UserItem:
    return UserItem(
        id=person.id,
        username=person.username,
        name=person.name,
        email=person.email,
        role=person.role,
        enabled=person.enabled,
        groups=[group.name for group in groups],
        created_at=person.created_at,
        last_login_at=person.last_login_at,
    )


def group_item(group: Group) -> GroupItem:
    return GroupItem(
        id=group.id,
        groupname=group.name,
        description=group.description,
        members=list(group.members),
        created_at=group.created_at,
    )
