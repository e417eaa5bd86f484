"""Organisations, accounts and keys over HTTP."""

from collections.abc import Callable
from functools import partial
from typing import Any

from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.admin.answers import AccountPage, KeyMade, KeyPage, KeyShown, OrganisationPage
from stillhouse.guard.admin.bodies import (
    AccountQuery,
    ChangeAccount,
    ChangeOrganisation,
    CreateAccount,
    CreateKey,
    CreateOrganisation,
    KeyQuery,
    PageQuery,
    RevokeKey,
    RotateKey,
)
from stillhouse.guard.admin.operation import Call, Operation

__all__ = ["customer_operations"]

_ORGANISATIONS = "/v1/organisations"
_ACCOUNTS = "/v1/accounts"
_KEYS = "/v1/keys"


def customer_operations(registry: Registry) -> list[Operation]:
    get, post = partial(Operation, method="GET"), partial(Operation, method="POST", writes=True)
    patch = partial(Operation, method="PATCH", writes=True)
    return [
        get(
            path=_ORGANISATIONS,
            summary="List organisations",
            query=PageQuery,
            answer=OrganisationPage,
            run=lambda call: OrganisationPage(**_page(registry.organisations, call)),
        ),
        post(
            path=_ORGANISATIONS,
            summary="Create an organisation; again with the same values changes nothing",
            body=CreateOrganisation,
            answer=Organisation,
            status=201,
            faults=(409,),
            run=lambda call: registry.create_organisation(
                Organisation.model_validate(call.body.model_dump()), actor=call.actor
            ),
        ),
        get(
            path=_ORGANISATIONS + "/{id}",
            summary="Show an organisation",
            answer=Organisation,
            faults=(404,),
            run=lambda call: registry.organisation(call.path["id"]),
        ),
        patch(
            path=_ORGANISATIONS + "/{id}",
            summary="Change fields of an organisation",
            body=ChangeOrganisation,
            answer=Organisation,
            faults=(404,),
            run=lambda call: registry.change_organisation(call.path["id"], _given(call), actor=call.actor),
        ),
        post(
            path=_ORGANISATIONS + "/{id}/close",
            summary="Close an organisation: nothing of it is served",
            answer=Organisation,
            faults=(404,),
            run=lambda call: registry.close_organisation(call.path["id"], actor=call.actor),
        ),
        get(
            path=_ACCOUNTS,
            summary="List accounts",
            query=AccountQuery,
            answer=AccountPage,
            run=lambda call: AccountPage(**_page(partial(registry.accounts, call.query.organisation), call)),
        ),
        post(
            path=_ACCOUNTS,
            summary="Create an account; again with the same values changes nothing",
            body=CreateAccount,
            answer=Account,
            status=201,
            faults=(404, 409),
            run=lambda call: registry.create_account(Account.model_validate(call.body.model_dump()), actor=call.actor),
        ),
        get(
            path=_ACCOUNTS + "/{id}",
            summary="Show an account",
            answer=Account,
            faults=(404,),
            run=lambda call: registry.account(call.path["id"]),
        ),
        patch(
            path=_ACCOUNTS + "/{id}",
            summary="Change fields of an account",
            body=ChangeAccount,
            answer=Account,
            faults=(404,),
            run=lambda call: registry.change_account(call.path["id"], _given(call), actor=call.actor),
        ),
        post(
            path=_ACCOUNTS + "/{id}/close",
            summary="Close an account: nothing of it is served",
            answer=Account,
            faults=(404,),
            run=lambda call: registry.close_account(call.path["id"], actor=call.actor),
        ),
        get(
            path=_KEYS,
            summary="List keys, without their secrets",
            query=KeyQuery,
            answer=KeyPage,
            run=lambda call: _key_page(registry, call),
        ),
        post(
            path=_KEYS,
            summary="Create a key; its secret is in this answer and nowhere else",
            body=CreateKey,
            answer=KeyMade,
            status=201,
            faults=(404, 409),
            run=lambda call: _create_key(registry, call),
        ),
        get(
            path=_KEYS + "/{id}",
            summary="Show a key, without its secret",
            answer=KeyShown,
            faults=(404,),
            run=lambda call: KeyShown.of(registry.key(call.path["id"])),
        ),
        post(
            path=_KEYS + "/{id}/rotate",
            summary="Create a key in the place of another, which ends now or after the overlap",
            body=RotateKey,
            answer=KeyMade,
            status=201,
            faults=(404, 409),
            run=lambda call: _rotate_key(registry, call),
        ),
        post(
            path=_KEYS + "/{id}/revoke",
            summary="Revoke a key",
            body=RevokeKey,
            answer=KeyShown,
            faults=(404,),
            run=lambda call: KeyShown.of(
                registry.revoke_key(call.path["id"], reason=call.body.reason, actor=call.actor)
            ),
        ),
    ]


def _given(call: Call) -> dict[str, Any]:
    """The fields that the request names."""
    given: dict[str, Any] = call.body.model_dump(exclude_unset=True)
    return given


def _page(listed: Callable[..., list[Any]], call: Call) -> dict[str, Any]:
    items = listed(after=call.query.after, limit=call.query.limit)
    return {"items": items, "next": items[-1].id if len(items) == call.query.limit else None}


def _key_page(registry: Registry, call: Call) -> KeyPage:
    page = _page(partial(registry.keys, call.query.account), call)
    return KeyPage(items=[KeyShown.of(key) for key in page["items"]], next=page["next"])


def _create_key(registry: Registry, call: Call) -> KeyMade:
    asked: CreateKey = call.body
    made = registry.create_key(
        asked.account, key_id=asked.id, expires=asked.expires, ip_allow=asked.ip_allow, actor=call.actor
    )
    return KeyMade(key=KeyShown.of(made.key), secret=made.secret)


def _rotate_key(registry: Registry, call: Call) -> KeyMade:
    asked: RotateKey = call.body
    made = registry.rotate_key(
        call.path["id"], overlap_seconds=asked.overlap_seconds, expires=asked.expires, actor=call.actor
    )
    return KeyMade(key=KeyShown.of(made.key), secret=made.secret)
