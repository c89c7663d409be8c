# refuse: recursive structs are not supported
@0xa1b2c3d4e5f60705;
struct A { b @0 :B; }
struct B { group :group { inner :union { a @0 :A; none @1 :Void; } } }
