# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person signs in on the control node; what they see, and what is handed on."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    InvalidInput,
    NetworkFailure,
    SignInRefused,
    UntrustedAnswer,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.plugins.plugin_utils import _controller_sign_in as controller
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Transport


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_AUTHORITY_HOST", "ENTRA_GRAPH_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def admin(world):
    return world.tenant.add_user("admin", ["Application Administrator"])


@pytest.fixture
def sign_in(world):
    """Sign in at the emulator; what was said is in `sign_in.said`."""

    def make(transport=None, scopes=controller.WRITE, **options):
        given = {"tenant": world.tenant.id, "auth_source": "device_code", **options}
        parts = {"transport": transport or Transport(world), "timing": world.timing}
        return controller.sign_in(given, make.said.append, scopes, **parts)

    make.said = []
    return make


def answered_later(world, state, user=None, seconds=12):
    world.tenant.later(seconds, lambda: world.tenant.device_codes.answer(state, user))


def test_a_person_is_shown_the_code_and_the_token_is_handed_on(world, admin, sign_in):
    answered_later(world, "approved", admin)

    found = sign_in()

    assert sign_in.said[0].startswith(
        "To sign in, use a web browser to open the page https://microsoft.com/devicelogin"
    )
    assert sign_in.said[-1] == "signed in"
    assert found.pop("access_token").startswith("eyJ")
    assert found == {
        "auth_source": "access_token",
        "tenant_id": world.tenant.id,
        "cloud": "public",
        "authority_host": "https://login.microsoftonline.com",
        "graph_url": "https://graph.microsoft.com",
    }
    assert 12 <= world.timing.waited < 20, "asked as often as the service wants it, and no more"


def test_the_token_is_in_no_line_that_is_shown(world, admin, sign_in):
    answered_later(world, "approved", admin)

    token = sign_in()["access_token"]

    assert token not in " ".join(sign_in.said)


def test_no_other_permission_is_asked_for_and_no_refresh_token(world, admin, sign_in):
    answered_later(world, "approved", admin)

    sign_in(scopes=controller.READ)

    (asked,) = world.tenant.device_codes._codes.values()
    assert sorted(asked.scopes) == ["https://graph.microsoft.com/Application.Read.All", "openid", "profile"]


def test_what_is_waited_for_is_said_again_and_again(world, admin, sign_in, monkeypatch):
    monkeypatch.setattr(controller, "LINE_EVERY", 0.01)
    answered_later(world, "approved", admin)
    world.timing.wait = slowly(world.timing.wait)

    sign_in()

    lines = [line for line in sign_in.said if line.startswith("waiting for somebody to enter the code ")]
    assert lines and all(line.endswith(" s left)") for line in lines)


def slowly(wait):
    import time

    def patient(seconds, what):
        time.sleep(0.05)
        wait(seconds, what)

    return patient


@pytest.mark.parametrize(
    "state, code", [("denied", "sign_in_declined"), ("approved", "conditional_access")], ids=["declined", "blocked"]
)
def test_a_refusal_is_diagnosed(world, admin, sign_in, state, code):
    world.tenant.conditional_access.add("admin")
    answered_later(world, state, admin)

    with pytest.raises(SignInRefused) as refused:
        sign_in()
    assert refused.value.diagnosis.code == code


def test_a_code_that_nobody_enters_ends(world, sign_in):
    with pytest.raises(SignInRefused, match="Nobody signed in before the code expired") as refused:
        sign_in()
    assert refused.value.diagnosis.code == "sign_in_expired"
    assert 900 <= world.timing.waited <= 910


def test_passing_trouble_does_not_end_the_wait(world, admin, sign_in):
    world.tenant.faults.add("error", match="token", status=503)
    world.tenant.faults.add("reset", match="token", skip=1)
    answered_later(world, "approved", admin)

    assert sign_in()["access_token"]


def test_a_service_that_wants_it_slower_is_asked_less_often(world, admin, sign_in):
    world.tenant.faults.add("error", match="token", status=400, error="slow_down", code=70016)
    answered_later(world, "approved", admin, seconds=5)

    sign_in()

    assert world.timing.waited == 15, "5 s, then 10 s"


def test_an_application_without_public_client_flows_is_named(world, sign_in):
    application = world.tenant.add_application("tool")

    with pytest.raises(SignInRefused, match="does not allow public client flows") as refused:
        sign_in(client_id=application.app_id)
    assert refused.value.diagnosis.code == "public_client_refused"


def test_problems_are_all_named_before_anything_is_sent(sign_in):
    class Silence:
        def send(self, request):
            raise AssertionError(f"{request.url} was asked")

    with pytest.raises(InvalidInput) as refused:
        sign_in(Silence(), tenant="not a tenant", client_id="tool", cloud="mars")
    assert [problem.split()[0] for problem in refused.value.problems] == ["client_id", "tenant_id", "cloud"]


def test_a_value_that_an_option_cannot_have_is_named(sign_in):
    with pytest.raises(InvalidInput, match="auth_source"):
        sign_in(auth_source="nonsense")


def test_options_that_are_none_of_the_connection_are_left_to_the_module(world, admin, sign_in):
    answered_later(world, "approved", admin)

    assert "app_id" not in sign_in(app_id="payroll", key_store="/nowhere")


def test_an_unreachable_host_is_a_network_failure(world, sign_in):
    world.tenant.faults.add("reset", match="device_code", times=None)

    with pytest.raises(NetworkFailure):
        sign_in()


def test_one_that_did_not_answer_once_is_asked_again(world, sign_in):
    world.tenant.faults.add("reset", match="device_code", times=3)

    with pytest.raises(SignInRefused, match="Nobody signed in"):
        sign_in()


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"device_code": 7, "user_code": "A"}', b'{"device_code": "x", "user_code": ""}', b"<html>"]
)
def test_an_answer_without_a_code_is_not_trusted(world, sign_in, answer):
    class Odd(Transport):
        def send(self, request):
            return Response(200, {}, answer) if "devicecode" in request.url else super().send(request)

    with pytest.raises(UntrustedAnswer, match="holds no code"):
        sign_in(Odd(world))


def test_an_answer_that_leaves_much_out_is_enough(world, admin, sign_in):
    """The message is Microsoft's own addition; it is shown as one line, whatever is in it."""
    world.tenant.switches.set(device_code_message=False)
    answered_later(world, "approved", admin)

    sign_in()

    code = next(iter(world.tenant.device_codes._codes.values())).user_code
    assert sign_in.said[0] == (
        f"To sign in, open https://microsoft.com/devicelogin in a web browser and enter the code {code}."
    )


def test_what_a_service_says_cannot_move_the_cursor(world, admin, sign_in):
    class Odd(Transport):
        def send(self, request):
            answer = super().send(request)
            return Response(
                answer.status, answer.headers, answer.body.replace(b"To sign in,", b"\\u001b[2J\\nTo sign in,")
            )

    answered_later(world, "approved", admin)

    sign_in(Odd(world))

    assert sign_in.said[0].startswith("[2J To sign in,")


def test_the_code_is_asked_for_at_the_authority_alone(world, sign_in):
    """The address is the discovery document's to name; what it names elsewhere is not asked."""

    class Elsewhere(Transport):
        def send(self, request):
            answer = super().send(request)
            body = answer.body.replace(
                b"microsoftonline.com/11111111-2222-4333-8444-555555555555/oauth2/v2.0/dev", b"evil.test/dev"
            )
            return Response(answer.status, answer.headers, body)

    with pytest.raises(UntrustedAnswer, match=r"evil\.test"):
        sign_in(Elsewhere(world))
