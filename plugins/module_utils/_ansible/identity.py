# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signs in: the identity that the options ask for, else the first that is configured."""

from __future__ import annotations

from dataclasses import dataclass

from .._entra.sign_in.method import SignInMethod
from .._steps.connection import Choice
from .setting import Setting
from .ways import WAYS, Way, way_of


@dataclass(frozen=True)
class Identity:
    """Who signs in, by which way, and how that was chosen."""

    way: Way
    choice: Choice
    method: SignInMethod
    # The options of this way that the environment gave.
    from_environment: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where it came from, as far as no task says so: for whoever reads that it was refused."""
        told = [f"auth_source auto took {self.way.name}."] if self.choice.is_automatic else []
        told += [f"From the environment: {', '.join(self.from_environment)}."] if self.from_environment else []
        return f" ({' '.join(told)})" if told else ""


def identify(setting: Setting, problems: list[str]) -> Identity | None:
    """The identity that the options ask for, else the first one that is configured."""
    asked = way_of(setting.options.get("auth_source"))
    if asked:
        return _identity(asked, Choice(asked.name), setting)
    skipped: list[tuple[str, str]] = []
    for way in WAYS:
        why = way.why_not(setting)
        if why is None:
            return _identity(way, Choice(way.name, tuple(skipped), is_automatic=True), setting)
        skipped.append((way.name, why))
    problems.append(f"No way to sign in. {' '.join(f'{name}: {why}' for name, why in skipped)}")
    return None


def _identity(way: Way, choice: Choice, setting: Setting) -> Identity:
    method = way.build(setting)
    client_id = getattr(method, "client_id", None)  # not every way has one, and the key store may know another
    used = ("client_id", *way.credentials) if client_id == setting.options.get("client_id") else way.credentials
    return Identity(way, choice, method, tuple(name for name in used if name in setting.from_environment))
