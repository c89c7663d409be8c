@0x9d0f6c3b85e1a724;
# init as the other processes see it: which services there are, and what becomes of them. The manifest grants it
# (source.supervisor); a facet that may only observe answers `invalidArgument` to everything that changes something.

enum ServiceState {
  waiting @0;                    # not started yet
  running @1;
  restarting @2;                 # has ended and will be started again after its back-off
  ended @3;                      # for good, as its restart policy has it
  stopped @4;                    # by stop
  givenUp @5;                    # restarted too often, or could not be started
}

struct ServiceInfo {
  name @0 :Text;
  state @1 :ServiceState;
  processId @2 :UInt64;          # of the last one started; 0: none yet
  restarts @3 :UInt32;           # in all
  exitCode @4 :Int64;            # of the last end
  crashed @5 :Bool;              # the last end
  reason @6 :Text;               # of the last crash
  essential @7 :Bool;
}

interface Supervisor {
  list @0 () -> (services :List(ServiceInfo));
  # In the manifest's order.

  find @1 (name :Text) -> (service :ServiceInfo);
  # invalidArgument here and below: no such service.

  start @2 (name :Text) -> (processId :UInt64);
  # Starts a service that is not running, now, whatever its restart policy says, and forgets its restarts so far.
  # failed: it could not be started; the reason says why. invalidArgument: it is running.

  stop @3 (name :Text) -> (wasRunning :Bool);
  # Ends it, and it stays so until `start`. Completes at once. An essential service's end is the system's.

  kill @4 (name :Text, exitCode :Int64) -> (wasRunning :Bool);
  # Ends its process as if it had exited with this code; what follows is up to its restart policy.
}
