@0xc3a1f08e5b7d2946;
# A small schema with one of each thing, for the golden tests of the emitters. */ is harmless here.

using Paint = import "paint.capnp";

const maxSides :UInt8 = 12;
const motto :Text = "round \"and\" square";

struct Shape {
  # Anything that can be drawn.
  name @0 :Text;
  sides @1 :UInt8 = 4;         # at most maxSides
  colour @2 :Paint.Colour = green;
  corners @3 :List(Corner);
  union {
    solid @4 :Void;
    filled @5 :Paint.Filling;
    border :group {
      width @6 :Float32 = 0.5;
      label @7 :Text = "edge";
    }
  }
  position :union {
    nowhere @8 :Void;
    at @9 :Corner;
  }

  struct Corner {
    x @0 :Int16;
    y @1 :Int16 = -1;
  }
}

interface Canvas {
  # A surface.
  clear @0 () -> ();
  # Removes all shapes.

  draw @1 (shape :Shape, brush :Brush, visible :Bool = true) -> (index :UInt32);
  # invalidArgument: no such shape.

  shapes @2 (first :UInt32) -> (shapes :List(Shape), total :UInt64);
  owner @3 () -> (owner :Capability);
}

interface Brush {}
