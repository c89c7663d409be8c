@0xa1b2c3d4e5f60710;
# The other half of one.capnp's circle.
using One = import "one.capnp";
enum Colour { red @0; }
struct Two { shape @0 :One.Shape; }
