#!/bin/bash
# capos run, for real: C programs written outside the repository, compiled, booted, their output and exit codes.
# Prints ok / not ok lines. Usage: tool/capos/run_test.sh (from the top, after `make all`)
set -u
capos=$(pwd)/build/capos
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

try() {
    "$@" >"$work/out" 2>"$work/err"
    status=$?
}

result() { # NAME CONDITION-STATUS
    if [ "$2" -eq 0 ]; then
        echo "ok run-$1"
    else
        failed=1
        echo "not ok run-$1 - status $status"
        printf '%s\n' "--- stdout:" && cat "$work/out" && printf '%s\n' "--- stderr:" && cat "$work/err" && echo "---"
    fi
}

# NAME STATUS OUT ERR: the last try ended so; stdout is exactly OUT (a printf format), stderr holds ERR.
gives() {
    local good=0
    [ "$status" -eq "$2" ] || good=1
    # shellcheck disable=SC2059 # formats on purpose
    printf "$3" | cmp -s - "$work/out" || good=1
    if [ -z "$4" ]; then
        [ ! -s "$work/err" ] || good=1
    else
        grep -qF -- "$4" "$work/err" || good=1
    fi
    result "$1" "$good"
}

cat >hello.c <<'C'
#include <capos/capos.h>
#include <string.h>
int main(void)
{
    uint32_t console;
    if (capos_capset_get("console", 7, &console, NULL) < 0)
        return 3;
    return capos_console_write_line(console, "hello", 5) < 0 ? 4 : 0;
}
C
try "$capos" run hello.c
gives a-c-file 0 'hello\n' ''
try "$capos" run --no-default hello.c
gives without-a-console 3 '' ''
try "$capos" run --no-default --grant console hello.c
gives with-a-console-and-nothing-else 0 'hello\n' ''
try "$capos" run --machine q35 --memory 32M --cpus 1 hello.c
gives on-q35 0 'hello\n' ''
"$capos" cc -O1 hello.c -o hello.elf
try "$capos" run hello.elf
gives a-compiled-program 0 'hello\n' ''
try env -i PATH="$PATH" "$capos" run --kvm --timeout 60 hello.elf
gives kvm-or-without-it 0 'hello\n' "$(grep -o 'KVM does not run guests here' err)"

cat >words.c <<'C'
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/print.h>
int main(int argc, char **argv, char **envp)
{
    cap_console console = capos_need_console("console");
    for (int i = 0; i < argc; i++)
        capos_printf(console, "%d=%s\n", i, argv[i]);
    for (int i = 0; envp[i] != NULL; i++)
        capos_printf(console, "%s\n", envp[i]);
    return argc;
}
C
try "$capos" run --env A=1 --env 'B=two words' words.c x '' --grant 'a b'
gives arguments-and-environment 5 '0=words\n1=x\n2=\n3=--grant\n4=a b\nA=1\nB=two words\n' ''

cat >bytes.c <<'C'
#include <capos/lookup.h>
int main(void)
{
    cap_console console = capos_need_console("console");
    static const uint8_t bytes[] = {'a', '\n', 'b', '\r', '\n', 0, 0xff, '\t', 'c'};
    struct capnp_data data = {bytes, sizeof bytes};
    return cap_console_write(console, data) < 0;
}
C
try "$capos" run bytes.c
gives output-is-not-changed 0 'a\nb\r\n\000\377\tc' ''

cat >clock.c <<'C'
#include <capos/call.h>
#include <capos/lookup.h>
#include <capos/print.h>
int main(void)
{
    cap_console console = capos_need_console("console");
    cap_timer timer = capos_need_timer("timer");
    cap_entropy_source entropy = capos_need_entropy_source("entropy");
    struct cap_timer_now_results start, end;
    struct cap_entropy_source_fill_results random;
    uint64_t memory[64];
    struct cap_buffer buffer = {memory, sizeof memory};
    if (cap_timer_now(timer, &start) < 0 || cap_timer_sleep(timer, 1000000) < 0 || cap_timer_now(timer, &end) < 0)
        return 10;
    if (end.monotonic_ns - start.monotonic_ns < 1000000)
        return 11;
    if (cap_entropy_source_fill(entropy, 16, &random, &buffer) < 0 || random.data.len != 16)
        return 12;
    capos_printf(console, "time and chance\n");
    return 0;
}
C
try "$capos" run --grant timer --grant entropy clock.c
gives timer-and-entropy 0 'time and chance\n' ''
try "$capos" run --grant timer clock.c
result refused-without-entropy "$([ "$status" -ne 0 ] && grep -q entropy out && grep -q EntropySource out; echo $?)"
try "$capos" run --grant entropy clock.c
result refused-without-timer "$([ "$status" -ne 0 ] && grep -q '"timer"' out; echo $?)"
try "$capos" run --grant timer:entropy --grant entropy:timer clock.c
result refused-with-the-wrong-interface "$([ "$status" -ne 0 ] && grep -q 'Timer' out; echo $?)"

# Every grant there is arrives under its name with its interface.
cat >capset.c <<'C'
#include <capos/capos.h>
#include <capos/interfaces.h>
#include <capos/lookup.h>
#include <capos/print.h>
int main(void)
{
    cap_console console = capos_need_console("console");
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        const struct cap_interface_info *info = cap_interface_find(entry->interface_id);
        capos_printf(console, "%s %s\n", entry->name, info == NULL ? "?" : info->name);
    }
    return 0;
}
C
explain_and_run() { # NAME GRANT...
    local name=$1 flags=() grant
    shift
    for grant in "$@"; do flags+=(--grant "$grant"); done
    "$capos" run --explain "${flags[@]}" capset.c | awk 'NR > 1 { print $1, $2 }' >explained
    try "$capos" run "${flags[@]}" capset.c
    result "$name" "$([ "$status" -eq 0 ] && cmp -s explained out && [ "$(wc -l <out)" -eq $(($# + 2)) ]; echo $?)"
}
explain_and_run explain-tells-the-truth timer:t wallclock:w entropy:e log:l logsink:ls systeminfo:si
explain_and_run explain-tells-the-rest systemcontrol:sc capabilities:ca spawner:s bootpackage:b null:n timer:t2 timer:t3
many=(); for i in {1..32}; do many+=(--grant "timer:t$i"); done
try "$capos" run "${many[@]}" capset.c
gives too-many-grants 125 '' 'at most 32'

cat >crash.c <<'C'
#include <capos/lookup.h>
#include <capos/print.h>
static int __attribute__((noinline)) touch(volatile int *where)
{
    *where = 1;
    return *where;
}
int main(void)
{
    capos_printf(capos_need_console("console"), "before\n");
    return touch((int *)0x20) + 1;
}
C
try "$capos" run crash.c
gives crash-exit-code 142 'before\n' 'crash.c crashed:'
result crash-names-function-and-line "$(grep -q 'crash:.*#0 .*touch.*(crash.c:5)' err && grep -q '#1 .*main.*(crash.c:11)' err; echo $?)"
result crash-says-what-happened "$(grep -q 'vector 14 .*address 0x20' err; echo $?)"

echo 'int main(void) { for (;;) ; }' >loop.c
try "$capos" run --timeout 2 loop.c
gives endless-loop 124 '' 'loop.c did not end within 2 s'

echo '#include <capos/capos.h>
int main(void) { capos_sys_exit(256); }' >far.c
try "$capos" run far.c
gives a-large-exit-code-is-not-success 255 '' ''

# A program of the build machine: static, for the right processor, and yet not for capOS.
cat >linux.c <<'C'
void _start(void) { __asm__ volatile("mov $60, %eax\n\txor %edi, %edi\n\tsyscall\n\tud2"); }
C
clang -static -nostdlib -o linux.elf linux.c
try "$capos" run --timeout 20 linux.elf
result a-linux-program-fails "$([ "$status" -ne 0 ] && [ "$status" -ne 124 ]; echo $?)"

# However capos ends, its QEMU ends with it.
"$capos" run loop.c >out 2>err &
job=$!
guest=
for _ in {1..100}; do
    guest=$(cat "/proc/$job/task/$job/children" 2>/dev/null)
    [ -n "$guest" ] && grep -q qemu "/proc/${guest% }/cmdline" 2>/dev/null && break
    sleep 0.1
done
kill -KILL "$job"
wait "$job" 2>/dev/null
for _ in {1..50}; do [ -d "/proc/${guest% }" ] || break; sleep 0.1; done
result no-guest-is-left-behind "$([ -n "$guest" ] && [ ! -d "/proc/${guest% }" ]; echo $?)"
exit "$failed"
