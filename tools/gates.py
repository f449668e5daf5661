# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every quality gate of the project, as a list at the end of this file: gates.py [GATE ...]; gates.py list"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import ansible_test
import checkout
import environments
import runner
import trust
from environments import ENVIRONMENTS
from runner import Failed, Gate, Job, Skipped

COVERAGE = checkout.CACHE / "coverage"
EXCHANGES = checkout.CACHE / "exchanges"  # what was said to the emulator, for the contract gate
ENOUGH = 90  # percent of branches and lines of plugins/
# Modules run from an archive in a temporary directory, action plugins from a copy of the collection.
COVERAGE_SETTINGS = """\
[run]
branch = true
[paths]
plugins =
    {root}/plugins
    */ansible_collections/evercert/entra/plugins
"""
# Where the schema of each platform is, among those that check-jsonschema brings along.
PIPELINES = {
    "github": ("vendor.github-workflows",),
    # Its patterns are of the older kind, and its values are texts.
    "azure": ("vendor.azure-pipelines", "--regex-variant", "nonunicode", "--data-transform", "azure-pipelines"),
    "gitlab": ("vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}
PACKAGE = f"ansible_collections.{checkout.NAMESPACE}.{checkout.NAME}"


def units(job: Job) -> str:
    """Unit tests, those of the emulator included, with branch coverage of plugins/."""
    COVERAGE.mkdir(parents=True, exist_ok=True)
    return _pytest(
        job,
        "test",
        "tests/unit",
        "--numprocesses=2",
        f"--cov={checkout.ROOT / 'plugins'}",
        "--cov-branch",
        "--cov-report=",
        variables={"COVERAGE_FILE": str(COVERAGE / "units")},
    )


def attacks(job: Job) -> str:
    """Faults, kills, races, lies and hostile peers against every promise; `make soak` has many more of them."""
    trust.forget()
    return _pytest(job, "test", "tests/trust", "--numprocesses=2")


def units_oldest_core(job: Job) -> str:
    """The tests of what meets ansible-core, on the oldest supported one.

    Plain pytest rather than 'ansible-test units': the same command as above, so the two differ only in ansible-core.
    The layers below `_ansible` import nothing of it, as tests/unit/test_layers.py makes sure.
    """
    _differs_from_newest()
    folders = (
        f"tests/unit/plugins/{name}" for name in ("inventory", "module_utils/_ansible", "modules", "plugin_utils")
    )
    return _pytest(job, "oldest-core", *folders, "--numprocesses=2")


def conformance(job: Job) -> str:
    """Clients that nobody here wrote, against the emulator."""
    return _pytest(job, "conformance", "tests/conformance")


def rulebook(job: Job) -> str:
    """The event source and its rulebook in the real ansible-rulebook, in an environment without ansible-core."""
    try:
        environment = environments.build("rulebook")
    except environments.NotAvailable as reason:
        raise Skipped(f"ansible-rulebook, or Java as a wheel, cannot be had here. {reason}") from reason
    return _pytest(job, "test", "tests/rulebook", variables={"RULEBOOK_PROGRAMS": str(environment.programs)})


def engines(job: Job) -> str:
    """What runs playbooks for people: builder, runner, navigator, and a controller's definitions and slices."""
    return _pytest(job, "engines", "tests/engines")


def integration(job: Job) -> str:
    """Every integration target against the emulator, as ansible-test runs it."""
    shutil.rmtree(EXCHANGES, ignore_errors=True)
    EXCHANGES.mkdir(parents=True)
    environment = ENVIRONMENTS["test"]
    tree = ansible_test.integration_tree("integration", {"setup_emulator_record_directory": str(EXCHANGES)})
    try:
        return _integration_targets(job, environment, tree, "--coverage")
    finally:
        ansible_test.collected_coverage(tree, COVERAGE / "integration")


def integration_oldest_core(job: Job) -> str:
    """The targets marked 'smoke' on the oldest supported ansible-core."""
    _differs_from_newest()
    tree = ansible_test.integration_tree("integration-oldest-core", {})
    return _integration_targets(job, ENVIRONMENTS["oldest-core"], tree, "smoke/")


def coverage(job: Job) -> str:
    """Branch coverage of plugins/ by unit and integration tests together."""
    parts = [COVERAGE / "units", *sorted((COVERAGE / "integration").glob("*"))]
    settings = COVERAGE / "settings.ini"
    settings.write_text(COVERAGE_SETTINGS.format(root=checkout.ROOT), encoding="utf-8")
    programs, merged = ENVIRONMENTS["test"].programs, f"--data-file={COVERAGE / 'all'}"
    job.run("coverage", "combine", "--keep", f"--rcfile={settings}", merged, *parts, programs=programs)
    within = f"--include={checkout.ROOT}/plugins/*"
    job.run("coverage", "html", merged, within, f"--directory={COVERAGE / 'html'}", programs=programs)
    job.run("coverage", "report", merged, within, programs=programs)
    job.run("coverage", "json", merged, within, "-o", COVERAGE / "report.json", programs=programs)
    totals = json.loads((COVERAGE / "report.json").read_text(encoding="utf-8"))["totals"]
    branches, lines = totals["percent_branches_covered"], totals["percent_statements_covered"]
    note = f"plugins/: {branches:.1f} % of branches, {lines:.1f} % of lines; at least {ENOUGH} % wanted"
    if min(branches, lines) < ENOUGH:
        raise Failed(note)
    return note


def contract(job: Job) -> str:
    """Each exchange that the integration targets had, against Microsoft's own description of the interface."""
    recordings = sorted(EXCHANGES.glob("*"))
    if not recordings:
        raise Failed("The integration targets recorded no exchange")
    job.run("python", "tests/contract", "check", *recordings, programs=ENVIRONMENTS["test"].programs)
    exchanges = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in recordings)
    return f"{exchanges} exchanges of {len(recordings)} targets"


def sanity(job: Job) -> str:
    """ansible-test sanity on the newest ansible-core, for every Python that is here, with nothing ignored."""
    return _sanity(job, "test")


def sanity_oldest_core(job: Job) -> str:
    """ansible-test sanity on the oldest supported ansible-core."""
    _differs_from_newest()
    return _sanity(job, "oldest-core")


def lowest(job: Job) -> str:
    """The lower bounds of requirements.txt on the oldest Python that is here: the modules as on such a host.

    No supported ansible-core installs on that Python, and none needs to: modules are sent to it. So the unit tests of
    what is sent find ansible.module_utils in the newest ansible-core, and the smoke targets run with this interpreter.
    """
    old, new = ENVIRONMENTS["lowest"], ENVIRONMENTS["test"]
    libraries = checkout.CACHE / "lowest"
    libraries.mkdir(exist_ok=True)
    ansible = libraries / "ansible"
    ansible.unlink(missing_ok=True)
    ansible.symlink_to(next(new.directory.glob("lib/python*/site-packages/ansible")))
    path = os.pathsep.join([str(checkout.LINK), str(libraries)])
    told = _pytest(job, "lowest", "tests/unit/plugins/module_utils", "--numprocesses=2", variables={"PYTHONPATH": path})
    job.run("python", "tools/smoke.py", old.programs / "python", programs=new.programs)
    return told


def pages(job: Job) -> str:
    """The page of a report in a real browser, and its SARIF against the official schema."""
    try:
        environments.build("pages")
    except environments.NotAvailable as reason:
        raise Skipped(f"A browser, or npm, cannot be had here. {reason}") from reason
    return _pytest(job, "pages", "tests/pages")


def ansible_lint(job: Job) -> str:
    """Playbooks, roles and examples in the strictest profile."""
    job.run("ansible-lint", "--offline", "--profile", "production", programs=ENVIRONMENTS["lint"].programs)
    return "profile production"


def yamllint(job: Job) -> str:
    """Every YAML file."""
    job.run("yamllint", "--strict", *_files(".yml", ".yaml"), programs=ENVIRONMENTS["lint"].programs)
    return ""


def pipelines(job: Job) -> str:
    """The example pipelines: each in the schema of its platform, and GitHub's without a known weakness."""
    programs = ENVIRONMENTS["lint"].programs
    folder = checkout.ROOT / "docs" / "examples" / "pipelines"
    examples = {platform: sorted((folder / platform).glob("*.yml")) for platform in PIPELINES}
    for platform, schema in PIPELINES.items():
        job.run("check-jsonschema", "--builtin-schema", *schema, *examples[platform], programs=programs)
    job.run("zizmor", "--offline", "--pedantic", "--strict-collection", *examples["github"], programs=programs)
    return f"{sum(map(len, examples.values()))} examples for {', '.join(examples)}"


def mypy(job: Job) -> str:
    """Strict types in plugins/, and in tools/."""
    programs = ENVIRONMENTS["lint"].programs
    job.run("mypy", "-p", f"{PACKAGE}.plugins", programs=programs, variables={"MYPYPATH": str(checkout.LINK)})
    job.run("mypy", "tools", programs=programs, variables={"MYPYPATH": str(checkout.ROOT / "tools")})
    return "strict"


def ruff(job: Job) -> str:
    """Errors, style and format of all Python files."""
    programs = ENVIRONMENTS["lint"].programs
    job.run("ruff", "check", "--no-cache", ".", programs=programs)
    job.run("ruff", "format", "--check", "--diff", "--no-cache", ".", programs=programs)
    return ""


def docs(job: Job) -> str:
    """The documentation of every plugin and role, and the guides: checked, and built as pages without a warning."""
    programs = ENVIRONMENTS["lint"].programs
    job.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".", programs=programs, cwd=checkout.COLLECTION)
    told = job.run("python", "tools/build_docs.py", programs=programs)
    return told.strip().splitlines()[-1].split(";")[0]


def changelog(job: Job) -> str:
    """Fragments that a user can read."""
    job.run("antsibull-changelog", "lint", programs=ENVIRONMENTS["lint"].programs, cwd=checkout.COLLECTION)
    return ""


def examples(job: Job) -> str:
    """Every EXAMPLE of every module, against the emulator."""
    told = job.run("python", "tools/examples.py", programs=ENVIRONMENTS["test"].programs)
    return told.strip().splitlines()[-1]


def galaxy(job: Job) -> str:
    """The archive that users install: built, checked as Galaxy does, installed and asked for its documentation."""
    told = job.run("python", "tools/galaxy.py", programs=ENVIRONMENTS["galaxy"].programs)
    return told.strip().splitlines()[-1]


def _pytest(job: Job, environment: str, *arguments: str, variables: dict[str, str] | None = None) -> str:
    """pytest through the link tree; it exits with 5, so the gate fails, when there was no test to run."""
    if not (checkout.ROOT / arguments[0]).exists():
        raise Failed(f"{arguments[0]} does not exist")
    chosen = ENVIRONMENTS[environment]
    command = ("python", "-m", "pytest", "-q", *arguments)
    with checkout.quick_temporary() as temporary:
        try:
            told = job.run(*command, programs=chosen.programs, variables={**temporary, **(variables or {})})
        except Failed as failed:
            raise Failed(_counted(failed.told) or str(failed), failed.told) from failed
    return f"{_counted(told)} on {_described(chosen)}"


def _counted(told: str) -> str:
    """pytest's closing line without its time."""
    lines = re.findall(r"^(?:=+ )?(\d+ (?:passed|failed|skipped|error).*?) in [\d.]+s", told, re.MULTILINE)
    return lines[-1] if lines else ""


def _integration_targets(job: Job, environment: environments.Environment, tree: Path, *arguments: str) -> str:
    command = ("integration", "--local", "--color", "no", "--continue-on-error", *arguments)
    told = ansible_test.run(job, environment, tree, *command)
    targets = re.findall(r"^Running (\S+) integration test (?:role|script)", told, re.MULTILINE)
    if not targets:
        raise Failed("No integration target ran")
    return f"{len(targets)} targets on {_described(environment)}"


def _sanity(job: Job, name: str) -> str:
    grown = [path for path in (checkout.ROOT / "tests" / "sanity").glob("ignore-*") if path.read_text().strip()]
    if grown:
        raise Failed(f"{grown[0].name} must be empty")
    environment = ENVIRONMENTS[name]
    told = ansible_test.run(job, environment, checkout.copy(job.name), "sanity", "--local", "--color", "no")
    tests = set(re.findall(r"^Running sanity test \"([\w-]+)", told, re.MULTILINE))
    return f"{len(tests)} tests on {_described(environment)}"


def _differs_from_newest() -> None:
    if _core("test") == _core("oldest-core"):
        raise Skipped(f"The main environment is {_described(ENVIRONMENTS['test'])} already: no newer Python was found.")


def _described(environment: environments.Environment) -> str:
    core = _core(environment.name)
    return f"Python {environment.version}" + (f", ansible-core {core}" if core else "")


def _core(name: str) -> str:
    installed = ENVIRONMENTS[name].directory.glob("lib/python*/site-packages/ansible_core-*.dist-info")
    return next((path.name.removeprefix("ansible_core-").removesuffix(".dist-info") for path in installed), "")


def _files(*suffixes: str) -> list[str]:
    return [str(path) for path in checkout.files() if path.suffix in suffixes]


# The longest first, so that they do not end alone. Some mostly wait, hence one more at once than there are cores.
GATES = (
    Gate("integration", integration, ("test",)),
    Gate("integration-oldest-core", integration_oldest_core, ("test", "oldest-core")),
    Gate("units", units, ("test",)),
    Gate("attacks", attacks, ("test",)),
    Gate("lowest", lowest, ("test", "lowest")),
    Gate("units-oldest-core", units_oldest_core, ("test", "oldest-core")),
    Gate("sanity", sanity, ("test",)),
    Gate("sanity-oldest-core", sanity_oldest_core, ("test", "oldest-core")),
    Gate("examples", examples, ("test",)),
    Gate("rulebook", rulebook, ("test",)),
    Gate("engines", engines, ("engines",)),
    Gate("conformance", conformance, ("conformance",)),
    Gate("pages", pages, ("test",)),
    Gate("galaxy", galaxy, ("galaxy",)),
    Gate("ansible-lint", ansible_lint, ("lint",)),
    Gate("mypy", mypy, ("lint",)),
    Gate("docs", docs, ("lint",)),
    Gate("ruff", ruff, ("lint",)),
    Gate("yamllint", yamllint, ("lint",)),
    Gate("pipelines", pipelines, ("lint",)),
    Gate("changelog", changelog, ("lint",)),
    Gate("contract", contract, ("test",), after=("integration",)),
    Gate("coverage", coverage, ("test",), after=("units", "integration")),
)


def main() -> int:
    names = sys.argv[1:] or [gate.name for gate in GATES]
    if names == ["list"]:
        print("\n".join(f"{gate.name:<24} {(gate.check.__doc__ or '').splitlines()[0]}" for gate in GATES))
        return 0
    unknown = set(names) - {gate.name for gate in GATES}
    if unknown:
        print(f"No such gate: {', '.join(sorted(unknown))}. The list: gates.py list", file=sys.stderr)
        return 2
    if not shutil.which("git"):
        print("git was not found; it tells which files belong to the collection.", file=sys.stderr)
        return 1
    chosen = _with_environments([gate for gate in GATES if gate.name in names])
    try:
        results = runner.Run(chosen, at_once=(os.cpu_count() or 1) + 1).run()
    except KeyboardInterrupt:
        runner.stop_all()
        print("stopped", file=sys.stderr)
        return 130
    print(runner.table(results))
    return any(result.outcome == "FAILED" for result in results.values())


def _with_environments(gates: list[Gate]) -> list[Gate]:
    """Build what the gates need first; a gate whose environment cannot be had fails with the reason."""
    wanted = list(dict.fromkeys(name for gate in gates for name in gate.environments))
    built = environments.build_all(wanted)

    def checked(gate: Gate) -> Gate:
        problems = [built[name] for name in gate.environments if isinstance(built[name], environments.NotAvailable)]
        if not problems:
            return gate

        def fail(job: Job) -> str:
            raise Failed(str(problems[0]).rstrip("."))

        return Gate(gate.name, fail, after=gate.after)

    return [checked(gate) for gate in gates]


if __name__ == "__main__":
    sys.exit(main())
