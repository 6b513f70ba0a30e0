/*
 * W2: an event with an ack, echoed. One in flight per client; the reply must be the bytes expected.
 * A Socket.IO server answers `43<id>[...]`, a bare one sends back what it got.
 */
#include "loadgen.h"

#include <string.h>

static uint64_t in_flight;
static char arguments[256]; /* {"n":...,"text":"..."}] */
static size_t arguments_length, sequence_at;

static size_t print_packet(char *target, const char *head, uint64_t sequence, const char *event) {
  size_t at = 0;
  memcpy(target, head, 2);
  at += 2;
  at += print_number(target + at, sequence);
  memcpy(target + at, event, strlen(event));
  at += strlen(event);
  memcpy(target + at, arguments, arguments_length);
  print_sequence(target + at + sequence_at, sequence);
  return at + arguments_length;
}

static void request(Conn *conn) {
  char payload[256];
  size_t length = print_packet(payload, "42", conn->next, "[\"echo\",");
  if (options.socket_io) {
    conn->expected_length = print_packet(conn->expected, "43", conn->next, "[");
  } else {
    memcpy(conn->expected, payload, length);
    conn->expected_length = length;
  }
  conn->started_at = now_ns();
  in_flight++;
  websocket_send_text(conn, payload, length);
}

static void on_message(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  if (length != conn->expected_length || memcmp(payload, conn->expected, length) != 0) {
    fail("client %u: not the reply that was due: %.*s", conn->index,
         (int)(length > 200 ? 200 : length), payload);
  }
  conn->expected_length = 0;
  conn->next++;
  delivered++;
  in_flight--;
  if (measuring) latency_record(now - conn->started_at);
  if (!stopping) request(conn);
}

static bool nothing_in_flight(void) { return in_flight == 0; }

static void prepare(void) {
  static const char head[] = "{\"n\":", middle[] = "0000000000,\"text\":\"", tail[] = "\"}]";
  strcat(strcat(strcat(strcat(arguments, head), middle), chat_text), tail);
  arguments_length = strlen(arguments);
  sequence_at = sizeof head - 1;
  loop_init((uint32_t)options.clients);
  for (int index = 0; index < options.clients; index++) websocket_prepare(&conns[index]);
}

void run_echo(void) {
  prepare();
  listener.message = on_message;
  connect_range(0, (uint32_t)options.clients);
  for (int index = 0; index < options.clients; index++) request(&conns[index]);
  Window window = run_window();
  if (!wait_until(nothing_in_flight)) {
    fail("%llu replies never came", (unsigned long long)in_flight);
  }
  report(window.from, window.to, delivered);
}
