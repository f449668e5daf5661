# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys in options that are for public things: found in every form that a text can give them. Pure."""

from __future__ import annotations

import base64
import json
import re
import typing as t

_WORDS = "PRIVATE KEY"
# Base64 of what may be DER, which begins with a sequence, and of PEM. A path may be in front, and line ends between.
_DER = re.compile(r"(?<![A-Za-z0-9+])M(?:\s*[A-Za-z0-9+/_-]){59}")
_PEM = re.compile(r"(?<![A-Za-z0-9+])LS0tLS1CRUdJTi(?:\s*[A-Za-z0-9+/_-])+")
_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)"
# How a PFX begins; PKCS#8, PKCS#1 and keys of curves; PKCS#8 with a passphrase.
_KEY = re.compile(
    rb"0%(length)b(?:\x02\x01\x03\x30|\x02\x01[\x00\x01][\x30\x02\x04]"
    rb"|0%(length)b\x06[\x09\x0a]\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c])" % {b"length": _LENGTH},
    re.DOTALL,
)
SHORTEST = 12  # letters: fewer tell nothing, and may be those of a word
_PIECE = re.compile(rf"[A-Za-z0-9+=]{{{SHORTEST},}}")  # of base64, between slashes: a path loses one of two
HIDDEN = "********"


def misplaced_in(value: t.Any, known: t.Container[str]) -> list[str]:
    """Every text in an option's value, however deep, that holds a private key and is not known as a secret."""
    return [text for text in _texts(value) if text not in known and holds_private_key(text)]


def holds_private_key(text: str) -> bool:
    """Whether a text has a private key in it: PEM, or base64 of PEM, DER or a PFX."""
    if _WORDS in text:
        return True
    if any(_KEY.match(_decoded(found.group())) for found in _DER.finditer(text)):
        return True
    return any(_WORDS.encode() in _decoded(found.group()) for found in _PEM.finditer(text))


def pieces_of(keys: t.Iterable[str]) -> set[str]:
    """What has to be hidden of them: a message may hold the text stripped, escaped, in one line, or as a path."""
    texts = {text for key in keys for text in (key, key.strip(), " ".join(key.split()), re.sub("/+", "/", key))}
    whole = {form for text in texts for form in (text, repr(text)[1:-1], _escaped(text))}
    lines = {line for text in texts for line in text.split() if len(line) >= SHORTEST}
    return whole.union(lines, *map(_PIECE.findall, whole))


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def hidden(value: t.Any, keys: t.Iterable[str]) -> t.Any:
    """Texts without anything of these keys, for whoever has no module that does it."""
    pieces = sorted(pieces_of(keys), key=len, reverse=True)
    if isinstance(value, dict):
        return {name: hidden(part, pieces) for name, part in value.items()}
    if isinstance(value, list):
        return [hidden(part, pieces) for part in value]
    if isinstance(value, str):
        for piece in pieces:
            value = value.replace(piece, HIDDEN)
    return value


def _decoded(text: str) -> bytes:
    """As far as it can be read."""
    letters = re.sub(r"\s", "", text).translate({ord("-"): "+", ord("_"): "/"})
    return base64.b64decode(letters[: len(letters) // 4 * 4])


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(list(pair))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
