@0xe06850638f41ba8f;
# Processes: making them, waiting for them, and what is known of one that crashed.

using Memory = import "memory.capnp";

enum OwnObject {
  # Objects that a child is given about itself; no one else could hold them before it exists.
  virtualMemory @0;
  capabilityManager @1;
}

struct SpawnGrant {
  name @0 :Text;               # in the child's CapSet; unique, at most 40 bytes
  union {
    capability @1 :Capability; # sent along with the call, copied or moved as its transfer descriptor says
    own @2 :OwnObject;
  }
}

struct Budget {
  # Carved out of the spawner's own ledger and returned when the child is gone. 0: the kernel's default, a share of
  # what the spawner has left.
  frames @0 :UInt64;
  capSlots @1 :UInt32;
  threads @2 :UInt32;
}

struct CrashRecord {
  processId @0 :UInt64;
  vector @1 :UInt8;            # x86 exception vector
  errorCode @2 :UInt64;
  faultAddress @3 :UInt64;     # CR2, for page faults
  instructionPointer @4 :UInt64;
  stackPointer @5 :UInt64;
  registers @6 :List(UInt64);  # rax rbx rcx rdx rsi rdi rbp r8 .. r15 rflags
  backtrace @7 :List(UInt64);  # innermost first
  reason @8 :Text;             # a sentence: "write to read-only memory at ..."
  imageBase @9 :UInt64;
}

interface ProcessSpawner {
  spawn @0 (name :Text, binaryName :Text, image :Memory.MemoryObject, grants :List(SpawnGrant),
            args :List(Text), env :List(Text), budget :Budget) -> (handle :ProcessHandle, processId :UInt64);
  # Starts an ELF64 program: the boot package's binary of that name, or `image` when binaryName is empty. The child
  # holds exactly `grants`, in that order.
  # invalidArgument: no such binary, malformed ELF (the reason names what is wrong), duplicate or overlong names.
  # overloaded: the budget cannot be carved out.
}

interface ProcessHandle {
  wait @0 () -> (exitCode :Int64, crashed :Bool, crash :CrashRecord);
  # Completes when the process has ended, at once if it has. Any number may wait. exitCode of a crash is 128 + vector.

  info @1 () -> (processId :UInt64, running :Bool, name :Text);
}
