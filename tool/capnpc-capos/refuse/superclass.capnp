# refuse: Child: interfaces that extend others are not supported
@0xa1b2c3d4e5f60709;
interface Parent { a @0 () -> (); }
interface Child extends(Parent) { b @0 () -> (); }
