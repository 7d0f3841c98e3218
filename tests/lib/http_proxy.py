# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy that knows CONNECT only (RFC 9110, section 9.3.6). A program: http_proxy.py PORT [USER:PASSWORD]; prints what it is asked."""

import asyncio
import base64
import sys

HEAD_MAX = 16384
CONNECT_S = 10


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass


async def refuse(writer, status, header=""):
    print(f"refused: {status}", flush=True)
    writer.write(f"HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def tunnel(reader, writer, wanted):
    """One client: its request, then bytes both ways until either end is done."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    given = {k.lower(): v for k, v in fields.items()}.get("proxy-authorization")
    if method != "CONNECT":
        return await refuse(writer, "405 Method Not Allowed")
    if wanted and given != wanted:
        return await refuse(writer, "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="test"\r\n')
    host, port = target.rsplit(":", 1)
    try:
        far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), CONNECT_S)
    except (OSError, TimeoutError):
        return await refuse(writer, "502 Bad Gateway")
    print(f"CONNECT {target}", flush=True)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    finally:
        far_writer.close()
    return None


async def main(port, credentials):
    wanted = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else None

    async def attend(reader, writer):
        try:
            await tunnel(reader, writer, wanted)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
            print(f"broken off: {e!r}", flush=True)
        finally:
            writer.close()

    server = await asyncio.start_server(attend, "", port, limit=HEAD_MAX)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
    except KeyboardInterrupt:
        pass
