/*
 * How one message is published and acknowledged: Redis Streams (RESP: XADD, its id), NATS JetStream (its text protocol:
 * PUB with a reply inbox, the stream's own acknowledgement) and Socket.IO (an event with an ack that the server's
 * handler gives when its `publish` has resolved).
 */
#include "loadgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long Number;

static void append_text(Conn *conn, const char *text) { conn_append(conn, text, strlen(text)); }

static void on_opened_ready(Conn *conn, int64_t now) { became_ready(conn, now); }

/* --- Redis --- */

static void redis_publish(Conn *conn, uint64_t sequence, const char *body) {
  (void)sequence;
  static const char head[] = "*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\nd\r\n$200\r\n";
  conn_append(conn, head, sizeof head - 1);
  conn_append(conn, body, PUBLISH_BYTES);
  conn_append(conn, "\r\n", 2);
}

static void redis_count(Conn *conn) { append_text(conn, "*2\r\n$4\r\nXLEN\r\n$5\r\nbench\r\n"); }

/* The id of an entry: milliseconds and a number, greater than that of the one before. */
static void redis_acknowledged(Conn *conn, const char *text, int64_t now) {
  char *end;
  uint64_t id = strtoull(text, &end, 10) << 20;
  if (*end != '-') fail("client %u: not the id of an entry: %.30s", conn->index, text);
  id += strtoull(end + 1, NULL, 10);
  if (id <= conn->next) fail("client %u: an id that is not greater: %.30s", conn->index, text);
  conn->next = id;
  publish_acknowledged(conn, now);
}

static size_t redis_consume(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  size_t at = 0;
  while (at < length) {
    const char *line = (const char *)bytes + at;
    const char *end = memmem(line, length - at, "\r\n", 2);
    if (!end) break;
    size_t size = (size_t)(end - line) + 2;
    if (line[0] == ':') {
      stored_count = atoll(line + 1);
    } else if (line[0] == '$') {
      size_t text = strtoul(line + 1, NULL, 10);
      if (length - at < size + text + 2) break;
      redis_acknowledged(conn, line + size, now);
      size += text + 2;
    } else {
      fail("client %u: %.*s", conn->index, (int)(end - line), line);
    }
    at += size;
  }
  return at;
}

static void redis_prepare(Conn *conn) {
  conn->opened = on_opened_ready;
  conn->consume = redis_consume;
}

/* --- NATS JetStream --- */

#define NATS_STREAM "{\"name\":\"bench\",\"subjects\":[\"bench.events\"],\"storage\":\"file\"," \
                    "\"retention\":\"limits\",\"discard\":\"old\",\"num_replicas\":1}"

static void nats_request(Conn *conn, const char *subject, const char *reply, const char *text) {
  char head[256];
  snprintf(head, sizeof head, "PUB %s _INBOX.b%u.%s %zu\r\n", subject, conn->index, reply,
           strlen(text));
  append_text(conn, head);
  append_text(conn, text);
  append_text(conn, "\r\n");
}

static void nats_publish(Conn *conn, uint64_t sequence, const char *body) {
  char head[128];
  int size = snprintf(head, sizeof head, "PUB bench.events _INBOX.b%u.%llu %d\r\n", conn->index,
                      (Number)sequence, PUBLISH_BYTES);
  conn_append(conn, head, (size_t)size);
  conn_append(conn, body, PUBLISH_BYTES);
  conn_append(conn, "\r\n", 2);
}

static void nats_count(Conn *conn) {
  nats_request(conn, "$JS.API.STREAM.INFO.bench", "count", "");
}

/* The number after `name` in a line of JSON that may not end with a zero byte. */
static uint64_t number_after(const char *text, size_t length, const char *name) {
  const char *at = memmem(text, length, name, strlen(name));
  if (!at) fail("no %s in: %.*s", name, (int)(length > 200 ? 200 : length), text);
  return strtoull(at + strlen(name), NULL, 10);
}

static void nats_message(Conn *conn, const char *token, const char *text, size_t length,
                         int64_t now) {
  if (memmem(text, length, "\"error\"", 7)) {
    fail("client %u: %.*s", conn->index, (int)(length > 200 ? 200 : length), text);
  }
  if (*token == 'c') {
    if (conn->state != CONN_READY) became_ready(conn, now);
    else stored_count = (int64_t)number_after(text, length, "\"messages\":");
    return;
  }
  /* `next` holds the number of the acknowledgement that is due, the ids of a stream only grow. */
  if (strtoull(token, NULL, 10) != conn->next) {
    fail("client %u: acknowledgement %.12s came where %llu was due", conn->index, token,
         (Number)conn->next);
  }
  if (number_after(text, length, "\"seq\":") <= conn->next) fail("a sequence that went back");
  conn->next++;
  publish_acknowledged(conn, now);
}

static void nats_line(Conn *conn, const char *line) {
  if (strncmp(line, "INFO ", 5) == 0) {
    char hello[160];
    snprintf(hello, sizeof hello,
             "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\"}\r\n"
             "SUB _INBOX.b%u.* 1\r\n",
             conn->index);
    append_text(conn, hello);
    nats_request(conn, "$JS.API.STREAM.CREATE.bench", "create", NATS_STREAM);
  } else if (strncmp(line, "PING", 4) == 0) {
    append_text(conn, "PONG\r\n");
  } else if (strncmp(line, "+OK", 3) != 0 && strncmp(line, "PONG", 4) != 0) {
    fail("client %u: %.100s", conn->index, line);
  }
}

static size_t nats_consume(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  size_t at = 0;
  while (at < length) {
    const char *line = (const char *)bytes + at;
    const char *end = memmem(line, length - at, "\r\n", 2);
    if (!end) break;
    size_t size = (size_t)(end - line) + 2;
    if (strncmp(line, "MSG ", 4) == 0) {
      const char *count = memrchr(line, ' ', (size_t)(end - line));
      size_t text = strtoul(count + 1, NULL, 10);
      if (length - at < size + text + 2) break;
      const char *subject_end = memchr(line + 4, ' ', (size_t)(end - line - 4));
      const char *token = memrchr(line + 4, '.', (size_t)(subject_end - line - 4));
      nats_message(conn, token + 1, line + size, text, now);
      size += text + 2;
    } else {
      nats_line(conn, line);
    }
    at += size;
  }
  return at;
}

static void on_nats_opened(Conn *conn, int64_t now) {
  (void)now;
  conn->state = CONN_AWAIT_OPEN;
}

static void nats_prepare(Conn *conn) {
  conn->opened = on_nats_opened;
  conn->consume = nats_consume;
}

/* --- Socket.IO --- */

#define EVENT_HEAD "[\"publish\",{\"n\":"
#define EVENT_MIDDLE ",\"text\":\""
#define EVENT_TAIL "\"}]"
/* What the server stores is `2["msg",{"n":…,"text":"…"}]`: of the same length as the others' messages. */
#define TEXT_BYTES (PUBLISH_BYTES - 2 - 6 - 5 - SEQUENCE_DIGITS - 9 - 3)

static void socket_io_publish(Conn *conn, uint64_t sequence, const char *body) {
  char packet[PUBLISH_BYTES + 64] = "42";
  size_t at = 2 + print_number(packet + 2, sequence);
  memcpy(packet + at, EVENT_HEAD, sizeof EVENT_HEAD - 1);
  at += sizeof EVENT_HEAD - 1;
  print_sequence(packet + at, sequence);
  at += SEQUENCE_DIGITS;
  memcpy(packet + at, EVENT_MIDDLE, sizeof EVENT_MIDDLE - 1);
  at += sizeof EVENT_MIDDLE - 1;
  memcpy(packet + at, body, TEXT_BYTES);
  at += TEXT_BYTES;
  memcpy(packet + at, EVENT_TAIL, sizeof EVENT_TAIL - 1);
  websocket_send_text(conn, packet, at + sizeof EVENT_TAIL - 1);
}

/* `43<ack id>[<sequence>]`, in the order of the events. */
static void on_socket_io_message(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  char due[64] = "43";
  size_t at = 2 + print_number(due + 2, conn->next);
  due[at++] = '[';
  print_sequence(due + at, conn->next);
  at += SEQUENCE_DIGITS;
  due[at++] = ']';
  if (length != at || memcmp(payload, due, length) != 0) {
    fail("client %u: not the answer that was due: %.*s", conn->index,
         (int)(length > 200 ? 200 : length), payload);
  }
  conn->next++;
  publish_acknowledged(conn, now);
}

static void socket_io_prepare(Conn *conn) {
  listener.message = on_socket_io_message;
  websocket_prepare(conn);
}

const PublishWire *publish_wire(void) {
  static const PublishWire redis = {redis_prepare, redis_publish, redis_count},
                           nats = {nats_prepare, nats_publish, nats_count},
                           socket_io = {socket_io_prepare, socket_io_publish, NULL};
  switch (options.wire) {
    case WIRE_REDIS: return &redis;
    case WIRE_NATS: return &nats;
    case WIRE_SOCKET_IO: return &socket_io;
    case WIRE_BARE: break;
  }
  fail("nothing is published on a bare WebSocket");
}
