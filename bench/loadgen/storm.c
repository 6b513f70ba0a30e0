/* Storm: handshakes as fast as the server takes them. Idle: connections that only answer pings. */
#include "loadgen.h"

#include <stdio.h>

static void on_ready(Conn *conn, int64_t now) {
  if (measuring) latency_record(now - conn->started_at);
}

void run_storm(void) {
  uint32_t warm = (uint32_t)options.warm_clients, clients = (uint32_t)options.clients;
  loop_init(warm + clients);
  for (uint32_t index = 0; index < warm + clients; index++) websocket_prepare(&conns[index]);
  listener.ready = on_ready;
  connect_range(0, warm);

  window_opens();
  measuring = true;
  Snapshot from = snapshot(ready_count);
  connect_range(warm, warm + clients);
  Snapshot to = snapshot(ready_count);
  window_closes();
  report(from, to, ready_count);
}

/* Holds the connections until stdin ends, so that the caller can look at the server. */
void run_idle(void) {
  uint32_t clients = (uint32_t)options.clients;
  loop_init(clients);
  for (uint32_t index = 0; index < clients; index++) websocket_prepare(&conns[index]);
  Snapshot from = snapshot(0);
  connect_range(0, clients);
  Snapshot to = snapshot(ready_count);
  printf("{\"event\":\"holding\"}\n");
  fflush(stdout);
  watch_stdin();
  while (!stdin_closed) loop_turn(now_ns() + 1000000000);
  report(from, to, ready_count);
}
