#!/bin/sh
# Makes the kernel's symbol table. usage: ksyms.sh NM IMAGE >TABLE.S, and with `check` for IMAGE: an empty table.
# The assembler does the address arithmetic: awk's numbers have too few bits.
set -eu
nm=$1 image=$2
symbols() {
    [ "$image" = empty ] || LC_ALL=C "$nm" -n "$image" | awk '$2 == "t" || $2 == "T" { if ($1 != last) print $1, $3; last = $1 }'
}
symbols | awk '
BEGIN {
    print "/* Made by kernel/ksyms.sh. */"
    print "    .section .ksyms, \"a\""
    print "    .global ksyms_count, ksyms_addresses, ksyms_name_offsets, ksyms_names"
}
{ address[NR] = $1; name[NR] = $2 }
END {
    print "    .balign 4\nksyms_count: .long " NR "\nksyms_addresses:"
    for (i = 1; i <= NR; i++) print "    .long 0x" address[i] " - 0xffffffff80100000"
    print "ksyms_name_offsets:"
    for (i = 1; i <= NR; i++) { print "    .long " offset; offset += length(name[i]) + 1 }
    print "ksyms_names:"
    for (i = 1; i <= NR; i++) print "    .asciz \"" name[i] "\""
    print "    .section .note.GNU-stack, \"\", @progbits"
}' offset=0
