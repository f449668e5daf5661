# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""msgraph-sdk lists, reads, patches and adds keys with the types that Microsoft generates from its metadata."""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid

import httpx
import jwt
import pytest
from azure.identity import CertificateCredential, ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_key.add_key_post_request_body import AddKeyPostRequestBody
from msgraph.generated.applications.item.application_item_request_builder import ApplicationItemRequestBuilder
from msgraph.generated.applications.item.remove_key.remove_key_post_request_body import RemoveKeyPostRequestBody
from msgraph.generated.models.application import Application
from msgraph.generated.models.key_credential import KeyCredential
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import GraphClientFactory
from msgraph_core.tasks.page_iterator import PageIterator


@pytest.fixture
def connect(server, scope):
    """A GraphServiceClient whose base address is the emulator."""

    def with_credential(credential):
        provider = AzureIdentityAuthenticationProvider(credential, scopes=[scope], allowed_hosts=["localhost"])
        client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(server.ca_path)))
        adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(client=client))
        adapter.base_url = f"{server.url}/v1.0"
        return GraphServiceClient(request_adapter=adapter)

    return with_credential


@pytest.fixture
def options(server):
    return {"authority": server.url, "disable_instance_discovery": True, "connection_verify": str(server.ca_path)}


@pytest.fixture
def graph(connect, tenant, manager, options):
    return connect(ClientSecretCredential(tenant.id, manager.app_id, "s3cret", **options))


def new_entry(pair, name):
    return KeyCredential(type="AsymmetricX509Cert", usage="Verify", key=pair.der, display_name=name)


def reading(*names):
    builder = ApplicationItemRequestBuilder
    parameters = builder.ApplicationItemRequestBuilderGetQueryParameters(select=list(names))
    return builder.ApplicationItemRequestBuilderGetRequestConfiguration(query_parameters=parameters)


def test_it_lists_every_page(graph, tenant):
    made = {tenant.add_application(f"listed-{number}").app_id for number in range(25)}
    parameters = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters(top=10, select=["id", "appId"])
    query = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetRequestConfiguration(query_parameters=parameters)
    seen = []

    async def collect():
        first = await graph.applications.get(request_configuration=query)
        assert len(first.value) == 10
        await PageIterator(first, graph.request_adapter).iterate(lambda one: seen.append(one.app_id) or True)

    asyncio.run(collect())

    assert made <= set(seen)
    assert len(seen) == len(set(seen))


def test_it_finds_by_filter(graph, tenant):
    tenant.add_application("O'Brien's")
    parameters = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters(
        filter="displayName eq 'O''Brien''s'", count=True
    )
    query = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetRequestConfiguration(query_parameters=parameters)
    query.headers.add("ConsistencyLevel", "eventual")

    found = asyncio.run(graph.applications.get(request_configuration=query))

    assert [one.display_name for one in found.value] == ["O'Brien's"]
    assert found.odata_count == 1


def test_it_reads_the_certificate_of_one_application(graph, tenant):
    pair = tenant.issue("read", -1, 100)
    application = tenant.add_application("read", [pair])

    by_id = graph.applications.by_application_id(application.object_id)
    by_app_id = graph.applications_with_app_id(application.app_id)

    async def read():
        return await by_id.get(request_configuration=reading("id", "keyCredentials")), await by_app_id.get()

    selected, plain = (one.key_credentials[0] for one in asyncio.run(read()))

    assert selected.key == pair.der
    assert plain.key is None
    assert plain.key_id == uuid.UUID(application.key_credentials[0].key_id)
    assert plain.end_date_time == pair.not_after


def test_it_patches_key_credentials_beside_what_it_read(graph, tenant):
    old, new = tenant.issue("patch", -1, 20), tenant.issue("patch", 0, 100)
    application = tenant.add_application("patch", [old])
    item = graph.applications.by_application_id(application.object_id)

    async def patch():
        existing = (await item.get()).key_credentials
        await item.patch(Application(key_credentials=[*existing, new_entry(new, "CN=patch 2026")]))

    asyncio.run(patch())

    assert set(tenant.oracle.registered(application).values()) == {old.thumbprint, new.thumbprint}


def proof(application, pair):
    now = int(time.time())
    claims = {
        "aud": "00000002-0000-0000-c000-000000000000",
        "iss": application.object_id,
        "nbf": now,
        "exp": now + 600,
    }
    return jwt.encode(claims, pair.private_key, algorithm="RS256", headers={"kid": pair.thumbprint})


def test_an_application_without_permission_rolls_its_own_key(connect, tenant, options):
    old, new = tenant.issue("roll", -1, 20), tenant.issue("roll", 0, 100)
    application = tenant.add_application("roll", [old])
    bundle = old.bundle_pem.encode()
    graph = connect(CertificateCredential(tenant.id, application.app_id, certificate_data=bundle, **options))
    item = graph.applications.by_application_id(application.object_id)

    async def roll():
        body = AddKeyPostRequestBody(key_credential=new_entry(new, "CN=roll"), proof=proof(application, old))
        added = await item.add_key.post(body)
        gone = uuid.UUID(application.key_credentials[0].key_id)
        await item.remove_key.post(RemoveKeyPostRequestBody(key_id=gone, proof=proof(application, new)))
        return added

    added = asyncio.run(roll())

    assert tenant.oracle.registered(application) == {str(added.key_id): new.thumbprint}


def test_errors_arrive_in_its_own_types(graph):
    with pytest.raises(ODataError) as caught:
        asyncio.run(graph.applications.by_application_id(str(uuid.uuid4())).get())

    assert caught.value.response_status_code == 404
    assert caught.value.error.code == "Request_ResourceNotFound"
    assert caught.value.error.inner_error.request_id
