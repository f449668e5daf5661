# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks do with the modules, and how each ends: the ways that go well and all that can go wrong.

What Ansible itself shows by its own rules is no concern of the collection, and not played: a literal secret in a
playbook (errors quote the source), a loop over secrets (an item is a part of the result), the keyword `environment` (it
is a part of the command line) and payloads kept with ANSIBLE_KEEP_REMOTE_FILES (they hold the arguments).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import scale

QUICK = {"sign_ins": 1, "sign_in_interval": 0, "initial_pause": 0, "sign_in_budget": 0, "timeout_propagation": 3}
ANY = "*"
NOWHERE = "https://localhost:1"
PUBLIC_TEXTS = scale.either(
    ("certificate_content", "subject", "graph_url"),
    ("certificate_content", "subject", "graph_url", "authority_host", "group", "object_id", "ca_path", "tenant_id"),
)
# YAML cannot say it, but a variable can hold it.
NO_PATH = """{{ '"\\u0000"' | from_json }}"""


@dataclass(frozen=True)
class Act:
    """One task. `told` is a part of the sentence that it fails with, `None` where it succeeds, ANY where it may."""

    module: str
    name: str
    options: dict
    told: str | None = None
    keywords: dict = field(default_factory=dict)

    @property
    def title(self):
        return f"{self.module}: {self.name}"

    @property
    def task(self):
        waits = QUICK if self.module.endswith(("renew", "verify", "recovery")) else {}
        called = {f"evercert.entra.{self.module}": {**waits, **self.options}}
        return {"name": self.title, **called, "ignore_errors": True, **self.keywords}


def secret(name):
    return f"{{{{ secrets.{name} }}}}"


# Files with a private key, by the name of the variable that holds the path.
BROUGHT = ("half_a_key", "other_key", "whole_key")


def brought_key(name):
    return {"private_key_path": f"{{{{ public.{name} }}}}"}


def of(actor, **options):
    return {"app_id": actor.app_id, "key_store": actor.key_store, **options}


def as_itself(actor, **options):
    return of(actor, auth_source="key_store", object_id=actor.object_id, **options)


def renewals(cast):
    def renew(name, options, *rest):
        return Act("application_certificate_renew", name, options, *rest)

    payroll, itself, brought = cast["payroll"], cast["itself"], cast["brought"]
    adopt = of(payroll, adopt_path=payroll.path)
    open_adopt = {
        **adopt,
        "private_key_passphrase": secret("adopt_passphrase"),
        "pfx_passphrase": secret("pfx_passphrase"),
    }
    with_pfx = of(payroll, pfx_passphrase=secret("pfx_passphrase"))
    bring = of(brought, certificate_content="{{ public.certificate }}")
    misplaced, half, other, whole = secret("misplaced_key"), *(brought_key(name) for name in BROUGHT)
    return [
        renew(
            "wrong passphrase",
            {**adopt, "private_key_passphrase": secret("wrong_passphrase")},
            "the passphrase is wrong",
        ),
        renew("no passphrase", adopt, "no passphrase was given"),
        renew("adopted", open_adopt),
        renew("check mode", with_pfx, None, {"check_mode": True}),
        renew("renewed", with_pfx),
        renew("renewed at once", {**with_pfx, "force": True, "overlap": 0}),
        renew("nothing to roll back", of(payroll, state="rolled_back"), ""),
        renew("silent", {**with_pfx, "force": True}, None, {"no_log": True}),
        renew("adopted to sign in as itself", of(itself, adopt_path=itself.path)),
        renew("renewed as itself", as_itself(itself, overlap=0)),
        renew("retired as itself", as_itself(itself, overlap=0)),
        renew("signing request", of(brought, stop_after="generated", csr=True)),
        renew("half a key brought", {**bring, **half}, "cannot be read"),
        renew("another key brought", {**bring, **other}, "do not belong together"),
        renew("a key without a file", {**bring, "private_key_content": misplaced}, "Unsupported parameters"),
        renew("key pair brought", {**bring, **whole}),
        *(renew(f"a key in {option}", of(brought, force=True, **{option: misplaced}), "") for option in PUBLIC_TEXTS),
        renew("a key in key_store", {**of(brought), "key_store": misplaced}, ""),
        renew("no such choice", of(payroll, add_method="nonsense"), "value of add_method must be"),
        renew("no such option", of(payroll, secrets="nonsense"), "Unsupported parameters"),
        renew("no such file", of(cast["brought"], adopt_path=NO_PATH), ""),
        renew("disabled", as_itself(cast["disabled"]), "disabled"),
        renew("killed as a task", of(cast["waiting"], timeout_propagation=60), "", {"timeout": 4}),
        renew("killed as a job", of(cast["asynchronous"], timeout_propagation=60), "", {"async": 4, "poll": 1}),
        renew("undefined", of(payroll, client_secret="{{ secrets.client_secret ~ nobody_set_it }}"), "undefined"),
        renew(
            "in a loop",
            of(payroll, client_secret="{{ secrets[item] }}", fall_back=False),
            "",
            {"loop": ["wrong_secret", "client_secret"]},
        ),
    ]


def in_a_vault(cast, folder):
    """Tokens for a vault, signatures that it makes, and key pairs that are brought there."""
    vaulted, half, _other, whole = cast["vaulted"], *(brought_key(name) for name in BROUGHT)
    bring = of(vaulted, certificate_content="{{ public.certificate }}")
    phrase = secret("pfx_passphrase")
    named = of(vaulted, key_store=f"{vaulted.key_store}-{phrase}", pfx_passphrase=phrase)
    played = {
        "application_certificate_renew": [
            ("check mode in a vault", of(vaulted, adopt_path=vaulted.path), None, {"check_mode": True}),
            ("adopted into a vault", of(vaulted, adopt_path=vaulted.path)),
            ("renewed in a vault", of(vaulted, overlap=0)),
            ("half a key for a vault", {**bring, **half}, "cannot be read"),
            ("key pair brought to a vault", {**bring, **whole, "force": True}),
            ("wrong secret for a vault", of(vaulted, client_secret=secret("wrong_secret")), "client secret was sent"),
            ("a passphrase for a vault", of(vaulted, pfx_passphrase=phrase), "not for Azure Key"),
            ("a token for a vault", of(vaulted, access_token=secret("access_token"), auth_source="access_token"), ""),
            ("a passphrase in the address of a vault too", named, ""),
        ],
        "application_certificate_info": [("in a vault", of(vaulted, sign_in=True, history=100, sign_in_budget=0))],
        "application_certificate_verify": [("in a vault", of(vaulted, support_bundle=f"{folder}/vaulted.json"))],
    }
    return [Act(module, *one) for module, acts in played.items() for one in acts]


def verifications(cast, folder):
    def verify(name, options, *rest):
        return Act("application_certificate_verify", name, options, *rest)

    itself, on_trial = cast["itself"], cast["on_trial"]
    on_trial = {"app_id": on_trial.app_id, "client_certificate_path": on_trial.path}
    passphrase = {"client_certificate_passphrase": secret("client_certificate_passphrase")}
    healthy = of(itself, probes=[{"url": "/organization", "status": 403}], support_bundle=f"{folder}/healthy.json")
    return [
        verify("healthy", healthy),
        verify("not healthy", {**healthy, "probes": [{"url": "/organization"}]}, "403"),
        verify("no role", of(itself, required_roles=["User.Read.All"], support_bundle=f"{folder}/no_role.json"), ""),
        verify("a key in the roles", of(itself, required_roles=[secret("misplaced_key")]), ""),
        verify("a key in a probe", of(itself, probes=[{"url": secret("misplaced_key")}]), ""),
        verify("not refused", of(itself, expect="refused", sign_in_interval=1), ""),
        verify("disabled", of(cast["disabled"], support_bundle=f"{folder}/disabled.json"), "disabled"),
        verify("from a file", {**on_trial, **passphrase}),
        verify("no passphrase", on_trial, "no passphrase was given"),
        verify("no successor", of(itself, stage="successor"), ""),
    ]


def reports(cast, folder):
    def info(name, options, *rest):
        return Act("application_certificate_info", name, options, *rest)

    itself = cast["itself"]
    claim = secret("misplaced_key")
    return [
        info("one", of(itself, sign_in=True, history=100, sign_in_budget=0)),
        info("tenant", {}),
        info("as itself", as_itself(itself)),
        info("a key as a claim", of(itself, expected_thumbprint=claim), "expected_thumbprint must be"),
        info("a key as a filter", {"filter": claim}, ""),
        Act("application_report", "a tenant", {"directory": f"{folder}/report", "fail_on": ["missing"]}, ""),
        Act("application_report", "a key as a title", {"directory": f"{folder}/titled", "title": claim}, ""),
        Act("application_report", "a key as a directory", {"directory": claim}, ""),
    ]


def certificates(cast):
    def certificate(name, options, *rest):
        return Act("application_certificate", name, options, *rest)

    app_id, misplaced = cast["brought"].app_id, secret("misplaced_key")
    public = {"app_id": app_id, "certificate_content": "{{ public.other_certificate }}"}
    return [
        certificate("present", public),
        certificate("absent", {**public, "state": "absent"}),
        certificate("a key", {"app_id": app_id, "certificate_content": misplaced}, "holds a private key"),
        certificate("a vault's secret", {"app_id": app_id, "certificate_content": secret("misplaced_pfx")}, ""),
        certificate("a file with a key", {"app_id": app_id, "certificate_path": cast["brought"].path}, "private key"),
        certificate("a key as a thumbprint", {"app_id": app_id, "state": "absent", "thumbprint": misplaced}, ""),
        certificate("a key as a key ID", {"app_id": app_id, "state": "absent", "key_id": misplaced}, ""),
        certificate("a key as a name", {**public, "credential_name": misplaced}, None, {"check_mode": True}),
    ]


def without_a_secret(cast):
    """Ways to sign in that begin elsewhere: a person with a device code, a job of a pipeline."""
    payroll = cast["payroll"]
    person = {"app_id": payroll.app_id, "auth_source": "device_code", "client_id": "{{ omit }}"}
    public = {"certificate_content": "{{ public.other_certificate }}"}
    return [
        Act("application_certificate_info", "a person", person),
        Act("application_certificate", "a person", {**person, **public}, None, {"check_mode": True}),
        Act("application_certificate_info", "a job", {"app_id": payroll.app_id, "auth_source": "workload_identity"}),
    ]


def repairs(cast):
    """The administrator's token of a recovery is got on the control node, and goes through a pipe."""

    def recover(name, options, *rest):
        return Act("application_recovery", name, options, *rest)

    payroll, nothing = cast["payroll"], {"permissions": []}
    return [
        Act("application_access", "repaired", {"app_id": cast["disabled"].app_id, "enabled": True}),
        Act("application_access", "broken again", {"app_id": cast["disabled"].app_id, "enabled": False}),
        recover("recovered", of(payroll, force=True, pfx_passphrase=secret("pfx_passphrase"), **nothing)),
        recover("wrong secret", of(payroll, client_secret=secret("wrong_secret")), "client secret was sent"),
        recover(
            "a key as a role", of(payroll, permissions=[{"resource": "x", "roles": [secret("misplaced_key")]}]), ""
        ),
    ]


def troubles(cast):
    """What any module may meet while it signs in and reads. To wait for a broken service takes long."""
    forbidden, token = cast["forbidden"], secret("access_token")
    wrong_passphrase = {"client_certificate_passphrase": secret("wrong_passphrase")}
    file = {"auth_source": "certificate", "client_certificate_path": cast["on_trial"].path}
    met = {
        "wrong secret": of(forbidden, client_secret=secret("wrong_secret")),
        "secret that cannot be encoded": of(forbidden, client_secret="{{ omit }}"),  # see the environment
        "forbidden": of(forbidden),
        "two tokens": of(forbidden, access_token=f"{token} {token}"),
        "wrong passphrase": of(forbidden, **file, **wrong_passphrase),
    }
    slow = {
        "nobody answers": of(forbidden, authority_host=NOWHERE, timeout=2),
        "broken": of(cast["broken"], timeout=2),
        "token that is none": of(forbidden, access_token=token),
    }
    modules = {
        "application_certificate_renew": {},
        "application_certificate_info": {},
        "application_certificate": {"certificate_content": "{{ public.certificate }}"},
    }
    for number, (module, more) in enumerate(modules.items()):
        few = met if number == 0 else {"wrong secret": met["wrong secret"], "forbidden": met["forbidden"]}
        for name, options in scale.either(few, {**met, **slow}).items():
            yield Act(module, name, {**options, **more}, ANY)
