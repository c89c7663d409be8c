@0xe4c91d0b52a7f836;
# A schema before it grew; new.capnp is the same afterwards. The two do not share ids, as no message carries any.

struct OldRecord {
  id @0 :UInt32;
  name @1 :Text;
  choice :union {
    none @2 :Void;
    number @3 :UInt32;
  }
  numbers @4 :List(UInt32);
  names @5 :List(Text);
  records @6 :List(OldItem);
}

struct OldItem {
  value @0 :UInt16;
}
