# refuse: recursive.capnp: Tree: recursive structs are not supported
@0xa1b2c3d4e5f60703;
struct Tree { child @0 :Tree; }
