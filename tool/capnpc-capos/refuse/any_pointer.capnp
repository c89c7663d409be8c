# refuse: Holder.thing: AnyPointer, AnyStruct and AnyList are not supported; Capability is
@0xa1b2c3d4e5f60706;
struct Holder { thing @0 :AnyPointer; }
