/**
 * A connection of the network with two ends. Either end may go without the other being told: a half-open
 * connection, as a lost device, a sleeping laptop or a forgetful router leaves it.
 */
import type { Cut, Flow, Path } from "./path.ts";
import { Pipe } from "./pipe.ts";

const fin = Symbol("fin");

/** What one end is told. `ended` comes at most once, and nothing after it. */
export interface End<Value> {
  received(value: Value): void;
  ended(): void;
}

/** What holds the other end: a server process, which can be killed. */
export interface FlowOwner {
  readonly flows: Set<DuplexFlow<unknown, unknown>>;
}

/** orphan: the other side is gone, and this one does not know. */
type Side = "linked" | "orphan" | "gone";

export class DuplexFlow<Up, Down> implements Flow {
  readonly down: Pipe<Down | typeof fin>;
  readonly #up: Pipe<Up | typeof fin>;
  readonly #path: Path;
  #client: Side = "linked";
  #server: Side = "linked";
  #reset = true;
  #clientEnd: End<Down> | undefined;
  #serverEnd: End<Up> | undefined;
  #owner: FlowOwner | undefined;

  constructor(path: Path, clientEnd: End<Down>) {
    this.#path = path;
    this.#clientEnd = clientEnd;
    this.#up = new Pipe(path, "up", (value) => this.#arriveUp(value));
    this.down = new Pipe(path, "down", (value) => this.#arriveDown(value));
    path.flows.add(this);
  }

  /** Gives the server's end to `owner`, when the client has reached it. */
  accept(owner: FlowOwner, end: End<Up>): void {
    this.#owner = owner;
    this.#serverEnd = end;
    owner.flows.add(this as DuplexFlow<unknown, unknown>);
  }

  sendUp(value: Up, bytes: number): void {
    if (this.#client === "gone") return;
    this.#up.send(value, bytes);
    if (this.#client === "orphan" && this.#reset) this.#later(() => this.#endClient());
  }

  sendDown(value: Down, bytes: number): void {
    if (this.#server === "gone") return;
    this.down.send(value, bytes);
    if (this.#server === "orphan" && this.#reset) this.#later(() => this.#endServer());
  }

  closeByClient(): void {
    if (this.#client === "gone") return;
    if (this.#client === "linked") this.#up.send(fin, 0);
    this.#client = "gone";
    this.#clientEnd = undefined;
    this.#forgetIfOver();
  }

  closeByServer(): void {
    if (this.#server === "gone") return;
    if (this.#server === "linked") this.down.send(fin, 0);
    this.#server = "gone";
    this.#serverEnd = undefined;
    this.#forgetIfOver();
  }

  cut({ tellClient, tellServer, reset }: Cut): void {
    this.#up.break();
    this.down.break();
    this.#reset = reset;
    if (this.#client === "linked") this.#client = "orphan";
    if (this.#server === "linked") this.#server = "orphan";
    if (tellClient) this.#later(() => this.#endClient());
    if (tellServer) this.#later(() => this.#endServer());
  }

  /** The process at the server's end is no more. Its kernel tells the client, unless the whole machine went. */
  killServer(tellClient: boolean): void {
    this.#server = "gone";
    this.#serverEnd = undefined;
    this.cut({ tellClient, tellServer: false, reset: true });
    this.#forgetIfOver();
  }

  /** The device is no more; nobody tells the server. */
  killClient(): void {
    this.#client = "gone";
    this.#clientEnd = undefined;
    this.cut({ tellClient: false, tellServer: false, reset: false });
  }

  #arriveUp(value: Up | typeof fin): void {
    if (value === fin) this.#endServer();
    else this.#serverEnd?.received(value);
  }

  #arriveDown(value: Down | typeof fin): void {
    if (value === fin) this.#endClient();
    else this.#clientEnd?.received(value);
  }

  #endClient(): void {
    if (this.#client === "gone") return;
    this.#client = "gone";
    const end = this.#clientEnd;
    this.#clientEnd = undefined;
    end?.ended();
    this.#forgetIfOver();
  }

  #endServer(): void {
    if (this.#server === "gone") return;
    this.#server = "gone";
    const end = this.#serverEnd;
    this.#serverEnd = undefined;
    end?.ended();
    this.#forgetIfOver();
  }

  #later(run: () => void): void {
    this.#path.scheduler.after(this.#path.delay(), run);
  }

  #forgetIfOver(): void {
    if (this.#client !== "gone" || this.#server !== "gone") return;
    this.#path.flows.delete(this);
    this.#owner?.flows.delete(this as DuplexFlow<unknown, unknown>);
  }
}
