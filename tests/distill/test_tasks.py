"""Which completions count as right: the extraction rules one by one, with completions in a small model's style."""

import json
from decimal import Decimal

import pytest

from stillhouse.distill.prompts import Prompt, load_prompts
from stillhouse.distill.sections import PromptSource
from stillhouse.distill.tasks import check, final_number, is_checkable, marked_answer
from stillhouse.types import Message


def asked(answer: str, task: str = "gsm8k") -> Prompt:
    return Prompt.of([Message("user", "How many?")], answer=answer, task=task)


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("16 - 3 - 4 = 9, and 9 * 2 = 18.\n#### 18", "18"),
        ("#### 18\nBecause 9 * 2 is 18, and 3 were eaten.", "18"),
        ("First #### 5, but no:\n#### 7", "7"),
        ("The answer is 18. She ate 3.", "18"),
        ("So the final answer is: **$1,800.50**.", "1800.50"),
        ("**Answer:** 12 apples out of 20", "20"),
        ("The answer is 3 + 4 = 7.", "7"),
        ("The answer is:\n\n18\n\nI hope that helps 2 people.", "18"),
        ("The answer is not obvious. Adding 3 and 4 we get 7", "7"),
        ("<answer>42</answer> of 50", "42"),
        ("Thus $\\boxed{\\$64}$ after 3 days.", "64"),
        ("She has 5 left, then buys 3, so 8 in all.", "8"),
        ("It costs 16-3", "3"),
        ("It fell to -4 degrees", "-4"),
        ("It fell to \N{MINUS SIGN}4 degrees", "-4"),
        ("He owes -$7.50", "-7.50"),
        ("He owes $-7.50", "-7.50"),
        ("The share is .25", ".25"),
        ("3,4", "4"),
        ("1,234,567 grains", "1234567"),
        ("Version v2 has no number", None),
        ("", None),
    ],
)
def test_the_final_number(completion: str, number: str | None) -> None:
    assert final_number(completion) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("completion", "marked"),
    [
        ("The answer is Paris. It lies on the Seine.", "Paris"),
        ("the answer is 3.5 metres", "3.5 metres"),
        ("<answer>\nA B\nC\n</answer>", "A B\nC"),
        ("<answer>first</answer> no, <answer>second</answer>", "second"),
        ("\\boxed{\\frac{1}{2}} is it", "\\frac{1}{2}"),
        ("<answer>tag</answer>\n#### hashes\nThe answer is phrase.", "tag"),
        ("#### hashes\nThe answer is phrase.", "hashes"),
        ("There is nothing marked here", None),
        ("Answering is hard", None),
    ],
)
def test_the_marked_answer(completion: str, marked: str | None) -> None:
    assert marked_answer(completion) == marked


def test_numbers_are_compared_as_numbers() -> None:
    prompt = asked("18")
    assert check(prompt, "#### 18.00")
    assert check(prompt, "She makes $18 every day.")
    assert not check(prompt, "#### 180")
    assert not check(prompt, "#### 18.5")
    assert not check(prompt, "#### -18")
    assert not check(prompt, "She makes eighteen.")
    assert check(asked("1400"), "That is 1,400 in all")
    assert check(asked("-3"), "The answer is -3")


def test_text_answers_are_compared_word_for_word() -> None:
    prompt = asked("New York", task="exact")
    assert check(prompt, "Let me think.\nnew   york")
    assert check(prompt, "The answer is **New York**.")
    assert not check(prompt, "The answer is not New York.")
    assert not check(prompt, "New York\nor perhaps Boston")
    assert not check(prompt, "")
    assert not check(asked("007", task="exact"), "The answer is 7")
    assert check(asked("a b\nc d", task="exact"), "a b\nc d\n")


def test_what_is_checkable() -> None:
    assert is_checkable(asked("1"))
    assert is_checkable(asked("1", task="exact"))
    assert is_checkable(asked("1", task="reasoning-gym/chain_sum"))
    plain = Prompt.of([Message("user", "Hi")], reference="Hello")
    assert not is_checkable(plain)
    with pytest.raises(ValueError, match=f"prompt {plain.id} has task None, which has no checker"):
        check(plain, "Hello")


def gym(task: str, limit: int = 5) -> list[Prompt]:
    return load_prompts(PromptSource(name="reasoning-gym", task=task, limit=limit))


@pytest.mark.parametrize("task", ["gsm_symbolic", "chain_sum", "prime_factorization", "spell_backward", "gcd"])
def test_reasoning_gym_accepts_its_own_answer_and_no_other(task: str) -> None:
    for prompt in gym(task):
        answer = prompt.answer
        assert answer is not None
        assert check(prompt, answer)
        assert check(prompt, f"Let me see, 7 and 9.\n<answer>{answer}</answer>")
        assert check(prompt, f"So the answer is {answer}.")
        for wrong in ("", "I do not know", f"<answer>{answer}{answer}</answer>", "<answer>{}</answer>"):
            assert not check(prompt, wrong)


def test_a_number_of_the_same_value_satisfies_a_scorer_that_compares_strings() -> None:
    prompt = next(p for p in gym("chain_sum", 50) if len(p.answer or "") == 4 and (p.answer or "").isdigit())
    assert prompt.answer is not None
    value = int(prompt.answer)
    assert check(prompt, f"#### {value:,}.00")
    assert not check(prompt, f"#### {value + 1:,}")


def test_a_task_with_many_right_answers_is_left_to_its_scorer() -> None:
    for prompt in gym("graph_color", 3):
        assert prompt.answer is None
        coloring = prompt.meta["entry"]["metadata"]["possible_answer"]
        assert check(prompt, json.dumps(coloring))
        assert not check(prompt, "{}")
        assert not check(prompt, "no idea")


def test_an_answer_that_the_scorer_cannot_read_is_wrong() -> None:
    (prompt,) = gym("prime_factorization", 1)
    assert not check(prompt, "<answer>two times three</answer>")
