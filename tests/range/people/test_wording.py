"""Fresh wordings: near enough to the topic, and no copy."""

from random import Random

from stillhouse.range.people.wording import spliced

ONE = "I need 12 boards. They should be of oak. How long will they last? Who sells them."
OTHER = "My roof leaks. What does a tarp cost."


def test_a_sentence_of_the_other_text_comes_in_and_most_of_the_own_stay() -> None:
    for seed in range(30):
        text = spliced(ONE, OTHER, Random(seed))
        assert ("My roof leaks." in text) != ("What does a tarp cost." in text)
        assert sum(part in text for part in ("boards.", "of oak.", "How long will they last?", "Who sells them.")) >= 1
        assert text != ONE


def test_numbers_change_and_parts_of_words_do_not() -> None:
    text = spliced("Buy 12 of A4 at 0.5 in 2026.", "x", Random(3))
    assert " 12 " not in text and "2026" not in text and "A4" in text and "0.5" in text


def test_two_people_get_two_wordings() -> None:
    assert len({spliced(ONE, OTHER, Random(seed)) for seed in range(50)}) > 20


def test_a_text_of_one_word_still_works() -> None:
    assert set(spliced("Hi", "Yes", Random(1)).split()) == {"Hi", "Yes"}
