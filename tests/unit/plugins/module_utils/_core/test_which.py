# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who says which application it is, and whom we believe first."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.which import Ids, Selector, Which

TASK, CLIENT, STORE, AROUND = "of the task", "client of the task", "of the store", "client of the environment"


@pytest.mark.parametrize(
    ("which", "itself"),
    [
        (Which(Selector(app_id=TASK), CLIENT, AROUND, STORE), TASK),
        (Which(client_id=CLIENT, recorded=STORE), CLIENT),
        (Which(client_id_around=AROUND, recorded=STORE), STORE),
        (Which(client_id_around=AROUND), AROUND),
        (Which(Selector(object_id="x"), recorded=STORE), STORE),
        (Which(), None),
    ],
)
def test_an_application_that_signs_in_as_itself_is_the_nearest_that_was_named(which, itself):
    assert which.itself == itself


@pytest.mark.parametrize("as_itself", [True, False])
@pytest.mark.parametrize("named", ["app_id", "object_id", "display_name"])
def test_what_the_task_names_is_selected_as_it_is(named, as_itself):
    chosen = Selector(**{named: TASK})

    assert Which(chosen, CLIENT, AROUND, STORE).selected(as_itself) == chosen


def test_a_client_id_names_the_application_only_where_that_signs_in_itself():
    assert Which(client_id=CLIENT, recorded=STORE).selected(as_itself=True) == Selector(app_id=CLIENT)
    assert Which(client_id=CLIENT, recorded=STORE).selected(as_itself=False) == Selector(app_id=STORE)
    assert not Which(client_id=CLIENT, client_id_around=AROUND).selected(as_itself=False)


def test_an_id_that_is_known_is_believed_before_what_others_say():
    assert Ids("a", "").filled("b", "c") == ("a", "c")
    assert Ids().filled(None, "c").filled("b", None) == ("b", "c")


@pytest.mark.parametrize(("ids", "are_known"), [(Ids("a", "b"), True), (Ids("a"), False), (Ids("", "b"), False)])
def test_both_ids_have_to_be_known(ids, are_known):
    assert ids.are_known is are_known
