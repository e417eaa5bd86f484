"""The form of a reply, as schema and as words."""

import json

from stillhouse.distill.judges.form import Form

FORM = Form(
    {"score": [1, 2, 3], "same": ["yes", "no"], "free": []}, {"score": "1 to 3", "same": "yes or no", "free": "t"}
)


def test_schema_is_closed_ordered_and_made_of_enumerations() -> None:
    schema = FORM.schema
    assert list(schema["properties"]) == schema["required"] == ["reason", "score", "same", "free"]
    assert schema["properties"]["score"] == {"type": "integer", "enum": [1, 2, 3]}
    assert schema["properties"]["same"] == {"type": "string", "enum": ["yes", "no"]}
    assert schema["properties"]["free"] == {"type": "string"}
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def test_words_show_every_key_and_no_value_to_copy() -> None:
    shape = FORM.shape
    assert shape == '{"reason": "<why, in at most 20 words>", "score": <1 to 3>, "same": <yes or no>, "free": <t>}'
    assert shape in FORM.request and shape in FORM.reminder and FORM.request != FORM.reminder


def test_without_reason() -> None:
    assert Form({"score": [1, 2]}, {"score": "1 or 2"}, reason=False).shape == '{"score": <1 or 2>}'
