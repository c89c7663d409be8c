;; Rules of the binary format that V8 does not check; wabt is the witness.

;; i32 is no reference type
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\04\01\05\7f\00" "\0a\04\01\02\00\0b")
  "malformed reference type")
