"""Topics: texts that share words come together, and everything is in one of them."""

from stillhouse.range.corpus import Corpus
from stillhouse.range.corpus.topics import find_topics


def test_the_topics_of_the_text_are_found(corpus: Corpus) -> None:
    texts = [talk.turns[0][0] for talk in corpus.conversations]
    topics = find_topics(texts, 8)
    assert sorted(place for members in topics.members for place in members) == list(range(len(texts)))
    assert sorted(topics.anything) == list(range(len(texts)))
    # The corpus was made of eight topics in turn: most members of a found one are of one of those.
    pure = [max(sum(place % 8 == made for place in members) for made in range(8)) for members in topics.members]
    assert sum(pure) / len(texts) > 0.8


def test_the_same_texts_give_the_same_topics(corpus: Corpus) -> None:
    texts = [talk.turns[0][0] for talk in corpus.conversations]
    assert find_topics(texts) == find_topics(texts)


def test_neighbours_in_a_topic_are_alike() -> None:
    texts = [f"{shared} extra{n}" for n, shared in enumerate(["red apple pie"] * 4 + ["blue whale song"] * 4)]
    mixed = [texts[place] for place in (0, 4, 1, 5, 2, 6, 3, 7)]
    (members,) = find_topics(mixed, 1).members
    apples = [place % 2 == 0 for place in members]
    assert apples in ([True] * 4 + [False] * 4, [False] * 4 + [True] * 4)


def test_few_texts_are_a_topic_each() -> None:
    assert find_topics(["one"]).members == ((0,),)
    assert find_topics(["one", "two"], 5).members == ((0,), (1,))


def test_sums_weigh_topics_by_their_size() -> None:
    topics = find_topics(["same words here"] * 3 + ["quite another matter"], 2)
    assert topics.sums[-1] == 4
