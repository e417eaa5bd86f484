"""When missing judgements become an error, and what its one line says."""

import pytest

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.missing import check_missing
from stillhouse.errors import EndpointError

GOOD = Judgement(score=0.5)


def lost(said: str = "I think it is good.") -> Judgement:
    return Judgement(score=None, detail={"missing": "no JSON object in it", "said": said})


def test_a_judge_that_writes_prose_is_named_with_what_it_said() -> None:
    with pytest.raises(EndpointError) as caught:
        check_missing("rubric by tiny", [GOOD] * 3 + [lost("Well,\nit is " + "very " * 40 + "good.")] * 5)
    message = str(caught.value)
    assert message.startswith("rubric by tiny gave no readable judgement for 5 of 8 answers; the first: no JSON object")
    assert f"in '{('Well, it is ' + 'very ' * 40)[:80]}'" in message and "\n" not in message
    assert "use a model or an endpoint that keeps to a JSON schema" in message


def test_few_or_scattered_ones_pass() -> None:
    check_missing("j", [lost()] * 7)
    check_missing("j", [lost()] * 4 + [GOOD] * 4)
    check_missing("j", [lost()] * 2 + [GOOD] * 8, share=0.2)
    check_missing("j", [])
    with pytest.raises(EndpointError):
        check_missing("j", [lost()] * 3 + [GOOD] * 7, share=0.2)
    with pytest.raises(EndpointError):
        check_missing("j", [lost()], at_least=1)


def test_copies_do_not_count() -> None:
    copies = [Judgement(score=None, detail={"same_as": 0})] * 8
    check_missing("j", [lost(), *copies])
    with pytest.raises(EndpointError, match="8 of 8"):
        check_missing("j", [*[lost()] * 8, *copies])
