/*
 * The load generator of the bench: one thread, one epoll, many clients.
 *
 * It must never be what limits a run, so the receive path is short: one recv() into a shared buffer,
 * frames parsed in place, every payload compared with the one expected. It speaks as much of
 * WebSocket, Engine.IO 4 and Socket.IO 5 as a websocket-only client needs, and HTTP long-polling.
 */
#ifndef LOADGEN_H
#define LOADGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CONN_CLOSED,
  CONN_CONNECTING,    /* TCP connect under way */
  CONN_UPGRADING,     /* HTTP upgrade sent, 101 awaited */
  CONN_AWAIT_OPEN,    /* Engine.IO open packet awaited */
  CONN_AWAIT_CONNECT, /* Socket.IO CONNECT sent, its answer awaited */
  CONN_READY,
} ConnState;

typedef struct Conn Conn;

/* What a protocol does with bytes that came in; answers how many of them it is done with. */
typedef size_t (*ConsumeFn)(Conn *conn, const uint8_t *bytes, size_t length, int64_t now);

struct Conn {
  int fd;
  ConnState state;
  bool dirty; /* waits in the list that flush_dirty() empties */
  uint32_t index;
  uint32_t room;      /* the room it joins, or publishes to */
  bool outsider;      /* publishes to the room without being a member */
  uint64_t next;      /* the sequence number that has to come next */
  int64_t started_at; /* of the handshake, or of the request in flight */
  uint8_t *in;        /* an unfinished frame or response */
  size_t in_length, in_capacity;
  uint8_t *out;
  size_t out_length, out_capacity;
  void (*opened)(Conn *conn, int64_t now); /* TCP connection established */
  ConsumeFn consume;
  char expected[256]; /* echo: the reply that has to come next */
  size_t expected_length;
  char pid[64];       /* the private id of its session, as CONNECT told it */
  char position[128]; /* where it is, as a server with a store has told it last */
};

/* What the server speaks. Bare: WebSocket without Engine.IO and Socket.IO. */
typedef enum { WIRE_SOCKET_IO, WIRE_BARE, WIRE_REDIS, WIRE_NATS } Wire;

typedef struct {
  const char *workload;
  int port;
  int server_pid;
  Wire wire;
  bool socket_io; /* the wire is WIRE_SOCKET_IO */
  bool outside_publisher;
  bool resuming; /* clients come back with what CONNECT told them */
  int immediate_acks; /* clients acknowledge (TCP) whatever they have read */
  int clients, rooms, members, window, warm_clients, concurrency, missed;
  int warmup_ms, measure_ms;
  int settle_ms; /* measured in turns, which begin with so much that is not */
} Options;

extern Options options;

/* What a workload wants to know of its WebSocket clients. */
typedef struct {
  void (*ready)(Conn *conn, int64_t now);
  void (*message)(Conn *conn, const uint8_t *payload, size_t length, int64_t now);
} Listener;

extern Listener listener;

/* loop.c */
extern Conn *conns;
extern uint32_t ready_count;
int64_t now_ns(void);
void loop_init(uint32_t conn_count);
void loop_turn(int64_t deadline);
void conn_open(uint32_t index);
void conn_close(Conn *conn);
void conn_append(Conn *conn, const void *bytes, size_t length);
void watch_stdin(void);
extern bool stdin_spoke, stdin_closed;
/* Opens conns [from, to), `options.concurrency` at a time, and returns when all are ready. */
void connect_range(uint32_t from, uint32_t to);

/* websocket.c */
void websocket_prepare(Conn *conn);
void websocket_send_text(Conn *conn, const char *payload, size_t length);
void became_ready(Conn *conn, int64_t now);

/* measure.c */
typedef struct {
  int64_t at;
  double server_cpu, own_cpu; /* seconds */
  uint64_t delivered;
} Snapshot;

Snapshot snapshot(uint64_t delivered);
void latency_record(int64_t nanoseconds);
void latency_reset(void);
double latency_percentile_us(double share);
void report(Snapshot from, Snapshot to, uint64_t checked);
void window_opens(void);
void window_closes(void);
void rests(void);
void report_turn(Snapshot from, Snapshot to);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* window.c */
typedef struct {
  Snapshot from, to;
} Window;

extern uint64_t delivered; /* counted by the workload */
extern bool measuring;     /* latencies count */
extern bool stopping;      /* nothing new is to be sent */
void run_until(int64_t deadline);
/* Runs for the time of the warm-up, then for that of the measurement, or of several, in turns: the sum of them. */
Window run_window(void);
/* Waits until it holds, up to 15 s. Tells whether it does. */
bool wait_until(bool (*holds)(void));

/* payload.c: the bytes every peer carries */
#define SEQUENCE_BASE 1000000000ull
#define SEQUENCE_DIGITS 10
extern const char chat_text[];
uint64_t parse_sequence(const uint8_t *digits);
void print_sequence(char *digits, uint64_t sequence);
size_t print_number(char *target, uint64_t number);

/* workloads */
void run_relay(void);
void run_echo(void);
void run_storm(void);
void run_idle(void);
void run_polling(void);
void run_publish(void);
void run_resume(void);

/* publish-wires.c: how each kind of server is given one message, and acknowledges it */
#define PUBLISH_BYTES 200
typedef struct {
  void (*prepare)(Conn *conn);
  /* Sends message `sequence` of this connection: PUBLISH_BYTES of `body`. */
  void (*publish)(Conn *conn, uint64_t sequence, const char *body);
  /* Asks how many messages the server has; `stored_count` gets the answer. NULL: it cannot be asked. */
  void (*count)(Conn *conn);
} PublishWire;

const PublishWire *publish_wire(void);
/* The oldest message of the connection that had no answer is acknowledged. */
void publish_acknowledged(Conn *conn, int64_t now);
extern int64_t stored_count;

#endif
