# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every Graph exchange of the tests, held against Microsoft's own contract.

In process: `connect(session, emulator, observers=[Contract().observe])`.
A recording: `python tests/contract check FILE`.
"""
