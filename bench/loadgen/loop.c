/* Sockets and the event loop. */
#include "loadgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define EVENTS_PER_TURN 512
#define RECEIVE_BYTES (1u << 20)
#define SOURCE_ADDRESSES 8
#define STDIN_INDEX UINT32_MAX
#define CONNECT_LIMIT_NS 90000000000ll

Conn *conns;
uint32_t ready_count;
bool stdin_spoke, stdin_closed;

static int poller = -1;
static uint8_t *scratch;
static Conn **dirty;
static uint32_t dirty_count;

void loop_init(uint32_t conn_count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (conn_count + 64 > limit.rlim_cur) {
    fail("%u clients need more open files than the limit of %llu", conn_count,
         (unsigned long long)limit.rlim_cur);
  }
  conns = calloc(conn_count, sizeof *conns);
  dirty = calloc(conn_count, sizeof *dirty);
  scratch = malloc(RECEIVE_BYTES);
  poller = epoll_create1(0);
  if (!conns || !dirty || !scratch || poller < 0) fail("out of memory");
  for (uint32_t index = 0; index < conn_count; index++) conns[index].fd = -1;
}

/* Edge-triggered and armed once for both directions: a read that does not fill the buffer has
 * emptied the socket, so nothing is asked of the kernel twice. */
static void watch(Conn *conn) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = conn->index};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
    fail("epoll_ctl: %s", strerror(errno));
  }
}

void watch_stdin(void) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN_INDEX};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event) != 0) fail("stdin has to be a pipe");
}

/* Several source addresses, so that the ports of one do not run out. */
void conn_open(uint32_t index) {
  Conn *conn = &conns[index];
  conn->index = index;
  conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (conn->fd < 0) fail("socket: %s", strerror(errno));
  int on = 1;
  setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct sockaddr_in source = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001u + index % SOURCE_ADDRESSES)};
  if (bind(conn->fd, (struct sockaddr *)&source, sizeof source) != 0) {
    fail("bind: %s", strerror(errno));
  }
  struct sockaddr_in target = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)options.port),
                               .sin_addr.s_addr = htonl(0x7f000001u)};
  conn->state = CONN_CONNECTING;
  conn->started_at = now_ns();
  if (connect(conn->fd, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS) {
    fail("connect: %s", strerror(errno));
  }
  watch(conn);
}

void conn_close(Conn *conn) {
  close(conn->fd);
  conn->fd = -1;
  conn->state = CONN_CLOSED;
  conn->in_length = conn->out_length = 0;
}

static void reserve(uint8_t **bytes, size_t *capacity, size_t wanted) {
  if (wanted <= *capacity) return;
  size_t grown = *capacity ? *capacity : 512;
  while (grown < wanted) grown *= 2;
  *bytes = realloc(*bytes, grown);
  if (!*bytes) fail("out of memory");
  *capacity = grown;
}

/* Bytes leave when the read that caused them is worked off: what one read brought is answered by
 * one write, and nothing waits longer than that. */
void conn_append(Conn *conn, const void *bytes, size_t length) {
  reserve(&conn->out, &conn->out_capacity, conn->out_length + length);
  memcpy(conn->out + conn->out_length, bytes, length);
  conn->out_length += length;
  if (!conn->dirty) {
    conn->dirty = true;
    dirty[dirty_count++] = conn;
  }
}

static void flush(Conn *conn) {
  if (conn->out_length == 0 || conn->state == CONN_CONNECTING) return;
  ssize_t sent = send(conn->fd, conn->out, conn->out_length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) fail("client %u: send: %s", conn->index, strerror(errno));
    sent = 0;
  }
  conn->out_length -= (size_t)sent;
  if (conn->out_length > 0) memmove(conn->out, conn->out + sent, conn->out_length);
}

static void flush_dirty(void) {
  for (uint32_t at = 0; at < dirty_count; at++) {
    dirty[at]->dirty = false;
    flush(dirty[at]);
  }
  dirty_count = 0;
}

/* When Linux acknowledges by itself depends on whether the client has ever sent something, and on whether what follows comes
 * within 40 ms; where it does so within the server's write, or by a timer, the server pays on loopback. Versions that differ in
 * one of these are compared with clients that all acknowledge what they have read, on their own CPU. */
static void acknowledge_at_once(Conn *conn) {
  int on = 1;
  setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

/* Answers whether there may be more to read. */
static bool read_once(Conn *conn) {
  if (conn->in_length > 0) memcpy(scratch, conn->in, conn->in_length);
  ssize_t received = recv(conn->fd, scratch + conn->in_length, RECEIVE_BYTES - conn->in_length, 0);
  if (received < 0 && errno == EAGAIN) return false;
  if (received < 0) fail("client %u: recv: %s", conn->index, strerror(errno));
  if (received == 0) fail("client %u: closed by the server in state %d", conn->index, conn->state);
  if (options.immediate_acks) acknowledge_at_once(conn);
  size_t total = conn->in_length + (size_t)received;
  bool filled = total == RECEIVE_BYTES;
  size_t consumed = conn->consume(conn, scratch, total, now_ns());
  conn->in_length = total - consumed;
  if (conn->in_length > 0) {
    if (conn->in_length == RECEIVE_BYTES) fail("client %u: a frame of over 1 MiB", conn->index);
    reserve(&conn->in, &conn->in_capacity, conn->in_length);
    memcpy(conn->in, scratch + consumed, conn->in_length);
  }
  return filled;
}

static void on_writable(Conn *conn) {
  if (conn->state != CONN_CONNECTING) {
    flush(conn);
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) fail("client %u: connect: %s", conn->index, strerror(error));
  conn->opened(conn, now_ns());
}

static void on_stdin(void) {
  char ignored[64];
  if (read(0, ignored, sizeof ignored) > 0) {
    stdin_spoke = true;
    return;
  }
  epoll_ctl(poller, EPOLL_CTL_DEL, 0, NULL);
  stdin_closed = true;
}

/* Waits for readiness until `deadline` at the longest and serves what is ready. */
void loop_turn(int64_t deadline) {
  flush_dirty();
  int64_t left = deadline - now_ns();
  int timeout = left <= 0 ? 0 : (int)((left + 999999) / 1000000);
  struct epoll_event events[EVENTS_PER_TURN];
  int count = epoll_wait(poller, events, EVENTS_PER_TURN, timeout);
  if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
  for (int at = 0; at < count; at++) {
    if (events[at].data.u32 == STDIN_INDEX) {
      on_stdin();
      continue;
    }
    Conn *conn = &conns[events[at].data.u32];
    if (conn->fd < 0) continue;
    if (events[at].events & EPOLLOUT) on_writable(conn);
    if (events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      while (read_once(conn)) continue;
    }
    flush_dirty();
  }
}

void connect_range(uint32_t from, uint32_t to) {
  uint32_t opened = from, before = ready_count;
  int64_t deadline = now_ns() + CONNECT_LIMIT_NS;
  while (ready_count - before < to - from) {
    while (opened < to && opened - from - (ready_count - before) < (uint32_t)options.concurrency) {
      conn_open(opened++);
    }
    loop_turn(deadline);
    if (now_ns() > deadline) {
      fail("%u of %u clients connected in time", ready_count - before, to - from);
    }
  }
}
