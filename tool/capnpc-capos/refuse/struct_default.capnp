# refuse: Outer.inner: a default for a struct is not supported
@0xa1b2c3d4e5f6070c;
struct Outer { inner @0 :Inner = (x = 1); }
struct Inner { x @0 :UInt8; }
