/* The client half of RFC 6455 and, on top of it, of Engine.IO 4 and Socket.IO 5. */
#include "loadgen.h"

#include <stdio.h>
#include <string.h>

/* The key and the answer to it that RFC 6455 itself uses as the example. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

Listener listener;

/* Never zero: some servers skip unmasking for a zero key, and no real client sends one. */
static uint32_t next_mask(void) {
  static uint32_t state = 0x9e3779b9u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void send_frame(Conn *conn, int opcode, const uint8_t *payload, size_t length) {
  uint8_t frame[1024 + 8];
  if (length > 1000) fail("the load generator sends no payload of %zu bytes", length);
  size_t at = 0;
  frame[at++] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    frame[at++] = (uint8_t)(0x80 | length);
  } else {
    frame[at++] = 0x80 | 126;
    frame[at++] = (uint8_t)(length >> 8);
    frame[at++] = (uint8_t)length;
  }
  uint32_t mask = next_mask();
  const uint8_t *key = frame + at;
  memcpy(frame + at, &mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) frame[at + i] = payload[i] ^ key[i & 3];
  conn_append(conn, frame, at + length);
}

void websocket_send_text(Conn *conn, const char *payload, size_t length) {
  send_frame(conn, OPCODE_TEXT, (const uint8_t *)payload, length);
}

void became_ready(Conn *conn, int64_t now) {
  conn->state = CONN_READY;
  ready_count++;
  if (listener.ready) listener.ready(conn, now);
}

/* The room is part of the URL (`room`: join and publish to it, `to`: only publish), so that bare
 * peers need no join message. */
static void on_opened(Conn *conn, int64_t now) {
  (void)now;
  char request[512];
  int length = snprintf(request, sizeof request,
                        "GET %s%s=r%04u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
                        options.socket_io ? "/socket.io/?EIO=4&transport=websocket&" : "/?",
                        conn->outsider ? "to" : "room", conn->room, options.port);
  conn->state = CONN_UPGRADING;
  conn_append(conn, request, (size_t)length);
}

static bool starts_with(const uint8_t *bytes, size_t length, const char *wanted) {
  size_t size = strlen(wanted);
  return length >= size && memcmp(bytes, wanted, size) == 0;
}

static size_t consume_upgrade(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - bytes) + 4;
  if (!starts_with(bytes, head, "HTTP/1.1 101") || !memmem(bytes, head, ACCEPT, strlen(ACCEPT))) {
    fail("client %u: upgrade refused: %.*s", conn->index, (int)(head > 200 ? 200 : head), bytes);
  }
  if (options.socket_io) {
    conn->state = CONN_AWAIT_OPEN;
  } else {
    became_ready(conn, now);
  }
  return head;
}

/* Copies the string value of `name` out of a line of JSON. */
static void copy_value(const uint8_t *payload, size_t length, const char *name, char *target,
                       size_t capacity) {
  const uint8_t *at = memmem(payload, length, name, strlen(name));
  if (!at) return;
  at += strlen(name);
  const uint8_t *end = memchr(at, '"', length - (size_t)(at - payload));
  if (!end || (size_t)(end - at) >= capacity) fail("no end of %s", name);
  memcpy(target, at, (size_t)(end - at));
  target[end - at] = 0;
}

/* CONNECT, with what an earlier connection was told. */
static void send_connect(Conn *conn) {
  char packet[300] = "40";
  if (options.resuming) {
    snprintf(packet, sizeof packet, "40{\"pid\":\"%s\",\"offset\":\"%s\"}", conn->pid,
             conn->position);
  }
  conn->state = CONN_AWAIT_CONNECT;
  websocket_send_text(conn, packet, strlen(packet));
}

static void on_connected(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  char former[sizeof conn->pid];
  strcpy(former, conn->pid);
  copy_value(payload, length, "\"pid\":\"", conn->pid, sizeof conn->pid);
  if (options.resuming && strcmp(former, conn->pid) != 0) {
    fail("client %u: its session was not resumed: %.*s", conn->index, (int)length, payload);
  }
  became_ready(conn, now);
}

#define POSITION "42[\"hf:position\",\""

static void on_text(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  if (options.socket_io && length == 1 && payload[0] == '2') {
    websocket_send_text(conn, "3", 1);
  } else if (options.socket_io && starts_with(payload, length, POSITION)) {
    copy_value(payload, length, POSITION, conn->position, sizeof conn->position);
  } else if (conn->state == CONN_READY) {
    if (!listener.message) fail("client %u: unexpected message", conn->index);
    listener.message(conn, payload, length, now);
  } else if (conn->state == CONN_AWAIT_OPEN && starts_with(payload, length, "0{\"sid\":")) {
    send_connect(conn);
  } else if (conn->state == CONN_AWAIT_CONNECT && starts_with(payload, length, "40{\"sid\":")) {
    on_connected(conn, payload, length, now);
  } else {
    fail("client %u: in state %d came: %.*s", conn->index, conn->state,
         (int)(length > 200 ? 200 : length), payload);
  }
}

static void on_frame(Conn *conn, uint8_t head, const uint8_t *payload, size_t length, int64_t now) {
  switch (head) {
    case 0x80 | OPCODE_TEXT: on_text(conn, payload, length, now); break;
    case 0x80 | OPCODE_PING: send_frame(conn, OPCODE_PONG, payload, length); break;
    case 0x80 | OPCODE_PONG: break;
    case 0x80 | OPCODE_CLOSE: fail("client %u: closed by the server", conn->index);
    default: fail("client %u: unexpected frame, first byte 0x%02x", conn->index, head);
  }
}

static size_t consume_frames(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  size_t at = 0;
  while (length - at >= 2) {
    const uint8_t *frame = bytes + at;
    size_t available = length - at, head = 2, size = frame[1];
    if (size > 127) fail("client %u: the server masked a frame", conn->index);
    if (size == 127) fail("client %u: a frame of over 64 KiB", conn->index);
    if (size == 126) {
      if (available < 4) break;
      size = (size_t)frame[2] << 8 | frame[3];
      head = 4;
    }
    if (available < head + size) break;
    on_frame(conn, frame[0], frame + head, size, now);
    at += head + size;
  }
  return at;
}

static size_t consume(Conn *conn, const uint8_t *bytes, size_t length, int64_t now) {
  size_t used = 0;
  if (conn->state == CONN_UPGRADING) {
    used = consume_upgrade(conn, bytes, length, now);
    if (conn->state == CONN_UPGRADING) return used;
  }
  return used + consume_frames(conn, bytes + used, length - used, now);
}

void websocket_prepare(Conn *conn) {
  conn->opened = on_opened;
  conn->consume = consume;
}
