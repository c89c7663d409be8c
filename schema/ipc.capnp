@0xbedce9bac871896d;
# Talking between processes: endpoints, notifications, pipes, and the factory that makes them out of the caller's budget.

using Pipe = import "pipe.capnp";

interface IpcFactory {
  # Everything made here is charged to the caller. Making it gives no authority over anything else.

  createEndpoint @0 (interfaceId :UInt64, maxQueued :UInt32) -> (endpoint :Endpoint);
  # interfaceId: what its facets are unless mint says otherwise. maxQueued: calls that may wait for a receiver; 0: 64.
  # invalidArgument: maxQueued above 1024.

  createNotification @1 () -> (notification :Notification);

  createPipe @2 (capacityBytes :UInt32) -> (reader :Pipe.PipeReader, writer :Pipe.PipeWriter);
  # capacityBytes 0: 65536. invalidArgument: above 1 MiB.
}

interface Endpoint {
  # The server's side. Calls are received and answered with the ring operations RECV and RETURN on this capability
  # (abi/capos/ring.h, endpoint.h). When no process holds it any more, every call to its facets answers `disconnected`.

  mint @0 (tag :UInt64, interfaceId :UInt64) -> (client :Capability);
  # A new facet: whoever holds it may call, and nothing else. `tag` comes with each of its calls. interfaceId 0: the
  # endpoint's own. When the last capability to the facet is gone, a receiver is told.

  tagOf @1 (facet :Capability) -> (mine :Bool, tag :UInt64);
  # Which of this endpoint's facets a capability is that came along with a call; mine is false if it is none of them.

  info @2 () -> (interfaceId :UInt64, queued :UInt32, delivered :UInt32, receivers :UInt32);
}

interface Notification {
  # 64 bits that one side sets and another waits for. Bits set before anybody waits are kept.

  signal @0 (bits :UInt64) -> ();

  wait @1 (mask :UInt64) -> (bits :UInt64);
  # Completes when any bit of mask is set; takes and clears those. mask 0 is invalidArgument.

  poll @2 (mask :UInt64) -> (bits :UInt64);
  # Takes what is set now; bits is 0 if nothing is.

  signaler @3 () -> (signaler :Signaler);
}

interface Signaler {
  # The facet that can only signal.
  signal @0 (bits :UInt64) -> ();
}
