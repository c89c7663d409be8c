# refuse: recursive structs are not supported
@0xa1b2c3d4e5f60704;
struct Tree { children @0 :List(Tree); }
