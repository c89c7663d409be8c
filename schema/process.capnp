@0xe06850638f41ba8f;
# Processes: making them, waiting for them, and what is known of one that crashed.

using Memory = import "memory.capnp";
using Pipe = import "pipe.capnp";

enum OwnObject {
  # Objects that a child is given about itself; no one else could hold them before it exists.
  virtualMemory @0;
  capabilityManager @1;
  threadSpawner @2;
  threadControl @3;
  parkSpace @4;
  schedulingPolicy @5;
}

struct SpawnGrant {
  name @0 :Text;               # in the child's CapSet; unique, at most 40 bytes
  union {
    capability @1 :Capability; # sent along with the call, copied or moved as its transfer descriptor says
    own @2 :OwnObject;
  }
  interfaceId @3 :UInt64;        # what the child expects; invalidArgument, naming the grant, if it is another. 0: any
}

struct Budget {
  # Carved out of the spawner's own ledger and returned when the child is gone. 0: the kernel's default, a share of
  # what the spawner has left.
  frames @0 :UInt64;
  capSlots @1 :UInt32;
  threads @2 :UInt32;
  calls @3 :UInt32;              # operations in flight and queued
  kernelBytes @4 :UInt64;        # kernel heap
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
            args :List(Text), env :List(Text), budget :Budget, control :Bool, paused :Bool)
            -> (handle :ProcessHandle, processId :UInt64, control :ProcessControl);
  # Starts an ELF64 program: the boot package's binary of that name, or `image` when binaryName is empty. The child
  # holds exactly `grants`, in that order.
  # invalidArgument: no such binary, malformed ELF (the reason names what is wrong), duplicate or overlong names.
  # overloaded: the budget cannot be carved out. `control` is given only when asked for.
  # A `paused` child runs nothing until ProcessControl.resume, so it needs `control` (invalidArgument); when nobody holds
  # that any more, it ends with exitCode -1.

  createPipe @1 (capacityBytes :UInt32) -> (reader :Pipe.PipeReader, writer :Pipe.PipeWriter);
  # As IpcFactory.createPipe.

  forkSelf @2 (budget :Budget, control :Bool)
           -> (handle :ProcessHandle, processId :UInt64, control :ProcessControl, selfId :UInt64);
  # A copy-on-write clone of the calling process with the calling thread alone and every capability that may be copied,
  # under the same ids; the objects about the process itself (OwnObject) are the child's. Completes in both: in the child
  # with processId 0 and no handle. selfId: of the process that reads it. Nothing else that was in flight exists in the
  # child. Mapped MemoryObjects are shared.
  # overloaded: the budget cannot be carved out. noMemory, noSlots: the child's budget is too small for the copy.

  replaceSelf @3 (name :Text, binaryName :Text, image :Memory.MemoryObject, grants :List(SpawnGrant),
                  args :List(Text), env :List(Text)) -> ();
  # A new program in the calling process, which keeps its id, its budget and whoever waits for it, and holds exactly
  # `grants` from then on. Every other thread ends. Does not complete if it succeeds; refused means unchanged.

  restrict @4 (binaries :List(Text), preset :List(SpawnGrant), allowed :List(AllowedGrant)) -> (launcher :RestrictedLauncher);
  # A spawner for these binaries of the boot package only. Every child gets the `preset` grants (which the launcher
  # holds), and whoever launches may add grants of the `allowed` names and interfaces from what he holds.
}

struct AllowedGrant {
  name @0 :Text;                 # empty: any name, but no own objects
  interfaceId @1 :UInt64;        # 0: any
}

interface RestrictedLauncher {
  launch @0 (name :Text, binaryName :Text, grants :List(SpawnGrant), args :List(Text), env :List(Text), budget :Budget,
             control :Bool, paused :Bool) -> (handle :ProcessHandle, processId :UInt64, control :ProcessControl);
  # As ProcessSpawner.spawn. invalidArgument: a binary or a grant's name that it does not allow. The caller's budget pays.

  binaries @1 () -> (names :List(Text));
  allowed @2 () -> (grants :List(AllowedGrant));
}

interface ProcessHandle {
  wait @0 () -> (exitCode :Int64, crashed :Bool, crash :CrashRecord);
  # Completes when the process has ended, at once if it has. Any number may wait. exitCode of a crash is 128 + vector.

  info @1 () -> (processId :UInt64, running :Bool, name :Text);
}

interface ProcessControl {
  # Authority over a process' life.

  kill @0 (exitCode :Int64) -> (wasRunning :Bool);
  # Ends it as if it had exited with this code. Completes at once; wait says when everything is returned.

  resume @1 () -> (wasPaused :Bool);
  # Lets a process that was spawned paused begin. wasPaused is false if it has begun or ended.
}
