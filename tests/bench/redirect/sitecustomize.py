# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For azure.azcollection, whose host of Graph is fixed: connections of this process to it lead to the emulator."""

import os
import socket

NAME, HERE = "graph.microsoft.com", "127.0.0.1"
PORT = int(os.environ["EMULATED_GRAPH_PORT"])

_getaddrinfo, _connect = socket.getaddrinfo, socket.socket.connect


def getaddrinfo(host, *rest, **options):
    return _getaddrinfo(HERE if host in (NAME, NAME.encode()) else host, *rest, **options)


def connect(self, address):
    return _connect(self, (HERE, PORT) if address == (HERE, 443) else address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect
