@0xd214b0e70bc91a33;
# Threads of one process. They share its memory and its capabilities; each has a ring of its own.

interface ThreadSpawner {
  spawn @0 (entry :UInt64, stackTop :UInt64, argument :UInt64, fsBase :UInt64) -> (handle :ThreadHandle, number :UInt32, ringAddress :UInt64);
  # Starts a thread at `entry` with RSP = stackTop (16-byte aligned), RDI = its ring, RSI = argument, RDX = the CapSet,
  # FS base = fsBase. Its stack and thread-local storage are the caller's to make and to free after the thread has ended.
  # invalidArgument: an address outside user space, stackTop unaligned. overloaded: the thread budget is used up.
}

interface ThreadHandle {
  join @0 () -> (value :UInt64);
  # Completes when the thread has ended: the value that it gave to ThreadControl.exit. Any number may wait.

  info @1 () -> (number :UInt32, running :Bool, cpuNs :UInt64);
}

interface ThreadControl {
  # The calling thread, and what it may do to others of its own process.

  exit @0 (value :UInt64) -> ();
  # Ends the calling thread; does not complete. The process ends with code 0 when it was the last one.

  setFsBase @1 (fsBase :UInt64) -> ();

  interrupt @2 (thread :ThreadHandle) -> (wasWaiting :Bool);
  # Makes the thread's wait in cap_enter, the present one or else the next, return INTERRUPTED.

  yield @3 () -> ();
  # Lets others that are ready run first.

  self @4 () -> (number :UInt32, ringAddress :UInt64, cpu :UInt32);
}
