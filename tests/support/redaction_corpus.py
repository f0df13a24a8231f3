"""Made-up secrets and personal data of 82 kinds, and sentences of six languages to put them into."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from typing import Final

SENTENCES: Final = (
    "please check {} for me",
    "bitte prüfe {} für mich",
    "peux-tu vérifier {} pour moi",
    "por favor revisa {} por mí",
    "请帮我检查 {} 谢谢",
    "пожалуйста, проверь {} для меня",
)

_RNG = random.Random(20261127)


def _chars(alphabet: str, count: int) -> str:
    return "".join(_RNG.choice(alphabet) for _ in range(count))


_HEX: Final = "0123456789abcdef"
_ALNUM: Final = string.ascii_letters + string.digits
_B64: Final = _ALNUM + "+/"
_PEM: Final = _chars(_B64, 64)
_BLOCK: Final = f"-----BEGIN PRIVATE KEY-----\n{_PEM}\n-----END PRIVATE KEY-----"

KINDS: Final[Mapping[str, str]] = {
    "AWS access key id": "AKIA" + _chars(string.ascii_uppercase + "234567", 16),
    "Amex card": "3782 822463 10005",
    "Anthropic key": "sk-ant-api03-" + _chars(_ALNUM, 80),
    "Azure OpenAI key": "api-key: " + _chars(_HEX, 32),
    "Bearer token": "Bearer " + _chars(_ALNUM, 40),
    "GitHub token": "ghp_" + _chars(_ALNUM, 36),
    "GitLab token": "glpat-" + _chars(_ALNUM, 20),
    "Google API key": "AIza" + _chars(_ALNUM, 35),
    "HuggingFace token": "hf_" + _chars(_ALNUM, 34),
    "IBAN DE spaced": "DE02 1203 0000 0000 2020 51",
    "JSON-escaped private key": _BLOCK.replace("\n", "\\n"),
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.{_chars(_ALNUM, 30)}.{_chars(_ALNUM, 43)}",
    "OpenAI project key": "sk-proj-" + _chars(_ALNUM, 48),
    "OpenSSH private key": _BLOCK.replace("PRIVATE", "OPENSSH PRIVATE"),
    "PEM private key": _BLOCK,
    "Slack token": "xoxb-" + _chars(string.digits, 12) + "-" + _chars(_ALNUM, 24),
    "Stripe key": "sk_live_" + _chars(_ALNUM, 24),
    "Visa card": "4012 8888 8888 1881",
    "URL with a password": "https://ada:Tr0ub4dor@intranet.example.org/files",
    "email punycode": "rita@xn--bcher-kva.xn--p1ai",
    "email": "rita.lovell+shop@mail.example.co.uk",
    "email unicode": "jörg.weiß@beispiel.de",
    "email zero width": "rita\u200b@example\u200b.org",
    "card fullwidth": "４０１２８８８８８８８８１８８１",
    "password assigned": "password: correct-horse-9",
    "phone +49 (0)": "+49 (0)30 2093-7777",
    "phone E.164": "+14155550123",
    "phone US dash": "415-555-0123",
    "phone US parentheses": "(415) 555-0123",
    "postgres URL": "postgresql://app:s3cr3t-Pass@db.example.org:5432/shop",
    "own key": "tg_" + _chars(_ALNUM, 32),
    "AWS secret assigned": "aws_secret_access_key = " + _chars(_B64, 40),
    "AWS secret bare": "k7" + _chars(_ALNUM, 20) + "/" + _chars(_ALNUM, 17),
    "Authorization Basic": "Authorization: Basic " + "YWRtaW46aHVudGVyMjI=",
    "Azure SAS": "https://acct.blob.core.windows.net/c?sv=2024-01-01&sig=" + _chars(_ALNUM, 43) + "%3D",
    "Azure storage key": "AccountKey=" + _chars(_B64, 86) + "==",
    "DB password": "DB_PASSWORD=wR9-tuple-fish",
    "DigitalOcean token": "dop_v1_" + _chars(_HEX, 64),
    "GPS": "52.520008, 13.404954",
    "German tax id": "86095742719",
    "GitHub fine-grained": "github_pat_" + _chars(_ALNUM, 22) + "_" + _chars(_ALNUM, 59),
    "GitHub user token": "ghu_" + _chars(_ALNUM, 36),
    "Google OAuth": "ya29." + _chars(_ALNUM, 60),
    "IBAN FR": "FR7630006000011234567890189",
    "IBAN GB": "GB29NWBK60161331926819",
    "IPv4": "203.0.113.77",
    "IPv6": "2001:db8:85a3::8a2e:370:7334",
    "MAC": "3c:22:fb:9a:10:7e",
    "PGP private key": _BLOCK.replace("PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
    "PyPI token": "pypi-" + _chars(_ALNUM, 90),
    "SendGrid key": "SG." + _chars(_ALNUM, 22) + "." + _chars(_ALNUM, 43),
    "Slack webhook": "https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/" + _chars(_ALNUM, 24),
    "Stripe webhook secret": "whsec_" + _chars(_ALNUM, 32),
    "Twilio key": "SK" + _chars(_HEX, 32),
    "UK national insurance": "QQ 12 34 56 C".replace("QQ", "AB"),
    "US SSN bare": "536228726",
    "US SSN dashed": "536-22-8726",
    "bitcoin address": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "card with CVV": "4012888888881881 exp 09/28 CVV 123",
    "card over lines": "4012  8888\n8888  1881",
    "card dotted": "4012.8888.8888.1881",
    "client secret": '"client_secret": "' + _chars(_ALNUM, 30) + '"',
    "date of birth": "date of birth 1984-03-27",
    "driver licence UK": "MORGA753116SM9IJ",
    "email quoted or obfuscated": "rita [at] example [dot] org",
    "ethereum key": "0x" + _chars(_HEX, 64),
    "password hash in JSON": '{"passwordHash": "$2b$12$' + _chars(_ALNUM, 50) + '"}',
    "key with soft hyphen": "sk-proj-" + _chars(_ALNUM, 20) + "\u00ad" + _chars(_ALNUM, 28),
    "medical record": "MRN 00482915",
    "npm token": "npm_" + _chars(_ALNUM, 36),
    "passport DE": "C01X00T47",
    "passport US": "passport no. 340020013",
    "password in a sentence": "my password is Sommer2024!",
    "person name": "Rita Lovell",
    "phone bare": "4155550123",
    "phone DE national": "030 20937777",
    "phone DE slash": "0171/2345678",
    "phone FR national": "06 12 34 56 78",
    "phone IN mobile": "98765 43210",
    "phone UK national": "020 7946 0958",
    "redis URL": "redis://:hunter2hunter2@cache:6379/0",
    "street address": "221 Baker Street",
}
"""Kind to a made-up value of it."""

HARMLESS: Final = (
    "What is 123456789 * 987654321?",
    "Add 1234567890123 and 2, then divide by 7.",
    "pi is 3.14159265358979323846 and e is 2.71828182845904523536",
    "see section 3.1.2 of RFC 7231, version 1.2.3.4 is out",
    "Sort [3.14159, 2.71828, 1.41421, 1.73205] in descending order.",
    "The meeting is on 2026-11-27 at 10:30, room 4.12.",
    "git checkout 3f786850e387550fdab836ed7e6dc881de23001b",
    "The password is required; a token is a unit of text. What is a secret sharing scheme?",
    "def f(x: int) -> int: return x << 2  # see issue #12345",
    "Compute the determinant of the matrix 1 2 3; 4 5 6; 7 8 10.",
    "Fasse den Text in drei Sätzen zusammen.",
    "Quel est le plus grand nombre premier inférieur à 1000000 ?",
    "El paciente tiene 54 años y fiebre de 39.5 grados.",
    "connect to localhost:8080 or 127.0.0.1:5432",
    "A train leaves at 08:45:30 and arrives at 12:10:05.",
    "sequence 2 3 5 7 11 13 17 19 23 29 31 37 41",
    "Use the key: value syntax of YAML.",
    "请把下面的句子翻译成英文。",
    "Сколько будет 25 умножить на 48?",
    "ISBN 978-3-16-148410-0 is a book",
    "x = 0x7ffee4; y = 0b101101; sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "The ratio 10:20:30 and the score 3:2.",
    "Temperature 20.5, humidity 40.25, pressure 1013.25",
    "Class A12345 has 30 students and 15 desks.",
)
"""Ordinary prompts that hold nothing to mask."""
