# refuse: its imports lead back to it; move the shared types into a file of their own
@0xa1b2c3d4e5f6070f;
using Two = import "two.capnp";
struct One { colour @0 :Two.Colour; }
enum Shape { round @0; }
