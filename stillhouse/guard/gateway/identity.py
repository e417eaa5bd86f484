"""Whose request it is, from where, and whether they may ask at all: everything that is known before a body is read.

Closed by default: no key, no service. A body costs memory and time, so nobody whom a header gives away gets to send
one.
"""

from stillhouse.guard.access.directory import Directory, digest_of
from stillhouse.guard.access.entities import Account, Action, ActionInForce, Key, Organisation
from stillhouse.guard.access.secret import PREFIX, is_secret
from stillhouse.guard.gateway.headers import first
from stillhouse.guard.gateway.request import Request, Who
from stillhouse.guard.refusal import Refusal

__all__ = ["identify", "refusal_by", "secret_of"]

_SAID: dict[Action, str] = {
    "verify": "This account has to be verified first.",
    "suspend": "This account is suspended.",
    "remove": "This account was removed.",
}


def secret_of(request: Request) -> str:
    """The key that the client shows: `Authorization: Bearer` as OpenAI's clients do, `x-api-key` as Anthropic's."""
    shown = first(request.headers, b"authorization")
    if shown is not None:
        scheme, _, secret = shown.decode("latin-1").strip().partition(" ")
        if scheme.lower() == "bearer" and secret.strip():
            return secret.strip()
    for name in (b"x-api-key", b"api-key"):
        shown = first(request.headers, name)
        if shown is not None and shown.strip():
            return shown.strip().decode("latin-1")
    raise Refusal(
        "authentication", "key.missing", "No API key was sent; send one as `Authorization: Bearer` or `x-api-key`."
    )


def identify(request: Request, directory: Directory) -> Who:
    """The holder of the key that the request shows. Raises Refusal(authentication or permission)."""
    secret = secret_of(request)
    key = directory.key(digest_of(secret))
    if key is None:
        mistyped = secret.startswith(PREFIX) and not is_secret(secret)
        said = (
            "is mistyped or cut off; copy it again" if mistyped else "is not known here; check it, or ask for a new one"
        )
        raise Refusal("authentication", "key.unknown", f"This API key {said}.")
    if key.revoked is not None:
        raise Refusal("authentication", "key.revoked", "This API key was revoked; use a newer one.")
    if key.expires is not None and key.expires <= request.time:
        raise Refusal("authentication", "key.expired", "This API key has expired; use a newer one.")
    account = directory.account(key.account)
    organisation = None if account is None else directory.organisation(account.organisation)
    if account is None or organisation is None:
        raise Refusal(
            "authentication", "key.unknown", "This API key is not known here; check it, or ask for a new one."
        )
    if account.closed:
        raise Refusal("permission", "account.closed", "This account is closed.", link=_contact(request))
    if organisation.closed:
        raise Refusal("permission", "organisation.closed", "This organisation is closed.", link=_contact(request))
    return _who(request, key, account, organisation, directory.action(account.id, request.time))


def refusal_by(action: ActionInForce, contact: str | None) -> Refusal | None:
    """What a decision makes of every request, where it refuses them; it is named, and so is the way out."""
    said = _SAID.get(action.action)
    if said is None:
        return None
    message = f"{said} {action.reason}" if action.reason else said
    return Refusal("permission", f"action.{action.action}", message, link=action.link or contact)


def _who(request: Request, key: Key, account: Account, organisation: Organisation, action: ActionInForce | None) -> Who:
    plans = request.runtime.settings.plans
    name = account.plan or organisation.plan or "default"
    plan = plans.get(name)
    if plan is None:
        # Under any other plan he could get more than was agreed.
        said = "This account's plan is not set up here; tell the operator."
        raise Refusal("permission", "plan.unknown", said, link=_contact(request))
    return Who(key, account, organisation, plan, action)


def _contact(request: Request) -> str | None:
    return request.runtime.settings.access.contact
