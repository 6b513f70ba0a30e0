/** The application that the tests of the types are about: what it and its clients send, and its server. */
import type { Namespace, Server, Socket } from "../index.ts";

/** Reads as code of an application; only the compiler runs it. */
export function compiles<Subject>(_code: (subject: Subject) => unknown): void {}

export interface ServerToClient {
  tick: () => void;
  news: (title: string, body: Buffer) => void;
  message: (text: string, importance?: number) => void;
  question: (text: string, answer: (choice: number) => void) => void;
  questionOrError: (text: string, answer: (failure: Error, choice: number) => void) => void;
  questionOfTwo: (answer: (choice: number, why: string) => void) => void;
  questionIfGiven: (text: string, answer?: (choice: number) => void) => void;
}

export interface ClientToServer {
  hello: (name: string) => void;
  ask: (question: string, answer: (reply: { text: string }) => void) => void;
  "save:later": (draft: { lines: string[] }) => Promise<void>;
}

export interface BetweenServers {
  refresh: () => void;
  load: (node: string, answer: (percent: number) => void) => void;
  check: (answer: (failure: Error, state: string) => void) => void;
}

export interface Data {
  user: { id: string };
  visits?: number;
}

export type AppServer = Server<ClientToServer, ServerToClient, BetweenServers, Data>;
export type AppNamespace = Namespace<ClientToServer, ServerToClient, BetweenServers, Data>;
export type AppSocket = Socket<ClientToServer, ServerToClient, BetweenServers, Data>;
