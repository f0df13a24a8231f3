"""The prior model: labelled prompts in four languages, invariants of its predictions, the order of efforts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.engine import Engine
from serving.decision.policy.arms import effort_rank
from serving.decision.prior.model import PriorModel, classify_task
from serving.decision.prior.task_taxonomy import KINDS, OTHER
from serving.decision.types import EFFORTS, Arm, Message, Price, Request, Role
from tests.support.policy_cases import ARMS, ask

ROLES: tuple[Role, ...] = ("user", "assistant", "system", "tool")
BUCKETS = {kind.name: kind.bucket for kind in (*KINDS, OTHER)}

LABELLED = [
    ("maths", "A train leaves at 9:40 at 80 km/h and another at 10:10 at 95 km/h. How far apart are they at noon?"),
    ("maths", "Solve for x: 3x^2 - 12x + 9 = 0"),
    ("maths", "Prove by induction that 1 + 2 + ... + n = n(n+1)/2."),
    ("maths", "Berechne die Ableitung von f(x) = x^3 * sin(x)."),
    ("maths", "Ein Tank fasst 240 Liter. Wie viel Liter fließen pro Stunde ab, wenn er in 90 Minuten leer ist?"),
    ("maths", "¿Cuántas combinaciones de 3 cifras son divisibles por 7?"),
    ("maths", "Demuestra que la raíz de 2 es irracional."),
    ("maths", "求函数 f(x)=x^2-4x+3 在区间 [0,5] 上的最小值。"),
    ("planning", "Plan a three-week rollout for 12 branches with two trainers; no branch may close on a Monday."),
    ("planning", "Create a detailed study schedule for my finals: four exams, six days, at most five hours a day."),
    ("planning", "Erstelle einen Umzugsplan für unser Büro; der Server darf höchstens zwei Stunden stehen."),
    ("planning", "Planifica un viaje de diez días por Chile con un presupuesto de 1500 euros."),
    ("planning", "请制定一个为期三个月的数据库迁移计划，不能停机。"),
    ("trade_off", "Should we use Postgres or DynamoDB for our ledger? Cost, latency and operations matter."),
    ("trade_off", "What are the pros and cons of leasing instead of buying the vans?"),
    ("trade_off", "Sollen wir selbst hosten oder einen Anbieter nehmen? Kosten und Risiko zählen."),
    ("trade_off", "¿Conviene alquilar o comprar la maquinaria si la demanda es incierta?"),
    ("trade_off", "权衡一下自建机房和上云的利弊。"),
    ("code_architecture", "Design a system for multi-tenant billing that handles 50k events per second."),
    ("code_architecture", "Entwirf eine Architektur für einen Chat mit Millionen Nutzern."),
    ("code_architecture", "Diseña una arquitectura de microservicios para pagos."),
    ("code_architecture", "设计一个高并发的秒杀系统架构。"),
    ("synthesis", "Write a legal opinion on the liability clause in the attached contract, citing the evidence."),
    ("synthesis", "Assess the regulatory risk of this merger for the board."),
    ("synthesis", "Schreibe ein Gutachten zur Haftung aus diesem Vertrag."),
    ("extraction", "Extract all email addresses and invoice numbers from the text below."),
    ("extraction", "Extrahiere Name, Datum und Betrag aus der Rechnung."),
    ("extraction", "Extrae los nombres y las fechas del siguiente correo."),
    ("extraction", "从以下文本中提取所有人名和电话。"),
    ("classification", "Classify the following review as positive, negative or neutral: the food was cold."),
    ("classification", "Ordne das Ticket einer Kategorie zu: Rechnung, Technik, Sonstiges."),
    ("classification", "Clasifica este mensaje como spam o no spam."),
    ("classification", "判断这条评论的情感：正面、负面还是中性。"),
    ("formatting", "Convert this list to a Markdown table."),
    ("formatting", "Wandle die folgenden Daten in JSON um."),
    ("formatting", "Convierte esta lista a una tabla CSV."),
    ("formatting", "把下面的内容转换成 JSON 格式。"),
    ("rewriting", "Rewrite this email so that it sounds more polite."),
    ("rewriting", "Übersetze den folgenden Absatz ins Englische."),
    ("rewriting", "Traduce este párrafo al inglés."),
    ("rewriting", "把这段话改写得更正式一些。"),
    ("summarising", "Summarize the meeting notes in three bullet points."),
    ("summarising", "Fasse den folgenden Artikel in zwei Sätzen zusammen."),
    ("summarising", "Resume este artículo en una frase."),
    ("summarising", "请用一句话概括下面的文章。"),
    ("trivia", "Who wrote The Brothers Karamazov?"),
    ("trivia", "Was ist die Hauptstadt von Australien?"),
    ("trivia", "¿Quién pintó Las Meninas?"),
    ("trivia", "澳大利亚的首都是哪里?"),
    ("code", "Write a Python function that merges two sorted lists."),
    ("code", "Schreibe eine Funktion, die Primzahlen in SQL findet, und behebe den Fehler."),
    ("code", "写一个函数，反转链表。"),
]


@pytest.mark.parametrize(("kind", "text"), LABELLED)
def test_prompts_that_a_person_labelled(kind: str, text: str) -> None:
    assert classify_task(ask(text)).kind == kind


@pytest.mark.parametrize(
    ("instruction", "kind"),
    [
        ("Summarize the following:", "summarising"),
        ("Übersetze ins Spanische:", "rewriting"),
        ("提取人名：", "extraction"),
    ],
)
def test_the_instruction_counts_and_not_its_payload(instruction: str, kind: str) -> None:
    payload = " The committee tried to solve the equation and to compute the integral. They plan a rollout." * 12
    assert classify_task(ask(f"{instruction}\n{payload}")).kind == kind
    assert classify_task(ask(f"{payload}\n\n{instruction.rstrip(':：')}.")).kind == kind


def test_a_follow_up_is_classified_by_its_conversation() -> None:
    for first, kind in ((LABELLED[8][1], "planning"), (LABELLED[25][1], "extraction")):
        talk = (Message("user", first), Message("assistant", "Shall I?"), Message("user", "yes, do it"))
        assert classify_task(Request(talk)).kind == kind
        longer = (*talk, Message("assistant", "Done. More?"), Message("user", "go on"))
        assert classify_task(Request(longer)).kind == kind


def test_the_system_prompt_counts_where_the_turn_is_unclear() -> None:
    system = Message("system", "You are a support bot. Classify every ticket into one category.")
    assert classify_task(Request((system, Message("user", "My parcel never came!")))).kind == "classification"
    assert (
        classify_task(Request((system, Message("user", "Summarize this article in one sentence.")))).kind
        == "summarising"
    )


def test_a_stated_task_is_taken_as_it_is() -> None:
    for stated, kind in (
        ("Math", "maths"),
        ("trade-offs", "trade_off"),
        ("high stakes", "synthesis"),
        ("NER", "extraction"),
    ):
        assert classify_task(ask("Translate this.", task=stated)).weights == ((kind, 1.0),)
    assert classify_task(ask("Translate this.", task="something of ours")).kind == "rewriting"


def test_a_small_sum_is_trivia() -> None:
    assert classify_task(ask("What is 7 + 12?")).kind == "trivia"
    assert classify_task(ask("What is 7182 * 1293 + 88?")).kind != "trivia"


@pytest.mark.parametrize("text", ["", " ", "asdf qwer", "Tell me something.", "?" * 5000, "\ud800", "你", "1"])
def test_a_request_without_a_match_is_other(text: str) -> None:
    assert classify_task(ask(text)).weights == (("other", 1.0),)


def test_every_bucket_of_the_taxonomy_comes_out_of_a_cold_start() -> None:
    price = Price(1.25, 10.0)
    arms = (Arm("direct", "m", price=price), Arm("reasoning", "m", "high", 2500.0, 20000.0, price))
    cold = Engine(PriorModel(arms))
    for kind, text in LABELLED:
        decision = cold.decide(ask(text))
        task = classify_task(ask(text))
        if len(task.weights) == 1:
            assert decision.bucket == BUCKETS[kind], text
        assert decision.fallback == "prior"


def test_more_effort_gives_more_uplift_with_diminishing_returns() -> None:
    arms = tuple(Arm(effort, "m", effort, price=Price(1.0, 1.0)) for effort in EFFORTS)
    uplift = PriorModel(arms).predict_request(ask("Prove that there are infinitely many primes.")).uplift
    steps = [later - earlier for earlier, later in zip((0.0, *uplift), uplift, strict=False)]
    assert all(step > 0 for step in steps)
    late = steps[2:]
    assert late == sorted(late, reverse=True)


def test_a_baseline_that_thinks_turns_the_signs() -> None:
    turned = PriorModel(tuple(reversed(ARMS))).predict_request(ask("Prove that there are infinitely many primes."))
    assert all(upper < 0 for upper in turned.uplift_upper)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ROLES), st.text(max_size=200)),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from([text for _, text in LABELLED]), max_size=2),
)
def test_any_conversation_gets_a_valid_prediction(turns: list[tuple[Role, str]], more: list[str]) -> None:
    messages = [Message(role, text) for role, text in turns]
    request = Request((*messages, *(Message("user", text) for text in more)))
    task = classify_task(request)
    assert sum(weight for _, weight in task.weights) == pytest.approx(1.0)
    prediction = PriorModel(ARMS).predict_request(request)
    assert all(0 < success < 1 for success in prediction.success)
    for lower, mean, upper in zip(prediction.uplift_lower, prediction.uplift, prediction.uplift_upper, strict=True):
        assert lower <= mean <= upper
    assert prediction.support == 0.0
    assert effort_rank(ARMS[0].effort) == 0


def test_a_very_long_prompt_is_classified_by_its_ends() -> None:
    assert classify_task(ask("Summarize this report. " + "lorem ipsum " * 200_000)).kind == "summarising"


def test_the_phrases_that_matched_are_named_once_each() -> None:
    task = classify_task(ask("Summarize this. Please summarize this article!"))
    assert task.kind == "summarising"
    assert task.phrases == ("summarize", "article")


def test_two_kinds_that_score_alike_are_mixed() -> None:
    task = classify_task(ask("Translate the text. Summarize it."))
    assert dict(task.weights) == {"rewriting": 0.5, "summarising": 0.5}
    prediction = PriorModel(ARMS).predict_request(ask("Translate the text. Summarize it."))
    assert sum(prediction.task_probabilities) == pytest.approx(1.0)
    assert sum(share > 0 for share in prediction.task_probabilities) == 2
