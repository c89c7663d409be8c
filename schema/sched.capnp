@0xbcf2febdc5042df4;
# How much of the processors a thread gets. The one way to change it.

using Thread = import "thread.capnp";

enum LatencyClass {
  normal @0;
  interactive @1;  # short slices, and soon after waking
  batch @2;        # long slices
}

interface SchedulingPolicy {
  # Without `thread` a method is about the calling thread. Threads of other processes cannot be named.

  get @0 (thread :Thread.ThreadHandle) -> (weight :UInt32, latencyClass :LatencyClass, affinity :UInt64, runtimeNs :UInt64, virtualRuntimeNs :UInt64, cpu :UInt32);

  setWeight @1 (thread :Thread.ThreadHandle, weight :UInt32) -> ();
  # 1 to 10000, 100 at the start: processor time is shared in this proportion. invalidArgument: outside that, or above
  # this policy's maximum.

  setLatencyClass @2 (thread :Thread.ThreadHandle, latencyClass :LatencyClass) -> ();

  setAffinity @3 (thread :Thread.ThreadHandle, cpus :UInt64) -> ();
  # Bit n: processor n. invalidArgument: no existing processor among them.

  limited @4 (maxWeight :UInt32) -> (policy :SchedulingPolicy);
  # A policy that allows no more than that.
}
