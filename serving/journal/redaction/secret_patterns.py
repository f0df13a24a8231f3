"""Patterns of secrets: private keys, tokens by prefix and length, passwords by keyword, credentials in URLs.

Every repetition is bounded or runs over one class of characters, so that matching is linear (RE2). Group 1, where a
pattern has one, is what is masked.
"""

from __future__ import annotations

from typing import Final

from serving.journal.redaction.pattern import Pattern, needs_digit_and_letters, needs_variety

_WORD: Final = r"(?:^|[^A-Za-z0-9_])"
_LOGIN_WORDS: Final = (
    r"pass(?:word|wd|phrase|code)|pwd|passwort|kennwort|mot de passe|mdp|contraseña|clave|senha|wachtwoord|hasło"
    r"|пароль|密码|パスワード|पासवर्ड"
)
_KEY_NAMES: Final = (
    r"secret|token|api[_ -]?key|access[_ -]?key|account[_ -]?key|private[_ -]?key|secret[_ -]?key|auth[_ -]?key"
    r"|credentials?|client[_ -]?secret|signing[_ -]?key|encryption[_ -]?key"
)

_ASSIGNS: Final = r"[\"'`]?[ \t]{0,4}(?:=>|:=|[:=：])[ \t]{0,4}[\"'`]?"

SECRETS: Final = (
    Pattern(
        "key",
        r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z))",
        hints=("PRIVATE KEY",),
    ),
    Pattern(
        "key",
        _WORD + r"((?:sk|pk|rk)[-_][A-Za-z0-9_\-]{12,}|sk[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{12,}"
        r"|gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_\-]{12,}"
        r"|xox[abeprs]-[A-Za-z0-9\-]{12,}|xapp-[A-Za-z0-9\-]{12,}|hf_[A-Za-z0-9]{12,}|tg[-_][A-Za-z0-9_\-]{12,}"
        r"|AIza[A-Za-z0-9_\-]{12,}|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|ya29\.[A-Za-z0-9_\-]{12,}"
        r"|1//[A-Za-z0-9_\-]{30,}|do[opr]_v1_[a-f0-9]{32,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_\-]{16,}"
        r"|SG\.[A-Za-z0-9_\-]{12,}\.[A-Za-z0-9_\-]{12,}|(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}|dapi[0-9a-f]{32}"
        r"|lin_api_[A-Za-z0-9]{20,}|sq0[a-z]{3}-[A-Za-z0-9_\-]{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
        r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|nvapi-[A-Za-z0-9_\-]{20,}"
        r"|pplx-[A-Za-z0-9]{20,}|secret_[A-Za-z0-9]{20,}|ntn_[A-Za-z0-9]{20,}|EAA[A-Za-z0-9]{40,}"
        r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}|hvs\.[A-Za-z0-9_\-]{20,}|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-.]{8,})",
    ),
    Pattern("key", r"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]{8,})", hints=("hooks.slack",)),
    Pattern("key", r"(https://discord(?:app)?\.com/api/webhooks/[0-9]{6,}/[A-Za-z0-9_\-]{8,})", hints=("webhooks",)),
    Pattern("key", r"(?i:bearer)[ \t]{1,4}([A-Za-z0-9._~+/\-]{12,}=*)", hints=("earer", "EARER")),
    Pattern(
        "key",
        r"(?i:authorization[\"']?[ \t]{0,4}:[ \t]{0,4}[\"']?basic|\bbasic)[ \t]{1,4}([A-Za-z0-9+/]{8,}={0,2})",
        check=needs_variety,
        hints=("asic", "ASIC"),
    ),
    Pattern(
        "key", r"[?&;](?:sig|signature|X-Amz-Signature|X-Goog-Signature)=([A-Za-z0-9%/+_\-]{20,}=*)", hints=("ig",)
    ),
    Pattern("key", _WORD + r"(0x[0-9a-fA-F]{64})(?:$|[^0-9a-fA-F])", hints=("0x",)),
    Pattern(
        "key", r"(?:^|[^A-Za-z0-9+/=_\-])([A-Za-z0-9+/]{40})(?:$|[^A-Za-z0-9+/=_\-])", check=needs_digit_and_letters
    ),
    Pattern(
        "key",
        r"[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://([^\s/:@\"'<>]{0,128}:[^\s/@\"'<>]{1,256})@",
        hints=("://",),
    ),
    Pattern(
        "key",
        r"(?i:" + _LOGIN_WORDS + r")[A-Za-z0-9_\-]{0,24}" + _ASSIGNS + r"([^\s\"'`,;]{4,})",
        hints_folded=("pass", "pwd", "wort", "mdp", "clave", "contras", "senha", "has", "парол", "密码", "パス", "पास"),
    ),
    Pattern(
        "key",
        r"(?i:" + _LOGIN_WORDS + r")[ \t]{1,4}(?i:is|ist|est|es|é|to|lautet|è|jest)[ \t]{1,4}[\"'`]?([^\s\"'`,;]{6,})",
        check=needs_variety,
        hints_folded=("pass", "pwd", "wort", "mdp", "clave", "contras", "senha", "has", "парол"),
    ),
    Pattern(
        "key",
        r"(?i:" + _KEY_NAMES + r")[A-Za-z0-9_\-]{0,24}" + _ASSIGNS + r"([^\s\"'`,;]{6,})",
        hints_folded=("secret", "token", "key", "credential"),
    ),
    Pattern(
        "key",
        r"(?i:" + _KEY_NAMES + r")[ \t]{1,4}(?i:is|ist|est|es|é)[ \t]{1,4}[\"'`]?([^\s\"'`,;]{8,})",
        check=needs_variety,
        hints_folded=("secret", "token", "key", "credential"),
    ),
)
