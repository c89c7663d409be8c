@0xabda17cd60fccf30;
# What interfaces look like: for shells, traces and languages that learn them while they run.

interface SchemaRegistry {
  find @0 (interfaceId :UInt64) -> (found :Bool, name :Text, methodCount :UInt16);
  byName @1 (name :Text) -> (found :Bool, interfaceId :UInt64);
  list @2 (cursor :UInt32) -> (interfaceIds :List(UInt64), nextCursor :UInt32);

  schema @3 (nodeId :UInt64) -> (found :Bool, node :Data);
  # The compiled node (an interface, struct or enum) as a framed message of capnp's schema.capnp, type Node.
}
