@0xecd49beeb080bb33;
# Memory. A VirtualMemory capability is one address space seen from its owner; a MemoryObject is memory that can be
# held, passed on and mapped. Addresses and sizes are in bytes and multiples of 4096 unless said otherwise.
# `prot` is a sum of: 1 read, 2 write, 4 execute. Write and execute together are refused (invalidArgument).

interface VirtualMemory {
  map @0 (hint :UInt64, size :UInt64, prot :UInt32) -> (address :UInt64);
  # Reserves and commits fresh zeroed memory. hint 0: the kernel chooses; otherwise exactly there or refused.
  # size is rounded up to pages. prot may add 8: use 2 MiB pages (address and size multiples of 2 MiB).
  # invalidArgument: size 0 or too large, bad prot, hint unaligned, outside user space or occupied.

  unmap @1 (address :UInt64, size :UInt64) -> ();
  # Removes every mapping and reservation that lies in the range, which need not be wholly mapped.

  protect @2 (address :UInt64, size :UInt64, prot :UInt32) -> ();
  # Changes the protection of a wholly committed or object-mapped range. A read-only MemoryObject stays read-only.

  reserve @3 (hint :UInt64, size :UInt64) -> (address :UInt64);
  # Takes address space without memory; touching it faults.

  commit @4 (address :UInt64, size :UInt64, prot :UInt32) -> ();
  # Backs a part of a reservation with zeroed memory; it is charged now, and touching it cannot fail later.
  # Already committed pages keep their content.

  decommit @5 (address :UInt64, size :UInt64) -> ();
  # Gives the memory back and keeps the reservation; a later commit reads zeros.

  createObject @6 (size :UInt64) -> (object :MemoryObject);
  # A new zeroed MemoryObject; its whole size is charged to the caller now.

  info @7 () -> (reservedBytes :UInt64, committedBytes :UInt64, framesLimit :UInt64, framesUsed :UInt64);
}

interface MemoryObject {
  info @0 () -> (pageCount :UInt64, size :UInt64, writable :Bool);
  # `size` is in bytes and need not be a multiple of the page size.

  map @1 (hint :UInt64, offset :UInt64, size :UInt64, prot :UInt32) -> (address :UInt64);
  # Maps a part into the caller's own address space; its reservation ledger pays.

  unmap @2 (address :UInt64, size :UInt64) -> ();
  # Undoes a mapping of this object; invalidArgument if the range holds anything else.

  readOnly @3 () -> (object :MemoryObject);
  # The same memory through an object that cannot be mapped writable.
}
