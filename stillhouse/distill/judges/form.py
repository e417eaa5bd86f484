"""The form of a reply: the same three times, as a schema, as words for the judge, and as a reminder.

Scores and choices are enumerations in the schema, because that is what every endpoint with structured output honours;
limits on numbers and lengths are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Form"]

_REASON = "why, in at most 20 words"


@dataclass(frozen=True, slots=True)
class Form:
    """A JSON object with a `reason` first, if it is asked for, and then one of few values for each key of `options`.

    A key without values takes any text; `hints` say what belongs there.
    """

    options: Mapping[str, Sequence[int] | Sequence[str]]
    hints: Mapping[str, str]
    reason: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema, keys in the order in which they are to be written."""
        properties: dict[str, Any] = {"reason": {"type": "string"}} if self.reason else {}
        for key, values in self.options.items():
            kind = "integer" if values and isinstance(values[0], int) else "string"
            properties[key] = {"type": kind, "enum": list(values)} if values else {"type": kind}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    @property
    def shape(self) -> str:
        """The object with words in place of values, none of which could be taken for the wanted one."""
        fields = {"reason": f'"<{_REASON}>"'} if self.reason else {}
        fields |= {key: f"<{self.hints[key]}>" for key in self.options}
        return "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"

    @property
    def request(self) -> str:
        """How the form is asked for."""
        return f"Reply with JSON only, in this form:\n{self.shape}"

    @property
    def reminder(self) -> str:
        """How it is asked for again."""
        return f"Your reply must be one JSON object and nothing else, exactly in this form:\n{self.shape}"
