/* Clocks, the latency histogram and the one line of JSON that a run ends with. */
#include "loadgen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* User and system time of the server's threads. Its CPU clock resolves nanoseconds; the figures in
 * /proc/<pid>/stat come in ticks of 10 ms. */
static double server_cpu_seconds(void) {
  if (options.server_pid == 0) return 0;
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(options.server_pid, &clock) != 0) fail("no CPU clock of the server");
  if (clock_gettime(clock, &time) != 0) fail("the server's CPU clock cannot be read");
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double own_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Snapshot snapshot(uint64_t delivered) {
  Snapshot taken = {now_ns(), server_cpu_seconds(), own_cpu_seconds(), delivered};
  return taken;
}

/* Log-linear histogram: 64 steps per power of two, so a value is off by at most 1.6 %. */
#define STEPS 64
static uint64_t histogram[STEPS * 64];
static uint64_t recorded;

static unsigned bucket_of(uint64_t value) {
  if (value < STEPS) return (unsigned)value;
  unsigned shift = 63u - (unsigned)__builtin_clzll(value) - 6;
  return (shift + 1) * STEPS + (unsigned)((value >> shift) - STEPS);
}

static uint64_t value_of(unsigned bucket) {
  if (bucket < STEPS) return bucket;
  unsigned shift = bucket / STEPS - 1;
  return (uint64_t)(bucket % STEPS + STEPS) << shift;
}

void latency_record(int64_t nanoseconds) {
  histogram[bucket_of(nanoseconds < 0 ? 0 : (uint64_t)nanoseconds)]++;
  recorded++;
}

void latency_reset(void) {
  memset(histogram, 0, sizeof histogram);
  recorded = 0;
}

double latency_percentile_us(double share) {
  uint64_t wanted = (uint64_t)((double)recorded * share), seen = 0;
  for (unsigned bucket = 0; bucket < STEPS * 64; bucket++) {
    seen += histogram[bucket];
    if (seen > wanted) return (double)value_of(bucket) / 1000;
  }
  return 0;
}

static void say(const char *event) {
  printf("{\"event\":\"%s\"}\n", event);
  fflush(stdout);
}

void window_opens(void) { say("window-opens"); }
void window_closes(void) { say("window-closes"); }
void rests(void) { say("rests"); }

void report_turn(Snapshot from, Snapshot to) {
  printf("{\"event\":\"turn\",\"delivered\":%llu,\"serverCpuSeconds\":%.6f}\n",
         (unsigned long long)(to.delivered - from.delivered), to.server_cpu - from.server_cpu);
  fflush(stdout);
}

void report(Snapshot from, Snapshot to, uint64_t checked) {
  double seconds = (double)(to.at - from.at) / 1e9;
  printf("{\"event\":\"result\",\"delivered\":%llu,\"checked\":%llu,\"seconds\":%.6f,"
         "\"serverCpuSeconds\":%.6f,\"loadgenCpuSeconds\":%.6f,"
         "\"p50Us\":%.1f,\"p99Us\":%.1f}\n",
         (unsigned long long)(to.delivered - from.delivered), (unsigned long long)checked, seconds,
         to.server_cpu - from.server_cpu, to.own_cpu - from.own_cpu, latency_percentile_us(0.5),
         latency_percentile_us(0.99));
  fflush(stdout);
}

_Noreturn void fail(const char *format, ...) {
  char reason[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  for (char *at = reason; *at; at++) {
    if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20) *at = '\'';
  }
  printf("{\"event\":\"failed\",\"reason\":\"%s\"}\n", reason);
  fflush(stdout);
  _exit(1);
}
