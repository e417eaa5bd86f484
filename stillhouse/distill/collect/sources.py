"""The prompts of a collection, and what its manifest says of them."""

from typing import Any

from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.distill.prompts import Prompt, drop_duplicates, read_source, source_record

__all__ = ["read_prompts_of"]


def read_prompts_of(settings: CollectSettings) -> tuple[list[Prompt], list[dict[str, Any]]]:
    """(prompts without duplicates, over all sources in their order; one record for each source).

    Raises what `stillhouse.distill.prompts.read_source` raises.
    """
    prompts: list[Prompt] = []
    records = []
    for source in settings.prompts:
        found, duplicates = read_source(source)
        records.append(source_record(source, found, duplicates=duplicates, licence=source.licence))
        prompts += found
    return drop_duplicates(prompts)[0], records
