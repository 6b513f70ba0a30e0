/* What workloads with a steady load have in common: warm-up, window, and the wait for what is in flight. */
#include "loadgen.h"

#include <unistd.h>

#define DRAIN_LIMIT_NS 15000000000ll

uint64_t delivered;
bool measuring, stopping;

void run_until(int64_t deadline) {
  while (now_ns() < deadline) loop_turn(deadline);
}

static void add(Snapshot *sum, Snapshot from, Snapshot to) {
  sum->at += to.at - from.at;
  sum->server_cpu += to.server_cpu - from.server_cpu;
  sum->own_cpu += to.own_cpu - from.own_cpu;
  sum->delivered += to.delivered - from.delivered;
}

/* Each line of the input is a turn: the load settles, and is measured. Between them nothing is read or sent, so that
 * the server soon has nothing to do, and others are measured. */
static Window run_turns(void) {
  Window sum = {0};
  char line[16];
  rests();
  while (read(STDIN_FILENO, line, sizeof line) > 0) {
    run_until(now_ns() + options.settle_ms * 1000000ll);
    measuring = true;
    Snapshot from = snapshot(delivered);
    run_until(from.at + options.measure_ms * 1000000ll);
    Snapshot to = snapshot(delivered);
    measuring = false;
    add(&sum.to, from, to);
    report_turn(from, to);
  }
  stopping = true;
  return sum;
}

Window run_window(void) {
  Window window;
  run_until(now_ns() + options.warmup_ms * 1000000ll);
  if (options.settle_ms > 0) return run_turns();
  window_opens();
  measuring = true;
  window.from = snapshot(delivered);
  run_until(window.from.at + options.measure_ms * 1000000ll);
  window.to = snapshot(delivered);
  measuring = false;
  stopping = true;
  window_closes();
  return window;
}

bool wait_until(bool (*holds)(void)) {
  int64_t deadline = now_ns() + DRAIN_LIMIT_NS;
  while (!holds() && now_ns() < deadline) loop_turn(deadline);
  return holds();
}
