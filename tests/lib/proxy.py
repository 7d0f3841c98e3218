# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP CONNECT and SOCKS proxy for the integration tests; runs as a program in a namespace.

    proxy.py http|socks4|socks5 PORT [--login USER:PASSWORD] [--refuse] [--hosts NAME=ADDRESS]

Says "ready", and a line for each request: "connect HOST PORT" (HOST as it was asked for), "login USER ok|bad".
"""

import argparse
import asyncio
import base64
import ipaddress
import struct


def say(*words):
    print(*words, flush=True)


class Refused(Exception):
    """The request was answered with a refusal."""


class Proxy:
    def __init__(self, args):
        self.args = args
        self.hosts = dict(pair.split("=", 1) for pair in args.hosts)

    async def dial(self, host, port):
        say("connect", host, port)
        if self.args.refuse:
            raise Refused
        return await asyncio.open_connection(self.hosts.get(host, host), port)

    # --- HTTP ---------------------------------------------------------------------------------

    def http_login_is_right(self, lines):
        if not self.args.login:
            return True
        want = "Basic " + base64.b64encode(self.args.login.encode()).decode()
        got = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("proxy-authorization:")]
        say("login", self.args.login.split(":")[0], "ok" if got == [want] else "bad")
        return got == [want]

    async def http(self, reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, where, version = lines[0].split()
        if method != "CONNECT" or version != "HTTP/1.1":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            raise Refused
        if not self.http_login_is_right(lines[1:]):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")
            raise Refused
        host, port = where.rsplit(":", 1)
        try:
            other = await self.dial(host.strip("[]"), int(port))
        except (Refused, OSError):
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            raise Refused from None
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n")
        return other

    # --- SOCKS --------------------------------------------------------------------------------

    async def socks5_login(self, reader, writer):
        version, n = await reader.readexactly(2)
        methods = await reader.readexactly(n)
        want = 2 if self.args.login else 0
        if version != 5 or want not in methods:
            writer.write(b"\x05\xff")
            raise Refused
        writer.write(bytes([5, want]))
        if not want:
            return
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = f"{user.decode()}:{password.decode()}" == self.args.login
        say("login", user.decode(), "ok" if right else "bad")
        writer.write(bytes([1, 0 if right else 1]))
        if not right:
            raise Refused

    async def socks5(self, reader, writer):
        await self.socks5_login(reader, writer)
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        try:
            other = await self.dial(host, port)
        except (Refused, OSError):
            writer.write(b"\x05\x02\x00\x01" + bytes(6))
            raise Refused from None
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        return other

    async def socks4(self, reader, writer):
        _, _, port, address = struct.unpack("!BBHI", await reader.readexactly(8))
        await reader.readuntil(b"\0")
        host = str(ipaddress.ip_address(address))
        if address < 256:
            host = (await reader.readuntil(b"\0"))[:-1].decode()
        try:
            other = await self.dial(host, port)
        except (Refused, OSError):
            writer.write(b"\x00\x5b" + bytes(6))
            raise Refused from None
        writer.write(b"\x00\x5a" + bytes(6))
        return other

    # --- all of them --------------------------------------------------------------------------

    async def serve(self, reader, writer):
        try:
            there = await getattr(self, self.args.kind)(reader, writer)
            await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
        except (Refused, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("http", "socks4", "socks5"))
    parser.add_argument("port", type=int)
    parser.add_argument("--login")
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--hosts", action="append", default=[])
    proxy = Proxy(parser.parse_args())
    server = await asyncio.start_server(proxy.serve, "0.0.0.0", proxy.args.port)
    say("ready")
    await server.serve_forever()


asyncio.run(main())
