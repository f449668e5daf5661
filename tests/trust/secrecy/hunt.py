# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that nobody may find again, and the search for them in whatever form they may have been written down.

Every stretch of 12 characters of a secret is remembered. A text is looked at in steps of 12, so any 23 characters of a
secret in a row are found, in one pass over the text however many secrets there are.
"""

from __future__ import annotations

import base64
import html
import re
import secrets
import urllib.parse

from cryptography.hazmat.primitives import serialization

STRETCH = 12
# JSON, YAML and Python escape quotes and wrap lines, several times over where one is quoted in the other.
_ESCAPES = re.compile(rb"\\+[nrt]|\\+|\s+")
# A signed token: header and claims are no secret, the signature is what makes it one.
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.([\w-]{80,})")
# The modulus, which is public, comes first in a private key, and takes less than this.
_PUBLIC_PART = 300


def a_canary():
    """A text that is found nowhere else, with characters that every format writes differently."""
    return f'{secrets.token_urlsafe(24)}"+/&=<{secrets.token_urlsafe(24)}'


class Hunt:
    """What to search for: secrets by name."""

    def __init__(self):
        self._names = {}

    @property
    def names(self):
        return set(self._names.values())

    def add_text(self, name, text):
        """A secret as it was handed in."""
        for form in _forms(text.encode()):
            self._remember(name, form)

    def add_private_key(self, name, private_key):
        """A key, in whatever container: what follows the modulus is the same in PKCS#1 and PKCS#8."""
        der = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for form in _forms(der[_PUBLIC_PART:]):
            self._remember(name, form)

    def add_tokens(self, name, text):
        """The signature of every access token, assertion and proof in a text."""
        for signature in _TOKEN.findall(text):
            self._remember(name, signature.encode())

    def found_in(self, content):
        """The names of the secrets of which the content shows anything, wrapped, escaped or as it is."""
        return {
            self._names[stretch]
            for text in (content, _plain(content))
            for start in range(0, len(text), STRETCH)
            if (stretch := text[start : start + STRETCH]) in self._names
        }

    def found_in_files(self, folder, but=()):
        """By path; `but` are places where secrets belong."""
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and not any(path.is_relative_to(one) for one in but):
                names = self.found_in(path.read_bytes()) | self.found_in(path.name.encode())
                if names:
                    found[str(path.relative_to(folder))] = sorted(names)
        return found

    def _remember(self, name, form):
        for text in (form, _plain(form)):
            for start in range(len(text) - STRETCH + 1):
                self._names[text[start : start + STRETCH]] = name


def _plain(content):
    return _ESCAPES.sub(b"", content)


def _forms(secret):
    yield secret
    yield secret.hex().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield html.escape(secret.decode("latin-1")).encode("latin-1")
    for shift in range(3):  # three bytes are four characters of base64, so it depends on what stands before
        encoded = base64.b64encode(bytes(shift) + secret)[4:-4]
        yield encoded
        yield encoded.translate(bytes.maketrans(b"+/", b"-_"))
