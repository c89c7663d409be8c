@0x8fe6d04b93c1a752;
# What shapes are painted with.

enum Colour {
  red @0;
  green @1;   # the default
  darkBlue @2;
}

struct Filling {
  opaque @0 :Bool;
  strokes @1 :List(UInt16);
}
