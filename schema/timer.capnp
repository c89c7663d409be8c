@0xa750ad1f2a0f1b20;
# Monotonic time, counted from boot. Holding a Timer is also what allows a process to read the TSC.

interface Timer {
  now @0 () -> (monotonicNs :UInt64, tick :UInt64);
  # `tick` counts units of 10 ms.

  sleep @1 (durationNs :UInt64) -> ();
  # Completes when the time has passed. Other calls of the same ring go on meanwhile; CANCEL ends it early.

  sleepUntil @2 (deadlineNs :UInt64) -> ();
  # The same to an absolute time; a time in the past completes at once.

  mapClock @3 () -> (address :UInt64);
  # Maps the read-only clock page (abi/capos/clockpage.h) into the caller and allows it RDTSC from then on. Repeating
  # it returns the same address. NO_MEMORY if the caller cannot pay for the mapping.
}
