/* Command line: loadgen <workload> --port N [--pid N] [--protocol socket.io|bare|redis|nats] [...] */
#include "loadgen.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

Options options = {
    .wire = WIRE_SOCKET_IO,
    .socket_io = true,
    .clients = 1000,
    .rooms = 1,
    .members = 1000,
    .window = 1,
    .warm_clients = 0,
    .concurrency = 64,
    .warmup_ms = 1000,
    .measure_ms = 2000,
};

static const struct {
  const char *name;
  int *target;
} numbers[] = {
    {"--port", &options.port},
    {"--pid", &options.server_pid},
    {"--clients", &options.clients},
    {"--rooms", &options.rooms},
    {"--members", &options.members},
    {"--window", &options.window},
    {"--warm-clients", &options.warm_clients},
    {"--concurrency", &options.concurrency},
    {"--missed", &options.missed},
    {"--immediate-acks", &options.immediate_acks},
    {"--warmup-ms", &options.warmup_ms},
    {"--measure-ms", &options.measure_ms},
    {"--settle-ms", &options.settle_ms},
};

static Wire read_wire(const char *name) {
  static const char *const names[] = {"socket.io", "bare", "redis", "nats"};
  for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
    if (strcmp(name, names[at]) == 0) return (Wire)at;
  }
  fail("unknown protocol %s", name);
}

static void read_option(const char *name, const char *value) {
  for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
    if (strcmp(name, numbers[at].name) != 0) continue;
    *numbers[at].target = atoi(value);
    return;
  }
  if (strcmp(name, "--protocol") == 0) {
    options.wire = read_wire(value);
    options.socket_io = options.wire == WIRE_SOCKET_IO;
  } else if (strcmp(name, "--publisher") == 0) {
    options.outside_publisher = strcmp(value, "outside") == 0;
  } else {
    fail("unknown option %s", name);
  }
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  if (count < 2) fail("a workload is missing: relay, echo, storm, idle, polling, publish or resume");
  options.workload = words[1];
  for (int at = 2; at + 1 < count; at += 2) read_option(words[at], words[at + 1]);
  if (options.port == 0) fail("--port is missing");

  static const struct {
    const char *name;
    void (*run)(void);
  } workloads[] = {{"relay", run_relay},
                   {"echo", run_echo},
                   {"storm", run_storm},
                   {"idle", run_idle},
                   {"polling", run_polling},
                   {"publish", run_publish},
                   {"resume", run_resume}};
  for (size_t at = 0; at < sizeof workloads / sizeof *workloads; at++) {
    if (strcmp(options.workload, workloads[at].name) == 0) {
      workloads[at].run();
      return 0;
    }
  }
  fail("unknown workload %s", options.workload);
}
