# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every reader of foreign bytes and the fuzzer that feeds it: a new reader without one fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
UTILS = HERE.parents[1] / "plugins" / "module_utils"
READS = ("parse_", "explain_", "load_", "read_", "problems_of")

# Reader → the file that fuzzes it. One that does no more than call another is fed by way of that one's caller.
FUZZED = {
    "_core/diagnosis.py:explain_sign_in": "test_fuzz_answers.py",
    "_core/diagnosis.py:explain_graph": "test_fuzz_answers.py",
    "_core/limits.py:parse_duration": "test_fuzz_answers.py",
    "_core/times.py:parse_iso": "test_fuzz_options.py",
    "_core/times.py:parse_iso_or_none": "test_fuzz_options.py",
    "_core/times.py:parse_http_date": "test_fuzz_options.py",
    "_entra/device_prompt.py:parse_prompt": "test_fuzz_answers.py",
    "_entra/machine.py:read_machine_token": "test_fuzz_answers.py",
    "_entra/sign_in/azure_cli.py:parse_cli_answer": "test_fuzz_answers.py",
    "_entra/applications.py:parse_application": "test_fuzz_answers.py",
    "_entra/applications.py:parse_credential": "test_fuzz_answers.py",
    "_entra/surroundings.py:parse_service_principal": "test_fuzz_answers.py",
    "_entra/surroundings.py:read_surroundings": "test_fuzz_answers.py",
    "_entra/surroundings.py:read_lifetime_limits": "test_fuzz_answers.py",
    "_entra/surroundings.py:read_default_limits": "test_fuzz_answers.py",
    "_entra/surroundings.py:read_service_principal": "test_fuzz_answers.py",
    "_entra/principals.py:read_registration": "test_fuzz_answers.py",
    "_entra/clouds.py:problems_of_url": "test_fuzz_options.py",
    "_entra/patience.py:parse_seconds": "test_fuzz_answers.py",
    "_entra/transport.py:json_object": "test_fuzz_answers.py",
    "_entra/tokens.py:claims": "test_fuzz_answers.py",
    "_keys/key_pair.py:load_key_pair": "test_fuzz_certificates.py",
    "_keys/key_pair.py:load_certificate": "test_fuzz_certificates.py",
    "_keys/key_pair.py:load_chain": "test_fuzz_certificates.py",
    "_keys/key_pair.py:certificate_from_der": "test_fuzz_certificates.py",
    "_keys/pem.py:parse_blocks": "test_fuzz_certificates.py",
    "_keys/pem.py:parse_der": "test_fuzz_certificates.py",
    "_keys/records.py:parse_object": "test_fuzz_key_stores.py",
    "_keys/records.py:parse_record": "test_fuzz_key_stores.py",
    "_keys/versions.py:read_layout": "test_fuzz_key_stores.py",
    "_steps/run.py:from_values": "test_fuzz_key_stores.py",
    "_ansible/arguments.py:problems_of": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_report": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_certificate": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_verification": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_renewal": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_vault": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_access": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_recovery": "test_fuzz_options.py",
    "_ansible/contradictions.py:problems_of_page": "test_fuzz_options.py",
    "_ansible/arguments.py:problems_of_numbers": "test_fuzz_options.py",
    "_ansible/checking.py:problems_of_lists": "test_fuzz_options.py",
    "_events/options.py:read_settings": "test_fuzz_options.py",
    "_ansible/files.py:read_key_pair": "test_fuzz_options.py",
    "_ansible/files.py:read_file": "test_fuzz_options.py",
}
# Called by the readers of a whole store, `store.read` and `store.signer`, which test_fuzz_key_stores.py feeds.
WITHIN_A_STORE = {
    "_keys/reading.py:read_file",
    "_keys/reading.py:read_private_file",
    "_keys/reading.py:read_link",
    "_keys/links.py:read_contents",
    "_keys/links.py:read_as_mended",
    "_keys/versions.py:read_contents",
    "_keys/versions.py:read_version",
    "_keys/versions.py:read_record",
    "_keys/versions.py:read_key_pair",
}
# Each decides on what parse_application has read; test_peers.py bends the answers behind it.
READS_AN_APPLICATION = {
    "_steps/run.py:read_until",
    "_steps/gather.py:read_until_shown",
    "_steps/signing.py:read_as_itself",
    "_steps/update.py:read_before_write",
    "_steps/fleet.py:read_tenants",
    "_steps/connection.py:read_as",
}


def functions():
    """Every public function and method of the shared code, by file and name."""
    for path in sorted(UTILS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(UTILS)}:{node.name}"


def test_every_reader_of_foreign_bytes_stands_in_the_table():
    readers = {name for name in functions() if name.partition(":")[2].startswith(READS)}

    assert readers - set(FUZZED) - WITHIN_A_STORE - READS_AN_APPLICATION == set()


def test_the_table_names_what_there_is():
    assert {*FUZZED, *WITHIN_A_STORE, *READS_AN_APPLICATION} - set(functions()) == set()


@pytest.mark.parametrize("reader", FUZZED)
def test_the_fuzzer_feeds_the_reader(reader):
    name = reader.partition(":")[2]
    tree = ast.parse((HERE / FUZZED[reader]).read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert name in used | called
