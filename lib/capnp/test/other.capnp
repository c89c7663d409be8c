@0xb1a4e59c7302f6d8;
# Imported by all_types.capnp, so that types from another file are tested too.

struct Size {
  width @0 :UInt16 = 640;
  height @1 :UInt16 = 480;
}
