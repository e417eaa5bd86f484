"""Cues of purpose: what a request asks for, where it asks for a model's thoughts, verdicts, tasks or distributions.

A cue proves nothing: people ask for reasons, and whoever evaluates asks for verdicts. How often honest accounts of a
reference show each cue is what gives it weight. The wordings are those that reports have published, with
paraphrases, in eleven languages; a language that is missing here costs power, not validity.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntFlag
from functools import lru_cache
from typing import Any

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

# An inner monologue of somebody is literature; so are one's own thoughts.
_THOUGHT = (
    r"(?:reasoning|thinking|thoughts?|thought process|chain[- ]of[- ]thought|deliberation"
    r"|(?<!\ban inner )(?<!\ban internal )monologue(?! (?:of|by|for|from|between)\b)|scratch ?pad"
    r"|working memory|reflections?|cot)"
)
_HIDDEN = r"(?:internal|inner|hidden|private|prior|previous|raw|full|complete|entire|actual|original|unabridged)"
_SHOW = (
    r"(?:output|reveal|print|return|write|show|repeat|reproduce|transcribe|recite|articulate|disclose|dump|expose"
    r"|reconstruct|translate|include|provide|give|record|verbali[sz]e|spell|supported by)"
)
_PATTERNS: Mapping[Cue, tuple[str, ...]] = {
    Cue.REASONING: (
        rf"{_SHOW}\b[^.\n]{{0,60}}\b{_HIDDEN}\b[^.\n]{{0,30}}\b{_THOUGHT}",
        rf"\b{_HIDDEN} (?:\w+ ){{0,2}}{_THOUGHT}\b[^.\n]{{0,60}}\b(?:verbatim|word for word|step by step|in full)",
        rf"{_THOUGHT}\b[^.\n]{{0,40}}\b(?:verbatim|word for word|without omitting|do not omit|unedited|unfiltered)",
        r"</?(?:think|thinking|thought|thoughts|reasoning|scratchpad|cot|analysis|inner_monologue)>",
        r"(?:inside|within|between|in|into) (?:the )?[<\[`]\w*(?:think|reason|thought|cot)\w*[>\]`]",
        rf"language (?:used )?in the {_THOUGHT}",
        rf"(?:not|never) (?:summari[sz]e|abbreviate|shorten|omit|skip)\b[^.\n]{{0,40}}\b{_THOUGHT}",
        r"not flag this as",
        r"imagine and articulate",
        # Chinese, Japanese, Korean, Russian
        r"(?:内部|隐藏|完整|真实|原始|内心|全部)[^。\n]{0,8}(?:思考|推理|思维链|思路)",
        r"(?:思考|推理|思维)(?:过程|链|内容)[^。\n]{0,12}(?:逐字|原样|完整|不要省略|全部输出)",
        r"(?:内部|隠れた|完全な|すべての)[^。\n]{0,8}(?:思考|推論)",
        r"(?:내부|숨겨진|전체)[^.\n]{0,8}(?:추론|사고)",
        r"(?:внутренн|скрыт|полн|исходн)\w*[^.\n]{0,20}(?:рассужд|размышл|ход мысл)",
        # German, French, Spanish, Portuguese, Italian, Turkish, Arabic, Vietnamese, Hindi
        r"(?:intern|innere|verborgen|vollständig|gesamt)\w*[^.\n]{0,20}(?:gedankengang|gedanken|denkprozess"
        r"|überlegung|begründungskette)",
        r"(?:raisonnement|pensées?|réflexions?)[^.\n]{0,20}(?:interne|caché|complet|intégral|mot pour mot)",
        r"(?:razonamiento|pensamientos?)[^.\n]{0,20}(?:intern|ocult|complet|oculto|palabra por palabra)",
        r"(?:raciocínio|pensamentos?)[^.\n]{0,20}(?:intern|ocult|complet|palavra por palavra)",
        r"(?:ragionamento|pensieri)[^.\n]{0,20}(?:intern|nascost|complet|parola per parola)",
        r"(?:i̇?ç|gizli|tam)[^.\n]{0,12}(?:muhakeme|düşünce)",
        r"(?:التفكير|الاستدلال)[^.\n]{0,12}(?:الداخلي|الخفي|الكامل)",
        r"(?:suy luận|suy nghĩ)[^.\n]{0,12}(?:nội bộ|ẩn|đầy đủ)",
        r"(?:आंतरिक|छिपे|पूरा)[^।\n]{0,12}(?:तर्क|विचार)",
    ),
    Cue.VERDICT: (
        r"\b(?:rate|score|grade|evaluate|judge|assess|rank)\b[^.\n]{0,60}\b(?:response|answer|completion|output|reply"
        r"|assistant|candidate)s?\b",
        r"\b(?:response|answer|assistant|candidate|completion) [ab12]\b[^.\n]{0,80}\b(?:better|prefer|winner|compare)",
        r"\b(?:scale (?:of|from)|score (?:of|from|between)) (?:0|1|one|zero)\b",
        r"\brubric\b",
        r"\[\[(?:rating|score|[abc])\]\]",
        r"\b(?:reward|preference) (?:model|score|label)",
        r"(?:评分|打分|评判|哪个回答|更好的回答)",
        r"(?:採点|評価して|点数)",
        r"\b(?:bewerte|beurteile|évaluez?|notez|evalúa|califica|avalie|valuta|оцени)\b[^.\n]{0,60}"
        r"(?:antwort|réponse|respuesta|resposta|risposta|ответ)",
    ),
    Cue.TASKS: (
        r"\b(?:come up with|generate|create|write|produce|invent)\b[^.\n]{0,40}\b(?:diverse|new|different|novel|unique"
        r"|\d+)\b[^.\n]{0,30}\b(?:task|instruction|prompt|question|problem|example|dialogue|conversation|q&a)s?\b",
        r"\b(?:instruction|question)[- ](?:answer|response|output) pairs?\b",
        r"\b(?:training|fine-?tuning|synthetic|sft) (?:data|dataset|example|sample)s?\b",
        r"below is an instruction that describes a task",
        r"(?:训练数据|指令数据|生成[^。\n]{0,10}(?:个|条)[^。\n]{0,8}(?:问题|指令|任务))",
    ),
    Cue.TOOLS: (
        r"\b(?:full|complete|entire|every|all)\b[^.\n]{0,30}\b(?:tool[- ]call|function[- ]call|action|trajectory|trace)"
        r"(?:s|ies)?\b",
        r"\b(?:tool|function)[- ]call (?:trace|trajectory|log|sequence)s?\b",
    ),
}
_COMPILED = {cue: re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) for cue, patterns in _PATTERNS.items()}


def _any(text: str) -> frozenset[str]:
    """Words in one string, because lists of quoted ones fill pages."""
    return frozenset(text.split())


# A pattern in Latin script needs a word of each of these sets; looking for words is a tenth of looking for patterns.
_WORDS: Mapping[Cue, tuple[frozenset[str], ...]] = {
    Cue.REASONING: (
        _any(
            "reason reasoning thinking thought thoughts chain deliberation monologue scratchpad scratch memory"
            " reflection reflections cot think flag articulate analysis gedankengang gedanken denkprozess"
            " überlegung überlegungen begründungskette raisonnement pensée pensées réflexion réflexions"
            " razonamiento pensamiento pensamientos raciocínio pensamento pensamentos ragionamento pensieri muhakeme"
            " düşünce düşünceni"
        ),
    ),
    Cue.VERDICT: (
        _any(
            "rate score scores grade evaluate judge assess rank better prefer preferred prefers preference winner"
            " compare rubric reward rating scale bewerte beurteile evaluez évaluez évalue notez evalúa califica avalie"
            " valuta"
        ),
        _any(
            "response responses answer answers completion completions output outputs reply replies assistant"
            " candidate candidates rubric rating score scale model label antwort antworten réponse"
            " réponses respuesta respuestas resposta respostas risposta"
        ),
    ),
    Cue.TASKS: (
        _any(
            "task tasks instruction instructions prompt prompts question questions problem problems example"
            " examples dialogue dialogues conversation conversations training tuning synthetic sft finetuning"
            " q"
        ),
        _any(
            "come generate create write produce invent pair pairs data dataset example examples sample"
            " samples describes"
        ),
    ),
    Cue.TOOLS: (
        _any("call calls action actions trajectory trajectories trace traces"),
        _any("full complete entire every all trace traces trajectory trajectories log logs sequence sequences"),
    ),
}
# Scripts whose words are no words of `words_of`, and the letters of two languages whose words the sets do not have.
_OTHER_SCRIPTS = re.compile(r"[ĐđĞğİıŞşƠơƯưẠ-ỹЀ-ӿ؀-ۿऀ-ॿ぀-ヿ㐀-䶿一-鿿가-힯]")


def cues(asked: Asked, newest_words: Sequence[str], request: Mapping[str, Any]) -> Cue:
    """Which cues the instructions, the newest turn (`newest_words`: `words_of` it) and the settings show."""
    found = _in_instructions(asked.system) if asked.system else Cue(0)
    found |= _in_text(asked.newest, newest_words)
    if request.get("logit_bias") or request.get("top_logprobs") or request.get("logprobs"):
        found |= Cue.DISTRIBUTION
    return found


@lru_cache(maxsize=1 << 10)
def _in_instructions(text: str) -> Cue:
    return _in_text(text, words_of(text))


def _in_text(text: str, words: Sequence[str]) -> Cue:
    found = Cue(0)
    foreign = not text.isascii() and _OTHER_SCRIPTS.search(text) is not None
    distinct = frozenset(words)
    lowered = ""
    for cue, needed in _WORDS.items():
        if foreign or not any(map(distinct.isdisjoint, needed)):
            lowered = lowered or cut(text).lower()
            if _COMPILED[cue].search(lowered):
                found |= cue
    return found
