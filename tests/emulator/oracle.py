# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth that no client can see: what is registered, and where a key signs in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import certificates
from . import rules_sign_in as rules
from .errors import SignInError
from .jwts import SignedToken
from .replicas import Primary
from .rules_assertion import KEY_RULES
from .seen import seen_by


@dataclass(frozen=True)
class Verdict:
    """Whether a certificate signs in: by the primary, and by each replica of the token service."""

    primary: bool
    replicas: tuple
    reasons: tuple  # AADSTS codes, None where it signs in; the primary's first

    @property
    def everywhere(self):
        return all(self.replicas)


class Oracle:
    """Answers about one tenant without being a request: nothing here counts as a read."""

    def __init__(self, tenant):
        self._tenant = tenant

    def registered(self, reference):
        """Thumbprint by key id of what is truly registered now."""
        return {
            entry.key_id: entry.certificate.thumbprint if entry.certificate else None
            for entry in self._tenant.application(reference).key_credentials
        }

    def shown(self, reference):
        """The key ids that each directory replica shows."""
        history = self._tenant.history_of(reference)
        states = [view.of(history) for view in self._tenant.reads.each()]
        return [[entry.key_id for entry in state.key_credentials] if state else None for state in states]

    def sign_in(self, reference, certificate):
        """The verdict about a certificate: a KeyPair, PEM, DER, or a thumbprint."""
        application = self._tenant.application(reference)
        header = {"kid": _thumbprint(certificate)}
        codes = [self._refusal(view, application.app_id, header) for view in (Primary(), *self._tenant.sign_ins.each())]
        return Verdict(codes[0] is None, tuple(code is None for code in codes[1:]), tuple(codes))

    def can_sign_in(self, reference, certificate):
        """Whether a certificate signs in at every replica, the slowest included."""
        return self.sign_in(reference, certificate).everywhere

    def _refusal(self, view, app_id, header):
        """The AADSTS code with which a replica would refuse an assertion made with this certificate's key, or None."""
        sign_in = seen_by(self._tenant, view, app_id)
        sign_in = replace(sign_in, assertion=SignedToken("", header, {}))
        try:
            rules.apply_all(rules.APPLICATION_RULES, sign_in)
            rules.apply_all(KEY_RULES, sign_in)
            rules.refuse_what_conditional_access_blocks(sign_in)
        except SignInError as error:
            return error.code
        return None


def _thumbprint(certificate):
    if isinstance(certificate, str) and not certificate.lstrip().startswith("-----"):
        return certificate.replace(":", "").upper()
    return certificates.as_certificate(certificate).thumbprint
