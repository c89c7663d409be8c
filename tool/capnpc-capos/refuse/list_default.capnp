# refuse: Holder.list: a default for a List is not supported
@0xa1b2c3d4e5f6070b;
struct Holder { list @0 :List(UInt8) = [1, 2]; }
