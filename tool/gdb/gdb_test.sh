#!/bin/bash
# make gdb-NAME and its helper commands, on c-hello. Prints ok / not ok / skip lines. Usage: from the top.
set -u
command -v gdb >/dev/null || { echo "skip gdb - gdb is not installed"; exit 0; }
out=$(printf '%s\n' user-start bt processes threads 'cap-dump 2' 'cap-dump 9' continue quit |
    HOME=/nonexistent timeout 120 build/capos gdb --kernel build/kernel-debug/capos.elf c-hello 2>&1)
failed=0
expect() { # NAME PATTERN
    if grep -Eq -- "$2" <<<"$out"; then echo "ok gdb-$1"; else
        echo "not ok gdb-$1 - no line matches $2"
        failed=1
    fi
}
expect stops-in-main '#0 +main .* at demo/c-hello/main.c:'
expect processes ' 2 +c-hello +base 0x[0-9a-f]+'
expect threads ' 2\.1 +running'
expect cap-dump 'live +Console'
expect unknown-process 'there is no process 9'
expect runs-to-the-end 'Remote connection closed|exited normally'
[ "$failed" -eq 0 ] || printf '%s\n' "$out"
exit "$failed"
