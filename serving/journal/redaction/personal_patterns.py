"""Patterns of personal data: addresses, cards, accounts, phone numbers, documents, places.

Numbers without a form of their own (a bare nine-digit passport) count only beside the word that says what they are.
"""

from __future__ import annotations

from typing import Final

from serving.journal.redaction.checksums import (
    is_bitcoin_address,
    is_card,
    is_host_address,
    is_iban,
    is_social_security_number,
    is_tax_id,
)
from serving.journal.redaction.pattern import Pattern, has_four_digits, is_place
from serving.journal.redaction.phone_numbers import is_phone_number

_START: Final = r"(?:^|[^\p{L}\p{N}_.])"
_END: Final = r"(?:$|[^\p{L}\p{N}_])"
_DATE: Final = r"\d{1,4}[./\-]\d{1,2}[./\-]\d{2,4}|\d{1,2}\.? (?:\p{L}{3,12}\.? )\d{4}|\p{L}{3,12} \d{1,2}, \d{4}"

PERSONAL: Final = (
    Pattern(
        "email",
        r"([^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,190}\.(?:xn--[a-zA-Z0-9\-]{2,40}|\pL{2,24}))",
        hints=("@",),
    ),
    Pattern("email", r"(\"[^\"\n@]{1,64}\"@[^\s@<>\"'(),;:]{1,190}\.\pL{2,24})", hints=('"@',)),
    Pattern(
        "email",
        r"([\p{L}\p{N}._+\-]{1,64} ?(?:\(at\)|\[at\]|\{at\}|<at>| at ) ?[\p{L}\p{N}\-]{1,64}"
        r"(?: ?(?:\(dot\)|\[dot\]|\{dot\}|<dot>|\(punkt\)| dot ) ?[\p{L}\p{N}\-]{2,24}){1,4})",
        hints_folded=("dot", "punkt"),
    ),
    Pattern("card", r"(?:^|[^\d.])(\d(?:[ \-.\n\t]{0,2}\d){12,18})(?:$|\D)", check=is_card),
    Pattern(
        "card",
        r"(?i:cvv2?|cvc2?|csc|security code|prüfziffer)[^\d\n]{0,12}(\d{3,4})" + _END,
        hints_folded=("cv", "csc", "code", "ziffer"),
    ),
    Pattern(
        "card",
        r"(?i:exp(?:\.|iry|ires|iration date)?|valid (?:thru|until)|gültig bis)[^\p{L}\d\n]{0,6}"
        r"((?:0?[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d)" + _END,
        hints_folded=("exp", "valid", "gültig"),
    ),
    Pattern("account", _START + r"([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)" + _END, check=is_iban),
    Pattern("account", _START + r"([a-z]{2}\d{2}[a-z0-9]{11,30})" + _END, check=is_iban),
    Pattern("phone", r"(?:^|[^\p{L}\p{N}_.+])((?:\+|00)\d{1,3}(?:[ ().\-/]{0,3}\d){6,13})" + _END),
    Pattern("phone", r"(\(\d{2,5}\)[ ]?\d{3,4}[ \-]?\d{3,5})" + _END, hints=("(",)),
    Pattern("phone", r"(?:^|[^\p{L}\p{N}_.\-])(\d{3}[\-. ]\d{3}[\-. ]\d{4})(?:$|[^\p{L}\p{N}_\-])"),
    Pattern(
        "phone",
        r"(?:^|[^\p{L}\p{N}_./()*+\-])(0\d{1,5}[ /\-]{1,3}\d{2,9}(?:[ \-]?\d{2,5}){0,4})" + _END,
        check=is_phone_number,
    ),
    Pattern("phone", _START + r"(0[1-9](?:[ .]\d{2}){4})" + _END, check=is_phone_number),
    Pattern(
        "phone",
        r"(?:^|[^\p{L}\p{N}_.\s]|[^\d\s]\s)([6-9]\d{4}[ \-]\d{5})(?:$|[^\p{L}\p{N}_\s]|\s[^\d\s]|\s$)",
        check=is_phone_number,
    ),
    Pattern(
        "phone",
        r"(?i:phone|tel(?:efon|éfono|efone|ephone)?|mobile?|cell|handy|call|text|fax|anruf\pL{0,3}|rufnummer|numéro"
        r"|número|whatsapp|sms|电话|फ़ोन)[^\d+\n]{0,16}(\+?\d(?:[ ().\-/]{0,3}\d){6,14})" + _END,
    ),
    Pattern("id", r"(?:^|[^\d\-])(\d{3}-\d{2}-\d{4})(?:$|[^\d\-])", check=is_social_security_number, hints=("-",)),
    Pattern(
        "id",
        r"(?i:ssn|social security)[^\d\n]{0,24}(\d{3}[ \-]?\d{2}[ \-]?\d{4})" + _END,
        hints_folded=("ssn", "social"),
    ),
    Pattern("id", _START + r"([A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D])" + _END),
    Pattern("id", r"(?:^|[^\d.,])(\d{2} ?\d{3} ?\d{3} ?\d{3})(?:$|[^\d.,])", check=is_tax_id),
    Pattern("id", _START + r"([A-Z9]{5}\d{6}[A-Z9]{2}\d[A-Z]{2})" + _END),
    Pattern("id", _START + r"([CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}\d?)" + _END, check=has_four_digits),
    Pattern("id", _START + r"([A-Z]\d{8})" + _END),
    Pattern(
        "id",
        _START + r"(?i:passport|reisepass\pL{0,12}|personalausweis\pL{0,8}|passeport|pasaporte|passaporto|licen[cs]e"
        r"|führerschein|permis|medical record|mrn|patient(?:en)?|nhs|dni|nif|cpf|cédula|aadhaar|pan"
        r"|steuer\pL{0,20}|tax id)"
        r"(?i: (?:number|no\.?|nr\.?|nummer|numéro|número|id|card))?[^\p{L}\p{N}\n]{1,4}"
        r"((?:[A-Z]{0,3}[\-. ]?)?\d[\dA-Z.\-/ ]{4,18}\d)" + _END,
    ),
    Pattern("id", _START + r"(MRN[ :#\-]{0,3}[A-Z0-9\-]{5,14})" + _END, hints=("MRN",)),
    Pattern(
        "birth date",
        r"(?i:d\.?o\.?b\.?|born(?: on)?|birth ?da(?:te|y)|date of birth|geboren(?: am)?|geburtsdatum|née? le"
        r"|date de naissance|fecha de nacimiento|nacid[oa] el|data di nascita|data de nascimento)"
        r"[^\p{L}\p{N}\n]{0,6}(?:is |: )?(" + _DATE + r")" + _END,
    ),
    Pattern(
        "ip",
        r"(?:^|[^\p{L}\p{N}_.])(\d{1,3}(?:\.\d{1,3}){3})(?:$|[^\p{L}\p{N}_.]|\.(?:$|\D))",
        check=is_host_address,
        hints=(".",),
    ),
    Pattern(
        "ip",
        r"(?:^|[^\p{L}\p{N}_:.])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?:$|[^\p{L}\p{N}_:])",
        check=is_host_address,
        hints=(":",),
    ),
    Pattern("mac", r"(?:^|[^\p{L}\p{N}_:\-])([0-9a-fA-F]{2}(?:[:\-][0-9a-fA-F]{2}){5})(?:$|[^\p{L}\p{N}_:\-])"),
    Pattern(
        "wallet",
        _START + r"([13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{25,62})" + _END,
        check=is_bitcoin_address,
    ),
    Pattern(
        "place",
        r"(?:^|[^\d.,\[(\"' \-]) {0,2}(-?\d{1,2}\.\d{4,8}(?:°? ?[NS])?, ?"
        r"-?\d{1,3}\.\d{4,8}(?:°? ?[EWO])?)(?:$|[^\d.,\]])",
        check=is_place,
        hints=(",",),
    ),
    Pattern(
        "address",
        r"(?:^|[^\d.,])(\d{1,5}[a-zA-Z]? (?:\p{Lu}[\pL'.\-]{1,24} ){1,3}"
        r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Close|Terrace|Place|Square)\b\.?)",
    ),
    Pattern(
        "address",
        r"(\p{Lu}[\pL\-]{1,30}(?:straße|strasse|str\.|weg|allee|platz|gasse|laan|straat) \d{1,4}[a-zA-Z]?)" + _END,
    ),
    Pattern("address", r"(\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|chemin|impasse) (?:[\pL'\-]{1,20} ?){1,5})"),
    Pattern(
        "address",
        r"((?:Calle|Avenida|Avda\.|Plaza|Rua|Via|Viale|Ulica|ul\.) (?:[\pL'.\-]{1,20} ){1,4}?(?:n\.?º ?)?\d{1,4})"
        + _END,
    ),
)
