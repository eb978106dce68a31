#!/usr/bin/env python3
"""A web server over TLS on loopback, for a link to lead to. Prints its port; writes a line for each request.

usage: web_target.py CERTIFICATE KEY LOG
"""
import http.server
import ssl
import sys


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[3], "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path}\n")
        body = b"<!doctype html><title>Arrived</title><p>Arrived"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
