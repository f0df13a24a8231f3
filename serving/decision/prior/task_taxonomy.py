"""Task taxonomy: kinds of task, phrases that ask for them in four languages, prior success and uplift of each.

The figures are rough priors for a current model without and with high effort (good to one digit); they serve until
there is a history. Languages: English, German, Spanish and Chinese. Long, because it is a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serving.decision.types import Bucket


@dataclass(frozen=True, slots=True)
class TaskKind:
    """One kind of task.

    Parameters
    ----------
    name
        As in `task` labels.
    bucket
        Expected bucket: reasoning pays, may pay, does not pay.
    direct
        P(success) without reasoning.
    uplift, lower, upper
        Of high effort over none.
    request_phrases
        Phrases that ask for it, separated by commas; `*` stands for any ending, `...` for some words in between.
    topic_phrases
        Phrases that only indicate it.
    aliases
        Other labels for the same task.
    """

    name: str
    bucket: Bucket
    direct: float
    uplift: float
    lower: float
    upper: float
    request_phrases: str
    topic_phrases: str = ""
    aliases: tuple[str, ...] = ()


KINDS: Final[tuple[TaskKind, ...]] = (
    TaskKind(
        name="maths",
        bucket="use",
        direct=0.55,
        uplift=0.25,
        lower=0.12,
        upper=0.38,
        request_phrases=(
            "solve for, solve the, solve, calculate, compute, prove, show that, evaluate the, differentiate, "
            "integrate, simplify, factor, find the value, find all, find the smallest, find the largest, "
            "find x, how many, how much, how long does it take, how far, at what, what is the probability, "
            "what is the sum, what is the remainder, what are the odds, logic puzzle, sudoku, "
            "knights and knaves, "
            "berechne*, löse die gleichung, löse, beweise*, zeige dass, bestimme*, ermittle*, vereinfache*, "
            "wie viel*, wieviel*, wie groß, wie hoch, wie lange braucht, wie weit, wie wahrscheinlich, "
            "calcula*, resuelve*, demuestra*, halla, hallar, determina*, simplifica*, cuánto, cuántos, "
            "cuánta, cuántas, cuál es la probabilidad, a qué, "
            "计算, 求解, 求, 证明, 解方程, 多少, 概率是, 几个, 几只, 多久, 解不等式"
        ),
        topic_phrases=(
            "equation*, integral*, derivative*, polynomial*, theorem, lemma, prime*, modulo, divisible, "
            "probability, triangle, percent*, average, per hour, remainder, in total, altogether, left over, "
            "times as many, matrix, "
            "gleichung*, ableitung, wahrscheinlichkeit, prozent, primzahl*, insgesamt, übrig, durchschnitt*, "
            "pro stunde, dreieck, "
            "ecuaci*, derivada, probabilidad, por ciento, primo*, triángulo, en total, promedio, por hora, "
            "quedan, "
            "方程, 积分, 导数, 概率, 三角形, 百分之, 小时, 整数, 质数, 一共, 平均, 还剩"
        ),
        aliases=("math", "mathematics", "arithmetic", "algebra", "word_problem", "logic", "puzzle"),
    ),
    TaskKind(
        name="planning",
        bucket="use",
        direct=0.58,
        uplift=0.20,
        lower=0.10,
        upper=0.32,
        request_phrases=(
            "plan, make a ... plan, make a ... schedule, create a ... plan, create a ... schedule, draw up, "
            "work out a ... plan, schedule, timetable, roadmap, itinerary, rollout plan, migration plan, "
            "step by step plan, organise, organize, sequence the, assign ... shifts, assign ... to, "
            "allocate, roster, in what order should, we move, "
            "plane, plant, planen, erstelle ... *plan, stelle ... auf, zeitplan, fahrplan, schichtplan, "
            "dienstplan, entwirf ... *plan, mache ... *plan, verteile*, teile ... ein, ordne ... schichten, "
            "in welcher reihenfolge, reiseplan, "
            "planifica*, planea*, elabora ... plan, crea ... plan, haz ... plan, cronograma, organiza*, "
            "reparte*, distribuye*, asigna*, en qué orden, itinerario, hoja de ruta, "
            "制定 ... 计划, 计划, 规划, 安排, 日程, 排班, 分配, 行程, 路线图"
        ),
        topic_phrases=(
            "constraint*, conditions, depend*, milestone*, before, at the same time, in parallel, shift*, "
            "deadline*, days, weeks, budget, at most, must not, nobody, "
            "nebenbedingung*, bedingung*, abhängig*, gleichzeitig, schicht*, tage, wochen, frist*, "
            "höchstens, niemand, "
            "restriccion*, condicion*, depend*, antes de, turno*, días, semanas, plazo*, como máximo, nadie, "
            "约束, 条件, 依赖, 之前, 同时, 截止, 天内, 不能, 班次, 预算"
        ),
        aliases=("multi_step_planning", "plan", "scheduling"),
    ),
    TaskKind(
        name="trade_off",
        bucket="use",
        direct=0.6,
        uplift=0.17,
        lower=0.09,
        upper=0.28,
        request_phrases=(
            "trade off, trade offs, tradeoff, tradeoffs, pros and cons, weigh, which should we, "
            "which option, which of these, should we, should i, compare, recommend, decide between, "
            "choose between, advantages and disadvantages, is it worth, are considering whether, "
            "considering whether, decide whether, deciding whether, should ... pick, should ... choose, "
            "should ... use, should ... buy, whether to, what would you choose, "
            "abwäg*, wäge*, vor und nachteile, sollen wir, sollten wir, soll ich, sollte ich, vergleiche*, "
            "empfiehl*, empfehl*, entscheide zwischen, entscheidung zwischen, lohnt sich, überlegen ob, "
            "überlege ob, hilf ... entscheiden, ob ich besser, ob wir besser, zur wahl, was spricht für, "
            "ventajas y desventajas, pros y contras, deberíamos, debería, compara, comparar, recomienda*, "
            "decidir entre, elegir entre, ayúdame a decidir, no sabemos si, no sé si, conviene, sopesa*, "
            "merece la pena, dudamos si, estamos pensando si, nos planteamos, "
            "权衡, 利弊, 优缺点, 比较, 应该选择, 该选, 该不该, 推荐, 建议选, 是否应该, 值不值得"
        ),
        topic_phrases=(
            "versus, vs, latency, costs, quality, risk*, option*, alternative*, criteria, "
            "alternativ*, option*, kosten, qualität, risiko, risiken, gegenüber, kriteri*, "
            "coste, costes, calidad, riesgo*, frente a, opciones, alternativa*, criterio*, "
            "成本, 质量, 风险, 方案, 还是, 选项"
        ),
        aliases=("tradeoff", "trade_offs", "comparison", "decision"),
    ),
    TaskKind(
        name="code_architecture",
        bucket="maybe",
        direct=0.62,
        uplift=0.07,
        lower=-0.04,
        upper=0.20,
        request_phrases=(
            "design a ... system, design a ... service, design a ... schema, design an ... api, design the, "
            "system design, architect, architecture for, architecture of, how would you structure, "
            "how should we structure, propose an architecture, data model for, break ... into services, "
            "split ... into services, how would you scale, how should we scale, "
            "entwirf ... architektur, entwirf ... system, entwirf ... api, entwirf ... dienst, "
            "architektur für, architektur von, wie würdest du ... aufbauen, wie sollten wir ... aufbauen, "
            "datenmodell für, wie skalier*, "
            "diseña*, propón ... arquitectura, arquitectura de, arquitectura para, cómo estructurar*, "
            "modelo de datos para, cómo escala*, "
            "设计一个系统, 设计 ... 架构, 架构, 系统设计, 设计 ... 系统, 如何扩展"
        ),
        topic_phrases=(
            "microservice*, monolith, scalab*, throughput, event driven, queue*, sharding, multi tenant, "
            "tenants, regions, consisten*, components, one server, "
            "modul*, monolith, schnittstelle*, skalier*, durchsatz, warteschlange*, mandanten*, komponente*, "
            "regionen, "
            "microservicio*, monolito, escalab*, cola, colas, módulo*, inquilino*, componente*, regiones, "
            "微服务, 单体, 可扩展, 高并发, 队列, 模块, 租户, 组件"
        ),
        aliases=("architecture", "system_design"),
    ),
    TaskKind(
        name="synthesis",
        bucket="maybe",
        direct=0.6,
        uplift=0.08,
        lower=-0.03,
        upper=0.22,
        request_phrases=(
            "synthesise, synthesize, draw ... conclusion, what does the evidence, assess the ... liability, "
            "assess the ... risk, due diligence, legal opinion, risk assessment, differential diagnosis, "
            "memo for, board paper, briefing for, opinion for, filing for, safety case, reconcile, "
            "stellungnahme, gutachten, risikobewertung, bewerte ... haftung, bewerte ... risiko, "
            "ziehe ... fazit, führe ... zusammen, vorlage für, bericht für den vorstand, "
            "sicherheitsnachweis, differentialdiagnose, "
            "dictamen, informe para, evalúa ... riesgo, evalúa ... responsabilidad, sintetiza*, memorando, "
            "nota para, diagnóstico diferencial, "
            "综合, 尽职调查, 法律意见, 风险评估, 鉴别诊断, 评估, 报告给, 意见书"
        ),
        topic_phrases=(
            "contract*, liability, clause*, regulat*, complian*, patient*, diagnos*, merger, acquisition, "
            "acquire, lawsuit*, evidence, investor*, committee, sources, contradict*, board, trial, "
            "vertrag*, haftung, klausel*, aufsicht*, übernahme, befund*, quellen, widerspr*, vorstand, "
            "ausschuss, beleg*, "
            "contrato*, responsabilidad, cláusula*, normativa, paciente*, fusión, demanda, evidencia, "
            "fuentes, contradic*, consejo, comité, "
            "合同, 责任, 条款, 合规, 患者, 并购, 诉讼, 证据, 监管, 来源, 矛盾, 董事会, 委员会"
        ),
        aliases=("high_stakes_synthesis", "high_stakes", "legal", "medical"),
    ),
    TaskKind(
        name="code",
        bucket="maybe",
        direct=0.68,
        uplift=0.07,
        lower=-0.02,
        upper=0.18,
        request_phrases=(
            "write a ... function, write a ... program, write a ... script, write a ... query, "
            "write a ... class, write a ... test, write ... code, need ... code, implement, debug, "
            "fix the bug, fix ... bug, find the bug, why does this code, refactor, unit test*, "
            "port ... module, port this, python code, in python, in javascript, in typescript, in java, "
            "in rust, in kotlin, in sql, in go, in c, "
            "schreibe ... funktion, schreib ... funktion, schreibe ... programm, schreibe ... skript, "
            "schreibe ... code, schreibe ... abfrage, implementier*, behebe ... fehler, finde den fehler, "
            "debugge*, portiere*, refaktorier*, "
            "escribe ... función, escribe ... programa, escribe ... script, escribe ... código, "
            "escribe ... consulta, implementa*, depura*, corrige el error, encuentra el error, porta, "
            "refactoriza*, "
            "写一个函数, 函数, 编写, 实现, 调试, 修复, 写代码, 代码, 移植, 重构"
        ),
        topic_phrases=(
            "def, return, traceback, exception, stack trace, null pointer, python, javascript, typescript, "
            "sql, kotlin, rust, java, function*, compile*, edge case*, race condition, race, overflow, "
            "unit tests, "
            "funktion*, fehlermeldung, python, quelltext, laufzeit, eingaben, "
            "función, funciones, excepción, python, código, entrada vacía, "
            "报错, 算法, 异常, python, 输入为空, 复杂度"
        ),
        aliases=("coding", "programming", "debugging"),
    ),
    TaskKind(
        name="trick_question",
        bucket="maybe",
        direct=0.55,
        uplift=0.12,
        lower=-0.02,
        upper=0.28,
        request_phrases=(
            "riddle, trick question, think carefully, how many letters, how many times does the letter, "
            "how many ... in the word, which is heavier, which weighs more, what weighs more, "
            "have i got left, "
            "rätsel, fangfrage, scherzfrage, wie oft kommt der buchstabe, wie viele ... im wort, "
            "was ist schwerer, was wiegt mehr, "
            "acertijo, adivinanza, pregunta trampa, cuántas veces aparece la letra, cuántas letras, "
            "qué pesa más, "
            "谜语, 脑筋急转弯, 陷阱, 哪个更重, 有几个字母, 哪个重"
        ),
        topic_phrases=(
            "all but, survivor*, everyone except, weigh more, letter, "
            "alle außer, bis auf, buchstabe*, "
            "todos menos, salvo, letra, "
            "除了, 幸存者, 字母"
        ),
        aliases=("riddle",),
    ),
    TaskKind(
        name="extraction",
        bucket="avoid",
        direct=0.92,
        uplift=0.00,
        lower=-0.04,
        upper=0.02,
        request_phrases=(
            "extract, pull ... out, pull the, list all, list every, list the names, find all mentions, "
            "which names, which ... are mentioned, who is mentioned, what ... are mentioned, parse, "
            "fill in the fields, identify all, return the, return ... name, return ... number, "
            "return ... date, what is the invoice number, get the, "
            "extrahier*, entnimm, lies ... aus, zieh ... aus, nenne alle, nenne die, liste alle, "
            "liste ... auf, suche alle, welche ... werden genannt, welche ... kommen vor, wer wird erwähnt, "
            "wer wird genannt, "
            "extrae*, extraiga*, saca, enumera, identifica tod*, lista tod*, qué ... se mencionan, "
            "quién se menciona, quiénes se mencionan, devuelve, "
            "提取, 抽取, 找出, 列出, 摘出, 提到了"
        ),
        topic_phrases=(
            "from the text, from this, in the text, of this text, source, invoice*, email address*, "
            "phone number*, order number, each line, every line, names, dates, "
            "aus dem text, im text, rechnung*, telefonnummer*, bestellnummer, jeder zeile, quelle, "
            "del texto, en el texto, factura*, correo*, teléfono*, pedido, cada línea, fuente, "
            "文中, 发票, 邮箱, 电话, 订单, 以下文本, 每一行, 人名"
        ),
        aliases=("information_extraction", "ner", "parsing"),
    ),
    TaskKind(
        name="classification",
        bucket="avoid",
        direct=0.9,
        uplift=0.01,
        lower=-0.04,
        upper=0.02,
        request_phrases=(
            "classify, categorize, categorise, label, which category, which label, what category, "
            "is this spam, spam or not, sentiment, positive or negative, positive neutral or negative, "
            "positive negative or neutral, is it positive, assign one of, tag this, tag the, category, "
            "triage, route this, urgent or not, is this urgent, "
            "klassifizier*, ordne ... kategorie, ordne ... zu, welche kategorie, welcher kategorie, "
            "kategorie, ist das spam, stimmung, einordnen, positiv neutral oder negativ, "
            "positiv oder negativ, dringend oder nicht, "
            "clasifica*, qué categoría, categoría, categoriza*, etiqueta*, es spam, sentimiento, "
            "positivo neutro o negativo, positivo o negativo, es positivo, urgente o no, "
            "分类, 归类, 哪一类, 情感, 属于哪, 标签, 判断, 类别, 正面还是负面"
        ),
        topic_phrases=(
            "neutral, ticket*, review*, customer*, feedback, one word, complaint*, "
            "bewertung*, neutral, kunde*, kundin*, ein wort, beschwerde*, "
            "reseña*, neutro, cliente*, una palabra, queja*, "
            "正面, 负面, 中性, 评论, 工单, 客户, 一个词, 投诉"
        ),
        aliases=("sentiment", "labelling", "labeling", "intent", "moderation"),
    ),
    TaskKind(
        name="formatting",
        bucket="avoid",
        direct=0.94,
        uplift=0.00,
        lower=-0.04,
        upper=0.02,
        request_phrases=(
            "format the, format this, format these, reformat, convert, turn this into, "
            "turn ... into a table, turn ... into json, as json, as yaml, as csv, as a table, as a markdown, "
            "as an html, into json, into csv, into yaml, into a table, into a list, to yaml, to markdown, "
            "to csv, pretty print, sort the, sort these, put this in, in iso format, "
            "formatier*, wandle ... um, konvertier*, als tabelle, als json, als yaml, als csv, in json, "
            "in yaml, in csv, in eine tabelle, sortier*, im iso format, bring ... form, "
            "formatea*, convierte*, pasa ... a, pásalo, en formato, como tabla, como json, a json, a csv, "
            "a yaml, a una tabla, ordena*, "
            "格式化, 转换, 转成, 转为, 改成json, 表格, 排序, 写成, 整理成"
        ),
        topic_phrases=(
            "json, csv, yaml, xml, markdown, html, table, bullet*, iso, columns, "
            "json, csv, yaml, tabelle, spalte*, markdown, liste, "
            "json, csv, yaml, tabla, columna*, markdown, lista, "
            "列, 字段, 格式, json, csv, yaml, markdown"
        ),
        aliases=("format", "conversion", "transform"),
    ),
    TaskKind(
        name="rewriting",
        bucket="avoid",
        direct=0.9,
        uplift=0.00,
        lower=-0.06,
        upper=0.02,
        request_phrases=(
            "rewrite, rephrase, reword, paraphrase, proofread, make this, make it, polish, correct the, "
            "fix the grammar, fix ... spelling, fix ... grammar, keep the meaning, translate, "
            "change the tone, more formal, more friendly, say this, write a ... description, write an email, "
            "write a ... email, write a ... post, write a ... message, write a ... letter, "
            "write a ... slogan, draft a, draft an, "
            "formulier*, umformulier*, schreibe ... um, schreib ... um, überarbeite*, korrigier*, übersetz*, "
            "höflicher, freundlicher, verbessere*, mach ... höflich, schreibe ... beschreibung, "
            "schreibe ... mail, schreibe ... brief, mache ... daraus, "
            "reescrib*, parafrase*, reformula*, corrige, traduce*, más formal, más amable, redacta*, "
            "escribe ... descripción, escribe ... correo, escribe ... carta, hazlo, mejora*, "
            "改写, 重写, 润色, 翻译, 修改语气, 更正式, 更礼貌, 改正, 语法, 改得, 写一段, 写一封"
        ),
        topic_phrases=(
            "tone, grammar, spelling, formal, friendly, polite, words, "
            "ton, grammatik, rechtschreibung, förmlich, freundlich, wörter, "
            "tono, gramática, ortografía, formal, amable, palabras, "
            "语气, 通顺, 错别字"
        ),
        aliases=("rewrite", "editing", "translation", "paraphrase", "writing"),
    ),
    TaskKind(
        name="summarising",
        bucket="avoid",
        direct=0.9,
        uplift=0.01,
        lower=-0.04,
        upper=0.02,
        request_phrases=(
            "summarize, summarise, summary of, sum up, tl dr, tldr, in one sentence, in two sentences, "
            "in three sentences, key points, key takeaways, main points, main point, action items, shorten, "
            "condense, the gist, in a nutshell, what happened, "
            "fasse ... zusammen, fass ... zusammen, zusammenfass*, kernaussage*, wichtigsten punkte, kürze, "
            "in einem satz, in zwei sätzen, in drei sätzen, worum geht es, aufgaben aus, "
            "resum*, puntos clave, ideas principales, en una frase, en dos frases, en tres frases, acorta*, "
            "de qué trata, tareas de, "
            "总结, 概括, 摘要, 归纳, 要点, 一句话, 概述, 待办"
        ),
        topic_phrases=(
            "article, notes, minutes, transcript, report, "
            "artikel, protokoll, bericht, "
            "artículo, acta, informe, transcripción, "
            "文章, 会议, 纪要, 报告"
        ),
        aliases=("summary", "summarization", "summarisation", "summaries"),
    ),
    TaskKind(
        name="trivia",
        bucket="avoid",
        direct=0.88,
        uplift=0.01,
        lower=-0.04,
        upper=0.02,
        request_phrases=(
            "what is the capital, who wrote, who invented, who painted, who was, when was, when did, "
            "where is, what year, in which year, which country, which planet, which river, "
            "what does ... stand for, what is the chemical symbol, define, "
            "was ist die hauptstadt, wie heißt die hauptstadt, wer schrieb, wer hat, wer war, wann wurde, "
            "wann war, wo liegt, in welchem jahr, welches land, welcher planet, welcher fluss, "
            "cuál es la capital, quién escribió, quién inventó, quién fue, quién pintó, cuándo fue, "
            "dónde está, en qué año, qué país, qué planeta, qué río, "
            "首都, 谁写, 谁发明, 是谁, 哪一年, 哪个国家, 什么时候, 在哪里, 哪条河, 哪颗"
        ),
        topic_phrases=("capital, hello, hi, thanks, thank you, hallo, danke, hola, gracias, 你好, 谢谢"),
        aliases=("qa", "chat", "chitchat", "smalltalk", "fact", "greeting"),
    ),
    # Calls that tools make on their own behalf, recognised by `serving.decision.harness.calls`.
    TaskKind("title_generation", "avoid", 0.95, 0.00, -0.03, 0.01, "", aliases=("title", "tags")),
    TaskKind("conversation_summary", "avoid", 0.92, 0.00, -0.03, 0.01, "", aliases=("compaction",)),
    TaskKind("follow_up_suggestions", "avoid", 0.93, 0.00, -0.03, 0.01, "", aliases=("suggestions",)),
    TaskKind("command_analysis", "avoid", 0.95, 0.00, -0.03, 0.01, ""),
    TaskKind("harness_probe", "avoid", 0.98, 0.00, -0.02, 0.005, "", aliases=("probe", "quota")),
)

OTHER: Final = TaskKind("other", "maybe", 0.72, 0.03, -0.06, 0.14, "")
"""A request without a match: no task label, and an interval that allows for both."""
