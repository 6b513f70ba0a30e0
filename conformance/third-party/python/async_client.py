"""The asynchronous client of python-socketio goes through what python.test.ts expects, and prints what it saw."""
import asyncio

import socketio
from outcome import RECONNECTION, TRANSPORTS, URL, WAIT, tell


async def main():
    results = {}
    events = asyncio.Queue()
    sio = socketio.AsyncClient(**RECONNECTION)

    def on(name, namespace="/"):
        async def heard(*args):
            await events.put((namespace, name, *args))

        sio.on(name, heard, namespace=namespace)

    async def expect(name, namespace="/"):
        """The arguments of the next such event; others before it are dropped."""
        while True:
            got = await asyncio.wait_for(events.get(), WAIT)
            if got[:2] == (namespace, name):
                return list(got[2:])

    async def answer(data):
        return len(data), b"\x07"

    for event in ("connect", "disconnect", "welcome", "told", "said"):
        on(event)
    for event in ("connect", "disconnect"):
        on(event, "/members")
    stranger = socketio.AsyncClient(reconnection=False)

    async def refused(data):
        await events.put(("/strangers", "connect_error", data))

    stranger.on("connect_error", refused, namespace="/strangers")
    await stranger.connect(URL, transports=TRANSPORTS, namespaces=["/strangers"], wait=False)
    results["refused"] = await expect("connect_error", "/strangers")
    await stranger.disconnect()

    sio.on("question", answer)

    await sio.connect(URL, transports=TRANSPORTS, auth={"token": "yes"},
                      namespaces=["/", "/members"], wait=False)
    await expect("connect")
    results["welcome"] = await expect("welcome")
    await expect("connect", "/members")
    results["echo"] = await sio.call("echo", {"text": "é☃", "list": [1, None, True, 1.5]}, timeout=WAIT)
    results["echo bytes"] = await sio.call("echo", {"deep": [b"\x00\x01", b""]}, timeout=WAIT)
    results["echo two"] = await sio.call("echo", (1, b"\xff"), timeout=WAIT)
    await sio.emit("tell", ("x", b"\x02"))
    results["told"] = await expect("told")
    results["asked"] = await sio.call("ask me", timeout=WAIT)
    results["in namespace"] = await sio.call("whoami", namespace="/members", timeout=WAIT)
    await sio.call("join", "room", timeout=WAIT)
    await sio.emit("say", ("room", "hello"))
    results["said"] = await expect("said")
    large = "x" * 200_000
    results["large"] = await sio.call("echo", large, timeout=WAIT) == large
    results["transport"] = sio.transport()

    # The server cuts the connection: the client comes back by itself.
    await sio.emit("cut me")
    await expect("disconnect")
    results["back"] = await expect("welcome")
    results["echo after"] = await sio.call("echo", "after", timeout=WAIT)

    # The server ends one namespace; the other lives on.
    await expect("connect", "/members")
    await sio.emit("kick me", namespace="/members")
    await expect("disconnect", "/members")
    results["echo last"] = await sio.call("echo", "last", timeout=WAIT)

    await sio.disconnect()
    await expect("disconnect")
    results["connected"] = sio.connected
    tell(results)


asyncio.run(main())
