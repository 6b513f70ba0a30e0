/** Publishers and subscribers on stock clients, in a process of their own. Started by support/client-process.ts. */
import { Publisher } from "../clients/publisher.ts";
import { StockSocket } from "../clients/stock-socket.ts";
import { Subscriber } from "../clients/subscriber.ts";
import { Recorder } from "../history/recorder.ts";
import type { ClientsSetup, FromClients, PublisherSpec, ToClients } from "./messages.ts";

const setup = JSON.parse(process.argv[2] ?? "{}") as ClientsSetup;
const recorder = new Recorder(setup.history);
const subscribers: Subscriber[] = [];
const publishers: Publisher[] = [];
const publishingLast: Promise<void>[] = [];
for (const spec of setup.clients) {
  if (spec.kind === "subscriber") subscribers.push(new Subscriber(spec, setup.url, recorder));
  else publishers.push(new Publisher(spec, stockOf(spec), recorder));
}

/** Who talks to the others in a room listens on the same socket. */
function stockOf(spec: PublisherSpec): StockSocket {
  const { name, nsp, rooms, seed } = spec;
  const transports = ["websocket"];
  if (!spec.talks) {
    let connections = 0;
    const options = { url: setup.url, nsp, name, transports, auth: {} };
    return new StockSocket({ ...options, nextConnection: () => ++connections }, recorder);
  }
  const listens = { ...{ name, nsp, transports, rooms, seed }, reloads: false } as const;
  const subscriber = new Subscriber({ kind: "subscriber", ...listens }, setup.url, recorder);
  subscribers.push(subscriber);
  return subscriber.stock;
}

function tell(message: FromClients): void {
  process.send?.(message);
}

async function obey(message: ToClients): Promise<void> {
  if (message.type === "publish") {
    for (const publisher of publishers) publisher.start();
  } else if (message.type === "finish") {
    await Promise.all([
      ...publishers.map((publisher) => publisher.finish()),
      ...subscribers.map((subscriber) => subscriber.settle()),
    ]);
    tell({ type: "finished" });
  } else if (message.type === "last") {
    const [publisher] = publishers.filter(({ nsp }) => nsp === message.nsp);
    if (publisher !== undefined) publishingLast.push(publisher.publishLast());
  } else {
    await Promise.all(publishingLast);
    for (const client of [...subscribers, ...publishers]) client.close();
    recorder.close();
    tell({ type: "closed" });
    process.disconnect();
  }
}

for (const { name, caughtUp } of subscribers) {
  void caughtUp.then(() => tell({ type: "caught-up", client: name }));
}
process.on("message", (message) => void obey(message as ToClients));
process.on("disconnect", () => process.exit());
await Promise.all(subscribers.map(({ joined }) => joined));
tell({ type: "joined" });
