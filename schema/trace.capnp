@0xc3a2f3c1d0b5e7a9;
# Watching what a process does: its calls, what they answer, capabilities that come and go, when it runs.

using Process = import "process.capnp";

interface Tracer {
  # A trace needs two things: this, and a handle of the process.

  attach @0 (process :Process.ProcessHandle, bufferBytes :UInt32, messageBytesMax :UInt32) -> (trace :Trace);
  # Begins to record. The buffer (4 KiB to 2 MiB) is charged to the caller; of a message the first messageBytesMax bytes
  # are kept (at most 1024; 0: none). It ends when the trace is released.
  # failed: the process has ended, or is being traced already. invalidArgument: the buffer's size.
}

interface Trace {
  read @0 () -> (records :Data, lost :UInt64, ended :Bool);
  # What was recorded since the last read, oldest first, as far as the results have room: whole records as
  # abi/capos/trace_record.h has them. Waits until there is something. `lost`: records before these that had no room in the
  # buffer. ended: the process has, and these are the last.
  # failed: another read waits. RESULT_TRUNCATED: no room for the longest record there can be.
}
