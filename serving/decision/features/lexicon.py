"""Lexicon of the words that characterise a request, in groups; a word is in one group, group order is feature order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_GROUPS: Final[Mapping[str, str]] = {
    # what is asked for
    "compute": (
        "solve compute calculate evaluate determine find simplify factor integrate differentiate estimate multiply "
        "divide subtract add berechne löse bestimme finde calcula calcular resuelve resolver encuentra determina "
        "calculez calcule résoudre trouve prove proof show derive verify justify theorem lemma demonstrate "
        "contradiction induction beweise zeige demuestra simulate trace execute run apply perform iterate repeat "
        "repeatedly follow cycle rounds step steps sort sorted order rank reverse ascending descending alphabetical "
        "arrange reorder sequence count counting occurrences convert transform rotate replace insert remove delete "
        "swap shift move moves append split merge combine encode decode zähle cuenta"
    ),
    "judge": (
        "explain describe discuss clarify interpret illustrate elaborate outline teach introduce tutorial erkläre "
        "erläutere beschreibe explica explique décris compare contrast weigh versus vs tradeoff tradeoffs pros cons "
        "advantages disadvantages assess analyze analyse critique recommend recommendation decide choose whether "
        "vergleiche bewerte empfiehl analysiere compara evalúa recomienda analiza comparez plan schedule design "
        "organize organise strategy roadmap architecture allocate assign itinerary prioritize prioritise plane "
        "entwickle planifica diseña"
    ),
    "write": (
        "write compose draft generate create essay story poem email blog speech slogan song schreibe verfasse "
        "erstelle entwirf escribe redacta crea écris rédige summarize summarise summary condense shorten abstract "
        "translate translation rewrite rephrase paraphrase edit proofread correct polish tone grammar zusammen "
        "übersetze korrigiere formuliere resume resumen résume traduce traduis corrige mejora reescribe"
    ),
    "code": (
        "fix debug refactor implement optimize optimise deploy migrate configure test tests error bug exception "
        "traceback crash fails broken implementiere behebe arregla depura code python javascript typescript java rust "
        "golang sql html css bash shell class method api json script algorithm program library regex database query "
        "docker kubernetes git server def return import const var void int str bool elif lambda async await select "
        "join println printf self null"
    ),
    "pick": (
        "list enumerate name mention classify categorize categorise label tag sentiment category extract parse "
        "retrieve identify highlight nenne liste klassifiziere extrahiere lista enumera nombra clasifica extrae"
    ),
    # the form of the question
    "ask": (
        "who whom whose where when what which wer wo wann was welche welcher quién dónde cuándo qué cuál quel quelle "
        "how many much wie wieviel viele cómo cuántos cuántas comment combien why warum weshalb pourquoi cause causes "
        "reason reasons because"
    ),
    "follow_up": (
        "yes ok okay sure continue ahead again thanks thank please hello hi hey ja danke bitte weiter sí gracias "
        "adelante oui merci"
    ),
    # constraints and logic
    "bind": (
        "must should shall need needs require requires required ensure cannot can't allowed valid invalid possible "
        "impossible constraint constraints rule rules condition conditions muss müssen debe deben doit every each all "
        "any none both either neither same different distinct unique exactly once per jede jeder alle cada todos "
        "chaque least most maximum minimum max min fewest shortest longest largest smallest greatest highest lowest "
        "optimal optimum best limit within exceed above below between"
    ),
    "logic": (
        "if then else or and implies iff therefore thus hence suppose assume given let true false statement "
        "statements otherwise premise conclusion wenn dann entonces not no never without except unless nor don't "
        "doesn't isn't nicht kein keine nunca sin ohne"
    ),
    # what it is about
    "maths": (
        "equation equations function integral derivative polynomial prime primes divisor divisible multiple matrix "
        "vector probability integer integers root roots modulo variable expression fraction decimal digit digits "
        "number numbers arithmetic algebra odds triangle angle circle rectangle one two three four five six seven "
        "eight nine ten eleven twelve hundred thousand million half twice double triple third quarter dozen percent "
        "total sum average mean difference remaining more less fewer"
    ),
    "space": (
        "left right up down north south east west point points line lines row rows column columns grid cell cells "
        "board square squares horizontal vertical diagonal adjacent coordinates degrees clockwise edge edges vertices "
        "graph node nodes path"
    ),
    "everyday": (
        "day days week weeks month months year years hour hours minute minutes second seconds date monday tuesday "
        "wednesday thursday friday saturday sunday january february march april june july august september october "
        "november december duration deadline price cost costs usd dollar dollars euro euros cents pay paid buy sell "
        "sold profit tax salary budget revenue interest loan invest investment"
    ),
    "letters": (
        "letter letters word words string strings character characters substring vowel vowels consonant palindrome "
        "anagram spell spelling prefix suffix uppercase lowercase alphabet sentence sentences"
    ),
    "puzzle": ("puzzle riddle game player players clue clues guess truth lies lying liar solution winning trick"),
    "format": (
        "answer answers output respond response reply provide format formatted formatting xml yaml csv markdown table "
        "bullet bullets paragraph paragraphs separated comma brackets quotes final example examples input only just "
        "brief briefly short concise simply single directly nur kurz solo breve seulement"
    ),
    "expert": (
        "patient patients symptoms disease diagnosis treatment drug dose clinical therapy syndrome acute chronic "
        "infection cancer medical physician hospital legal law contract liability risk risks compliance regulation "
        "court financial portfolio safety security merger acquisition executive"
    ),
    "people": ("he she his her him you we they them i my your our"),
    # languages by their commonest words
    "english": ("the of to a in is that for it as with on are be this by at an have can will would"),
    "continental": (
        "der die das und ist ein eine den mit von zu für auf im sich auch des dem ich sie el la los las y es un una "
        "que de en por para con del se como más su o le les et est dans pour qui sur au pas du ce il elle nous vous "
        "je os não uma di che"
    ),
}

_HAN: Final[Mapping[str, str]] = {
    "compute": "计算 求 解方程 多少 几 证明 推导 排序 转换 统计",
    "judge": "解释 说明 介绍 描述 比较 分析 评估 建议 权衡 计划 规划 设计 安排",
    "write": "写 创作 生成 总结 翻译 改写 润色",
    "code": "修复 调试 实现 优化 代码 函数 程序",
    "pick": "列出 分类 提取",
    "ask": "什么 谁 哪 如何 怎么 怎样 为什么 原因",
    "bind": "必须 需要 应该 每 所有 至少 最多 最大 最小 最短",
    "logic": "如果 假设 则 或者 不 没有",
    "format": "回答 输出 格式 只 简短",
}

GROUPS: Final[tuple[str, ...]] = tuple(_GROUPS)

WORD_GROUP: Final[Mapping[bytes, int]] = {
    word.encode("latin-1"): place for place, words in enumerate(_GROUPS.values()) for word in words.split()
}
"""Group of a lower-case Latin-1 word; no word is listed twice."""

HAN_GROUP: Final[Mapping[str, int]] = {
    part: GROUPS.index(group) for group, parts in _HAN.items() for part in parts.split()
}
"""Group of a Chinese substring: the text has no spaces to split at."""
