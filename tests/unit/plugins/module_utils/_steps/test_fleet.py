# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many tenants at once: order, failures, patience, and what a cache keeps of a listing."""

from __future__ import annotations

import json
import threading
import types

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._entra.applications import list_applications
from ansible_collections.evercert.entra.plugins.module_utils._steps import fleet
from ansible_collections.evercert.entra.plugins.module_utils._steps.fleet import Source, read_tenants, recall, remember
from ansible_collections.evercert.entra.tests.unit.builders import NOW, trouble


def a_source(failure=None):
    clock, graph = types.SimpleNamespace(now=lambda: NOW), types.SimpleNamespace(failure=failure)
    return Source(types.SimpleNamespace(graph=graph, clock=clock, parse_certificate=None))


@pytest.fixture
def listed(monkeypatch):
    """Each tenant answers its own name, in the order in which `gates` open."""

    def of(graph, parse, odata_filter):
        if graph.failure:
            raise graph.failure
        yield graph

    monkeypatch.setattr(fleet, "list_applications", of)


def test_listings_come_in_the_order_of_their_tenants(monkeypatch):
    """The first one answers last."""
    sources, last = [a_source() for _each in range(4)], threading.Event()

    def of(graph, parse, odata_filter):
        if graph is sources[0].connection.graph:
            assert last.wait(10)
        elif graph is sources[3].connection.graph:
            last.set()
        yield graph

    monkeypatch.setattr(fleet, "list_applications", of)

    found = read_tenants(sources, 4)

    assert [listing.applications for listing in found] == [(one.connection.graph,) for one in sources]
    assert not any(listing.is_cached for listing in found)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_as_many_are_read_at_once_as_asked_for(monkeypatch, at_once):
    """Each waits until so many are being read, and nobody else reads."""
    together, readers = threading.Barrier(at_once), set()

    def of(graph, parse, odata_filter):
        readers.add(threading.current_thread())
        together.wait(10)
        yield graph

    monkeypatch.setattr(fleet, "list_applications", of)

    read_tenants([a_source() for _each in range(6)], at_once)

    assert len(readers) == at_once


def test_one_tenant_alone_is_read_in_this_thread(monkeypatch):
    """There a request has a deadline by an alarm, which threads cannot have."""
    threads = []
    monkeypatch.setattr(fleet, "list_applications", lambda *_asked: threads.append(threading.current_thread()) or ())

    read_tenants([a_source()], 8)

    assert threads == [threading.current_thread()]


def test_a_failure_stands_in_the_place_of_its_listing(listed):
    failure = SignInRefused("refused", trouble("secret_invalid"))

    first, second = read_tenants([a_source(failure), a_source()], 2)

    assert first.failure is failure and first.applications == ()
    assert second.failure is None and len(second.applications) == 1


def test_passing_trouble_at_a_sign_in_is_waited_for(world):
    """Among hundreds of tenants there is always some."""
    world.tenant.faults.add("error", match="token", status=503, retry_after=7)

    (found,) = read_tenants([Source(world.connect(world.options()))], 1)

    assert found.failure is None and world.timing.waited == 7


def test_a_remembered_listing_is_the_same_one(world):
    world.foreign("other")
    connection = world.connect(world.options())
    listed = tuple(list_applications(connection.graph, connection.parse_certificate, None))

    text = remember(listed)

    assert recall(text) == listed
    assert "BEGIN" not in text and '"key"' not in text


def test_a_cache_is_no_place_to_take_certificates_from():
    entry = {"keyId": "k", "key": "AAAA"}
    body = {"id": "a" * 36, "appId": "b" * 36, "keyCredentials": [entry]}

    ((credential,),) = (one.key_credentials for one in recall(json.dumps([body])))

    assert (credential.key_id, credential.certificate) == ("k", None)


@pytest.mark.parametrize("text", [None, "", "{", "1", "{}x", "[1]", "[{}]", '[{"id": "a", "appId": "b"}]', 5])
def test_anything_else_is_no_listing(text):
    assert recall(text) is None
