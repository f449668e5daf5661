# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the roles. Made from meta/options.yml by `make options`: change it there."""

from __future__ import annotations

from ..module_utils._ansible import specs

OF_ROLES: dict[str, specs.Spec] = {
    "renew": {
        "renew_applications": {
            "type": "list",
            "elements": "dict",
        },
        "renew_after_promote": {
            "type": "str",
            "default": "",
        },
        "renew_before_retire": {
            "type": "str",
            "default": "",
        },
        "renew_register_from": {
            "type": "str",
            "default": "",
        },
        "renew_registrar": {
            "type": "dict",
            "default": {},
        },
        "renew_rollback": {
            "type": "bool",
            "default": True,
        },
        "renew_state": {
            "type": "str",
            "default": "present",
            "choices": ["present", "rolled_back"],
        },
        "renew_renew_before": {
            "type": "float",
            "default": 30.0,
        },
        "renew_rotation_period": {
            "type": "float",
        },
        "renew_validity": {
            "type": "float",
            "default": 180.0,
        },
        "renew_overlap": {
            "type": "float",
            "default": 7.0,
        },
        "renew_keep_retired": {
            "type": "float",
            "default": 7.0,
        },
        "renew_key_size": {
            "type": "int",
            "default": 2048,
            "choices": [2048, 3072, 4096],
        },
        "renew_subject": {
            "type": "str",
        },
        "renew_add_method": {
            "type": "str",
            "default": "auto",
            "choices": ["auto", "add_key", "update"],
        },
        "renew_fall_back": {
            "type": "bool",
            "default": True,
        },
        "renew_stop_after": {
            "type": "str",
            "default": "retired",
            "choices": ["generated", "registered", "proven", "promoted", "retired"],
        },
        "renew_sign_ins": {
            "type": "int",
            "default": 3,
        },
        "renew_sign_in_interval": {
            "type": "float",
            "default": 30.0,
        },
        "renew_initial_pause": {
            "type": "float",
            "default": 10.0,
        },
        "renew_sign_in_budget": {
            "type": "int",
            "default": 14,
        },
        "renew_timeout_propagation": {
            "type": "float",
            "default": 600.0,
        },
        "renew_lock_timeout": {
            "type": "float",
            "default": 900.0,
        },
        "renew_force": {
            "type": "bool",
            "default": False,
        },
        "renew_on_policy_limit": {
            "type": "str",
            "default": "fail",
            "choices": ["fail", "clamp"],
        },
        "renew_group": {
            "type": "str",
        },
        "renew_exportable": {
            "type": "bool",
        },
        "renew_certificate_content": {
            "type": "str",
        },
        "renew_certificate_path": {
            "type": "str",
        },
        "renew_private_key_path": {
            "type": "str",
        },
        "renew_csr": {
            "type": "bool",
            "default": False,
        },
        "renew_adopt_path": {
            "type": "str",
        },
        "renew_required_roles": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "renew_probes": {
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
    },
    "recover": {
        "recover_app_id": {
            "type": "str",
        },
        "recover_object_id": {
            "type": "str",
        },
        "recover_display_name": {
            "type": "str",
        },
        "recover_key_store": {
            "type": "str",
        },
        "recover_auth_source": {
            "type": "str",
            "default": "device_code",
        },
        "recover_client_id": {
            "type": "str",
        },
        "recover_after_promote": {
            "type": "str",
            "default": "",
        },
        "recover_permissions": {
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
        "recover_required_roles": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "recover_probes": {
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
        "recover_validity": {
            "type": "float",
            "default": 180.0,
        },
        "recover_force": {
            "type": "bool",
            "default": False,
        },
        "recover_on_policy_limit": {
            "type": "str",
            "default": "fail",
            "choices": ["fail", "clamp"],
        },
        "recover_sign_ins": {
            "type": "int",
            "default": 3,
        },
        "recover_sign_in_interval": {
            "type": "float",
            "default": 30.0,
        },
        "recover_initial_pause": {
            "type": "float",
            "default": 10.0,
        },
        "recover_sign_in_budget": {
            "type": "int",
            "default": 14,
        },
        "recover_timeout_propagation": {
            "type": "float",
            "default": 600.0,
        },
    },
    "report": {
        "report_directory": {
            "type": "str",
        },
        "report_formats": {
            "type": "list",
            "elements": "str",
            "default": ["html", "junit", "json", "csv", "sarif", "prometheus", "markdown"],
        },
        "report_renew_before": {
            "type": "float",
            "default": 30.0,
        },
        "report_filter": {
            "type": "str",
        },
        "report_fail_on": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "report_fail_within": {
            "type": "float",
        },
        "report_sources": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "report_results": {
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
    },
    "schedule": {
        "schedule_state": {
            "type": "str",
            "default": "present",
            "choices": ["present", "absent"],
        },
        "schedule_method": {
            "type": "str",
            "default": "auto",
            "choices": ["auto", "systemd", "cron"],
        },
        "schedule_name": {
            "type": "str",
            "default": "evercert-renew",
        },
        "schedule_times": {
            "type": "list",
            "elements": "str",
            "default": ["03:00"],
        },
        "schedule_days": {
            "type": "list",
            "elements": "str",
            "default": [],
            "choices": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        },
        "schedule_jitter": {
            "type": "int",
            "default": 3600,
        },
        "schedule_executable": {
            "type": "str",
        },
        "schedule_playbook": {
            "type": "str",
            "default": "evercert.entra.renew",
        },
        "schedule_inventory": {
            "type": "str",
        },
        "schedule_arguments": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "schedule_user": {
            "type": "str",
            "default": "root",
        },
        "schedule_directory": {
            "type": "str",
            "default": "/",
        },
        "schedule_environment_file": {
            "type": "str",
        },
        "schedule_timeout": {
            "type": "int",
            "default": 7200,
        },
        "schedule_on_failure": {
            "type": "list",
            "elements": "str",
            "default": [],
        },
        "schedule_applications": {
            "type": "list",
            "elements": "dict",
        },
    },
}

# Whose options a role hands over.
MODULES: dict[str, specs.Spec] = {
    "renew": specs.OF_APPLICATION_CERTIFICATE_RENEW,
    "recover": specs.OF_APPLICATION_RECOVERY,
    "report": specs.OF_APPLICATION_REPORT,
}

# What a role sets itself.
SETS: dict[str, tuple[str, ...]] = {
    "renew": (
        "renew_application",
        "renew_health",
        "renew_last_call",
        "renew_made",
        "renew_plan",
        "renew_promotion",
        "renew_registration",
        "renew_result",
        "renew_retirement",
        "renew_rolled_back",
    ),
    "recover": ("recover_result",),
    "report": ("report_result",),
    "schedule": (
        "schedule_next_run",
        "schedule_next_renewals",
    ),
}

# What a text has to match, and how that is said.
PATTERNS: dict[str, tuple[str, str]] = {
    "schedule_name": ("[A-Za-z0-9_-]+", "made of letters, digits, - and _, so that systemd and cron both take it"),
    "schedule_times": ("([01][0-9]|2[0-3]):[0-5][0-9]", "a time such as 03:00"),
    "schedule_executable": ("/.*", "an absolute path"),
    "schedule_user": ("[A-Za-z0-9_][A-Za-z0-9_.-]*", "the name of a user"),
    "schedule_directory": ("/.*", "an absolute path"),
    "schedule_environment_file": ("/.*", "an absolute path"),
    "schedule_on_failure": ("[A-Za-z0-9:_.@-]+", "the name of a systemd unit"),
}

BOUNDS: dict[str, tuple[float, bool, float | None, str]] = {
    "schedule_jitter": (0, False, 86400, "seconds"),
    "schedule_timeout": (0, True, 604800, "seconds"),
}

TASK_FILES = (
    "renew_after_promote",
    "renew_before_retire",
    "recover_after_promote",
)

NEVER_NULL = (
    "renew_applications",
    "renew_after_promote",
    "renew_before_retire",
    "renew_register_from",
    "renew_registrar",
    "renew_rollback",
    "renew_state",
    "renew_renew_before",
    "renew_validity",
    "renew_overlap",
    "renew_keep_retired",
    "renew_key_size",
    "renew_add_method",
    "renew_fall_back",
    "renew_stop_after",
    "renew_sign_ins",
    "renew_sign_in_interval",
    "renew_initial_pause",
    "renew_sign_in_budget",
    "renew_timeout_propagation",
    "renew_lock_timeout",
    "renew_force",
    "renew_on_policy_limit",
    "renew_csr",
    "renew_required_roles",
    "renew_probes",
    "recover_auth_source",
    "recover_after_promote",
    "recover_required_roles",
    "recover_probes",
    "recover_validity",
    "recover_force",
    "recover_on_policy_limit",
    "recover_sign_ins",
    "recover_sign_in_interval",
    "recover_initial_pause",
    "recover_sign_in_budget",
    "recover_timeout_propagation",
    "report_directory",
    "report_formats",
    "report_renew_before",
    "report_fail_on",
    "report_sources",
    "report_results",
    "schedule_state",
    "schedule_method",
    "schedule_name",
    "schedule_times",
    "schedule_days",
    "schedule_jitter",
    "schedule_executable",
    "schedule_playbook",
    "schedule_arguments",
    "schedule_user",
    "schedule_directory",
    "schedule_timeout",
    "schedule_on_failure",
    "schedule_applications",
)
