# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM blocks and the difference between PEM, PFX and anything else. Pure: bytes in, bytes out."""

from __future__ import annotations

import base64
import typing as t
from dataclasses import dataclass, field

_BEGIN, _DASHES = b"-----BEGIN ", b"-----"


@dataclass(frozen=True)
class Block:
    """One PEM block, with its two border lines."""

    label: str
    text: bytes = field(repr=False)

    @property
    def is_certificate(self) -> bool:
        return self.label in ("CERTIFICATE", "X509 CERTIFICATE")

    @property
    def is_private_key(self) -> bool:
        return self.label.endswith("PRIVATE KEY")

    @property
    def is_encrypted(self) -> bool:
        """In the label (PKCS#8) or in a header (PKCS#1)."""
        return self.label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in self.text


def parse_blocks(content: bytes) -> tuple[Block, ...]:
    """Every whole block; text around them, such as the bag attributes of OpenSSL, is skipped."""
    return tuple(block for part in content.split(_BEGIN)[1:] if (block := _parse_block(part)))


def _parse_block(part: bytes) -> Block | None:
    label, _dashes, rest = part.partition(_DASHES)
    body, end, _behind = rest.partition(b"-----END " + label + _DASHES)
    if not end:
        return None
    return Block(label.decode("ascii", "replace"), _BEGIN + label + _DASHES + body + end + b"\n")


def is_pem(content: bytes) -> bool:
    return _BEGIN in content


def is_pfx(content: bytes) -> bool:
    """Whether the content begins like PKCS#12: a sequence whose first member is version 3."""
    return content[:1] == b"\x30" and b"\x02\x01\x03\x30" in content[:12]


def parse_der(block: Block) -> bytes:
    """The bytes between the border lines. Raises ValueError when they are not base64."""
    body = b"".join(block.text.splitlines()[1:-1])
    return base64.b64decode(b"".join(body.split()), validate=True)


def format_certificates(certificates: t.Iterable[bytes]) -> bytes:
    """Certificates (DER) as PEM, in the order given."""
    return b"".join(format_block(b"CERTIFICATE", der) for der in certificates)


def format_block(label: bytes, der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = (text[start : start + 64] for start in range(0, len(text), 64))
    return b"\n".join((b"-----BEGIN %s-----" % label, *lines, b"-----END %s-----" % label, b""))
