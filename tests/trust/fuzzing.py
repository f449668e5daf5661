# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How every fuzzer here runs, and how true input is turned into almost true input."""

from __future__ import annotations

import functools

import scale
from hostility import ODD_VALUES, places, replaced
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st

EVER = HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large


def fuzz(examples):
    """The decorator of a fuzzer: so many examples in `make check`, a tenth in `make test`, fifty times as many in
    a soak.

    How many inputs there were is a figure of the documentation.
    """
    limits = settings(
        max_examples=scale.either(examples, 50 * examples, short=max(8, examples // 10)),
        deadline=None,
        database=None,
        suppress_health_check=EVER,
    )

    def decorate(test):
        inner, inputs = test.hypothesis.inner_test, []

        @functools.wraps(inner)
        def counted(*args, **given):
            inputs.append(1)
            return inner(*args, **given)

        @functools.wraps(test)
        def noted(*args, **given):
            run(*args, **given)
            scale.note("fuzzing", **{test.__module__.rpartition("test_")[2]: len(inputs)})

        test.hypothesis.inner_test = counted
        run = seed(scale.SEED)(limits(test))
        return noted

    return decorate


# Texts as nobody writes them: NUL, halves of characters, digits of other scripts, and very long ones.
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
    st.text("0123456789٣-+:.TZPDHMS/@ \t\r\n\x00\ud800\udcff", max_size=40),
    st.builds(lambda piece, times: piece * times, st.text(min_size=1, max_size=3), st.integers(100, 20_000)),
)
VALUES = st.one_of(
    st.sampled_from(list(ODD_VALUES.values())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=10,
    ),
)


@st.composite
def bent_json(draw, honest):
    """A JSON value with one to three of its parts replaced by anything."""
    for _change in range(draw(st.integers(1, 3))):
        honest = replaced(honest, draw(st.sampled_from(list(places(honest)))), draw(VALUES))
    return honest


@st.composite
def bent_bytes(draw, honest):
    """Bytes with some of them replaced, left out, put in or cut off."""
    content = bytearray(honest)
    for _change in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 6))] = draw(st.binary(max_size=6))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content)


@st.composite
def bent_text(draw, honest):
    """A text with a piece of it replaced by any other."""
    start = draw(st.integers(0, len(honest)))
    return honest[:start] + draw(TEXTS) + honest[start + draw(st.integers(0, 5)) :]
