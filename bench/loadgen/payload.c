/* The bytes every peer carries: fixed length, one sequence number inside. */
#include "loadgen.h"

const char chat_text[] =
    "The quick brown fox jumps over the lazy dog, then writes a chat message of it";

uint64_t parse_sequence(const uint8_t *digits) {
  uint64_t value = 0;
  for (int at = 0; at < SEQUENCE_DIGITS; at++) value = value * 10 + (uint64_t)(digits[at] - '0');
  return value - SEQUENCE_BASE;
}

void print_sequence(char *digits, uint64_t sequence) {
  uint64_t value = SEQUENCE_BASE + sequence;
  for (int at = SEQUENCE_DIGITS - 1; at >= 0; at--) {
    digits[at] = (char)('0' + value % 10);
    value /= 10;
  }
}

size_t print_number(char *target, uint64_t number) {
  char reversed[20];
  size_t length = 0;
  do {
    reversed[length++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (size_t at = 0; at < length; at++) target[at] = reversed[length - 1 - at];
  return length;
}
