"""A client that listens, on python-socketio: it knows nothing of positions, and is found again by its identity.

It writes the lines of crash/history/lines.ts. Started by crash/support/client-process.ts, which hears of it over
standard output and ends it by closing its input. It is the asynchronous client: the synchronous one handles every
packet in a thread of its own, and so has no order.
"""
import asyncio
import base64
import hashlib
import json
import os
import sys
import threading
import time

import socketio

setup = json.loads(sys.argv[1])
NAME, NSP = setup["name"], setup["nsp"]
# Whatever hangs ends here.
watchdog = threading.Timer(setup["limitSeconds"], lambda: os._exit(70))
watchdog.daemon = True
watchdog.start()

history = os.open(setup["history"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def write(kind, **line):
    """One line, in one call, before it returns."""
    line = {"at": time.monotonic_ns() // 1000, "kind": kind, "client": NAME, **line}
    os.write(history, (json.dumps(line) + "\n").encode())


def tell(kind):
    print(json.dumps({"type": kind, "client": NAME}), flush=True)


async def main():
    sio = socketio.AsyncClient(reconnection_delay=0.02, reconnection_delay_max=0.15)
    connected, last = asyncio.Event(), asyncio.Event()
    connection = 0

    def on_connect():
        nonlocal connection
        connection += 1
        write("connect", connection=connection, stream=NSP, reports=False)
        connected.set()

    def on_event(body, *rest):
        content = body["content"]
        text = content if isinstance(content, bytes) else content.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha1(text).digest()).decode()[:12]
        write("deliver", connection=connection, mid=body["mid"], hash=digest)
        if body["mid"].startswith("last-"):
            last.set()

    def offset_of(position):
        """As in crash/history/lines.ts."""
        return -1 if position is None else int(position.split(".")[2], 36)

    def on_gap(notice):
        write("gap", connection=connection, reason=notice["reason"],
              **{"from": offset_of(notice["from"]), "to": offset_of(notice["to"])})

    sio.on("connect", on_connect, namespace=NSP)
    sio.on("disconnect", connected.clear, namespace=NSP)
    sio.on("event", on_event, namespace=NSP)
    sio.on("hf:gap", on_gap, namespace=NSP)

    async def insist(name, room):
        """Asks until there is an answer, over however many connections."""
        while True:
            await connected.wait()
            try:
                return await sio.call(name, room, namespace=NSP, timeout=4)
            except (socketio.exceptions.SocketIOError, OSError):
                await asyncio.sleep(0.01)

    async def dial():
        while True:
            try:
                return await sio.connect(
                    setup["url"], transports=setup["transports"], namespaces=[NSP],
                    auth={"device": NAME, "rooms": setup["rooms"]})
            except socketio.exceptions.ConnectionError:
                await asyncio.sleep(0.05)

    await dial()
    for room in setup["rooms"]:
        write("joining", room=room)
        await insist("join", room)
        write("joined", room=room)
    tell("joined")
    await last.wait()
    tell("caught-up")
    # Until whoever started it has had enough.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
os._exit(0)
