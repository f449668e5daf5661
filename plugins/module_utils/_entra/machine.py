# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine answers when it is asked for a token of one of its managed identities.

Three answers in three shapes: IMDS (virtual machines), App Service, the agent of Azure Arc.
"""

from __future__ import annotations

import typing as t

from .._core.diagnosis import said
from .._core.errors import SignInRefused
from .answers import refused_elsewhere, token_in
from .transport import Response


def read_machine_token(answers: t.Sequence[Response], client_id: str | None) -> str:
    """The token in the last answer, or SignInRefused.

    An Arc agent, known by its challenge, may be too old for user-assigned identities: it ignores `client_id` and gives
    the machine's own token. Only one that says whose token it gives is believed.
    """
    if not answers:
        raise machine_refusal("It was not asked.")
    answer = answers[-1]
    body = answer.json_object() or {}
    token = token_in(body)
    if answer.status != 200 or not token:
        text = said(body.get("error_description")) or said(body.get("message")) or ""
        raise machine_refusal(f"It answered {answer.status}. {text}".strip(), answer.status)
    given = said(body.get("client_id"), 40) or ""
    if client_id and given.lower() != client_id.lower() and (given or len(answers) > 1):
        raise machine_refusal(f"It gave a token of another identity: {given or 'not said which'}.", answer.status)
    return token


def machine_refusal(text: str, status: int | None = None) -> SignInRefused:
    return refused_elsewhere("identity_unavailable", "this machine", text, status)
