#!/bin/bash
# Boots the self test (selftest_main.c) and prints its `ok` lines, each with the machine in front.
#
#   selftest.sh pvh IMAGE    by -kernel on q35 and microvm, with several processors, memory sizes and clocks; then every
#                            ending that must be a panic
#   selftest.sh smp IMAGE    with one, two, four and sixteen CPUs, by real and by counted time; panics among several
#   selftest.sh iso IMAGE    through GRUB, under SeaBIOS and OVMF
set -u
mode=$1 image=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'boot package of the self test' >"$work/package"
limit=${SELFTEST_TIMEOUT:-120}
passed_status=33 panic_status=3

# guest MACHINE CPU MEMORY [OPTION...]: the output in $work/out; returns QEMU's status.
guest() {
    local machine=$1 cpu=$2 memory=$3
    shift 3
    timeout "$limit" qemu-system-x86_64 -M "$machine" -accel "${accel:-tcg}" -cpu "$cpu" -m "$memory" -nodefaults -no-user-config \
        -no-reboot -display none -serial "file:$work/out" -device isa-debug-exit,iobase=0xf4,iosize=4 "$@" \
        >"$work/qemu" 2>&1
}

# Prints the guest's lines, and whether it ended as it should.
report() { # NAME STATUS
    grep -aE '^(not )?ok ' "$work/out" | tr -d '\r' | sed -E "s/^((not )?ok) /\1 $1: /"
    if [ "$2" -eq $passed_status ]; then
        echo "ok $1: passed"
    else
        echo "not ok $1: passed - status $2"
        cat "$work/out" "$work/qemu"
    fi
}

whole() { # NAME MACHINE CPU MEMORY [OPTION...]
    local name=$1
    shift
    guest "$@" -kernel "$image" -initrd "$work/package" -append "log=com1 with=words"
    report "$name" $?
}

# As whole, with that many CPUs, which must all come up.
whole_smp() { # NAME CPUS MACHINE CPU [OPTION...]
    local name=$1 cpus=$2 machine=$3 cpu=$4
    shift 4
    guest "$machine" "$cpu" 64M -smp "$cpus" -kernel "$image" -initrd "$work/package" -append "log=com1 smp=$cpus" "$@"
    report "$name" $?
}

# One ending: the status, and lines that must be in the output.
ending() { # NAME MACHINE CPU STATUS PATTERN...
    local name=$1 machine=$2 cpu=$3 wanted=$4 status pattern
    shift 4
    # shellcheck disable=SC2086
    guest "$machine" "$cpu" 32M -kernel "$image" -initrd "$work/package" -append "test=$name" ${extra:-}
    status=$?
    [ $status -eq "$wanted" ] || {
        echo "not ok $machine: $name - status $status, not $wanted"
        cat "$work/out"
        return
    }
    for pattern in "$@"; do
        grep -qE "$pattern" "$work/out" || {
            echo "not ok $machine: $name - no line like $pattern"
            cat "$work/out"
            return
        }
    done
    echo "ok $machine: $name ends as it must"
}

# The log on the debug console, and a panic with no log port at all.
test_log_ports() {
    guest microvm max 32M -kernel "$image" -initrd "$work/package" -append "log=debugcon" \
        -device isa-debugcon,iobase=0xe9,chardev=log -chardev "file,id=log,path=$work/log"
    if [ $? -eq $passed_status ] && [ ! -s "$work/out" ] && grep -q '^selftest: passed$' "$work/log"; then
        echo "ok log=debugcon leaves COM1 to the console"
    else
        echo "not ok log=debugcon leaves COM1 to the console"
        cat "$work/out" "$work/log"
    fi
    ending "panic log=none" microvm max $panic_status '^panic: asked for, number 42$'
}

# A non-maskable interrupt while user code runs.
ending_nmi() {
    local tries
    rm -f "$work/out"
    {
        for tries in $(seq 100); do
            grep -q '^ready' "$work/out" 2>/dev/null && break
            sleep 0.1
        done
        echo nmi
    } | extra="-monitor stdio" ending nmi q35 max $panic_status '^panic: non-maskable interrupt$' 'rip 0000000000400'
}

test_pvh() {
    local counted="-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm"
    whole q35-max q35 max 64M
    whole q35-qemu64 q35 qemu64 64M -smp 2
    whole microvm-max microvm max 64M
    whole microvm-qemu64 microvm qemu64 64M
    whole microvm-qemu64-xsave microvm qemu64,+rdrand,+xsave 64M
    whole q35-4M q35 max 4M
    whole microvm-4M microvm qemu64 4M
    whole q35-6G-small-pages q35 qemu64 6G
    whole microvm-6G microvm max 6G
    whole microvm-without-pit microvm,pit=off max 64M
    # shellcheck disable=SC2086
    whole q35-icount q35 qemu64 64M $counted
    # shellcheck disable=SC2086
    whole microvm-icount microvm max 64M $counted

    local machine
    for machine in q35 microvm; do
        ending panic $machine max $panic_status '^panic: asked for, number 42$' ' endings\+0x' ' kernel_main\+0x'
        ending overflow $machine max $panic_status '^panic: double fault$' ' overflow\+0x'
        ending reboot $machine max 0 'machine layer'
    done
    test_log_ports
    ending_nmi
    ending text q35 qemu64 $panic_status '^panic: page fault in the kernel$' 'error 3 address ffffffff80100000'
    ending nx q35 qemu64 $panic_status '^panic: page fault in the kernel$' 'error 11 '
    ending smap q35 max $panic_status '^panic: page fault in the kernel$' 'error 1 address 401000'
    ending smep q35 max $panic_status '^panic: page fault in the kernel$' 'error 11 address 400000'
    ending lock q35 max $panic_status '^panic: lock order: class 4 taken while 13 is held$' ' spinlock_acquire\+0x'
}

# Two CPUs of a machine with four, and none but the first where no table names them.
test_cpu_limits() {
    guest microvm max 64M -smp 4 -kernel "$image" -initrd "$work/package" -append "cpus=2 smp=2"
    report microvm-cpus=2 $?
    guest microvm max 64M -smp 4 -kernel "$image" -initrd "$work/package" -append "cpus=none smp=4"
    report microvm-cpus=none $?
    grep -q '^cpu: cpus= wants a number' "$work/out" && echo "ok cpus=none is reported" || echo "not ok cpus=none is reported"
    guest microvm,acpi=off max 64M -smp 2 -kernel "$image" -initrd "$work/package" -append "smp=1"
    report microvm-without-acpi $?
    grep -q '^cpu: only one CPU: no ACPI' "$work/out" && echo "ok missing tables are reported" || echo "not ok missing tables are reported"
    guest q35 max 4M -smp 4 -kernel "$image" -initrd "$work/package" -append "smp=4"
    report q35-4M-smp4 $?
}

# A panic on one CPU while the others log, and on all at once: one report, whole, and the last thing there is.
test_smp_panics() {
    local name lines
    for name in panic-one panic-all; do
        extra="-smp 4" ending $name q35 max $panic_status '^panic: asked for, on CPU [0-3]$' ' panic_on_(one|all)\+0x'
        lines=$(grep -cE '^panic' "$work/out")
        if [ "$lines" -eq 1 ] && ! sed '1,/^panic/d' "$work/out" | grep -qv '^  [0-9a-f]\{16\}'; then
            echo "ok $name: one report and nothing behind it"
        else
            echo "not ok $name: one report and nothing behind it - $lines reports"
            cat "$work/out"
        fi
    done
}

test_smp() {
    local counted="-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm" machine cpu cpus
    for machine in q35 microvm; do
        for cpus in 1 2 4; do
            accel=tcg,thread=multi whole_smp "$machine-smp$cpus" $cpus $machine max
            # shellcheck disable=SC2086
            whole_smp "$machine-smp$cpus-icount" $cpus $machine qemu64 $counted
        done
    done
    accel=tcg,thread=multi whole_smp q35-smp4-qemu64 4 q35 qemu64
    accel=tcg,thread=single whole_smp microvm-smp4-single 4 microvm max
    # shellcheck disable=SC2086
    whole_smp microvm-smp16-icount 16 microvm max $counted
    test_cpu_limits
    test_smp_panics
}

test_iso() {
    local tool firmware=/usr/share/ovmf/OVMF.fd
    for tool in grub-mkrescue xorriso mformat; do
        command -v $tool >/dev/null || { echo "skip iso - $tool is not installed"; exit 0; }
    done
    kernel/iso.sh "$image" "$work/package" "$work/iso" "log=com1 smp=4 with=words" || { echo "not ok iso is made"; exit 1; }
    guest q35 max 64M -smp 4 -cdrom "$work/iso"
    report iso-bios $?
    [ -f $firmware ] || { echo "skip iso-uefi - $firmware is not installed"; exit 0; }
    guest q35 max 256M -smp 4 -cdrom "$work/iso" -bios $firmware
    report iso-uefi $?
}

"test_$mode"
