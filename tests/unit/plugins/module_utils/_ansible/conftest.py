# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as a module gets them, and key files of every kind. Key pairs are slow to make, so they are made once."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import specs
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import generate_key_pair
from ansible_collections.evercert.entra.tests.unit.builders import APP_ID
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SPECS = {
    "renew": specs.OF_APPLICATION_CERTIFICATE_RENEW,
    "info": specs.OF_APPLICATION_CERTIFICATE_INFO,
    "verify": specs.OF_APPLICATION_CERTIFICATE_VERIFY,
    "certificate": specs.OF_APPLICATION_CERTIFICATE,
}
TENANT = "22222222-3333-4444-8555-666666666666"


@pytest.fixture
def options():
    """The options of a module with their defaults, a tenant and a way to sign in, changed as a test says."""

    def make(module="renew", **given):
        values = {name: entry.get("default") for name, entry in SPECS[module].items()}
        signed_in = {"tenant_id": TENANT, "client_id": APP_ID, "client_secret": "s3cret"}
        return {**values, **signed_in, **given}

    return make


def _made(name):
    start = dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)
    return generate_key_pair(
        key_size=2048, subject=f"CN={name}", not_before=start, not_after=start + dt.timedelta(days=3650)
    )


@pytest.fixture(scope="session")
def key_pair():
    return _made("payroll")


@pytest.fixture(scope="session")
def other_pair():
    return _made("other")


@pytest.fixture(scope="session")
def ec_key():
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def write(tmp_path):
    """Write a file with a mode; its path."""

    def make(content, name="file.pem", mode=0o600):
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    return make


@pytest.fixture
def key_file(write, key_pair):
    """A PEM file with the key pair, as a careful person keeps it."""
    return write(key_pair.private_key_pem() + key_pair.certificate_pem(), "payroll.pem")


@pytest.fixture
def store(tmp_path, key_pair):
    """A key store with one current certificate, made for APP_ID."""
    made = DirectoryStore(str(tmp_path / "store"))
    made.prepare()
    made.keep_successor(key_pair, Record(app_id=APP_ID), None)
    made.promote_successor(dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc))
    return made
