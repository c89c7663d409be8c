# refuse: Box: generic types are not supported
@0xa1b2c3d4e5f60702;
struct Box(T) { value @0 :T; }
struct Use { box @0 :Box(Text); }
