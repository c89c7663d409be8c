;; Rules of references that wabt 1.0.32 gets wrong or cannot write; V8 is the witness for these.

(module
  (func (export "is_null") (param externref) (result i32) (ref.is_null (local.get 0)))
  (func (export "identity") (param externref) (result externref) (local.get 0)))
(assert_return (invoke "is_null" (ref.extern 0)) (i32.const 0))
(assert_return (invoke "identity" (ref.extern 0)) (ref.extern 0))
(assert_return (invoke "is_null" (ref.extern 4294967295)) (i32.const 0))
(assert_return (invoke "identity" (ref.extern 4294967295)) (ref.extern 4294967295))

(assert_invalid (module (func (result i32) (select (result i64) (i64.const 1) (i64.const 2) (i32.const 1))))
  "type mismatch")
(assert_invalid (module (table 1 externref) (func (call_indirect (i32.const 0)))) "type mismatch")
;; typed select of no and of two types
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00"
    "\0a\0d\01\0b\00\41\01\41\02\41\01\1c\00\1a\0b")
  "invalid result arity")
(assert_invalid
  (module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00"
    "\0a\0f\01\0d\00\41\01\41\02\41\01\1c\02\7f\7f\1a\0b")
  "invalid result arity")

;; an element expression may read an imported global
(module $A
  (func $f (result i32) (i32.const 7))
  (global (export "f") funcref (ref.func $f))
  (global (export "null") funcref (ref.null func)))
(register "A" $A)
(module
  (import "A" "f" (global $f funcref))
  (import "A" "null" (global $null funcref))
  (table $t 4 funcref)
  (elem (table $t) (i32.const 1) funcref (global.get $f) (global.get $null))
  (elem $passive funcref (global.get $null) (global.get $f))
  (global $copy funcref (global.get $f))
  (func (export "call") (param i32) (result i32) (call_indirect $t (result i32) (local.get 0)))
  (func (export "init") (table.init $t $passive (i32.const 2) (i32.const 0) (i32.const 2)))
  (func (export "copy") (table.set $t (i32.const 0) (global.get $copy))))
(assert_return (invoke "call" (i32.const 1)) (i32.const 7))
(assert_trap (invoke "call" (i32.const 2)) "uninitialized element")
(assert_return (invoke "init"))
(assert_return (invoke "call" (i32.const 3)) (i32.const 7))
(assert_return (invoke "copy"))
(assert_return (invoke "call" (i32.const 0)) (i32.const 7))
(assert_invalid
  (module (import "A" "x" (global $g externref)) (elem funcref (global.get $g))) "type mismatch")
