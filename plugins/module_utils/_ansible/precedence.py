# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose word counts: what somebody gave comes before the environment, and a way to sign in comes as a whole."""

from __future__ import annotations

import os
import typing as t

from .._core.texts import trimmed
from .arguments import Options
from .specs import CONNECTION, Spec
from .ways import CREDENTIALS, OPENS


def names_given(spec: Spec, given: Options) -> frozenset[str]:
    """The options that somebody gave, by their first names. A null is none, though it keeps the environment out."""
    return frozenset(
        name
        for name, entry in spec.items()
        if any(given.get(alias) is not None for alias in (name, *entry.get("aliases", ())))
    )


def names_from_environment(spec: Spec, options: Options, given: t.Collection[str]) -> frozenset[str]:
    """The options that nobody gave, and that have a value all the same."""
    return frozenset(
        name
        for name, entry in spec.items()
        if "fallback" in entry and "default" not in entry and name not in given and options.get(name) is not None
    )


def as_a_whole(
    options: Options,
    given: t.Collection[str],
    on_trial: str = "",
    environment: t.Mapping[str, str] | None = None,
) -> dict[str, t.Any]:
    """The options without credentials of the environment where a credential was given: nobody signs in as a mixture.

    A passphrase signs nobody in, and belongs to its file: to the one that was given, unless the environment names one
    of its own. `on_trial` is a credential that is tried; giving it alone does not say how to sign in.
    """
    around = os.environ if environment is None else environment
    foreign = {secret for secret, file in OPENS.items() if file in given and _names(around, file)}
    opening = {secret for secret, file in OPENS.items() if file in given} - foreign
    is_told = any(name in given for name in CREDENTIALS if name != on_trial)
    dropped = ({*CREDENTIALS} - opening if is_told else foreign) - {*given}
    return {name: None if name in dropped else value for name, value in options.items()}


def _names(environment: t.Mapping[str, str], option: str) -> bool:
    return any(trimmed(environment.get(variable, "")) for variable in CONNECTION[option]["fallback"][1])
