@0xbd1da2faf8d988a0;
# The machine as a whole: looking at it, and ending it.

struct MemoryStats {
  framesTotal @0 :UInt64;
  framesFree @1 :UInt64;
  heapBytes @2 :UInt64;          # kernel heap in use
}

struct ProcessStats {
  processId @0 :UInt64;
  name @1 :Text;
  threads @2 :UInt32;
  capSlotsUsed @3 :UInt32;
  capSlotsLimit @4 :UInt32;
  framesUsed @5 :UInt64;
  framesLimit @6 :UInt64;
  cpuNs @7 :UInt64;
  kernelBytes @8 :UInt64;        # kernel memory this process occupies: page tables, table, ring, records

  # The rest of its ledger: what is used, budgets of its children included, and what may be.
  threadsUsed @9 :UInt32;
  threadsLimit @10 :UInt32;
  callsUsed @11 :UInt32;         # operations in flight and queued
  callsLimit @12 :UInt32;
  reservedPagesUsed @13 :UInt64; # address space
  reservedPagesLimit @14 :UInt64;
  heapBytesUsed @15 :UInt64;     # kernel heap
  heapBytesLimit @16 :UInt64;
}

interface SystemInfo {
  stats @0 () -> (memory :MemoryStats, processes :UInt32, threads :UInt32, objects :UInt64, cpus :UInt32, uptimeNs :UInt64);

  counters @1 () -> (kernelEntries :UInt64, cr3Writes :UInt64, pageFaults :UInt64, contextSwitches :UInt64);
  # Since boot, over all processors.

  process @2 (processId :UInt64) -> (stats :ProcessStats, nextProcessId :UInt64);
  # The process with the smallest id >= processId; nextProcessId is 0 behind the last one.
  # failed: there is none.

  version @3 () -> (kernel :Text, schemaVersion :UInt32);
}

interface SystemControl {
  shutdown @0 (code :Int64) -> ();
  # Ends the machine; under QEMU its exit status tells zero from non-zero. Does not complete.

  reboot @1 () -> ();
}

struct CapInfo {
  capId @0 :UInt32;
  interfaceId @1 :UInt64;
  transferable @2 :Bool;
  origin @3 :Origin;

  enum Origin {
    kernel @0;
    spawnGrant @1;
    ipcTransfer @2;
    resultCap @3;
  }
}

interface CapabilityManager {
  list @0 (cursor :UInt32, maxEntries :UInt16) -> (entries :List(CapInfo), nextCursor :UInt32);
  # The capabilities of the process this object was made for, at most 64 at a time; nextCursor is 0 behind the last.

  makeRevocable @1 (capability :Capability) -> (facet :Capability, revoker :Revoker);
  # A facet that does what the capability does until it is revoked. What is obtained through it is revocable with it.
}

interface Revoker {
  revoke @0 () -> ();
  # From now on the facet, every copy of it anywhere, and everything obtained through it answer REVOKED; calls in flight
  # through it are ended with REVOKED; memory mapped through it is taken out of the address spaces. Cannot be undone.

  isRevoked @1 () -> (revoked :Bool);
}

interface NullCap {
  nop @0 () -> ();
  # Does nothing: for measuring and for tests.
}
