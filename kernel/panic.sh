#!/bin/bash
# A panic in the middle of a call names it: the real kernel runs a program that does one call for ever, and a
# non-maskable interrupt, which the kernel knows no reason for, ends it wherever it is.
#
#   panic.sh KERNEL PACKAGE CALL      CALL: what the report must say, for example NullCap.nop
#
# Some of the time it is in the program, or in the few instructions around the call, and the report says of no call;
# so it is tried several times.
set -u
kernel=$1 package=$2 call=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tries=20

panic_once() {
    local waited
    : >"$work/out"
    {
        for waited in $(seq 200); do
            grep -q '^bench-profile' "$work/out" && break
            sleep 0.05
        done
        echo nmi
        sleep 0.2
    } | timeout 60 qemu-system-x86_64 -M q35 -accel tcg -cpu qemu64 -m 256M -nodefaults -no-user-config -no-reboot -display none \
        -serial "file:$work/out" -device isa-debug-exit,iobase=0xf4,iosize=4 -monitor stdio \
        -kernel "$kernel" -initrd "$package" -append log=com1 >"$work/qemu" 2>&1
}

for try in $(seq $tries); do
    panic_once
    grep -q '^panic: non-maskable interrupt' "$work/out" || {
        echo "not ok panic-call - no panic"
        cat "$work/out" "$work/qemu"
        exit 1
    }
    if grep -qE "^  in: call of $call on capability 0x[0-9a-f]+, thread 1 of process [0-9]+ \\(" "$work/out"; then
        echo "ok a panic in a call says: $(grep -m 1 '^  in: ' "$work/out" | tr -d '\r')"
        exit 0
    fi
done
echo "not ok panic-call - $tries panics, and none in a call of $call; the last one:"
cat "$work/out"
exit 1
