# refuse: origin: a constant of type struct is not supported
@0xa1b2c3d4e5f6070d;
struct Point { x @0 :UInt8; }
const origin :Point = (x = 1);
