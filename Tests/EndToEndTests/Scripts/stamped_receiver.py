#!/usr/bin/env python3
"""A receiving mail server that notes when each message's end reached this machine: the kernel's stamp on the segment that
brought it, not the moment at which a busy program came to read it.

usage: stamped_receiver.py CERTIFICATE KEY LOG SECONDS
Prints its port. Answers to a message wait up to so many seconds, so that a sender needs many connections for its rate.
A line of LOG is `CLOCK_MONOTONIC in nanoseconds TAB connections open TAB recipient`, written before the message is answered.
"""
import heapq
import random
import selectors
import socket
import ssl
import struct
import sys
import time

SO_TIMESTAMPNS = 35


class Connection:
    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.engine = None
        self.input, self.output = bytearray(), bytearray()
        self.stamp = 0
        self.is_data = self.is_waiting = self.is_closing = False
        self.recipient = ""
        self.say("220 stamps.test ESMTP")

    def say(self, text):
        data = text.encode() + b"\r\n"
        if self.engine:
            self.engine.write(data)
            self.output += self.outgoing.read()
        else:
            self.output += data

    def flush(self):
        while self.output:
            try:
                sent = self.sock.send(self.output)
            except BlockingIOError:
                break
            del self.output[:sent]
        if self.is_closing and not self.output:
            self.server.close(self)
        else:
            self.server.watch(self)

    def readable(self):
        data, ancillary, _, _ = self.sock.recvmsg(65536, 256)
        if not data:
            return self.server.close(self)
        # In this order: what comes between the two makes the stamp later, never too early.
        wall, self.stamp = time.time_ns(), time.monotonic_ns()
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value[:16])
                # The kernel stamps by the clock on the wall; what counts is how long ago that was.
                self.stamp -= max(0, wall - seconds * 1_000_000_000 - nanoseconds)
        if not self.engine:
            self.input += data
        else:
            self.incoming.write(data)
            self.decrypt()
        self.work()

    def decrypt(self):
        try:
            if not self.is_secure:
                self.engine.do_handshake()
                self.is_secure = True
            while True:
                data = self.engine.read(65536)
                if not data:
                    self.is_closing = True
                    break
                self.input += data
        except ssl.SSLWantReadError:
            pass
        self.output += self.outgoing.read()

    def work(self):
        while not self.is_waiting and not self.is_closing:
            mark = b"\r\n.\r\n" if self.is_data else b"\r\n"
            end = self.input.find(mark)
            if end < 0:
                break
            line = bytes(self.input[:end])
            del self.input[: end + len(mark)]
            if self.is_data:
                self.is_data, self.is_waiting = False, True
                self.server.taken(self)
            else:
                self.command(line.decode("ascii", "replace"))
        self.flush()

    def command(self, line):
        word = line.split(" ")[0].upper()
        if word == "EHLO":
            self.say("250-stamps.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000000\r\n250 "
                     + ("HELP" if self.engine else "STARTTLS"))
        elif word == "STARTTLS":
            self.say("220 go ahead")
            self.input.clear()
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.engine = self.server.tls.wrap_bio(self.incoming, self.outgoing, server_side=True)
            self.is_secure = False
        elif word == "QUIT":
            self.say("221 bye")
            self.is_closing = True
        elif not self.engine:
            self.say("530 5.7.0 STARTTLS first")
        elif word == "DATA":
            self.is_data = True
            self.say("354 go ahead")
        else:
            if word == "RCPT":
                self.recipient = line[line.find("<") + 1 : line.find(">")]
            self.say("250 2.0.0 ok")

    def answer(self):
        self.is_waiting = False
        self.say("250 2.0.0 taken")
        self.work()


class Server:
    def __init__(self, certificate, key, log, slowest):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.log = open(log, "ab", buffering=0)
        self.slowest = slowest
        self.selector = selectors.DefaultSelector()
        self.timers, self.number = [], 0
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)
        # Connections inherit it, so that the first bytes have their stamp as well.
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.selector.register(self.listener, selectors.EVENT_READ)
        print(self.listener.getsockname()[1], flush=True)

    def watch(self, connection):
        # One that waits for its answer is read as well: it has to be seen when it is cut.
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.output else 0)
        self.selector.modify(connection.sock, events, connection)

    def close(self, connection):
        if connection in self.open:
            self.open.discard(connection)
            self.selector.unregister(connection.sock)
            connection.sock.close()

    def taken(self, connection):
        self.log.write(f"{connection.stamp}\t{len(self.open)}\t{connection.recipient}\n".encode())
        self.number += 1
        due = time.monotonic() + random.uniform(0, self.slowest)
        heapq.heappush(self.timers, (due, self.number, connection))

    def run(self):
        while True:
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, events in self.selector.select(wait):
                if key.data is None:
                    sock, _ = self.listener.accept()
                    sock.setblocking(False)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection = Connection(self, sock)
                    self.open.add(connection)
                    self.selector.register(sock, selectors.EVENT_READ, connection)
                    self.guarded(connection, connection.flush)
                elif key.data in self.open:
                    if events & selectors.EVENT_WRITE:
                        self.guarded(key.data, key.data.flush)
                    if events & selectors.EVENT_READ and key.data in self.open:
                        self.guarded(key.data, key.data.readable)
            while self.timers and self.timers[0][0] <= time.monotonic():
                connection = heapq.heappop(self.timers)[2]
                if connection in self.open:
                    self.guarded(connection, connection.answer)

    def guarded(self, connection, action):
        try:
            action()
        except OSError:
            # Senders are killed in this test; ssl's errors are of this kind as well.
            self.close(connection)


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])).run()
