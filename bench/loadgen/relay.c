/*
 * W1, W1s, W3, W3p: events broadcast to rooms.
 *
 * Each room has `window` events in flight; a new one is sent when the oldest has reached every
 * member. Every member checks bytes and order: after the window all in flight is waited for, and
 * each member must have got exactly what was sent to its room.
 */
#include "loadgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256
#define HEAD "42[\"msg\",{\"n\":"
#define HEAD_LENGTH (sizeof HEAD - 1)
#define DUPLICATE_WAIT_NS 30000000ll

typedef struct {
  Conn *publisher;
  uint64_t sent, oldest;
  int64_t sent_at[SLOTS];
  uint32_t missing[SLOTS];
  char tail[160];
  size_t tail_length;
} Room;

static Room *rooms;

static void publish(Room *room) {
  char payload[256];
  uint64_t sequence = room->sent++;
  memcpy(payload, HEAD, HEAD_LENGTH);
  print_sequence(payload + HEAD_LENGTH, sequence);
  memcpy(payload + HEAD_LENGTH + SEQUENCE_DIGITS, room->tail, room->tail_length);
  room->sent_at[sequence % SLOTS] = now_ns();
  room->missing[sequence % SLOTS] = (uint32_t)options.members;
  websocket_send_text(room->publisher, payload,
                      HEAD_LENGTH + SEQUENCE_DIGITS + room->tail_length);
}

static void on_message(Conn *conn, const uint8_t *payload, size_t length, int64_t now) {
  Room *room = &rooms[conn->room];
  if (length != HEAD_LENGTH + SEQUENCE_DIGITS + room->tail_length ||
      memcmp(payload, HEAD, HEAD_LENGTH) != 0 ||
      memcmp(payload + HEAD_LENGTH + SEQUENCE_DIGITS, room->tail, room->tail_length) != 0) {
    fail("client %u: not the bytes that were sent: %.*s", conn->index,
         (int)(length > 200 ? 200 : length), payload);
  }
  uint64_t sequence = parse_sequence(payload + HEAD_LENGTH);
  if (sequence != conn->next) {
    fail("client %u: event %llu came where %llu was due", conn->index,
         (unsigned long long)sequence, (unsigned long long)conn->next);
  }
  if (conn->outsider) fail("an event came to a publisher that is no member");
  conn->next++;
  delivered++;
  if (measuring) latency_record(now - room->sent_at[sequence % SLOTS]);
  room->missing[sequence % SLOTS]--;
  while (room->oldest < room->sent && room->missing[room->oldest % SLOTS] == 0) {
    room->oldest++;
    if (!stopping) publish(room);
  }
}

static void prepare_rooms(void) {
  uint32_t members = (uint32_t)options.members, room_count = (uint32_t)options.rooms;
  rooms = calloc(room_count, sizeof *rooms);
  loop_init(members * room_count + (options.outside_publisher ? room_count : 0));
  for (uint32_t index = 0; index < room_count; index++) {
    Room *room = &rooms[index];
    room->tail_length = (size_t)snprintf(room->tail, sizeof room->tail,
                                         ",\"room\":\"r%04u\",\"text\":\"%s\"}]", index, chat_text);
    for (uint32_t member = 0; member < members; member++) {
      Conn *conn = &conns[index * members + member];
      conn->room = index;
      websocket_prepare(conn);
    }
    room->publisher = &conns[index * members];
    if (options.outside_publisher) {
      room->publisher = &conns[room_count * members + index];
      room->publisher->room = index;
      room->publisher->outsider = true;
      websocket_prepare(room->publisher);
    }
  }
}

static bool drained(void) {
  for (int index = 0; index < options.rooms; index++) {
    if (rooms[index].oldest != rooms[index].sent) return false;
  }
  return true;
}

static void check_counts(void) {
  uint32_t members = (uint32_t)options.members;
  for (uint32_t index = 0; index < members * (uint32_t)options.rooms; index++) {
    Room *room = &rooms[conns[index].room];
    if (conns[index].next != room->sent) {
      fail("client %u: %llu of %llu events delivered", index, (unsigned long long)conns[index].next,
           (unsigned long long)room->sent);
    }
  }
}

void run_relay(void) {
  if (options.window > SLOTS) fail("at most %d in flight", SLOTS);
  prepare_rooms();
  listener.message = on_message;
  uint32_t members = (uint32_t)(options.members * options.rooms);
  connect_range(0, members);
  if (options.outside_publisher) connect_range(members, members + (uint32_t)options.rooms);

  for (int index = 0; index < options.rooms; index++) {
    for (int event = 0; event < options.window; event++) publish(&rooms[index]);
  }
  Window window = run_window();
  wait_until(drained);
  check_counts();
  run_until(now_ns() + DUPLICATE_WAIT_NS);
  report(window.from, window.to, delivered);
}
