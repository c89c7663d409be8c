@0x9750176a187c1e1b;
# What the machine was booted with.

using Memory = import "memory.capnp";

interface BootPackage {
  manifestSize @0 () -> (size :UInt64);

  readManifest @1 (offset :UInt64, maxBytes :UInt32) -> (data :Data);
  # At most 4096 bytes a call; fewer at the end, none behind it.

  manifest @2 () -> (object :Memory.MemoryObject);
  # The whole package as read-only memory.
}
