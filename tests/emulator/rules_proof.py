# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What addKey and removeKey refuse about the proof of possession (facts section 3)."""

from __future__ import annotations

from . import jwts
from .errors import GraphError, bad_request, denied

AUDIENCES = {
    "0002": ("00000002-0000-0000-c000-000000000000",),
    "0003": ("00000003-0000-0000-c000-000000000000",),
}
AUDIENCES["either"] = AUDIENCES["0002"] + AUDIENCES["0003"]
LONGEST = 600


def malformed():
    """3 P and V: one message for audience, padding, key and time alike."""
    return GraphError(401, "Authentication_MissingOrMalformed", "Access Token missing or malformed.")


def refuse_a_missing_proof(text):
    """3 P."""
    if not isinstance(text, str) or not text:
        raise denied()


def refuse_padding(text):
    """3 V: no "=" in any segment."""
    if "=" in text:
        raise malformed()


def refuse_a_key_of_someone_else(proof, keys):
    """3 P: 403 when the proof names no key of the object."""
    named = [entry for entry in keys if jwts.names_certificate(proof.header, entry)]
    if jwts.has_key_reference(proof.header) and not named:
        raise denied()
    return named or keys


def refuse_a_key_that_is_not_valid_now(keys, now):
    """3 V: made with a certificate that is currently valid on the object."""
    valid = [entry for entry in keys if entry.is_valid(now)]
    if not valid:
        raise malformed()
    return valid


def refuse_a_wrong_signature(proof, keys):
    """3 P: 401, the wrong key. Returns the entry that signed."""
    signer = next((entry for entry in keys if proof.is_signed_by(entry.certificate)), None)
    if signer is None:
        raise malformed()
    return signer


def refuse_another_audience(proof, switches):
    """3 P: the editions of the sample page differ, hence a switch."""
    if proof.claims.get("aud") not in AUDIENCES[switches.proof_audience]:
        raise malformed()


def refuse_another_issuer(proof, application, by_app_id, switches):
    """3 V: the object id. 3 P, recorded add_key: the app id too, at the address (appId='…'); elsewhere U, a switch."""
    wanted = {application.object_id}
    if switches.app_id_issues_proofs == "always" or (by_app_id and switches.app_id_issues_proofs == "by_app_id"):
        wanted.add(application.app_id.lower())
    if str(proof.claims.get("iss", "")).lower() not in wanted:
        raise malformed()


def refuse_a_young_key(signer, tenant):
    """3 P, recorded proof_by_a_young_key: what addKey made signs in before it is good for proofs. Seconds: a switch."""
    if signer.added_by_key is None:
        return
    if tenant.clock.elapsed() < signer.added_by_key + tenant.switches.young_key_refused:
        raise malformed()


def refuse_another_time(proof, now, tolerance):
    """3 V: valid now, for 10 minutes at most. 3 P: times that are no numbers give 500."""
    try:
        begins, ends = proof.number("nbf"), proof.number("exp")
    except ValueError as error:
        raise GraphError(500, "Service_InternalServerError", "Encountered an internal server error.") from error
    seconds = now.timestamp()
    if begins is None or ends is None or ends - begins > LONGEST:
        raise malformed()
    if not begins - tolerance <= seconds < ends + tolerance:
        raise malformed()


def refuse_removal_of_the_signing_key(signer, key_id, switches):
    """3 U, 16.4: a switch."""
    if not switches.signing_key_removable and signer.key_id == key_id:
        raise bad_request("The key that signs the proof cannot be removed.")


def refuse_removal_of_the_last_key(application, switches):
    """16.4 U: a switch."""
    if not switches.last_key_removable and len(application.key_credentials) == 1:
        raise bad_request("The last key credential cannot be removed.")


def check(tenant, application, text, by_app_id=False):
    """Verify a proof; returns the key credential whose private key signed it."""
    refuse_a_missing_proof(text)
    refuse_padding(text)
    try:
        proof = jwts.read(text)
    except jwts.Malformed as error:
        raise malformed() from error
    keys = [entry for entry in application.key_credentials if entry.is_for_sign_in()]
    named = refuse_a_key_of_someone_else(proof, keys)
    valid = refuse_a_key_that_is_not_valid_now(named, tenant.clock.now())
    signer = refuse_a_wrong_signature(proof, valid)
    refuse_another_audience(proof, tenant.switches)
    refuse_another_issuer(proof, application, by_app_id, tenant.switches)
    refuse_another_time(proof, tenant.clock.now(), tenant.switches.clock_tolerance)
    refuse_a_young_key(signer, tenant)
    return signer
