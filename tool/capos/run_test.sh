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

# --trace: what the program prints is unchanged, and stderr is exactly this but for the time.
cat >traced.c <<'C'
#include <capos/call.h>
#include <capos/lookup.h>
#include <string.h>
int main(void)
{
    cap_console console = capos_need_console("console");
    cap_timer timer = capos_need_timer("clock");
    struct cap_timer_now_results now;
    char many[200];
    memset(many, 'x', sizeof many);
    if (cap_timer_now(timer, &now) < 0 || cap_timer_sleep(timer, 20000000) < 0)
        return 10;
    (void)cap_console_write_line(console, (struct capnp_text){"hello", 5});
    (void)cap_console_write_line(console, (struct capnp_text){many, sizeof many});
    (void)cap_timer_now((cap_timer){99, 0}, &now);
    (void)cap_release(timer);
    return 3;
}
C
cat >traced.expected <<'T'
clock.now() = (monotonicNs = N, tick = N)  [cap#2]
clock.sleep(durationNs = 20000000) <unfinished ...>  [cap#2]
<... clock.sleep resumed> = ()
console.writeLine(text = "hello") = ()  [cap#0]
console.writeLine(text = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...) = ()  [cap#0]
cap#99.0() = BAD_CAP  [cap#99]
clock.release() = 0  [cap#2]
+++ exited with code 3
T
try "$capos" run --trace --grant timer:clock traced.c
result trace "$([ "$status" -eq 3 ] && [ "$(head -n 1 out)" = hello ] && [ "$(wc -l <out)" -eq 2 ] &&
    sed -E 's/(monotonicNs|tick) = [0-9]+/\1 = N/g' err | cmp -s traced.expected -; echo $?)"
try "$capos" run --trace=sched --trace-times --grant timer:clock traced.c
result trace-of-scheduling "$([ "$status" -eq 3 ] && grep -qE '^ *0\.[0-9]{9} --- runs on CPU 0$' err && grep -q -- '--- waits$' err &&
    ! grep -q 'clock.now' err; echo $?)"
try "$capos" run --trace=everything --grant timer:clock traced.c
gives trace-of-what-is-not 125 '' "there is no 'everything'"

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

# --dir: a folder of the host.
cat >tree.c <<'C'
#include <capos/file.h>
#include <capos/lookup.h>
#include <capos/path.h>
#include <capos/print.h>
#include <string.h>
static cap_console console;
static void list(cap_directory directory)
{
    static struct capos_listing listing;
    struct cap_dir_entry entry;
    listing = (struct capos_listing){.directory = directory};
    while (capos_listing_next(&listing, &entry) == 1)
        capos_printf(console, "%d %.*s\n", entry.kind, (int)entry.name.len, entry.name.bytes);
}
int main(int argc, char **argv)
{
    console = capos_need_console("console");
    cap_directory root = capos_need_directory(argc > 1 ? argv[1] : "root");
    struct cap_directory_mkdir_results made = {0};
    static const struct capnp_data name = {(const uint8_t *)"new", 3};
    list(root);
    if (cap_directory_mkdir(root, name, &made) < 0)
        return 9;
    return made.status == CAP_FS_STATUS_OK ? 5 : 6;
}
C
mkdir -p folder/sub 'fold:er' && echo text >folder/file && ln -s ../hello.c folder/out && ln -s loop folder/loop
try "$capos" run --dir folder tree.c
gives dir 5 '0 file\n2 loop\n2 out\n1 sub\n' ''
try ls folder
gives dir-stays-in-the-machine 0 'file\nloop\nout\nsub\n' ''
try "$capos" run --dir folder:data:ro tree.c data
gives dir-read-only 6 '0 file\n2 loop\n2 out\n1 sub\n' ''
try "$capos" run --dir folder:a --dir folder/sub:b tree.c b
gives two-dirs 5 '' ''
try "$capos" run --dir ./fold:er:data tree.c data
gives dir-with-a-colon 5 '' ''
try "$capos" run --dir folder --explain tree.c
grep -q '^  root  *Directory .* a copy of folder' "$work/out"
result dir-explained $?
long=$(printf 'n%.0s' $(seq 255)) deep=folder2
mkdir folder2 && touch "folder2/$long" 'folder2/ä ö'
for _ in $(seq 200); do deep=$deep/d; done
mkdir -p "$deep" && for i in $(seq 1000); do echo "$i" >"$deep/$i"; done
try "$capos" run --dir folder2 tree.c
gives dir-of-odd-names 5 "1 d\n0 $long\n0 ä ö\n" ''
mkdir cached cached/c && echo 'Signature: 8a477f597d28d172789f06886806bc55' >cached/c/CACHEDIR.TAG
try "$capos" run --dir cached tree.c
gives dir-without-its-caches 5 '' 'cached/c is left out: it is marked as a cache'
try "$capos" run --dir nowhere tree.c
gives dir-that-is-not-there 125 '' 'there is no folder nowhere'
try "$capos" run --dir hello.c tree.c
gives dir-that-is-a-file 125 '' 'there is no folder hello.c (Not a directory)'
mkdir odd && mkfifo odd/pipe
try "$capos" run --dir odd tree.c
gives dir-with-a-pipe 125 '' 'odd/pipe is a device, socket or pipe'
mkdir large && truncate -s 70M large/hole
try "$capos" run --dir large tree.c
gives dir-that-is-too-large 125 '' 'large/hole is one too many: a snapshot may have 64 MiB'
mkdir too && deep=too && for _ in $(seq 260); do deep=$deep/d; done && mkdir -p "$deep"
try "$capos" run --dir too tree.c
gives dir-that-is-too-deep 125 '' 'lies too deep'
try "$capos" run tree.c
gives dir-that-was-not-given 78 'capos: this program needs a Directory capability named "root"; granted: console, memory\n' ''
printf 'ls\nrun cat file with { out: @out, root: @host }\nexit 4\n' >lines
"$capos" run --dir folder:host <lines >"$work/out" 2>"$work/err"
status=$?
[ "$status" -eq 4 ] && grep -q '^text' "$work/out"
result dir-in-the-shell $?

# More folders.
mkdir line many socket
touch $'line/a\nb' && try "$capos" run --dir line tree.c
gives dir-with-a-newline-in-a-name 5 '0 a\nb\n' ''
seq -f 'many/%g' 20000 | xargs touch && try "$capos" run --dir many tree.c
result dir-of-many-files "$([ "$status" -eq 5 ] && [ "$(grep -c '^0 ' out)" -eq 20000 ]; echo $?)"
if perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket/s", Listen => 1) or exit 1'; then
    try "$capos" run --dir socket tree.c
    gives dir-with-a-socket 125 '' 'socket/s is a device, socket or pipe'
fi
printf 'run cat file with { out: @out, root: @host }\nexit 4\n' >lines
"$capos" run --dir folder <lines >"$work/out" 2>"$work/err"
status=$?
result dir-in-the-shell-is-called-host "$([ "$status" -eq 4 ] && grep -q '^text' out; echo $?)"
try "$capos" run --dir folder:mine --dir folder/sub:timer
gives dir-of-a-name-the-shell-holds 125 '' "something called 'timer' already. Give the folder another name: --dir folder/sub:OTHER"

# --grant stdio, terminal: a terminal server beside the program.
cat >lines.c <<'C'
#include <capos/call.h>
#include <capos/lookup.h>
int main(void)
{
    cap_std_io io = capos_need_std_io("io");
    static uint64_t words[600];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_std_io_read_results read;
    struct cap_std_io_write_results written;
    int lines = 0;
    while (cap_std_io_read(io, 1024, &read, &buffer) >= 0 && read.data.len > 0) {
        (void)cap_std_io_write(io, read.data, &written);
        lines++;
    }
    return lines;
}
C
printf 'one\ntwo\nthree' >typed
try "$capos" run --timeout 60 --grant stdio:io lines.c <typed
gives stdio-of-a-file 3 'one\ntwo\nthree\n' ''
try "$capos" run --timeout 60 --no-default --grant stdio:io lines.c < <(sleep 1; printf 'late\n')
gives stdio-of-a-pipe-and-nothing-else 1 'late\n' ''
try "$capos" run --timeout 60 --grant stdio:io lines.c </dev/null
gives stdio-of-nothing 0 '' ''
try "$capos" run --timeout 60 lines.c
result stdio-that-was-not-granted "$([ "$status" -eq 78 ] && grep -q 'capability named "io"; granted: console, memory' out; echo $?)"
cat >ask.c <<'C'
#include <capos/call.h>
#include <capos/lookup.h>
int main(void)
{
    cap_terminal_session terminal = capos_need_terminal_session("terminal");
    static uint64_t words[600];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_terminal_session_read_line_params ask = {.prompt = {"name? ", 6}, .echo = true};
    struct cap_terminal_session_read_line_results got;
    struct cap_terminal_session_write_results written;
    if (cap_terminal_session_read_line_call(terminal, &ask, &got, &buffer) < 0)
        return 9;
    return cap_terminal_session_write(terminal, capnp_data_of(got.line.bytes, got.line.len), &written) < 0 ? 8 : 7;
}
C
try "$capos" run --timeout 60 --grant terminal ask.c <<<Ada
result terminal-session "$([ "$status" -eq 7 ] && grep -q Ada out; echo $?)"
try "$capos" run --grant stdio --grant input lines.c
gives stdio-and-input 125 '' 'would take what is typed'

# capOS' own programs by name.
try "$capos" run --dir folder cat file
gives own-cat 0 'text\n' ''
try "$capos" run --dir folder:root:ro mkdir new
gives own-mkdir 1 'mkdir: new: the capability is read-only\n' ''
try "$capos" run --timeout 60 --dir folder --grant stdio:io cat file - <<<typed
gives own-cat-of-what-is-typed 0 'text\ntyped\n' ''
try "$capos" run ls
gives own-ls-without-a-folder 1 'ls: needs a Directory named root; run ls with { out: @out, root: @root }\n' ''
try "$capos" run no-such-program
gives no-program-of-that-name 127 '' 'there is no program no-such-program'

# --trace with servers beside the program: it behaves as without, and stderr has the trace.
traced() { # NAME STATUS TRACE INPUT FLAG-OR-PROGRAM...: TRACE is in the trace, which has the status at its end
    local name=$1 wanted=$2 trace=$3 input=$4 good=0
    shift 4
    "$capos" run --timeout 60 "$@" >plain 2>plain.err <"$input"
    [ $? -eq "$wanted" ] || good=1
    try "$capos" run --timeout 60 --trace --verbose "$@" <"$input"
    [ "$status" -eq "$wanted" ] && cmp -s plain out && grep -qF -- "$trace" err || good=1
    grep -q '^check: all frames and objects returned' err || good=1
    result "trace-$name" "$good"
}
traced with-a-folder 5 'root.mkdir(name = "new") <unfinished ...>  [cap#2]' /dev/null --dir folder tree.c
result trace-with-a-folder-to-the-end "$(grep -q '^trace: +++ exited with code 5$' err && grep -q '^trace: <... root.mkdir resumed> = ()' err; echo $?)"
traced with-a-read-only-folder 6 '<... data.mkdir resumed> = (status = readOnly)' /dev/null --dir folder:data:ro tree.c data
traced with-two-folders 5 'b.list(' /dev/null --dir folder:a --dir folder/sub:b tree.c b
traced with-typed-lines 3 '<... io.read resumed> = (data = "three\n")' typed --grant stdio:io lines.c
traced with-nothing-typed 0 '+++ exited with code 0' /dev/null --no-default --grant stdio:io lines.c
traced with-a-terminal 7 '<... terminal.readLine resumed> = (line = "one")' typed --grant terminal ask.c
traced with-all-of-it 0 'root.open(name = "file"' typed --dir folder --dir folder/sub:b --grant stdio:io --grant terminal cat file -
traced of-what-is-held 0 'console.write(data = "c Directory' /dev/null --grant stdio --grant timer:t --grant capabilities:ca \
    --grant terminal:te --grant timer:t2 --dir folder:c --dir folder/sub:d:ro capset.c
"$capos" run --explain --grant stdio --grant timer:t --grant capabilities:ca --grant terminal:te --grant timer:t2 --dir folder:c \
    --dir folder/sub:d:ro capset.c | awk 'NR > 1 { print $1, $2 }' | cmp -s - out
result trace-of-what-is-held-is-what-is-explained $?
traced without-the-folder 78 '+++ exited with code 78' /dev/null --grant stdio tree.c
traced without-the-terminal 78 '+++ exited with code 78' /dev/null --dir folder lines.c
traced with-the-wrong-interface 78 '+++ exited with code 78' /dev/null --dir folder:io --grant stdio lines.c
traced of-a-crash 142 '--- crashes: vector 14' /dev/null --dir folder --grant stdio crash.c
result trace-of-a-crash-names-function-and-line "$(grep -q 'crash:.*#0 .*touch.*(crash.c:5)' err; echo $?)"
traced of-a-large-exit-code 255 '+++ exited with code 256' /dev/null --dir folder far.c
traced on-a-small-machine 3 'clock.release() = 0  [cap#2]' /dev/null --memory 16M --grant timer:clock traced.c
try "$capos" run --timeout 60 --trace --grant stdio:io lines.c < <(sleep 1; printf 'late\n')
gives trace-with-a-pipe 1 'late\n' '<... io.read resumed> = (data = "late\n")'
try "$capos" run --timeout 2 --trace --dir folder loop.c
gives trace-without-end 124 '' 'loop.c did not end within 2 s'
try "$capos" run --trace --grant timer --dir folder:timer tree.c
gives trace-with-a-folder-of-a-taken-name 125 '' "two capabilities are called 'timer'"
try "$capos" run --trace --grant stdio --grant input lines.c
gives trace-with-stdio-and-input 125 '' 'would take what is typed'
echo 'char much[200 << 20]; int main(void) { return much[0]; }' >much.c
try "$capos" run --timeout 60 --trace --dir folder much.c
gives trace-of-what-does-not-start 125 '' 'capos: tracer: the program was not started: '
cp tree.c capos-files0.c && cp traced.c capos-tracer.c
traced of-a-program-called-like-a-server 5 'root.list(' /dev/null --dir folder capos-files0.c
traced of-a-program-called-like-the-tracer 3 'clock.now(' /dev/null --grant timer:clock capos-tracer.c

# Calls on what others will answer: nothing of that is known yet but the schema.
cat >chain.c <<'C'
#include <capos/call.h>
#include <capos/lookup.h>
#define NAME(text) {(const uint8_t *)(text), sizeof(text) - 1}
int main(void)
{
    static struct cap_pending sub, open, read;
    struct cap_file_read_results got;
    (void)cap_directory_sub_start(capos_need_directory("root"), &(struct cap_directory_sub_params){NAME("sub")}, &sub);
    cap_pending_target(&open, &sub, 0);
    (void)cap_directory_open_start(CAP_NOT_YET(cap_directory), &(struct cap_directory_open_params){.name = NAME("in")}, &open);
    cap_pending_target(&read, &open, 0);
    (void)cap_file_read_start(CAP_NOT_YET(cap_file), &(struct cap_file_read_params){.max_bytes = 9}, &read);
    return cap_pending_wait(&read) < 0 || cap_file_read_finish(&read, &got) < 0 ? 99 : (int)got.data.len;
}
C
cat >chain.expected <<'T'
root.sub(name = "sub") <unfinished ...>  [cap#2]
Directory.open(name = "in") <unfinished ...>  [of root.sub]
File.read(maxBytes = 9) <unfinished ...>  [of Directory.open]
<... root.sub resumed> = (directory = cap#3) {gets cap#3 Directory}
<... Directory.open resumed> = (file = cap#4) {gets cap#4 File}
<... File.read resumed> = (data = "four")
+++ exited with code 4
T
mkdir -p chained/sub && printf four >chained/sub/in
try "$capos" run --timeout 60 --trace --dir chained chain.c
result trace-of-pipelined-calls "$([ "$status" -eq 4 ] && cmp -s chain.expected err; echo $?)"
rm chained/sub/in
try "$capos" run --timeout 60 --trace --dir chained chain.c
gives trace-of-pipelined-calls-on-nothing 99 '' '<... File.read resumed> = BAD_CAP'

# Without a standard input at all.
try "$capos" run --timeout 60 --dir folder --grant stdio:io cat file - <&-
gives own-cat-without-a-standard-input 0 'text\n' ''

# The numbers of the files that capos is started with decide the numbers of the guest's own: none of them may matter.
with_descriptors() { # COUNT COMMAND...: runs it with that many open files besides the standard streams
    local count=$1 fd
    shift
    (
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || eval "exec $fd>&-"
        done
        for ((fd = 3; fd < 3 + count; fd++)); do eval "exec $fd</dev/null"; done
        exec "$@"
    )
}
for count in 0 1 2 3 4 5 6 7 8 9 62; do
    try with_descriptors "$count" "$capos" run --timeout 60 --grant stdio:io cat <<<text
    gives "own-cat-with-$count-more-open-files" 0 'text\n' ''
done

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
