# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller accepts, and what a job receives from a credential.

Each function is a rule of AWX, in words of its own; where it stands there is named. They raise Refused.
"""

from __future__ import annotations

import re

from dateutil import rrule as recurrence
from dateutil import tz
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
FIELD_KEYS = {
    "id",
    "label",
    "type",
    "format",
    "choices",
    "help_text",
    "multiline",
    "secret",
    "ask_at_runtime",
    "default",
}
ONLY_FOR_STRINGS = {"choices", "multiline", "format", "secret"}
QUESTION_TYPES = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), str),
    "integer": int,
    "float": float,
}


class Refused(Exception):
    """The controller answers 400; the message says why."""


def require(holds, why):
    if not holds:
        raise Refused(why)


# Credential types: awx/main/fields.py, CredentialTypeInputField and CredentialTypeInjectorField


def check_credential_type(inputs, injectors):
    require(set(inputs) <= {"fields", "required"}, f"inputs has {sorted(inputs)}")
    identifiers = [_check_field(field) for field in inputs.get("fields", [])]
    require(len(set(identifiers)) == len(identifiers), "field IDs must be unique")
    require(set(inputs.get("required", [])) <= set(identifiers), "required names no field")
    require(set(injectors) <= {"file", "env", "extra_vars"}, f"injectors has {sorted(injectors)}")
    files = list(injectors.get("file", {}))
    require(all(re.fullmatch(rf"template(\.{NAME.pattern})?", name) for name in files), f"file names {files}")
    require("template" not in files or len(files) == 1, "several files need names")
    for name, template in injectors.get("env", {}).items():
        require(NAME.fullmatch(name) and template.isascii(), f"{name} is no environment variable")
        require(not name.startswith("ANSIBLE_"), f"{name} may affect Ansible's configuration")
    _check_templates(injectors, identifiers)


def _check_field(field):
    require({"id", "label"} <= set(field) <= FIELD_KEYS, f"a field has {sorted(field)}")
    require(NAME.fullmatch(field["id"]) and field["id"] != "tower", f"{field['id']} is no name for a field")
    kind = field.get("type", "string")
    require(kind in ("string", "boolean"), f"{kind} is no type")
    require(kind == "string" or not ONLY_FOR_STRINGS & set(field), f"{field['id']} is no string")
    default = field.get("default", "" if kind == "string" else False)
    require(isinstance(default, str if kind == "string" else bool), f"the default of {field['id']}")
    return field["id"]


def _check_templates(injectors, identifiers):
    """Every name that a template uses is a field, or the file."""
    example = {
        **dict.fromkeys(identifiers, "EXAMPLE"),
        "tower": {"filename": "EXAMPLE"} if injectors.get("file") else {},
    }
    strict = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for kind, templates in injectors.items():
        for name, template in templates.items():
            try:
                strict.from_string(template).render(example)
            except TemplateError as error:
                raise Refused(f"{kind} {name}: {error}") from error


# What a job receives: awx_plugins/interfaces, inject_credential


def inject(credential_type, given, directory):
    """The environment of a job. Inputs without a value have no name in the templates; a file is always written."""
    environment = ImmutableSandboxedEnvironment()
    known = {name: value for name, value in given.items() if value}
    for template in credential_type["injectors"].get("file", {}).values():
        path = directory / "credential"
        path.touch(mode=0o600)
        path.write_text(environment.from_string(template).render(known), encoding="utf-8")
        known["tower"] = {"filename": str(path)}
    variables = credential_type["injectors"]["env"]
    return {name: environment.from_string(template).render(known) for name, template in variables.items()}


# Surveys: awx/api/views, JobTemplateSurveySpec


def check_survey(survey):
    require(set(survey) == {"name", "description", "spec"} and survey["spec"], "name, description and spec are wanted")
    names = [_check_question(question) for question in survey["spec"]]
    require(len(set(names)) == len(names), "a variable is asked for twice")


def _check_question(question):
    for field, kind in {"type": str, "question_name": str, "variable": str, "required": bool}.items():
        require(isinstance(question.get(field), kind), f"{field} of a question is wanted")
    kind, default = question["type"], question.get("default", "")
    require(kind in QUESTION_TYPES, f"{kind} is no type of a question")
    require(default == "" or isinstance(default, QUESTION_TYPES[kind]), f"the default of {question['variable']}")
    require(all(isinstance(question.get(limit, 0), int) for limit in ("min", "max")), "min and max are integers")
    if kind in ("multiplechoice", "multiselect"):
        defaults = default.splitlines()
        require(question.get("choices"), f"{question['variable']} has no choices")
        require(kind == "multiselect" or len(defaults) <= 1, "a single choice has one default")
        require(set(defaults) <= set(question["choices"]), f"the default of {question['variable']} is no choice")
    return question["variable"]


def check_answers(survey, answers):
    """What a schedule brings along: only what the survey asks for, within its choices and limits."""
    asked = {question["variable"]: question for question in survey["spec"]} if survey else {}
    for name, answer in answers.items():
        require(name in asked, f"{name} is not asked for on launch")
        question = asked[name]
        require(answer in question.get("choices", [answer]), f"{answer} is no choice of {name}")
        if question["type"] == "integer":
            require(question["min"] <= answer <= question["max"], f"{answer} is outside the limits of {name}")


# Schedules: awx/api/serializers.py, SchedulePreviewSerializer.validate_rrule


def check_rrule(text):
    """One start with its time zone, rules with an interval; the next occurrence by dateutil, as there."""
    starts = re.findall(r"DTSTART(;[^:]+)?:\d{8}T\d{6}(Z?)", text)
    require(len(starts) == 1, "one DTSTART is wanted")
    require(any(starts[0]), "DTSTART cannot be without a time zone")
    rules = re.findall(r"RULE:(\S*)", text)
    require(rules, "a rule is wanted")
    require(not re.search(r"(EXDATE|RDATE):", text), "EXDATE and RDATE are not allowed")
    for rule in rules:
        require("INTERVAL=" in rule, "INTERVAL is wanted")
        require("SECONDLY" not in rule, "SECONDLY is not supported")
        require(not re.search(r"BYDAY=\d", rule), "BYDAY with a number is not supported")
        require(not ("COUNT=" in rule and "UNTIL=" in rule), "COUNT and UNTIL exclude each other")
    zone = re.search(r"TZID=([^:;]+):", text)
    require(not zone or tz.gettz(zone[1]), "TZID is no time zone")
    try:
        return recurrence.rrulestr(text, tzinfos={zone[1]: tz.gettz(zone[1])} if zone else None)[0]
    except (ValueError, IndexError) as error:
        raise Refused(f"no occurrence: {error}") from error
