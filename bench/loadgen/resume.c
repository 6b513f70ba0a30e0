/*
 * Resume: clients connect, go away without a word, miss `missed` events each, and all come back at once.
 *
 * What is missed is published by whoever runs this, between the line `away` and a line on stdin. Each client must be
 * given exactly what it missed, in order, by the session that it had.
 */
#include "loadgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESUME_LIMIT_NS 120000000000ll
#define DUPLICATE_WAIT_NS 200000000ll
#define FIRST_CONCURRENCY 64

static uint64_t complete;
static bool coming_back;

static void on_message(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  char due[256];
  if (!coming_back) fail("client %u: an event before it went away", conn->index);
  if (conn->next == (uint64_t)options.missed) fail("client %u: an event too many", conn->index);
  size_t size = (size_t)snprintf(due, sizeof due,
                                 "42[\"msg\",{\"n\":%llu,\"room\":\"r%04u\",\"text\":\"%s\"}]",
                                 (unsigned long long)(SEQUENCE_BASE + conn->next), conn->room,
                                 chat_text);
  if (length != size || memcmp(payload, due, size) != 0) {
    fail("client %u: event %llu was due, not: %.*s", conn->index, (unsigned long long)conn->next,
         (int)(length > 200 ? 200 : length), payload);
  }
  conn->next++;
  delivered++;
  if (conn->next < (uint64_t)options.missed) return;
  complete++;
  latency_record(now - conn->started_at);
}

static void go_away(uint32_t clients) {
  for (uint32_t index = 0; index < clients; index++) {
    if (!conns[index].pid[0] || !conns[index].position[0]) {
      fail("client %u was told no pid or no position", index);
    }
    conn_close(&conns[index]);
  }
}

void run_resume(void) {
  uint32_t clients = (uint32_t)(options.rooms * options.members);
  int concurrency = options.concurrency;
  loop_init(clients);
  listener.message = on_message;
  for (uint32_t index = 0; index < clients; index++) {
    conns[index].room = index / (uint32_t)options.members;
    websocket_prepare(&conns[index]);
  }
  options.concurrency = FIRST_CONCURRENCY;
  connect_range(0, clients);
  run_until(now_ns() + 1000000000ll);
  go_away(clients);
  printf("{\"event\":\"away\"}\n");
  fflush(stdout);
  watch_stdin();
  while (!stdin_spoke && !stdin_closed) loop_turn(now_ns() + 1000000000);
  if (stdin_closed) fail("nobody published anything");

  coming_back = options.resuming = true;
  options.concurrency = concurrency;
  window_opens();
  Snapshot from = snapshot(delivered);
  connect_range(0, clients);
  int64_t deadline = from.at + RESUME_LIMIT_NS;
  while (complete < clients && now_ns() < deadline) loop_turn(deadline);
  Snapshot to = snapshot(delivered);
  window_closes();
  if (complete < clients) fail("%llu of %u clients got all", (unsigned long long)complete, clients);
  run_until(now_ns() + DUPLICATE_WAIT_NS);
  report(from, to, delivered);
}
