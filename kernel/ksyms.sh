#!/bin/sh
# Makes the kernel's symbol table (core/ksyms.h has the format). usage: ksyms.sh NM IMAGE >TABLE.S, and with `empty` for
# IMAGE: an empty table. The assembler does the address arithmetic: awk's numbers have too few bits.
set -eu
nm=$1 image=$2
symbols() {
    [ "$image" = empty ] || LC_ALL=C "$nm" -n "$image" | awk '$2 == "t" || $2 == "T" { if ($1 != last) print $1, $3; last = $1 }'
}
symbols | awk '
BEGIN {
    print "/* Made by kernel/ksyms.sh. */"
    print "    .section .ksyms, \"a\""
    print "    .global ksyms, ksyms_end\nksyms:"
    last = "ffffffff80100000"
}
{ print "    .uleb128 0x" $1 " - 0x" last "\n    .asciz \"" $2 "\""; last = $1 }
END {
    print "ksyms_end:"
    print "    .section .note.GNU-stack, \"\", @progbits"
}'
