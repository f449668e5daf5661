# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tenant's applications are handed and say, remembered, so that it can be searched for elsewhere."""

from __future__ import annotations

from emulator.app import Emulator


class Overhearing(Emulator):
    """The emulator, with every token, assertion and proof that crosses its wire remembered in `hunt`."""

    hunt = None

    def serve(self, request):
        sent = request.headers.get("Authorization", "") + request.get_data(as_text=True)
        self.hunt.add_tokens("an assertion, a proof or a token that was sent", sent)
        answer = super().serve(request)
        self.hunt.add_tokens("a token that was issued", answer.get_data(as_text=True))
        return answer
