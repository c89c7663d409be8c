@0xa2daf72cc9404f82;
# The authority to wait on words of memory with the ring operations PARK and UNPARK (abi/capos/ring.h).

interface ParkSpace {
  # Words of the process' own address space.
  info @0 () -> (waiters :UInt32);
}

interface SharedParkSpace {
  # Words in MemoryObjects: whoever has mapped the same object meets there, whatever the addresses.
  info @0 () -> (waiters :UInt32);
}
