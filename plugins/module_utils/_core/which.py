# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which application a task is about, and who says so. Pure: what was found in, the application out."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Selector:
    """Which application: exactly one of these is given, or none for the whole tenant."""

    app_id: str | None = None
    object_id: str | None = None
    display_name: str | None = None

    def __bool__(self) -> bool:
        return bool(self.app_id or self.object_id or self.display_name)


class Ids(t.NamedTuple):
    """What is known of an application's IDs; whoever said it first is believed."""

    app_id: str = ""
    object_id: str = ""

    @property
    def are_known(self) -> bool:
        return bool(self.app_id and self.object_id)

    def filled(self, app_id: str | None, object_id: str | None) -> Ids:
        """The same, where something was unknown with what another one says."""
        return Ids(self.app_id or app_id or "", self.object_id or object_id or "")


@dataclass(frozen=True)
class Which:
    """Everything that may say which application it is: what the task names, and what was found around it."""

    named: Selector = Selector()
    # Of the identity that signs in. The environment's may be meant for something else, so it is believed last.
    client_id: str | None = None
    client_id_around: str | None = None
    # The application that the key store was made for.
    recorded: str | None = None

    @property
    def itself(self) -> str | None:
        """The application that signs in as itself, where it does."""
        return self.named.app_id or self.client_id or self.recorded or self.client_id_around

    def selected(self, as_itself: bool) -> Selector:
        """The one named; else the one that signs in as itself, or that the key store was made for."""
        return self.named or Selector(app_id=self.itself if as_itself else self.recorded)
