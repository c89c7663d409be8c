# refuse: generic types are not supported
@0xa1b2c3d4e5f60701;
struct Box(T) { value @0 :T; }
