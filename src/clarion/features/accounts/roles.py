"""Roles: what the members of an account may do. Each role may do what the ones before it may."""

from enum import StrEnum


class Role(StrEnum):
    """`viewer` looks, `editor` also changes and sends, `owner` also decides about members, keys and credentials."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what needs the other."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
