#!/usr/bin/env python3
"""A TCP proxy on loopback that keeps every byte of either direction, as somebody on the wire would see it.

usage: record_proxy.py TARGET_PORT DIRECTORY
Prints its port; writes N.client and N.server for the N-th connection.
"""
import itertools
import os
import socket
import sys
import threading


def pump(source, sink, path):
    with open(path, "ab", buffering=0) as record:
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            record.write(data)
            try:
                sink.sendall(data)
            except OSError:
                break
    for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def main():
    target, directory = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    for number in itertools.count(1):
        client, _ = listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", target), timeout=10)
        except OSError:
            client.close()
            continue
        server.settimeout(None)
        base = os.path.join(directory, str(number))
        for arguments in ((client, server, base + ".client"), (server, client, base + ".server")):
            threading.Thread(target=pump, args=arguments, daemon=True).start()


main()
