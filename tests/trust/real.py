# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application and its key stores, with the emulator over HTTPS between them and real processes."""

from __future__ import annotations

import shutil
import types

from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World
from processes import a_run

QUICK = {"sign_in_interval": 0, "initial_pause": 0, "sign_ins": 2, "sign_in_budget": 0, "timeout_propagation": 2}


class Place(World):
    """One key store of one application; what World knows of the two, without anything of it in this process."""

    def __init__(self, server, payroll, old, folder):
        self.server, self.payroll, self.old = server, payroll, old
        self.folder, self.key_store = folder, folder / "store"
        self.warnings, self.timing = [], types.SimpleNamespace(said=[])

    @property
    def tenant(self):
        return self.server.emulator.tenant

    @property
    def made(self):
        """What renewals have made here: all but what was adopted."""
        return [one.thumbprint for one in self.contents.versions if one.thumbprint != self.old.thumbprint]

    def arguments(self, **options):
        """The options of application_certificate_renew."""
        connection = {
            "tenant_id": self.tenant.id,
            "authority_host": self.server.url,
            "graph_url": self.server.url,
            "ca_path": str(self.server.ca_path),
            "app_id": self.payroll.app_id,
            "object_id": self.payroll.object_id,
            "key_store": str(self.key_store),
        }
        return {**connection, **QUICK, **options}

    def as_administrator(self, **options):
        administrator = {"auth_source": "client_secret", "client_id": "", "client_secret": "s3cret"}
        return self.arguments(**{**administrator, "client_id": self.tenant.application("admin").app_id, **options})

    def as_the_application(self, **options):
        return self.arguments(auth_source="key_store", **options)

    def hold(self, key_pair_path):
        """Take today's key pair over, as the administrator, who learns its key ID."""
        return self.as_administrator(adopt_path=str(key_pair_path))

    def begin_again(self, template, entries):
        """The key store as it was once, and the directory with just these credentials."""
        shutil.rmtree(self.key_store, ignore_errors=True)
        shutil.copytree(template, self.key_store, symlinks=True)
        self.tenant.change(self.payroll, key_credentials=tuple(entries))


def a_place(server, processes, folder, *others):
    """An application with today's certificate in use, its key pair in a key store, and credentials of others."""
    tenant = server.emulator.tenant
    old = tenant.issue("payroll", -160, 20)
    payroll = tenant.add_application("payroll", [old, *others])
    return taken_over(server, processes, folder, payroll, old)


def taken_over(server, processes, folder, payroll, old):
    """A key store that holds a key pair of the application."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(server, payroll, old, folder)
    key_pair = folder / "old.pem"
    key_pair.touch(0o600)
    key_pair.write_text(old.bundle_pem)
    [(code, said)] = processes.run(a_run(folder / "adoption", place.hold(key_pair)))
    assert code == 0, said
    return place
