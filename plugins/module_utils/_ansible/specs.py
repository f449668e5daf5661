# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications. Made from meta/options.yml by `make options`: change it there."""

from __future__ import annotations

import typing as t

from .environment import from_environment

Spec = dict[str, dict[str, t.Any]]

CONNECTION: Spec = {
    "tenant_id": {
        "type": "str",
        "aliases": ["tenant"],
        "fallback": from_environment("AZURE_TENANT_ID", "AZURE_TENANT", "AZURESUBSCRIPTION_TENANT_ID"),
    },
    "client_id": {
        "type": "str",
        "fallback": from_environment("AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID"),
    },
    "auth_source": {
        "type": "str",
        "default": "auto",
        "choices": [
            "auto",
            "access_token",
            "client_secret",
            "certificate",
            "key_store",
            "workload_identity",
            "managed_identity",
            "azure_cli",
            "device_code",
            "msi",
            "cli",
        ],
    },
    "client_secret": {
        "type": "str",
        "aliases": ["secret"],
        "no_log": True,
        "fallback": from_environment("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    },
    "client_certificate_path": {
        "type": "path",
        "aliases": ["x509_certificate_path"],
        "fallback": from_environment("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_X509_CERTIFICATE_PATH"),
    },
    "client_certificate_passphrase": {
        "type": "str",
        "no_log": True,
        "fallback": from_environment("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    },
    "access_token": {
        "type": "str",
        "no_log": True,
        "fallback": from_environment("ENTRA_ACCESS_TOKEN"),
    },
    "cloud": {
        "type": "str",
        "aliases": ["cloud_environment"],
        "default": "public",
        "fallback": from_environment("AZURE_CLOUD_ENVIRONMENT"),
    },
    "authority_host": {
        "type": "str",
        "fallback": from_environment("AZURE_AUTHORITY_HOST"),
    },
    "graph_url": {
        "type": "str",
        "fallback": from_environment("ENTRA_GRAPH_URL"),
    },
    "ca_path": {
        "type": "path",
        "fallback": from_environment("ENTRA_CA_PATH"),
    },
}

APPLICATION: Spec = {
    "app_id": {
        "type": "str",
    },
    "object_id": {
        "type": "str",
    },
    "display_name": {
        "type": "str",
    },
}

KEY_STORE: Spec = {
    "key_store": {
        "type": "path",
        "no_log": False,
    },
}

OWN_KEY_STORE: Spec = {
    "key_store": {
        "type": "path",
        "required": True,
        "no_log": False,
    },
}

KEY_PASSPHRASE: Spec = {
    "key_passphrase": {
        "type": "str",
        "no_log": True,
        "fallback": from_environment("ENTRA_KEY_PASSPHRASE"),
    },
}

DUE: Spec = {
    "renew_before": {
        "type": "float",
        "default": 30.0,
    },
}

AGE: Spec = {
    "rotation_period": {
        "type": "float",
    },
}

NEW_CERTIFICATE: Spec = {
    "validity": {
        "type": "float",
        "default": 180.0,
    },
    "key_size": {
        "type": "int",
        "default": 2048,
        "choices": [2048, 3072, 4096],
    },
    "subject": {
        "type": "str",
    },
    "force": {
        "type": "bool",
        "default": False,
    },
    "on_policy_limit": {
        "type": "str",
        "default": "fail",
        "choices": ["fail", "clamp"],
    },
    "lock_timeout": {
        "type": "float",
        "default": 900.0,
    },
    "pfx_passphrase": {
        "type": "str",
        "no_log": True,
        "fallback": from_environment("ENTRA_PFX_PASSPHRASE"),
    },
}

RENEWAL: Spec = {
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "retired", "rolled_back"],
    },
    "overlap": {
        "type": "float",
        "default": 7.0,
    },
    "keep_retired": {
        "type": "float",
        "default": 7.0,
    },
    "add_method": {
        "type": "str",
        "default": "auto",
        "choices": ["auto", "add_key", "update"],
    },
    "fall_back": {
        "type": "bool",
        "default": True,
    },
    "stop_after": {
        "type": "str",
        "default": "retired",
        "choices": ["generated", "registered", "proven", "promoted", "retired"],
    },
    "registered_key_id": {
        "type": "str",
        "no_log": False,
    },
    "certificate_content": {
        "type": "str",
    },
    "certificate_path": {
        "type": "path",
    },
    "private_key_path": {
        "type": "path",
        "no_log": False,
    },
    "private_key_passphrase": {
        "type": "str",
        "no_log": True,
    },
    "csr": {
        "type": "bool",
        "default": False,
    },
    "adopt_path": {
        "type": "path",
    },
    "group": {
        "type": "str",
    },
    "exportable": {
        "type": "bool",
    },
}

PROOF: Spec = {
    "sign_ins": {
        "type": "int",
        "default": 3,
    },
    "sign_in_interval": {
        "type": "float",
        "default": 30.0,
    },
    "initial_pause": {
        "type": "float",
        "default": 10.0,
    },
}

BUDGET: Spec = {
    "sign_in_budget": {
        "type": "int",
        "default": 14,
    },
}

PROPAGATION: Spec = {
    "timeout_propagation": {
        "type": "float",
        "default": 600.0,
    },
}

INFORMATION: Spec = {
    "expected_thumbprint": {
        "type": "str",
    },
    "sign_in": {
        "type": "bool",
        "default": False,
    },
    "service_principals": {
        "type": "bool",
        "default": False,
    },
    "history": {
        "type": "int",
        "default": 0,
    },
    "return_applications": {
        "type": "str",
        "default": "all",
        "choices": ["all", "attention", "none"],
    },
}

FILTER: Spec = {
    "filter": {
        "type": "str",
    },
}

NOW: Spec = {
    "now": {
        "type": "str",
    },
}

CERTIFICATE: Spec = {
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "absent"],
    },
    "certificate_content": {
        "type": "str",
    },
    "certificate_path": {
        "type": "path",
    },
    "key_id": {
        "type": "str",
        "no_log": False,
    },
    "thumbprint": {
        "type": "str",
    },
    "credential_name": {
        "type": "str",
    },
}

VERIFICATION: Spec = {
    "stage": {
        "type": "str",
        "default": "current",
        "choices": ["current", "successor"],
    },
    "expect": {
        "type": "str",
        "default": "accepted",
        "choices": ["accepted", "refused"],
    },
    "support_bundle": {
        "type": "path",
    },
}

HEALTH: Spec = {
    "required_roles": {
        "type": "list",
        "elements": "str",
        "default": [],
    },
    "probes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "url": {
                "type": "str",
                "required": True,
            },
            "status": {
                "type": "int",
                "default": 200,
            },
        },
    },
}

PERMISSIONS: Spec = {
    "permissions": {
        "type": "list",
        "elements": "dict",
        "options": {
            "resource": {
                "type": "str",
                "required": True,
            },
            "roles": {
                "type": "list",
                "elements": "str",
                "required": True,
            },
        },
    },
}

ACCESS: Spec = {
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "absent"],
    },
    "enabled": {
        "type": "bool",
    },
}

REPORT: Spec = {
    "directory": {
        "type": "path",
        "required": True,
    },
    "formats": {
        "type": "list",
        "elements": "str",
        "default": ["html", "junit", "json", "csv", "sarif", "prometheus", "markdown"],
    },
    "fail_on": {
        "type": "list",
        "elements": "str",
        "default": [],
    },
    "fail_within": {
        "type": "float",
    },
    "sources": {
        "type": "list",
        "elements": "path",
        "default": [],
    },
    "results": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "tenant_id": {
                "type": "str",
                "required": True,
            },
            "result": {
                "type": "dict",
                "required": True,
            },
            "host": {
                "type": "str",
            },
            "name": {
                "type": "str",
            },
            "app_id": {
                "type": "str",
            },
            "object_id": {
                "type": "str",
            },
            "planned": {
                "type": "bool",
                "default": False,
            },
        },
    },
}

INVENTORY: Spec = {
    "plugin": {
        "type": "str",
        "required": True,
        "choices": ["evercert.entra.applications"],
    },
    "tenants": {
        "type": "list",
        "elements": "dict",
    },
    "parallel_tenants": {
        "type": "int",
        "default": 8,
    },
    "strict": {
        "type": "bool",
        "default": False,
    },
    "include_host_filters": {
        "type": "list",
        "elements": "str",
        "default": [],
    },
    "exclude_host_filters": {
        "type": "list",
        "elements": "str",
        "default": [],
    },
    "hostnames": {
        "type": "list",
        "elements": "str",
        "default": ["entra_app_id"],
    },
    "key_store": {
        "type": "str",
        "no_log": False,
    },
}

EVENTS: Spec = {
    "tenants": {
        "type": "list",
        "elements": "dict",
    },
    "statuses": {
        "type": "list",
        "elements": "str",
        "default": ["near_expiry", "expired"],
        "choices": [
            "near_expiry",
            "expired",
            "not_yet_valid",
            "missing",
            "unknown",
            "policy_exceeded",
        ],
    },
    "interval": {
        "type": "float",
        "default": 3600.0,
    },
    "repeat_after": {
        "type": "float",
        "default": 86400.0,
    },
}

OF_APPLICATION_CERTIFICATE_INFO: Spec = {
    **CONNECTION,
    **APPLICATION,
    **KEY_STORE,
    **KEY_PASSPHRASE,
    **DUE,
    **AGE,
    **INFORMATION,
    **BUDGET,
    **FILTER,
    **NOW,
}

OF_APPLICATION_CERTIFICATE_RENEW: Spec = {
    **CONNECTION,
    **APPLICATION,
    **OWN_KEY_STORE,
    **KEY_PASSPHRASE,
    **DUE,
    **AGE,
    **NEW_CERTIFICATE,
    **RENEWAL,
    **PROOF,
    **BUDGET,
    **PROPAGATION,
}

OF_APPLICATION_CERTIFICATE_VERIFY: Spec = {
    **CONNECTION,
    **APPLICATION,
    **KEY_STORE,
    **KEY_PASSPHRASE,
    **VERIFICATION,
    **HEALTH,
    **PROOF,
    **BUDGET,
    **PROPAGATION,
}

OF_APPLICATION_CERTIFICATE: Spec = {
    **CONNECTION,
    **APPLICATION,
    **KEY_STORE,
    **KEY_PASSPHRASE,
    **CERTIFICATE,
    **PROPAGATION,
}

OF_APPLICATION_ACCESS: Spec = {
    **CONNECTION,
    **APPLICATION,
    **KEY_STORE,
    **KEY_PASSPHRASE,
    **PERMISSIONS,
    **ACCESS,
    **PROPAGATION,
}

OF_APPLICATION_RECOVERY: Spec = {
    **CONNECTION,
    **APPLICATION,
    **OWN_KEY_STORE,
    **KEY_PASSPHRASE,
    **DUE,
    **AGE,
    **NEW_CERTIFICATE,
    **PERMISSIONS,
    **HEALTH,
    **PROOF,
    **BUDGET,
    **PROPAGATION,
}

OF_APPLICATION_REPORT: Spec = {
    **CONNECTION,
    **DUE,
    **FILTER,
    **NOW,
    **REPORT,
}

OF_APPLICATIONS: Spec = {
    **CONNECTION,
    **DUE,
    **AGE,
    **FILTER,
    **NOW,
    **INVENTORY,
}

OF_CERTIFICATE_EXPIRY: Spec = {
    **CONNECTION,
    **DUE,
    **FILTER,
    **EVENTS,
}

# name → the least, whether more than that is needed, the most, and the unit
BOUNDS: dict[str, tuple[float, bool, float | None, str]] = {
    "fail_within": (0, False, 36500, "days"),
    "history": (0, False, None, ""),
    "initial_pause": (0, False, 604800, "seconds"),
    "interval": (1, False, 604800, "seconds"),
    "keep_retired": (0, False, 36500, "days"),
    "lock_timeout": (0, False, 604800, "seconds"),
    "overlap": (0, False, 36500, "days"),
    "renew_before": (0, False, 36500, "days"),
    "repeat_after": (0, False, 31536000, "seconds"),
    "rotation_period": (0, True, 36500, "days"),
    "sign_in_budget": (0, False, None, ""),
    "sign_in_interval": (0, False, 604800, "seconds"),
    "sign_ins": (0, True, None, ""),
    "timeout_propagation": (0, True, 604800, "seconds"),
    "validity": (0, True, 36500, "days"),
}

GUIDS = (
    "client_id",
    "app_id",
    "object_id",
    "registered_key_id",
    "key_id",
)
THUMBPRINTS = (
    "expected_thumbprint",
    "thumbprint",
)
PATHS = (
    "client_certificate_path",
    "ca_path",
    "certificate_path",
    "private_key_path",
    "adopt_path",
    "support_bundle",
    "directory",
    "sources",
)
