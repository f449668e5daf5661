# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in an answer that was to hold a token: the token, or why there is none."""

from __future__ import annotations

import math
import re
import typing as t

from .._core.diagnosis import Diagnosis, explain, explain_sign_in
from .._core.errors import SignInRefused
from .transport import Response

# What can stand in a header.
_TOKEN = re.compile(r"[!-~]+")


def token_in(body: t.Mapping[str, t.Any], name: str = "access_token") -> str | None:
    """The token, if it is one."""
    token = body.get(name)
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else None


def number_in(body: t.Mapping[str, t.Any], name: str) -> float | None:
    """A number, or a text that holds one, as machines write it."""
    try:
        number = float(str(body.get(name)))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def refused_elsewhere(code: str, host: str, text: str, status: int | None = None) -> SignInRefused:
    """A refusal of somebody who was asked before Entra could be: a machine, a platform. Trouble of theirs passes."""
    passes = status is not None and (status == 429 or status >= 500)
    diagnosis = explain(code, host, {"http_status": status, "message": text}, "later" if passes else None)
    return SignInRefused(diagnosis.sentence, diagnosis)


def refusal_of(answer: Response, host: str, sent_as: str | None = None) -> SignInRefused:
    """No token: why, or at least what came in place of one. `sent_as` is the request's own correlation ID."""
    body = answer.json_object()
    diagnosis = explain_sign_in(answer.status, body or {}, host, answer.headers, sent_as)
    if body is None:
        came = f"{host} answered {answer.status} and no JSON object; a proxy may have answered. "
    else:
        came = "" if diagnosis.evidence["error_codes"] else f"{host} answered {answer.status}. "
    return SignInRefused(f"{came}{diagnosis.sentence}", diagnosis)


def odd(message: str, host: str) -> tuple[str, Diagnosis]:
    """The parts of an UntrustedAnswer."""
    return message, explain("unknown", host, {"message": message})
