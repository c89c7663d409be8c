;; Rules of the binary format that wabt 1.0.32 does not check; V8 is the witness.

;; one counted, none there
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\01" "\0a\04\01\02\00\0b")
  "data count and data section have inconsistent lengths")
