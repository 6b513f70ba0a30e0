"""What the two clients have in common: how they tell what came, and where."""
import json
import os
import sys
import threading

WAIT = 8
URL, TRANSPORTS = sys.argv[1], sys.argv[2].split(",")
# The connection is cut in the middle of the script, and back at once.
RECONNECTION = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.05, "randomization_factor": 0}

# Whatever hangs, threads of the client among it, ends here.
watchdog = threading.Timer(25, lambda: os._exit(70))
watchdog.daemon = True
watchdog.start()


def shown(value):
    """Bytes and tuples as JSON can say them."""
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(inner) for inner in value]
    return value


def tell(results):
    print(json.dumps(shown(results)))
