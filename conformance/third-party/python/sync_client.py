"""The synchronous client of python-socketio goes through what python.test.ts expects, and prints what it saw."""
import queue

import socketio
from outcome import RECONNECTION, TRANSPORTS, URL, WAIT, tell

results = {}
events = queue.Queue()
sio = socketio.Client(**RECONNECTION)


def on(name, namespace="/"):
    sio.on(name, lambda *args: events.put((namespace, name, *args)), namespace=namespace)


def expect(name, namespace="/"):
    """The arguments of the next such event; others before it are dropped."""
    while True:
        got = events.get(timeout=WAIT)
        if got[:2] == (namespace, name):
            return list(got[2:])


for event in ("connect", "disconnect", "welcome", "told", "said"):
    on(event)
for event in ("connect", "disconnect"):
    on(event, "/members")
stranger = socketio.Client(reconnection=False)
stranger.on("connect_error", lambda data: events.put(("/strangers", "connect_error", data)), namespace="/strangers")
stranger.connect(URL, transports=TRANSPORTS, namespaces=["/strangers"], wait=False)
results["refused"] = expect("connect_error", "/strangers")
stranger.disconnect()

sio.on("question", lambda data: (len(data), b"\x07"))

sio.connect(URL, transports=TRANSPORTS, auth={"token": "yes"}, namespaces=["/", "/members"],
            wait=False)
expect("connect")
results["welcome"] = expect("welcome")
expect("connect", "/members")
results["echo"] = sio.call("echo", {"text": "é☃", "list": [1, None, True, 1.5]}, timeout=WAIT)
results["echo bytes"] = sio.call("echo", {"deep": [b"\x00\x01", b""]}, timeout=WAIT)
results["echo two"] = sio.call("echo", (1, b"\xff"), timeout=WAIT)
sio.emit("tell", ("x", b"\x02"))
results["told"] = expect("told")
results["asked"] = sio.call("ask me", timeout=WAIT)
results["in namespace"] = sio.call("whoami", namespace="/members", timeout=WAIT)
sio.call("join", "room", timeout=WAIT)
sio.emit("say", ("room", "hello"))
results["said"] = expect("said")
large = "x" * 200_000
results["large"] = sio.call("echo", large, timeout=WAIT) == large
results["transport"] = sio.transport()

# The server cuts the connection: the client comes back by itself.
sio.emit("cut me")
expect("disconnect")
results["back"] = expect("welcome")
results["echo after"] = sio.call("echo", "after", timeout=WAIT)

# The server ends one namespace; the other lives on.
expect("connect", "/members")
sio.emit("kick me", namespace="/members")
expect("disconnect", "/members")
results["echo last"] = sio.call("echo", "last", timeout=WAIT)

sio.disconnect()
expect("disconnect")
results["connected"] = sio.connected
tell(results)
