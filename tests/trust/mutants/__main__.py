# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the code on purpose, one small change at a time: some unit test must notice.

    mutants [PART OF A MUTANT'S NAME ...] [--each=NUMBER] [--most=NUMBER] [--idle-tests]

Without a name, both layers are tried. --each=10 tries each tenth mutant, --most=40 the 40 most promising tests of each:
quick looks, whose survivors may be none. Each layer is judged by its own unit tests. What those of the core let pass,
unexplained, those of the steps judge as well; what a hundred of the steps let pass, all of them. The score of a layer
is the share of its mutants that they kill; below 90 % this fails. Every survivor has to stand in survivors.yml with the
reason why it may live, and nothing else may stand there.

With --idle-tests the tests are judged instead: the first judge's tests that no mutant makes fail are named, and nothing
else is said. One of them may still test what no mutant changes, such as the words of a message.

Not changed, by principle, because no promise depends on it or because Python itself would notice:

- docstrings, annotations, aliases of types, imports;
- text for people: strings with a blank in them, and f-strings. That a message is given is tested, its wording is not;
- assignments to a plain name, which would only be missed as a NameError;
- `and` for `or`: each operand is removed instead, which is harder to survive;
- a loop's condition never becomes true for ever.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))

from hypothesis import Phase, settings
from trust import scale
from trust.mutants.operators import mutants_of
from trust.mutants.trial import Trial

UTILS = ROOT / "plugins" / "module_utils"
PACKAGE = "ansible_collections.evercert.entra.plugins.module_utils"
UNIT = ROOT / "tests" / "unit" / "plugins" / "module_utils"
OURS = (ROOT / "plugins", ROOT / "tests" / "unit", ROOT / "tests" / "adapter")
SWEEPS = ("--ignore-glob=*/test_interruptions.py",)  # every moment of a renewal in one test: too slow to ask each time
SURVIVORS = Path(__file__).parent / "survivors.yml"
ENOUGH = 90  # percent


@dataclass(frozen=True)
class Judge:
    """Whose tests judge a mutant, and how many of them it meets, all or the most promising ones."""

    tests: str
    most: int | None = None


# The layers that are changed. What one judge lets pass, unexplained, the next one gets. A line of the steps is run by a
# thousand tests: all of them only judge what may have to be explained.
LAYERS = {"_core": (Judge("_core"), Judge("_steps")), "_steps": (Judge("_steps", most=100), Judge("_steps"))}


class Report:
    """What became of each mutant in the end."""

    def __init__(self):
        self._outcomes, self.started = {}, time.monotonic()

    @property
    def outcomes(self):
        return self._outcomes.values()

    def __call__(self, outcome):
        self._outcomes[id(outcome.mutant)] = outcome
        if outcome.survived:
            why = "no test runs it" if outcome.untested else "survived"
            print(f"{why}: {outcome.mutant.lines.start}: {outcome.mutant.name}", flush=True)
        if len(self._outcomes) % 100 == 0:
            print(f"-- {len(self.outcomes)} tried after {self.seconds:.0f} s", flush=True)

    @property
    def seconds(self):
        return time.monotonic() - self.started

    @property
    def survivors(self):
        return {outcome.mutant.name for outcome in self.outcomes if outcome.survived}

    def left(self, mutants, allowed):
        """Those of the mutants that nobody has noticed and that have no reason to live."""
        survivors = self.survivors - allowed
        return [mutant for mutant in mutants if mutant.name in survivors]

    def table(self):
        rows = [f"{'file':<28}{'mutants':>9}{'killed':>9}{'timeouts':>9}{'survivors':>10}"]
        for file in [*dict.fromkeys(outcome.mutant.file for outcome in self.outcomes), ""]:
            counts = self.counts(file)
            cells = "".join(f"{counts[name]:>9}" for name in ("mutants", "killed", "timeouts"))
            rows.append(f"{file or 'all':<28}{cells}{counts['survivors']:>10}")
        return "\n".join(rows)

    def counts(self, within=""):
        """Of a file, of a layer such as `_core/`, or of everything."""
        counts = Counter()
        for outcome in self.outcomes:
            if outcome.mutant.file.startswith(within):
                what = "survivors" if outcome.survived else "timeouts" if outcome.timed_out else "killed"
                counts.update(("mutants", what))
        return counts

    def score(self, within=""):
        counts = self.counts(within)
        return 100 * (counts["mutants"] - counts["survivors"]) / max(1, counts["mutants"])


def sources(layer):
    """The files to change, by their name."""
    return {f"{layer}/{path.name}": path for path in sorted((UTILS / layer).glob("*.py"))}


def every_mutant(files):
    return [one for name, path in files.items() for one in mutants_of(name, path.read_text(encoding="utf-8"))]


def chosen(every, words, each):
    """The mutants whose name contains one of the words, all when there is none; `each` tenth, say, for a first look."""
    return [one for one in every if not words or any(word in one.name for word in words)][::each]


def explained():
    """The name of each survivor that may live, with the reason."""
    listed = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}
    return {
        f"{file}: {entry['in']}: {change}": entry["why"]
        for file, entries in listed.items()
        for entry in entries
        for change in entry["changes"]
    }


def problems(report, whole):
    """Why this run, of these layers as a whole, is no success."""
    allowed = set(explained())
    tried = {outcome.mutant.name for outcome in report.outcomes}
    met = allowed & tried | {name for name in allowed if name.partition("/")[0] in whole}
    found = [f"Not in survivors.yml: {name}" for name in sorted(report.survivors - allowed)]
    found += [f"In survivors.yml, but no survivor: {name}" for name in sorted(met - report.survivors)]
    scores = {layer: report.score(f"{layer}/") for layer in sorted({name.partition("/")[0] for name in tried})}
    return found + [
        f"The score of {layer} is {score:.1f} %, and {ENOUGH} % is wanted."
        for layer, score in scores.items()
        if score < ENOUGH
    ]


def number_in(options, name):
    """The number of an option such as --each=10, or None."""
    return next((int(option.removeprefix(name)) for option in options if option.startswith(name)), None)


def main(arguments):
    os.chdir(ROOT)
    options = {argument for argument in arguments if argument.startswith("--")}
    words = [argument for argument in arguments if argument not in options]
    each, most = number_in(options, "--each=") or 1, number_in(options, "--most=")
    # No chance and no clock: the same mutants survive in each run.
    phases = [Phase.explicit, Phase.generate]
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=phases)
    settings.load_profile("mutants")
    report, whole = Report(), []
    for name, judges in LAYERS.items():
        files = sources(name)
        every = every_mutant(files)
        mutants = chosen(every, words, each)
        if mutants == every and not most:
            whole.append(name)
        modules = {file: importlib.import_module(f"{PACKAGE}.{name}.{path.stem}") for file, path in files.items()}
        if "--idle-tests" in options and mutants:
            trial = Trial(mutants, modules, OURS, lambda _outcome: None, seeks_idle=True)
            if trial.run([UNIT / judges[0].tests, *SWEEPS]):
                return 1
            print("\n".join(f"notices nothing: {test}" for test in trial.idle()), flush=True)
            continue
        for judge in judges:
            if not mutants:
                break
            trial = Trial(mutants, modules, OURS, report, most or judge.most)
            print(f"-- {name}: {len(mutants)} mutants, judged by the tests of {judge.tests}", flush=True)
            if trial.run([UNIT / judge.tests, *SWEEPS]):
                return 1
            mutants = report.left(mutants, set(explained()))
    if "--idle-tests" in options:
        return 0
    print(report.table())
    found = problems(report, whole)
    print("\n".join(found))
    for name in whole:
        score = f"{report.score(f'{name}/'):.1f} %"
        scale.note(f"mutants of {name.strip('_')}", **report.counts(f"{name}/"), score=score)
    print(f"{report.counts()['mutants']} mutants, {report.score():.1f} % killed in {report.seconds:.0f} s")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
