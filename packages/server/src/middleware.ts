/** Runs middlewares one after the other: the way that namespaces and sockets share. */

/** Written as a method, whose parameters TypeScript compares both ways: servers of more data fit where less is wanted. */
export type Middleware<Subject> = {
  run(subject: Subject, next: (error?: Error) => void): void;
}["run"];

/** Calls `done` when the last middleware has called `next`, or with the first error that one gave. */
export function runMiddlewares<Subject>(
  middlewares: readonly Middleware<Subject>[],
  subject: Subject,
  done: (error?: Error) => void,
): void {
  // A middleware that is added while they run has no say in this run.
  const chain = [...middlewares];
  const runFrom = (index: number): void => {
    const middleware = chain[index];
    if (middleware === undefined) {
      done();
      return;
    }
    middleware(subject, (error) => {
      if (error) done(error);
      else runFrom(index + 1);
    });
  };
  runFrom(0);
}
