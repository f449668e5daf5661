# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What is verified."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  stage:
    description:
      - Which certificate of the key store to verify.
    type: str
    default: current
    choices: [current, successor]
  expect:
    description:
      - V(accepted) proves that the certificate signs in. V(refused) proves that it does not any more, because of its
        key, as after a removal.
    type: str
    default: accepted
    choices: [accepted, refused]
  support_bundle:
    description:
      - A JSON file to write for a support engineer, with the checks, the evidence, the diagnosis, correlation IDs, both
        clocks, the hosts and the versions. It is written on failure too, also when nothing could be reached, and holds
        no secret. Not written in check mode. The guide on diagnosis shows one.
    type: path
"""
