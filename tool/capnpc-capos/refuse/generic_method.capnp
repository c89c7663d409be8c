# refuse: Maker.makeParams: generic types are not supported
@0xa1b2c3d4e5f6070a;
interface Maker { make @0 [T] (what :T) -> (); }
