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
  tracer @19;
  consoleInput @20;
}

struct CapGrant {
  name @0 :Text;                 # in the receiver's CapSet
  source :union {
    kernel @1 :KernelCap;
    inherit @2 :Text;            # init's own capability of that name
    service @3 :ExportRef;       # a facet of what another service exports
    pipeReader @4 :Text;         # an end of the pipe of that name in initConfig.pipes
    pipeWriter @5 :Text;
    notification @6 :Text;       # of that name in initConfig.notifications
    signaler @7 :Text;           # the same, to signal only
    supervisor @8 :SupervisorRights; # init's own Supervisor
  }
  expects @9 :Text;              # the interface that the receiver relies on, "Timer" or "0x984b74b4add477b8"; empty: any
}

struct ExportRef {
  service @0 :Text;
  export @1 :Text;               # empty: the service's only one
  tag @2 :UInt64;                # comes with each call through this facet
}

enum SupervisorRights {
  control @0;
  observe @1;                    # list and find only
}

struct Export {
  name @0 :Text;                 # the Endpoint's in the exporting service's CapSet, and what importers write
  serves @1 :Text;               # the interface that it serves: a name of schema/ or its id in hexadecimal
  maxQueued @2 :UInt32;          # calls that may wait for a receiver; 0: 64
}

enum RestartMode {
  never @0;
  onFailure @1;                  # after a crash or an exit code other than 0
  always @2;
}

struct Restart {
  mode @0 :RestartMode;
  limit @1 :UInt32 = 5;          # restarts within windowMs; the next one is not made
  windowMs @2 :UInt32 = 60000;
  backoffMs @3 :UInt32 = 100;    # before the first restart; doubled for each further one within windowMs
  backoffMaxMs @4 :UInt32 = 10000;
}

struct Program {
  name @0 :Text;                 # of the process; default: the binary's
  binary @1 :Text;               # in `binaries`
  caps @2 :List(CapGrant);
  args @3 :List(Text);           # argv; default: the name alone
  env @4 :List(Text);            # "KEY=value"
  budget @5 :Process.Budget;
  exports @6 :List(Export);      # this and what follows are for services only: the kernel ignores them in `init`
  after @7 :List(Text);          # services that must be started before, besides those it imports from
  restart @8 :Restart;
  essential @9 :Bool;            # when it ends for good, init ends the others and itself
  maxWeight @10 :UInt32;         # of the schedulingPolicy in caps; 0: no limit
  main @11 :Bool;                # what the system is there for: essential, and that it ends is nothing to report
}

struct SharedPipe {
  name @0 :Text;
  capacityBytes @1 :UInt32;      # 0: 65536
}

struct InitConfig {
  init @0 :Program;              # started by the kernel
  services @1 :List(Program);    # started by init, in this order as far as imports and `after` allow
  pipes @2 :List(SharedPipe);    # made by init for its services
  notifications @3 :List(Text);
}

struct KernelParams {
  motd @0 :Text;
  logLevel @1 :Log.LogLevel = info;
}
