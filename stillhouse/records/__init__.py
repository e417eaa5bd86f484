"""What is on disk: files that are whole or absent, logs that only grow, folders that hold one run.

Everything that must survive a kill or be recomputed by somebody else goes through here, so its guarantees are
tested in one place and no other part of the package opens a file for writing by itself.
"""

from stillhouse.records.exchange import exchange_from_record, exchange_to_record
from stillhouse.records.exchange_log import ExchangeLog, RejectedLines
from stillhouse.records.files import (
    append_jsonl,
    check_free,
    check_place,
    digest_file,
    disk_errors,
    write_atomic,
    write_json,
)
from stillhouse.records.memory import peak_memory_bytes
from stillhouse.records.provenance import commit, versions
from stillhouse.records.run_folder import RunFolder, claim
from stillhouse.records.times import microseconds, rfc3339
from stillhouse.records.whole_folder import whole_folder

__all__ = [
    "ExchangeLog",
    "RejectedLines",
    "RunFolder",
    "append_jsonl",
    "check_free",
    "check_place",
    "claim",
    "commit",
    "digest_file",
    "disk_errors",
    "exchange_from_record",
    "exchange_to_record",
    "microseconds",
    "peak_memory_bytes",
    "rfc3339",
    "versions",
    "whole_folder",
    "write_atomic",
    "write_json",
]
