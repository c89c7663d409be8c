# refuse: Matrix.rows: a list of lists is not supported; put the inner list into a struct
@0xa1b2c3d4e5f60708;
struct Matrix { rows @0 :List(List(UInt8)); }
