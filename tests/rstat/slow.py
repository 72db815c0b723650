#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""slow.py PORT: clients that are slow on purpose, against rstat serve."""
import socket
import sys
import time
import urllib.request

PORT = int(sys.argv[1])
DRIPS = 30      # clients that send a byte now and then
SILENT = 30     # clients that send nothing
PATIENCE = 45   # seconds; the server's own limit is 10


def connect(first):
    client = socket.create_connection(('127.0.0.1', PORT), timeout=5)
    client.sendall(first)
    client.setblocking(False)
    return client


def is_closed(client):
    try:
        return client.recv(4096) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def drip(client):
    try:
        client.send(b'x')
    except OSError:
        pass


def serves_others():
    url = f'http://127.0.0.1:{PORT}/api/v1/status'
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status == 200


def main():
    dripping = [connect(b'GET / HTTP/1.1\r\nX-Slow: ') for _ in range(DRIPS)]
    clients = dripping + [connect(b'') for _ in range(SILENT)]
    end = time.monotonic() + PATIENCE
    while clients and time.monotonic() < end:
        for client in dripping:
            drip(client)
        assert serves_others(), 'others wait'
        time.sleep(1)
        clients = [c for c in clients if not is_closed(c)]
    assert not clients, f'{len(clients)} slow clients are still connected'


main()
