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


class Subscriber:
    def __init__(self):
        self.connected, self.last = asyncio.Event(), asyncio.Event()
        self.connection = 0
        self.sio = None

    async def live(self):
        """One client after the other. Its own reconnection is not to be relied on: with polling, an exception in the
        task that reads may be the end of it."""
        while True:
            self.sio = self.make()
            try:
                await self.sio.connect(
                    setup["url"], transports=setup["transports"], namespaces=[NSP],
                    auth={"device": NAME, "rooms": setup["rooms"]})
                await asyncio.wait([self.sio.eio.read_loop_task])
            except socketio.exceptions.ConnectionError:
                pass
            self.connected.clear()
            if self.sio.eio.http is not None:
                await self.sio.eio.http.close()
            await asyncio.sleep(0.05)

    def make(self):
        sio = socketio.AsyncClient(reconnection=False)
        sio.on("connect", self.on_connect, namespace=NSP)
        sio.on("disconnect", self.connected.clear, namespace=NSP)
        sio.on("event", self.on_event, namespace=NSP)
        sio.on("hf:gap", self.on_gap, namespace=NSP)
        return sio

    def on_connect(self):
        self.connection += 1
        write("connect", connection=self.connection, stream=NSP, reports=False)
        self.connected.set()

    def on_event(self, body, *rest):
        content = body["content"]
        text = content if isinstance(content, bytes) else content.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha1(text).digest()).decode()[:12]
        write("deliver", connection=self.connection, mid=body["mid"], hash=digest)
        if body["mid"].startswith("last-"):
            self.last.set()

    def on_gap(self, notice):
        write("gap", connection=self.connection, reason=notice["reason"],
              **{"from": offset_of(notice["from"]), "to": offset_of(notice["to"])})

    async def insist(self, name, room):
        """Asks until there is an answer, over however many connections."""
        while True:
            await self.connected.wait()
            try:
                return await self.sio.call(name, room, namespace=NSP, timeout=4)
            except (socketio.exceptions.SocketIOError, OSError):
                await asyncio.sleep(0.01)


def offset_of(position):
    """As in crash/history/lines.ts."""
    return -1 if position is None else int(position.split(".")[2], 36)


async def main():
    subscriber = Subscriber()
    living = asyncio.ensure_future(subscriber.live())
    for room in setup["rooms"]:
        write("joining", room=room)
        await subscriber.insist("join", room)
        write("joined", room=room)
    tell("joined")
    waiting = asyncio.ensure_future(subscriber.last.wait())
    await asyncio.wait([waiting, living], return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()
    tell("caught-up")
    # Until whoever started it has had enough.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Without goodbyes to tasks of the client that never end.
    os._exit(0)


asyncio.run(main())
