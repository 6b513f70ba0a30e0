/*
 * Long-polling echo. A client has two keep-alive connections, as a browser would: one carries the
 * GET that waits, the other the POST with the event. A round trip is over when the POST is answered
 * and the ack has come out of a GET.
 */
#include "loadgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATOR 0x1e

typedef enum { STEP_OPEN, STEP_CONNECT, STEP_ECHO } Step;

typedef struct {
  Conn *get, *post;
  Step step;
  char sid[64];
  bool post_pending, ack_pending, get_pending, pong_due;
} Client;

static Client *clients;
static uint64_t in_flight;

static Client *client_of(const Conn *conn) { return &clients[conn->index / 2]; }

static void send_get(Client *client) {
  char request[512];
  int length = snprintf(request, sizeof request,
                        "GET /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\n"
                        "Host: 127.0.0.1:%d\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n",
                        client->sid[0] ? "&sid=" : "", client->sid, options.port);
  client->get_pending = true;
  conn_append(client->get, request, (size_t)length);
}

static void send_post(Client *client, const char *body, size_t size) {
  char request[1024];
  int head = snprintf(request, sizeof request,
                      "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\n"
                      "Host: 127.0.0.1:%d\r\nConnection: keep-alive\r\nAccept: */*\r\n"
                      "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n",
                      client->sid, options.port, size);
  memcpy(request + head, body, size);
  client->post_pending = true;
  conn_append(client->post, request, (size_t)head + size);
}

static void send_echo(Client *client) {
  char body[512];
  Conn *conn = client->get;
  unsigned long long number = conn->next;
  int length = snprintf(body, sizeof body, "%s42%llu[\"echo\",{\"n\":%llu,\"text\":\"%s\"}]",
                        client->pong_due ? "3\x1e" : "", number, SEQUENCE_BASE + number, chat_text);
  client->pong_due = false;
  conn->expected_length =
      (size_t)snprintf(conn->expected, sizeof conn->expected,
                       "43%llu[{\"n\":%llu,\"text\":\"%s\"}]", number, SEQUENCE_BASE + number,
                       chat_text);
  conn->started_at = now_ns();
  client->ack_pending = true;
  in_flight++;
  send_post(client, body, (size_t)length);
}

static void maybe_next(Client *client, int64_t now) {
  if (client->step != STEP_ECHO || client->ack_pending || client->post_pending) return;
  if (client->get->next > 0 && client->get->expected_length > 0) {
    client->get->expected_length = 0;
    in_flight--;
    delivered++;
    if (measuring) latency_record(now - client->get->started_at);
  }
  if (!stopping) send_echo(client);
}

static void on_packet(Client *client, const char *packet, size_t length, int64_t now) {
  Conn *conn = client->get;
  if (length == 1 && packet[0] == '2') {
    client->pong_due = true;
    return;
  }
  if (client->step == STEP_OPEN && length > 30 && memcmp(packet, "0{\"sid\":\"", 9) == 0) {
    const char *end = memchr(packet + 9, '"', length - 9);
    if (!end || end - packet - 9 >= (long)sizeof client->sid) fail("no sid in the open packet");
    memcpy(client->sid, packet + 9, (size_t)(end - packet - 9));
    client->step = STEP_CONNECT;
    send_post(client, "40", 2);
    return;
  }
  if (client->step == STEP_CONNECT && length > 9 && memcmp(packet, "40{\"sid\":", 9) == 0) {
    client->step = STEP_ECHO;
    ready_count++;
    return;
  }
  if (client->step == STEP_ECHO && client->ack_pending && length == conn->expected_length &&
      memcmp(packet, conn->expected, length) == 0) {
    client->ack_pending = false;
    conn->next++;
    maybe_next(client, now);
    return;
  }
  fail("client %u: unexpected packet: %.*s", conn->index / 2, (int)(length > 200 ? 200 : length),
       packet);
}

static void on_get_body(Client *client, const char *body, size_t length, int64_t now) {
  client->get_pending = false;
  size_t from = 0;
  while (from <= length) {
    const char *end = memchr(body + from, SEPARATOR, length - from);
    size_t size = end ? (size_t)(end - body) - from : length - from;
    on_packet(client, body + from, size, now);
    from += size + 1;
  }
  send_get(client);
}

static void on_post_body(Client *client, const char *body, size_t length, int64_t now) {
  if (length != 2 || memcmp(body, "ok", 2) != 0) fail("a POST was not answered with ok");
  client->post_pending = false;
  maybe_next(client, now);
}

static size_t content_length(const char *head, size_t length) {
  const char *at = head, *end = head + length;
  while (at < end) {
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (!line) break;
    if (strncasecmp(at, "content-length:", 15) == 0) return strtoul(at + 15, NULL, 10);
    at = line + 1;
  }
  fail("a response without Content-Length: %.*s", (int)(length > 200 ? 200 : length), head);
}

static size_t consume(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  size_t at = 0;
  while (at < length) {
    const char *head = (const char *)bytes + at;
    const char *end = memmem(head, length - at, "\r\n\r\n", 4);
    if (!end) break;
    size_t head_length = (size_t)(end - head) + 4;
    if (memcmp(head, "HTTP/1.1 200", 12) != 0) {
      fail("client %u: %.*s", conn->index / 2, (int)(length - at > 200 ? 200 : length - at), head);
    }
    size_t size = content_length(head, head_length);
    if (length - at < head_length + size) break;
    Client *client = client_of(conn);
    if (conn == client->get) {
      on_get_body(client, head + head_length, size, now);
    } else {
      on_post_body(client, head + head_length, size, now);
    }
    at += head_length + size;
  }
  return at;
}

static void on_opened(Conn *conn, int64_t now) {
  (void)now;
  conn->state = CONN_READY;
  Client *client = client_of(conn);
  if (client->get->state == CONN_READY && client->post->state == CONN_READY) send_get(client);
}

static void connect_clients(uint32_t count) {
  int64_t deadline = now_ns() + 30000000000ll;
  for (uint32_t index = 0; index < count; index++) {
    Client *client = &clients[index];
    client->get = &conns[2 * index];
    client->post = &conns[2 * index + 1];
    client->get->opened = client->post->opened = on_opened;
    client->get->consume = client->post->consume = consume;
    conn_open(2 * index);
    conn_open(2 * index + 1);
    while (index + 1 - ready_count >= (uint32_t)options.concurrency && now_ns() < deadline) {
      loop_turn(deadline);
    }
  }
  while (ready_count < count && now_ns() < deadline) loop_turn(deadline);
  if (ready_count < count) fail("%u of %u polling clients connected", ready_count, count);
}

static bool nothing_in_flight(void) { return in_flight == 0; }

void run_polling(void) {
  uint32_t count = (uint32_t)options.clients;
  clients = calloc(count, sizeof *clients);
  loop_init(2 * count);
  connect_clients(count);
  run_until(now_ns() + 20000000);
  for (uint32_t index = 0; index < count; index++) maybe_next(&clients[index], now_ns());
  Window window = run_window();
  if (!wait_until(nothing_in_flight)) {
    fail("%llu replies never came", (unsigned long long)in_flight);
  }
  report(window.from, window.to, delivered);
}
