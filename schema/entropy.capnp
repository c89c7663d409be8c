@0xc2f89566161dfb59;
# Random bytes for keys and seeds: a ChaCha20 generator seeded from the processor's RDRAND/RDSEED and reseeded.

interface EntropySource {
  fill @0 (length :UInt32) -> (data :Data);
  # Exactly `length` bytes, 1 to 64.
  # invalidArgument: 0 or more than 64. failed: the machine has no source of entropy.
}
