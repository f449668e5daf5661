# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of every module, given what people give by mistake: the answer is right, or a sentence that names it.

In one process, with the emulator behind the transport and a clock that waits for nobody; first in check mode.
"""

from __future__ import annotations

import itertools
import re
import shutil
import types

import pytest
import requests
import scale
from adapter.wsgi_adapter import connect
from ansible_collections.evercert.entra.plugins.module_utils._ansible import requests_transport, run, specs
from ansible_collections.evercert.entra.plugins.module_utils._ansible.recovering import checked_options
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._events.options import read_settings
from ansible_collections.evercert.entra.plugins.modules import (
    application_access,
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_report,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import FakeTiming
from emulator.app import Emulator
from emulator.tenant import Tenant

ACCESS, CERTIFICATE, INFO, RENEW, VERIFY, REPORT = (
    application_access,
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_report,
)
MODULES = (ACCESS, CERTIFICATE, INFO, RENEW, VERIFY, REPORT)
SECRET = "s3cret"
# What only Python says, and no sentence of ours or of Ansible's.
PYTHONS = re.compile(
    r"Traceback|Errno|NoneType|object at 0x|<class|(Key|Type|Value|Attribute|Index|Unicode\w+|OS|Recursion)Error|"
    r"codec can't|invalid literal|not subscriptable|unhashable|Exception"
)
MISTAKES = {
    "empty": "",
    "blank": " \t",
    "null": None,
    "home": "~",
    "relative": "some/where",
    "full of others' files": "{others}",
    "65 letters": "a" * 65,
    "equals": "a=b",
    "quotes": "\"'`",
    "emoji": "\N{KEY}",
    "right to left": "\u202eabc",
    "zero width": "\u200b",
    "lines": "a\r\nb",
    "GUID in braces": "{5B1C3A4E-7D0E-4F53-9A2B-0D9F6B7F2C11}",
    "neighbour": "{neighbour}",
}


# What a refusal says in place of the option: the service's own words for it.
TOLD = {"required_roles": ["permissions are missing"], "client_secret": ["secret"]}


def name_of(module):
    return module.__name__.rpartition(".")[2]


def spec_of(module):
    return getattr(specs, f"OF_{name_of(module).upper()}")


CELLS = [(module, option) for module in MODULES for option in spec_of(module)]


@pytest.fixture
def site(tmp_path, monkeypatch, pem_of, call):
    """A tenant with an application, its key store, and a folder that belongs to somebody else."""
    tenant = Tenant()
    emulator, timing = Emulator(tenant), FakeTiming(tenant)
    monkeypatch.setattr(requests_transport, "_Session", lambda: connect(requests.Session(), emulator))
    monkeypatch.setattr(run, "timing_of", lambda module: timing)
    monkeypatch.setattr(run, "PlainTiming", lambda: timing)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    pair = tenant.issue("payroll", starts=-10, ends=170)
    payroll = tenant.add_application("payroll", [pair])
    admin = tenant.add_application("admin", secret=SECRET, roles=["Application.ReadWrite.All"])
    others = tmp_path / "others"
    others.mkdir()
    (others / "thesis.txt").write_text("Chapter 1\n")
    signed_in = {"tenant_id": tenant.id, "client_id": admin.app_id, "client_secret": SECRET}
    store = tmp_path / "store"
    adopted = call(
        RENEW, **signed_in, app_id=payroll.app_id, key_store=str(store), adopt_path=pem_of(pair), sign_in_interval=0
    )
    assert not adopted.get("failed"), adopted
    new = tenant.issue("other", starts=-1, ends=100).certificate_pem
    return types.SimpleNamespace(
        tenant=tenant, payroll=payroll, others=others, store=store, signed_in=signed_in, folder=tmp_path, new=new
    )


def right_options(site, module, folder):
    """What the module does its work with, at once."""
    folder.mkdir()
    store = folder / "store" if module is RENEW else site.store
    if module is RENEW:
        shutil.copytree(site.store, store, symlinks=True)
    quick = {"sign_in_interval": 0, "initial_pause": 0, "sign_in_budget": 0, "timeout_propagation": 5}
    own = {
        ACCESS: {"permissions": []},
        CERTIFICATE: {"certificate_content": site.new},
        INFO: {"key_store": str(store)},
        RENEW: {"key_store": str(store)},
        VERIFY: {"key_store": str(store)},
        REPORT: {"directory": str(folder / "report")},
    }[module]
    one = {} if module is REPORT else {"app_id": site.payroll.app_id}
    given = {**site.signed_in, **one, **own, **quick}
    return {name: value for name, value in given.items() if name in spec_of(module)}


def mistaken(site, module, option, mistake, options):
    value = MISTAKES[mistake]
    if value == "{others}":
        return str(site.others)
    if value == "{neighbour}":
        names = list(spec_of(module))
        beside = names[(names.index(option) + 1) % len(names)]
        return options.get(beside, spec_of(module)[beside].get("default"))
    return value


def is_named(option, value, told):
    """By its name, its words, or what it was given."""
    words = (option, option.replace("_", " "), option.replace("_id", " ID"), *TOLD.get(option, ()))
    return any(word in told for word in words) or (isinstance(value, str) and value.strip() and value.strip() in told)


IDS = dict.fromkeys(("tenant_id", "client_id", "app_id"), "11111111-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("read", "spec", "right"),
    [
        (checked_options, specs.OF_APPLICATION_RECOVERY, {**IDS, "client_secret": "s3cret", "key_store": "/nowhere"}),
        (
            lambda given: read_settings(given, {}),
            specs.OF_CERTIFICATE_EXPIRY,
            {name: IDS[name] for name in ("tenant_id", "client_id")} | {"client_secret": "s3cret"},
        ),
    ],
    ids=["recovery", "events"],
)
def test_what_is_checked_before_anybody_signs_in_is_taken_or_refused_by_name(read, spec, right, tmp_path):
    wrong, names = [], list(spec)
    for option, mistake in itertools.product(names, MISTAKES):
        beside = names[(names.index(option) + 1) % len(names)]
        value = MISTAKES[mistake]
        value = (
            str(tmp_path) if value == "{others}" else spec[beside].get("default") if value == "{neighbour}" else value
        )
        try:
            read({**right, option: value})
        except InvalidInput as invalid:
            told = " ".join(invalid.problems)
            if value is not None and not is_named(option, value, told):
                wrong.append(f"{option}, {mistake}, not named: {told}")
            if PYTHONS.search(told):
                wrong.append(f"{option}, {mistake}, in Python's words: {told}")
        except Exception as escaped:
            wrong.append(f"{option}, {mistake}: {escaped!r}")
    assert not wrong, "\n".join(wrong)


@scale.sampled
@pytest.mark.parametrize(
    ("module", "option"),
    scale.part_of(CELLS, lambda cell: cell[0], test=0.04, check=0.4),
    ids=lambda one: one if isinstance(one, str) else name_of(one),
)
def test_an_answer_is_right_or_names_the_option_and_check_mode_agrees(site, call, module, option):
    wrong = []
    for number, mistake in enumerate(MISTAKES):
        told = []
        for check in (True, False):
            options = right_options(site, module, site.folder / f"{number}{check}")
            value = mistaken(site, module, option, mistake, options)
            try:
                found = call(module, check, **{**options, option: value}, _ansible_inject_invocation=True)
            except BaseException as escaped:
                wrong.append(f"{mistake}: {escaped!r}")
                break
            said = str(found.get("msg", ""))
            if SECRET in str(found):
                wrong.append(f"{mistake}, with a secret: {found}")
            told.append((bool(found.get("failed")), said.replace(str(site.folder / f"{number}{check}"), "")))
            if found.get("failed") and value is not None and not is_named(option, value, said):
                wrong.append(f"{mistake}, not named: {said}")
            if PYTHONS.search(said):
                wrong.append(f"{mistake}, in Python's words: {said}")
        if len(told) == 2 and told[0] != told[1]:
            wrong.append(f"{mistake}: check mode {told[0]}, the run {told[1]}")
    assert not wrong, "\n".join(wrong)
    assert list((site.folder / "here").iterdir()) == [], "a relative path is another place wherever the module runs"
