;; The binary format of 2.0: the eight kinds of element segment, the three of data segment, the data count section,
;; vector constants and immediates, reference types, sub-opcodes in longer LEB128, and the ways each can be malformed.

;; element segment 0: active, table 0, function indices
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\08\01\00\41\01\0b\02\00\00" "\0a\04\01\02\00\0b")
;; 1: passive, element kind
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\06\01\01\00\02\00\00" "\0a\04\01\02\00\0b")
;; 2: active, explicit table, element kind
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\09\01\02\00\41\00\0b\00\01\00" "\0a\04\01\02\00\0b")
;; 3: declarative, element kind
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\05\01\03\00\01\00" "\0a\04\01\02\00\0b")
;; 4: active, table 0, expressions
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\0c\01\04\41\00\0b\02\d2\00\0b\d0\70\0b" "\0a\04\01\02\00\0b")
;; 5: passive, reference type, expressions
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\07\01\05\70\01\d2\00\0b" "\0a\04\01\02\00\0b")
;; 5: of externref
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\07\01\05\6f\01\d0\6f\0b" "\0a\04\01\02\00\0b")
;; 6: active, explicit table, reference type
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\6f\00\04" "\09\0b\01\06\00\41\03\0b\6f\01\d0\6f\0b" "\0a\04\01\02\00\0b")
;; 7: declarative, reference type
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\07\01\07\70\01\d2\00\0b" "\0a\04\01\02\00\0b")
;; several at once, empty ones included
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\0f\04\00\41\00\0b\00\01\00\00\05\6f\00\07\70\00" "\0a\04\01\02\00\0b")
;; kind 8 does not exist
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\06\01\08\41\00\0b\00" "\0a\04\01\02\00\0b")
  "malformed elements segment kind")
;; element kind 1 does not exist
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\05\01\01\01\01\00" "\0a\04\01\02\00\0b")
  "malformed element kind")
;; more elements announced than there are
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\06\01\01\00\03\00\00" "\0a\04\01\02\00\0b")
  "unexpected end")
;; a byte too many in the section
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\06\01\01\00\01\00\00" "\0a\04\01\02\00\0b")
  "section size mismatch")
;; function index out of range
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\05\01\01\00\01\01" "\0a\04\01\02\00\0b")
  "unknown function")
;; table index out of range
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\09\01\02\01\41\00\0b\00\01\00" "\0a\04\01\02\00\0b")
  "unknown table")
;; an active segment without any table
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\09\07\01\00\41\00\0b\01\00" "\0a\04\01\02\00\0b")
  "unknown table")
;; functions into a table of externref
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\6f\00\04" "\09\07\01\00\41\00\0b\01\00" "\0a\04\01\02\00\0b")
  "type mismatch")
;; offset of type i64
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\07\01\00\42\00\0b\01\00" "\0a\04\01\02\00\0b")
  "type mismatch")
;; an offset of two values
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\09\01\00\41\00\41\00\0b\01\00" "\0a\04\01\02\00\0b")
  "type mismatch")
;; an empty offset
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\05\01\00\0b\01\00" "\0a\04\01\02\00\0b")
  "type mismatch")
;; an offset that computes
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\09\08\01\00\41\00\45\0b\01\00" "\0a\04\01\02\00\0b")
  "constant expression required")
;; data segments 0, 1 and 2
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\03" "\0a\04\01\02\00\0b" "\0b\11\03\00\41\00\0b\01\61\01\02\62\63\02\00\41\05\0b\00")
;; a data count without memory.init is optional
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\04\01\02\00\0b" "\0b\04\01\01\01\61")
;; a data count of zero without a data section
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0c\01\00" "\0a\04\01\02\00\0b")
;; memory.init with a data count
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\01" "\0a\0e\01\0c\00\41\00\41\00\41\00\fc\08\00\00\0b" "\0b\04\01\01\01\61")
;; memory.init without a data count
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0e\01\0c\00\41\00\41\00\41\00\fc\08\00\00\0b" "\0b\04\01\01\01\61")
  "data count section required")
;; data.drop without a data count
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\07\01\05\00\fc\09\00\0b" "\0b\04\01\01\01\61")
  "data count section required")
;; one counted, two there
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\01" "\0a\04\01\02\00\0b" "\0b\05\02\01\00\01\00")
  "data count and data section have inconsistent lengths")
;; two counted, one there
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\02" "\0a\04\01\02\00\0b" "\0b\03\01\01\00")
  "data count and data section have inconsistent lengths")
;; the data count after the code
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\04\01\02\00\0b" "\0c\01\01" "\0b\03\01\01\00")
  "unexpected content after last section")
;; two data counts
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\01\01" "\0c\01\01" "\0a\04\01\02\00\0b" "\0b\03\01\01\00")
  "unexpected content after last section")
;; a data count of two bytes
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0c\02\01\00" "\0a\04\01\02\00\0b" "\0b\03\01\01\00")
  "section size mismatch")
;; data kind 3 does not exist
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\04\01\02\00\0b" "\0b\03\01\03\00")
  "malformed data segment kind")
;; memory index 1
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\04\01\02\00\0b" "\0b\07\01\02\01\41\00\0b\00")
  "unknown memory")
;; active data without a memory
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\04\01\02\00\0b" "\0b\06\01\00\41\00\0b\00")
  "unknown memory")
;; section 13 does not exist
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\04\01\02\00\0b" "\0d\01\00")
  "malformed section id")
;; an empty data count section
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0c\00" "\0a\04\01\02\00\0b")
  "unexpected end")
;; sub-opcodes are LEB128 and may be longer: memory.fill as 0x8b 0x80 0x00
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0f\01\0d\00\41\00\41\00\41\00\fc\8b\80\00\00\0b")
;; v128.any_true as 0xd3 0x80 0x00
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\1b\01\19\00\fd\0c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\fd\d3\80\00\1a\0b")
;; six bytes of sub-opcode
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\12\01\10\00\41\00\41\00\41\00\fc\8b\80\80\80\80\00\00\0b")
  "integer representation too long")
;; 0xfc 0x12 does not exist
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\06\01\04\00\fc\12\0b")
  "illegal opcode")
;; 0xfd 0x114 belongs to a later version
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\07\01\05\00\fd\94\02\0b")
  "illegal opcode")
;; memory.copy with memory 1
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0e\01\0c\00\41\00\41\00\41\00\fc\0a\00\01\0b")
  "zero byte expected")
;; memory.copy from memory 1
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0e\01\0c\00\41\00\41\00\41\00\fc\0a\01\00\0b")
  "zero byte expected")
;; memory.fill of memory 1
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0d\01\0b\00\41\00\41\00\41\00\fc\0b\01\0b")
  "zero byte expected")
;; a vector constant cut short
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\15\01\13\00\fd\0c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\0b")
  "unexpected end")
;; ref.null of i32
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\07\01\05\00\d0\7f\1a\0b")
  "malformed reference type")
;; a local of type 0x6e
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\07\01\05\01\01\6e\0b\0b")
  "malformed value type")
;; a table of i32
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\04\04\01\7f\00\00")
  "malformed reference type")
;; mutability 2
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\06\06\01\7f\02\41\00\0b")
  "malformed mutability")
;; table limits of kind 2
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\04\04\01\70\02\00")
  "integer too large")
;; globals of every type
(module binary "\00asm" "\01\00\00\00" "\06\3e\07\7f\00\41\00\0b\7e\01\42\00\0b\7d\00\43\00\00\00\00\0b\7c\00\44\00\00\00\00\00\00\00\00\0b\7b\01\fd\0c\00\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f\0b\70\01\d0\70\0b\6f\00\d0\6f\0b")
;; block types in all three forms
(module binary "\00asm" "\01\00\00\00" "\01\09\02\60\00\00\60\00\02\7f\7b" "\03\02\01\00" "\0a\36\01\34\00\02\40\0b\02\7b\fd\0c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\0b\1a\02\01\41\00\fd\0c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\0b\1a\1a\0b")
;; a block type index as a two byte LEB128
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\0a\08\01\06\00\02\80\00\0b\0b")
;; two tables
(module binary "\00asm" "\01\00\00\00" "\04\08\02\70\00\01\6f\01\01\02")
;; two memories stay forbidden
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\05\05\02\00\01\00\01")
  "multiple memories")
;; 65537 pages
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\05\05\01\00\81\80\04")
  "memory size must be at most 65536 pages (4GiB)")
;; the call_indirect table index is a LEB128
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\04\04\01\70\00\04" "\0a\0a\01\08\00\41\00\11\00\80\00\0b")
