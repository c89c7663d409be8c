@0xf5a27f89a3e1a560;
# The time of day: the real-time clock read at boot, carried on by the TSC.

interface WallClock {
  now @0 () -> (unixNs :Int64);
  # Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
}
