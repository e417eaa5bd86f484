"""Cues of purpose: what a request asks for, where it asks for a model's thoughts, verdicts, tasks or distributions.

A cue proves nothing: people ask for reasons, and whoever evaluates asks for verdicts. How often honest accounts of a
reference show each cue is what gives it weight. The wordings are those that reports have published, with
paraphrases, in eleven languages; a language that is missing here costs power, not validity.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntFlag
from functools import lru_cache
from typing import Any, NamedTuple

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.words import cut, words_of

__all__ = ["CUES", "NEEDS", "Cue", "cues"]

NEEDS = ("request",)


class Cue(IntFlag):
    """What is asked for."""

    REASONING = 1  # the model's own hidden reasoning, written out
    VERDICT = 2  # a score, a preference or a rubric's verdict on an answer
    TASKS = 4  # new instructions, questions or dialogues to train on
    DISTRIBUTION = 8  # log-probabilities, or a bias that uncovers them
    TOOLS = 16  # a whole trace of tool calls


CUES = tuple(Cue)

_THOUGHT = (
    r"(?:reasoning|thinking|thoughts?|thought process|chain[- ]of[- ]thought|deliberation|monologue|scratch ?pad"
    r"|working memory|reflections?|cot)"
)
_HIDDEN = r"(?:internal|inner|hidden|private|prior|previous|raw|full|complete|entire|own|actual|original|unabridged)"
_SHOW = (
    r"(?:output|reveal|print|return|write|show|repeat|reproduce|transcribe|recite|articulate|disclose|dump|expose"
    r"|reconstruct|translate|include|provide|give|record|verbali[sz]e|spell)"
)


def _any(text: str) -> frozenset[str]:
    """Words in one string, because lists of quoted ones fill pages."""
    return frozenset(text.split())


class _Rule(NamedTuple):
    """Patterns that show `cue`, each of which needs a word of every set of `needed`.

    Looking for words is a tenth of looking for patterns.
    """

    cue: Cue
    needed: tuple[frozenset[str], ...]
    patterns: tuple[str, ...]


_OF_THOUGHT = _any(
    "reason reasoning thinking thought thoughts chain deliberation monologue scratchpad scratch memory reflection"
    " reflections cot think flag articulate analysis"
)
_TURKISH = r"(?:i̇?ç|gizli|tam)[^.\n]{0,12}(?:muhakeme|düşünce)"
_GRADED = (
    r"\b(?:bewerte|beurteile|évaluez?|notez|evalúa|califica|avalie|valuta|оцени)\b[^.\n]{0,60}"
    r"(?:antwort|réponse|respuesta|resposta|risposta|ответ)"
)
_RULES = (
    _Rule(
        Cue.REASONING,
        (
            _OF_THOUGHT,
            _any(
                "internal inner hidden private prior previous raw full complete entire own actual original unabridged"
            ),
        ),
        (
            rf"{_SHOW}\b[^.\n]{{0,60}}\b{_HIDDEN}\b[^.\n]{{0,30}}\b{_THOUGHT}",
            rf"\b{_HIDDEN} (?:\w+ ){{0,2}}{_THOUGHT}\b[^.\n]{{0,60}}\b(?:verbatim|word for word|step by step|in full)",
        ),
    ),
    _Rule(
        Cue.REASONING,
        (_OF_THOUGHT, _any("verbatim word omitting omit unedited unfiltered")),
        (
            rf"{_THOUGHT}\b[^.\n]{{0,40}}\b(?:verbatim|word for word|without omitting|do not omit|unedited"
            r"|unfiltered)",
        ),
    ),
    _Rule(
        Cue.REASONING,
        (_OF_THOUGHT,),
        (
            r"</?(?:think|thinking|thought|thoughts|reasoning|scratchpad|cot|analysis|inner_monologue)>",
            r"(?:inside|within|between|in|into) (?:the )?[<\[`]\w*(?:think|reason|thought|cot)\w*[>\]`]",
            rf"language (?:used )?in the {_THOUGHT}",
            rf"(?:not|never) (?:summari[sz]e|abbreviate|shorten|omit|skip)\b[^.\n]{{0,40}}\b{_THOUGHT}",
            r"not flag this as",
            r"imagine and articulate",
        ),
    ),
    _Rule(
        Cue.REASONING,
        (
            _any(
                "gedankengang gedanken denkprozess überlegung überlegungen begründungskette raisonnement pensée pensées"
                " réflexion réflexions razonamiento pensamiento pensamientos raciocínio pensamento pensamentos"
                " ragionamento pensieri muhakeme düşünce düşünceni"
            ),
        ),
        (
            r"(?:intern|innere|verborgen|vollständig|gesamt|eigen)\w*[^.\n]{0,20}(?:gedankengang|gedanken|denkprozess"
            r"|überlegung|begründungskette)",
            r"(?:raisonnement|pensées?|réflexions?)[^.\n]{0,20}(?:interne|caché|complet|intégral|mot pour mot)",
            r"(?:razonamiento|pensamientos?)[^.\n]{0,20}(?:intern|ocult|complet|oculto|palabra por palabra)",
            r"(?:raciocínio|pensamentos?)[^.\n]{0,20}(?:intern|ocult|complet|palavra por palavra)",
            r"(?:ragionamento|pensieri)[^.\n]{0,20}(?:intern|nascost|complet|parola per parola)",
            _TURKISH,
        ),
    ),
    _Rule(
        Cue.VERDICT,
        (
            _any(
                "rate score scores grade evaluate judge assess rank better prefer preferred prefers preference winner"
                " compare rubric reward rating scale bewerte beurteile evaluez évaluez évalue notez evalúa califica"
                " avalie valuta"
            ),
            _any(
                "response responses answer answers completion completions output outputs reply replies assistant"
                " candidate candidates rubric rating score scale model label antwort antworten réponse"
                " réponses respuesta respuestas resposta respostas risposta"
            ),
        ),
        (
            r"\b(?:rate|score|grade|evaluate|judge|assess|rank)\b[^.\n]{0,60}\b(?:response|answer|completion|output|reply"
            r"|assistant|candidate)s?\b",
            r"\b(?:response|answer|assistant|candidate|completion) [ab12]\b[^.\n]{0,80}\b(?:better|prefer|winner"
            r"|compare)",
            r"\b(?:scale (?:of|from)|score (?:of|from|between)) (?:0|1|one|zero)\b",
            r"\brubric\b",
            r"\[\[(?:rating|score|[abc])\]\]",
            r"\b(?:reward|preference) (?:model|score|label)",
            _GRADED,
        ),
    ),
    _Rule(
        Cue.TASKS,
        (
            _any("come generate create write produce invent"),
            _any(
                "task tasks instruction instructions prompt prompts question questions problem problems example"
                " examples dialogue dialogues conversation conversations q"
            ),
        ),
        (
            r"\b(?:come up with|generate|create|write|produce|invent)\b[^.\n]{0,40}\b(?:diverse|new|different|novel"
            r"|unique|\d+)\b[^.\n]{0,30}\b(?:task|instruction|prompt|question|problem|example|dialogue|conversation"
            r"|q&a)s?\b",
        ),
    ),
    _Rule(
        Cue.TASKS,
        (
            _any("instruction question training tuning finetuning synthetic sft"),
            _any("pair pairs data dataset datasets example examples sample samples describes"),
        ),
        (
            r"\b(?:instruction|question)[- ](?:answer|response|output) pairs?\b",
            r"\b(?:training|fine-?tuning|synthetic|sft) (?:data|dataset|example|sample)s?\b",
            r"below is an instruction that describes a task",
        ),
    ),
    _Rule(
        Cue.TOOLS,
        (
            _any("call calls action actions trajectory trajectories trace traces"),
            _any("full complete entire every all trace traces trajectory trajectories log logs sequence sequences"),
        ),
        (
            r"\b(?:full|complete|entire|every|all)\b[^.\n]{0,30}\b(?:tool[- ]call|function[- ]call|action|trajectory"
            r"|trace)(?:s|ies)?\b",
            r"\b(?:tool|function)[- ]call (?:trace|trajectory|log|sequence)s?\b",
        ),
    ),
)
# Scripts whose words are no words of `words_of`, and letters of two languages whose words have many forms.
_OTHER_SCRIPTS = re.compile(r"[ĐđĞğİıŞşƠơƯưẠ-ỹЀ-ӿ؀-ۿऀ-ॿ぀-ヿ㐀-䶿一-鿿가-힯]")
_RULES_OF_OTHER_SCRIPTS = (
    _Rule(
        Cue.REASONING,
        (),
        (
            # Chinese, Japanese, Korean, Russian, Turkish, Arabic, Vietnamese, Hindi
            r"(?:内部|隐藏|完整|真实|原始|内心|全部)[^。\n]{0,8}(?:思考|推理|思维链|思路)",
            r"(?:思考|推理|思维)(?:过程|链|内容)[^。\n]{0,12}(?:逐字|原样|完整|不要省略|全部输出)",
            r"(?:内部|隠れた|完全な|すべての)[^。\n]{0,8}(?:思考|推論)",
            r"(?:내부|숨겨진|전체)[^.\n]{0,8}(?:추론|사고)",
            r"(?:внутренн|скрыт|полн|исходн)\w*[^.\n]{0,20}(?:рассужд|размышл|ход мысл)",
            _TURKISH,
            r"(?:التفكير|الاستدلال)[^.\n]{0,12}(?:الداخلي|الخفي|الكامل)",
            r"(?:suy luận|suy nghĩ)[^.\n]{0,12}(?:nội bộ|ẩn|đầy đủ)",
            r"(?:आंतरिक|छिपे|पूरा)[^।\n]{0,12}(?:तर्क|विचार)",
        ),
    ),
    _Rule(Cue.VERDICT, (), (r"(?:评分|打分|评判|哪个回答|更好的回答)", r"(?:採点|評価して|点数)", _GRADED)),
    _Rule(Cue.TASKS, (), (r"(?:训练数据|指令数据|生成[^。\n]{0,10}(?:个|条)[^。\n]{0,8}(?:问题|指令|任务))",)),
)
# Each needed set is a bit, and so is a letter of another script.
_SETS = tuple({words: None for rule in _RULES for words in rule.needed})
_BITS = {word: sum(1 << at for at, words in enumerate(_SETS) if word in words) for word in frozenset().union(*_SETS)}
_OTHER_SCRIPT = 1 << len(_SETS)


def _compiled(rule: _Rule) -> tuple[int, int, re.Pattern[str]]:
    """(bits that it needs, its cue, its patterns)"""
    needed = sum(1 << _SETS.index(words) for words in rule.needed) or _OTHER_SCRIPT
    return needed, int(rule.cue), re.compile("|".join(f"(?:{pattern})" for pattern in rule.patterns))


_COMPILED = tuple(map(_compiled, (*_RULES, *_RULES_OF_OTHER_SCRIPTS)))


def cues(asked: Asked, newest_words: Sequence[str], request: Mapping[str, Any]) -> Cue:
    """Which cues the instructions, the newest turn (`newest_words`: `words_of` it) and the settings show."""
    found = _in_instructions(asked.system) if asked.system else 0
    found |= _in_text(asked.newest, newest_words)
    if request.get("logit_bias") or request.get("top_logprobs") or request.get("logprobs"):
        found |= Cue.DISTRIBUTION
    return Cue(found)


@lru_cache(maxsize=1 << 10)
def _in_instructions(text: str) -> int:
    return _in_text(text, words_of(text))


def _in_text(text: str, words: Sequence[str]) -> int:
    has = 0
    for word in filter(_BITS.__contains__, words):
        has |= _BITS[word]
    if not text.isascii() and _OTHER_SCRIPTS.search(text):
        has |= _OTHER_SCRIPT
    if not has:
        return 0
    found = 0
    lowered = ""
    for needed, cue, pattern in _COMPILED:
        if has & needed == needed and not found & cue:
            lowered = lowered or cut(text).lower()
            if pattern.search(lowered):
                found |= cue
    return found
