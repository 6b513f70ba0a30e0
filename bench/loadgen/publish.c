/*
 * Publish: messages of PUBLISH_BYTES that are acknowledged, `window` in flight on each connection.
 *
 * A new one is sent when the oldest is acknowledged. Every acknowledgement is checked to be the one that is due; after
 * the window everything in flight is waited for, and a server that can be asked must have exactly what it acknowledged.
 */
#include "loadgen.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  uint64_t sent, acknowledged;
  int64_t *sent_at;
} Publisher;

int64_t stored_count = -1;

static Publisher *publishers;
static const PublishWire *wire;
static char body[PUBLISH_BYTES + 1];

static void publish(Conn *conn) {
  Publisher *publisher = &publishers[conn->index];
  uint64_t sequence = publisher->sent++;
  publisher->sent_at[sequence % (uint64_t)options.window] = now_ns();
  wire->publish(conn, sequence, body);
}

void publish_acknowledged(Conn *conn, int64_t now) {
  Publisher *publisher = &publishers[conn->index];
  if (publisher->acknowledged == publisher->sent) fail("client %u: an answer too many", conn->index);
  int64_t sent_at = publisher->sent_at[publisher->acknowledged++ % (uint64_t)options.window];
  delivered++;
  if (measuring) latency_record(now - sent_at);
  if (!stopping) publish(conn);
}

static bool count_came(void) { return stored_count >= 0; }

static int64_t count_stored(void) {
  if (!wire->count) return -1;
  stored_count = -1;
  wire->count(&conns[0]);
  if (!wait_until(count_came)) fail("the server does not say how many messages it has");
  return stored_count;
}

static bool drained(void) {
  for (int index = 0; index < options.clients; index++) {
    if (publishers[index].acknowledged != publishers[index].sent) return false;
  }
  return true;
}

static void prepare(void) {
  while (strlen(body) < PUBLISH_BYTES) strncat(body, chat_text, PUBLISH_BYTES - strlen(body));
  wire = publish_wire();
  loop_init((uint32_t)options.clients);
  publishers = calloc((size_t)options.clients, sizeof *publishers);
  for (int index = 0; index < options.clients; index++) {
    publishers[index].sent_at = calloc((size_t)options.window, sizeof(int64_t));
    if (!publishers[index].sent_at) fail("out of memory");
    wire->prepare(&conns[index]);
  }
}

void run_publish(void) {
  prepare();
  connect_range(0, (uint32_t)options.clients);
  int64_t before = count_stored();
  for (int index = 0; index < options.clients; index++) {
    for (int event = 0; event < options.window; event++) publish(&conns[index]);
  }
  Window window = run_window();
  if (!wait_until(drained)) fail("acknowledgements never came");
  int64_t after = count_stored();
  if (after - before != (int64_t)delivered && wire->count) {
    fail("%llu were acknowledged, %lld are there", (unsigned long long)delivered,
         (long long)(after - before));
  }
  report(window.from, window.to, delivered);
}
