"""The membership row and its lazy provisioning."""

from portal.members.membership import (
    REACTIVATED,
    STAFF,
    MemberSuspended,
    lock_member_of_user,
    lock_members,
    provision_member,
    provision_members,
    set_status,
)
from portal.members.models import Member

__all__ = [
    "REACTIVATED",
    "STAFF",
    "Member",
    "MemberSuspended",
    "lock_member_of_user",
    "lock_members",
    "provision_member",
    "provision_members",
    "set_status",
]
