# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may sign a proof for addKey and removeKey, with which key, and what becomes of a refused one.

Both are atomic on the service, and need no permission but a key that is registered.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.diagnosis import young_key_diagnosis
from .._core.errors import EvercertError, GraphRefused, KeyStoreError, SignInRefused
from .._core.model import Version
from .._core.policy import LONGEST_YOUTH, PROOF_MARGIN
from .._entra.applications import add_key, own_address, remove_key
from .._entra.assertion import PROOF_AUDIENCES, Signer
from .._entra.graph import GraphClient
from .run import Run
from .unsafe import refuse_unsafe

BY_APP_ID = "It was asked for by app ID, as the object ID of the application is not known here: give object_id."
# Seconds between two proofs while a key is too young for them; each is sent with two audiences.
YOUNG_PAUSE = 20.0
NO_KEY = "the key store holds no other key that could sign in"


def own_token_for(
    run: Run, version: Version | None, why_not: t.Callable[[str], None], no_key: str = NO_KEY
) -> GraphClient | None:
    """Graph with the application's own token, got with this key, or None where PATCH has to do.

    `why_not` hears the reason for None, which is `no_key` where there is no version. Raises SignInRefused when the
    refusal is final and not about the key.
    """
    if run.policy.add_method == "update":
        return None
    if version is None:
        why_not(no_key)
        return None
    problem = _why_no_proof(run, version)
    if problem:
        why_not(problem)
        return None
    if version.thumbprint not in run.tokens:
        try:
            token = run.connection.sign_in_patiently(run.progress.app_id, version, "own token")
        except SignInRefused as refusal:
            if not refusal.diagnosis.blames_key:
                raise
            why_not(f"Entra refuses a sign-in with the current key: {refusal.diagnosis.cause}")
            return None
        run.tokens[version.thumbprint] = token
    return run.connection.graph_as(run.tokens[version.thumbprint])


def read_as_itself(run: Run, version: Version) -> bool:
    """The application signs in with the key that is current now; where it may read its own object, reading counts
    again."""
    token = run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "read")
    run.connection.read_as(token)
    run.connection.graph.tried = run.progress.looked
    try:
        run.read()
    except GraphRefused as refusal:
        if refusal.status != 403:
            raise
        run.progress.forbidden = True
    else:
        run.progress.readable = True
    return run.progress.readable


def _why_no_proof(run: Run, version: Version) -> str | None:
    """Why this key can make no proof for addKey or removeKey, or None."""
    if version.certificate.not_after - run.connection.clock.service_time() < PROOF_MARGIN:
        return "the current certificate is not valid for 5 more minutes"
    if version.certificate.not_before > run.connection.clock.service_time():
        return "the current certificate is not valid yet"
    if not run.progress.object_id and not run.progress.app_id:
        return "neither the object ID nor the app ID of the application is known: give object_id or app_id"
    return None


def age_of(run: Run, version: Version) -> dt.timedelta | None:
    """How long ago this key was registered by a renewal; None for one that was in use before, as adopted ones were."""
    record = version.record
    since = record.registered or record.intent
    # By the clock that goes on: the option `now` may stand still, and what is waited for here would never end.
    return run.connection.clock.service_time() - since if since and (record.generated or record.intent) else None


def _is_younger(run: Run, version: Version, limit: dt.timedelta) -> bool:
    age = age_of(run, version)
    return age is not None and dt.timedelta() <= age < limit


def is_new(run: Run, version: Version) -> bool:
    """Whether a refused proof by this key may still be for its age alone."""
    return _is_younger(run, version, LONGEST_YOUTH)


def _keys_for_proof(run: Run, signing: Version, leaving: str | None) -> list[Version]:
    """The keys to sign a proof with, the best first: an older one is good for proofs while the current one is young.

    The key that is about to be removed (`leaving`) does not sign that.
    """
    if not is_new(run, signing):
        return [signing]
    others = [other for other in reversed(run.contents.others) if other.thumbprint != leaving]
    older = [other for other in others if _signs_instead(run, other)][:1]
    return [*older, signing] if _is_younger(run, signing, run.policy.propagation) else [signing, *older]


def _signs_instead(run: Run, version: Version) -> bool:
    record = version.record
    if record.retired or record.refused or _is_younger(run, version, run.policy.propagation):
        return False
    shown = run.latest.find_credential(version.certificate) if run.latest else record.registered
    return bool(shown) and _why_no_proof(run, version) is None


def with_proof(run: Run, signing: Version, send: t.Callable[[Signer, str], t.Any], leaving: str | None = None) -> t.Any:
    """Send with a proof; a refused one changes nothing, so another key and another audience may follow."""
    refused: EvercertError | None = None
    for key in _keys_for_proof(run, signing, leaving):
        try:
            return _with_either_audience(run, key, send)
        except (GraphRefused, KeyStoreError) as failure:
            is_about_key = isinstance(failure, KeyStoreError) or failure.status in (401, 403)
            if key is not signing and is_about_key:
                continue  # not registered any more, or its private key is gone or disabled: the current one decides
            if not isinstance(failure, GraphRefused) or not failure.refuses_proof:
                raise
            refused = _refused_for_youth(run, signing, failure)
    raise t.cast(EvercertError, refused)


def _refused_for_youth(run: Run, signing: Version, refusal: GraphRefused) -> GraphRefused:
    """The refusal of a proof, better understood where the age of its key may be all that is wrong."""
    if not is_new(run, signing):
        return refusal
    is_young = _is_younger(run, signing, run.policy.propagation)
    return refusal.meaning(young_key_diagnosis(refusal.diagnosis, "later" if is_young else "no"), YOUNG_PAUSE)


def _with_either_audience(run: Run, signing: Version, send: t.Callable[[Signer, str], t.Any]) -> t.Any:
    """Send with the proof audience that worked before; on a refused proof with the other."""
    signer = run.connection.store.signer(signing.thumbprint)
    known = next((one.record.proof_audience for one in run.contents.versions if one.record.proof_audience), None)
    first, second = sorted(PROOF_AUDIENCES, key=lambda audience: audience != known)
    try:
        result = send(signer, first)
    except GraphRefused as refusal:
        if not refusal.refuses_proof:
            raise
        try:
            result = send(signer, second)
        except GraphRefused as again:
            raise (again if run.progress.object_id else again.saying(BY_APP_ID)) from again
        run.remember(run.version(signing.thumbprint), proof_audience=second)
    return result


def add_with_proof(run: Run, graph: GraphClient, signing: Version, version: Version) -> str | None:
    """Add a certificate by addKey; its key ID where the answer names it. It takes nothing away."""
    own, clock = own_address(run.progress.object_id, run.progress.app_id), run.connection.clock
    key_id: str | None = with_proof(
        run,
        signing,
        lambda signer, audience: add_key(graph, own, version.certificate, signer, audience, clock),
    )
    return key_id


def remove_with_proof(run: Run, graph: GraphClient, signing: Version, key_id: str, leaving: str) -> None:
    """Remove a credential of the certificate `leaving` by removeKey."""
    refuse_unsafe(run, run.latest if run.progress.readable else None, removes=key_id)
    own, clock = own_address(run.progress.object_id, run.progress.app_id), run.connection.clock
    with_proof(
        run,
        signing,
        lambda signer, audience: remove_key(graph, own, key_id, signer, audience, clock),
        leaving,
    )
