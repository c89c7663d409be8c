@0xd5c6f2a7e1b80934;
# Every field type that the generator supports, for the tests of lib/capnp and of the generated code.

using Other = import "other.capnp";

enum Colour {
  red @0;
  green @1;
  blueGreen @2;
}

struct Empty {}

struct Point {
  x @0 :Int32;
  y @1 :Int32;
  label @2 :Text;
}

struct Scalars {
  flag @0 :Bool;
  i8 @1 :Int8;
  i16 @2 :Int16;
  i32 @3 :Int32;
  i64 @4 :Int64;
  u8 @5 :UInt8;
  u16 @6 :UInt16;
  u32 @7 :UInt32;
  u64 @8 :UInt64;
  f32 @9 :Float32;
  f64 @10 :Float64;
  colour @11 :Colour;
  nothing @12 :Void;
  flag2 @13 :Bool;
}

struct Defaults {
  flag @0 :Bool = true;
  i8 @1 :Int8 = -8;
  i16 @2 :Int16 = -1600;
  i32 @3 :Int32 = -320000;
  i64 @4 :Int64 = -64000000000;
  u8 @5 :UInt8 = 200;
  u16 @6 :UInt16 = 60000;
  u32 @7 :UInt32 = 4000000000;
  u64 @8 :UInt64 = 18000000000000000000;
  f32 @9 :Float32 = 1.5;
  f64 @10 :Float64 = -2.25;
  colour @11 :Colour = blueGreen;
  text @12 :Text = "dflt \"quoted\"";
  data @13 :Data = 0x"00 ff 10";
}

struct Lists {
  flags @0 :List(Bool);
  i8s @1 :List(Int8);
  u16s @2 :List(UInt16);
  i32s @3 :List(Int32);
  u64s @4 :List(UInt64);
  f32s @5 :List(Float32);
  f64s @6 :List(Float64);
  colours @7 :List(Colour);
  texts @8 :List(Text);
  datas @9 :List(Data);
  points @10 :List(Point);
  voids @11 :List(Void);
  empties @12 :List(Empty);
  sizes @13 :List(Other.Size);
}

struct Unions {
  before @0 :UInt16;
  union {
    none @1 :Void;
    number @2 :UInt32;
    text @3 :Text;
    point @4 :Point;
    points @5 :List(Point);
    pair :group {
      left @6 :UInt64;
      right @7 :Text;
    }
  }
  inner :union {
    a @8 :Bool;
    b @9 :Void;
    c :group {
      deep :union {
        d @10 :Int16;
        e @11 :Data;
      }
    }
  }
  place :group {
    row @12 :UInt8;
    column @13 :UInt8 = 3;
  }
}

struct AllTypes {
  scalars @0 :Scalars;
  defaults @1 :Defaults;
  lists @2 :Lists;
  unions @3 :Unions;
  text @4 :Text;
  data @5 :Data;
  empty @6 :Empty;
  size @7 :Other.Size;

  struct Nested {
    class @0 :UInt32;  # a keyword of C++
    which @1 :Text;    # a name of ours
  }
  nested @8 :Nested;
}

interface Door {
  open @0 (key :Text) -> (opened :Bool);
}

struct Caps {
  door @0 :Door;
  any @1 :Capability;
  doors @2 :List(Door);
  anys @3 :List(Capability);
  choice :union {
    gate @4 :Door;
    wall @5 :Void;
  }
}

const answer :UInt32 = 42;
const lowest :Int64 = -9223372036854775808;
const greeting :Text = "hello \"there\"";
const favourite :Colour = green;

# Interfaces for the dispatch and client tests.

struct Query {
  id @0 :UInt32;
  text @1 :Text;
}

interface Service {
  nothing @0 () -> ();
  add @1 (a :UInt32, b :UInt32) -> (sum :UInt64);
  echo @2 (text :Text, data :Data) -> (text :Text, data :Data);
  points @3 (count :UInt32) -> (points :List(Point));
  exchange @4 (door :Door, any :Capability) -> (door :Door, any :Capability);
  many @5 (a :UInt8, b :UInt8, c :UInt8, d :UInt8, e :UInt8) -> (sum :UInt32);
  query @6 Query -> Query;
  nested @7 (point :Point, colour :Colour = green) -> (point :Point, colour :Colour);
  virtual @8 (double :Float64, int :Bool) -> (double :Float64);
  doors @9 (doors :List(Door)) -> (doors :List(Door));
  call @10 (self :UInt32, results :UInt32, buffer :UInt32) -> (params :UInt32);
}

interface Bare {}
