@0x97f0c38be61d25a4;
# old.capnp after it grew.

struct NewRecord {
  id @0 :UInt32;
  name @1 :Text;
  choice :union {
    none @2 :Void;
    number @3 :UInt32;
    words @8 :Text;
  }
  numbers @4 :List(NewNumber);   # was List(UInt32)
  names @5 :List(NewName);       # was List(Text)
  records @6 :List(NewItem);
  extra @7 :UInt64 = 77;
  more @9 :Text;
}

struct NewNumber {
  value @0 :UInt32;
  weight @1 :UInt32 = 5;
}

struct NewName {
  text @0 :Text;
  length @1 :UInt32;
}

struct NewItem {
  value @0 :UInt16;
  comment @1 :Text;
  factor @2 :UInt64 = 9;
}
