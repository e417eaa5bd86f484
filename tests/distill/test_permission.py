"""A permission has to say something that can be seen."""

import pytest

from stillhouse.distill.permission import check_permission


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\u2060 \ufeff", "\u3164", "\u2800", "...", "-"])
def test_nothing_to_see_is_empty(text: str) -> None:
    with pytest.raises(ValueError, match="name the licence"):
        check_permission(text)


@pytest.mark.parametrize("value", ["no", "No.", " NO\u200b", None, False, True, 3, ["MIT"]])
def test_no_and_what_is_no_text_are_no_permission(value: object) -> None:
    with pytest.raises(ValueError, match="name the licence"):
        check_permission(value)


@pytest.mark.parametrize("text", ["MIT", "Apache-2.0", "許可", "granted by Nora"])
def test_a_licence_or_a_person(text: str) -> None:
    assert check_permission(text) == text
