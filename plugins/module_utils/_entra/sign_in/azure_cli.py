# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in with what `az login` left on the host that runs the module."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..._core.diagnosis import explain_sign_in, said
from ..._core.errors import SignInRefused
from ..answers import refused_elsewhere, token_in
from ..tokens import AccessToken, TokenService

# The CLI starts slowly, and may have to renew its own token.
PATIENCE = 60.0
HOST = "az"


@dataclass(frozen=True)
class AzureCli:
    """Identity: whoever has signed in with the Azure CLI. `program` is its path, None where it is not installed."""

    program: str | None
    name: str = "azure_cli"

    def problems(self) -> list[str]:
        if self.program:
            return []
        return ["auth_source azure_cli needs the Azure CLI: 'az' is not on the PATH of the user who runs the module."]

    def token(self, service: TokenService) -> AccessToken:
        import asyncio  # 50 ms of every module otherwise

        wanted = ["--output", "json", "--resource", service.cloud.graph_url, "--tenant", service.tenant_id]
        try:
            status, output, complaint = asyncio.run(_run(str(self.program), "account", "get-access-token", *wanted))
        except asyncio.TimeoutError as error:
            raise _failed(f"It did not come to an end in {PATIENCE:.0f} s.") from error
        except OSError as error:
            raise _failed(f"It cannot be started: {error.strerror}.") from error
        answer = parse_cli_answer(output)
        token = token_in(answer, "accessToken")
        if status or not token:
            raise _refusal(complaint.decode(errors="replace"), status)
        return AccessToken(token, self.name, seconds=service.seconds_left(answer))


async def _run(*command: str) -> tuple[int, bytes, bytes]:
    """Status, output and complaint. AnsibleModule.run_command has no limit in time, and a plugin has no module."""
    import asyncio

    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=nothing, stdout=pipe, stderr=pipe)
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output, complaint


def parse_cli_answer(output: bytes) -> dict[str, t.Any]:
    """The object that the CLI printed, empty where it printed something else."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(complaint: str, status: int) -> SignInRefused:
    """Why: by the service's number where the CLI quotes one, else in the CLI's own words."""
    start = complaint.find("AADSTS")
    if start >= 0:
        diagnosis = explain_sign_in(400, {"error_description": complaint[start:]}, HOST, {})
        if diagnosis.code != "unknown":
            return SignInRefused(diagnosis.sentence, diagnosis)
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return _failed((said(lines[0]) or "") if lines else f"It ended with {status} and said nothing.")


def _failed(text: str) -> SignInRefused:
    return refused_elsewhere("azure_cli_failed", HOST, text)
