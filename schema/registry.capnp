@0xabda17cd60fccf30;
# What interfaces look like: for shells, traces and languages that learn them while they run.

enum SchemaNodeKind {
  struct @0;
  enum @1;
  interface @2;
}

struct SchemaField {
  name @0 :Text;
  doc @1 :Text;
  node @2 :UInt64;               # of an enum, struct, interface or group, or of a list's elements; 0: none
  defaultBits @3 :UInt64;        # of scalars
  offset @4 :UInt32;             # scalars: in units of their size (bool: bits); pointers: index
  discriminant @5 :UInt16;       # 0xffff: not a union member
  kind @6 :UInt8;                # enum capnp_kind of lib/capnp/schema.h
  element @7 :UInt8;             # of a list: the same
}

struct SchemaMethod {
  name @0 :Text;
  doc @1 :Text;
  params @2 :UInt64;             # nodes
  results @3 :UInt64;
}

struct SchemaNode {
  id @0 :UInt64;
  name @1 :Text;                 # `CapInfo.Origin`; of a parameter list `Timer.nowResults`
  doc @2 :Text;
  kind @3 :SchemaNodeKind;
  dataWords @4 :UInt16;          # this and the next three: structs
  pointerCount @5 :UInt16;
  discriminantCount @6 :UInt16;
  discriminantOffset @7 :UInt32; # in 16 bit units
  fields @8 :List(SchemaField);  # which of the three lists is used depends on kind
  methods @9 :List(SchemaMethod);# by method id
  enumerants @10 :List(Text);
}

interface SchemaRegistry {
  find @0 (interfaceId :UInt64) -> (found :Bool, name :Text, methodCount :UInt16);
  byName @1 (name :Text) -> (found :Bool, interfaceId :UInt64);

  list @2 (cursor :UInt32) -> (interfaceIds :List(UInt64), nextCursor :UInt32);
  # All interfaces; nextCursor is 0 behind the last.

  node @3 (nodeId :UInt64, first :UInt32) -> (found :Bool, node :SchemaNode, total :UInt32);
  # The node with its fields, methods or enumerants from number `first` on, as many as fit; it has `total` of them.
}
