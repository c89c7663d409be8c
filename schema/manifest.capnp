@0xb7ebbc627a0968bc;
# The boot package: one message of this type is the kernel's only boot module.

using Log = import "log.capnp";
using Process = import "process.capnp";

struct SystemManifest {
  schemaVersion @0 :UInt32;      # currentSchemaVersion
  binaries @1 :List(Binary);
  initConfig @2 :InitConfig;
  kernelParams @3 :KernelParams;
}

const currentSchemaVersion :UInt32 = 1;

struct Binary {
  name @0 :Text;
  data @1 :Data;                 # an ELF64 program or any other file
}

enum KernelCap {
  # Objects that the kernel itself provides.
  console @0;
  logReader @1;
  logSink @2;
  timer @3;
  wallClock @4;
  entropy @5;
  virtualMemory @6;
  bootPackage @7;
  processSpawner @8;
  systemInfo @9;
  systemControl @10;
  capabilityManager @11;
  null @12;
  ipcFactory @13;
  threadSpawner @14;
  threadControl @15;
  parkSpace @16;
  sharedParkSpace @17;
  schedulingPolicy @18;
}

struct CapGrant {
  name @0 :Text;                 # in the receiver's CapSet
  source :union {
    kernel @1 :KernelCap;
    inherit @2 :Text;            # init's own capability of that name
  }
}

struct Program {
  name @0 :Text;                 # of the process; default: the binary's
  binary @1 :Text;               # in `binaries`
  caps @2 :List(CapGrant);
  args @3 :List(Text);           # argv; default: the name alone
  env @4 :List(Text);            # "KEY=value"
  budget @5 :Process.Budget;
}

struct InitConfig {
  init @0 :Program;              # started by the kernel
  services @1 :List(Program);    # started by init, in this order
}

struct KernelParams {
  motd @0 :Text;
  logLevel @1 :Log.LogLevel = info;
}
