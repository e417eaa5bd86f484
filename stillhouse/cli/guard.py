"""`stillhouse guard ...`: the commands of those who serve a model, by noun."""

import typer

from stillhouse.cli import (
    guard_account,
    guard_action,
    guard_blobs,
    guard_detect,
    guard_ingest,
    guard_key,
    guard_ledger,
    guard_organisation,
    guard_serve,
)

__all__ = ["guard_app"]


def _noun(text: str) -> typer.Typer:
    return typer.Typer(rich_markup_mode=None, help=text)


guard_app = _noun("Serve models behind keys, limits, decisions and one record.")
_organisation = _noun("Organisations: whoever signed the contract.")
_account = _noun("Accounts: what limits count and what decisions are about.")
_key = _noun("Keys of accounts; each secret is shown once.")
_action = _noun("What is in force against accounts.")
_ledger = _noun("Check the record of decisions, and look at it.")
_blob_key = _noun("Keys that seal reasoning blobs and response ids to accounts.")

_COMMANDS = (
    (guard_app, "serve", guard_serve.serve, "serve --config guard.yaml"),
    (guard_app, "check", guard_serve.check, "check --config guard.yaml"),
    (_organisation, "create", guard_organisation.create, "organisation create acme --plan team"),
    (_organisation, "list", guard_organisation.list_, "organisation list --json"),
    (_organisation, "show", guard_organisation.show, "organisation show acme"),
    (_organisation, "change", guard_organisation.change, "organisation change acme --ip-allow 203.0.113.0/24"),
    (_organisation, "close", guard_organisation.close, "organisation close acme"),
    (_account, "create", guard_account.create, "account create acme-1 --organisation acme"),
    (_account, "list", guard_account.list_, "account list --organisation acme"),
    (_account, "show", guard_account.show, "account show acme-1"),
    (_account, "change", guard_account.change, "account change acme-1 --plan team"),
    (_account, "close", guard_account.close, "account close acme-1"),
    (_key, "create", guard_key.create, "key create acme-1"),
    (_key, "list", guard_key.list_, "key list --account acme-1"),
    (_key, "rotate", guard_key.rotate, "key rotate key-17"),
    (_key, "revoke", guard_key.revoke, "key revoke key-17"),
    (_action, "set", guard_action.set_, 'action set slow acme-1 --reason "unusual volume"'),
    (_action, "list", guard_action.list_, "action list"),
    (_action, "pending", guard_action.pending, "action pending --campaign c00001-20260720T191449Z"),
    (_action, "restore", guard_action.restore, "action restore acme-1"),
    (
        _action,
        "review",
        guard_action.review,
        'action review acme-1 --action slow --verdict approved --reason "one client, 90 keys"',
    ),
    (_ledger, "verify", guard_ledger.verify, "ledger verify guard.db"),
    (_ledger, "prove", guard_ledger.prove, "ledger prove guard.db 17 --out proof.json"),
    (_ledger, "check-proof", guard_ledger.check_proof, "ledger check-proof proof.json --public-key ledger.pub"),
    (_ledger, "show", guard_ledger.show, "ledger show guard.db --last 20"),
    (_blob_key, "new", guard_blobs.new, "blob-key new blobs.key"),
    (_blob_key, "rotate", guard_blobs.rotate, "blob-key rotate blobs.key"),
    (_blob_key, "retire", guard_blobs.retire, "blob-key retire blobs.key 1"),
    (_blob_key, "show", guard_blobs.show, "blob-key show blobs.key"),
    (guard_app, "reference", guard_detect.reference, "reference honest.jsonl.zst --out reference"),
    (guard_app, "replay", guard_detect.replay, "replay exchanges/ --reference reference --out replay"),
    (guard_app, "explain", guard_detect.explain, "explain replay --campaign c00001"),
    (guard_app, "ingest", guard_ingest.ingest, "ingest litellm spend.jsonl --out log.jsonl.zst"),
)
for _place, _name, _command, _example in _COMMANDS:
    _place.command(_name, epilog=f"Example: stillhouse guard {_example}")(_command)
for _name, _place in (
    ("organisation", _organisation),
    ("account", _account),
    ("key", _key),
    ("action", _action),
    ("ledger", _ledger),
    ("blob-key", _blob_key),
):
    guard_app.add_typer(_place, name=_name)
