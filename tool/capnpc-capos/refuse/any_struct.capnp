# refuse: AnyPointer, AnyStruct and AnyList are not supported
@0xa1b2c3d4e5f60707;
struct Holder { thing @0 :AnyStruct; }
