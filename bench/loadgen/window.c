/* What workloads with a steady load have in common: warm-up, window, and the wait for what is in flight. */
#include "loadgen.h"

#define DRAIN_LIMIT_NS 15000000000ll

uint64_t delivered;
bool measuring, stopping;

void run_until(int64_t deadline) {
  while (now_ns() < deadline) loop_turn(deadline);
}

Window run_window(void) {
  Window window;
  run_until(now_ns() + options.warmup_ms * 1000000ll);
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
