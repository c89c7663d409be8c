#!/bin/bash
# What programs outside the tree see: every header of the sysroot alone, and the compiler wrapper in the ways that people
# and build systems call it. Prints `ok` and `not ok` lines. usage: sysroot_test.sh headers|cc   (from the top)
set -u
top=$PWD
cc=$top/tool/capos-cc
cxx=$top/tool/capos-c++
sysroot=$top/build/sysroot
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
failed=0

report() { # STATUS NAME [WHY]
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        failed=1
        echo "not ok $2 - ${3:-$(head -c 300 "$work/out" | tr '\n' ' ')}"
    fi
}

expect_ok() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$work/out" 2>&1
    report $? "$name"
}

expect_refusal() { # NAME WORDS COMMAND...
    local name=$1 words=$2
    shift 2
    if "$@" >"$work/out" 2>&1; then
        report 1 "$name" "it succeeded"
    else
        grep -qF -- "$words" "$work/out"
        report $? "$name" "it says: $(head -c 200 "$work/out")"
    fi
}

headers() {
    cp -r "$sysroot/include" "$work/include" # found first, and not as system headers, whose warnings are not shown
    local warn="-I$work/include -Wall -Wextra -Wshadow -Wconversion -Werror -Wpedantic -Wno-unused-function" header name
    for header in $(cd "$sysroot/include" && find . -name '*.h' | sort); do
        name=${header#./}
        echo "#include <$name>" >"$work/one.c"
        cp "$work/one.c" "$work/one.cc"
        # shellcheck disable=SC2086 # lists of words
        "$cc" -std=c11 $warn -fsyntax-only "$work/one.c" >"$work/out" 2>&1 &&
            "$cxx" -std=c++17 $warn -Wno-c99-extensions -Wno-gnu-anonymous-struct -Wno-nested-anon-types -fsyntax-only "$work/one.cc" >>"$work/out" 2>&1
        report $? "header $name"
    done
}

program_type() { # ELF: its type and whether it asks for an interpreter
    readelf -hl "$1" | awk '/Type:/ && !t {t = $2} /INTERP/ {i = " interpreter"} END {print t i}'
}

compiler() {
    cd "$work" || exit 1
    cat >main.c <<'END'
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <string.h>
int main(void)
{
    capos_printf(capos_need_console("console"), "%llu\n", (unsigned long long)capos_clock_ns(capos_need_timer("timer")));
}
END
    cat >other.cc <<'END'
#include <capos/lookup.h>
struct Base { virtual int value() = 0; virtual ~Base() {} };
struct Derived : Base { int v = 7; int value() override { return v; } };
int main() { Base *b = new Derived; int v = b->value(); delete b; return v == 7 ? 0 : 1; }
END
    echo 'int helper(void); int helper(void) { return 1; }' >helper.c
    expect_ok "compile and link in one step, from anywhere" "$cc" -Wall -Werror main.c -o main
    [ "$(program_type main)" = DYN ]
    report $? "a program is static-PIE without an interpreter" "$(program_type main)"
    readelf -sW main | grep -q ' main$'
    report $? "a program keeps its symbols" "no main in .symtab"
    readelf -lW main | grep -q 'RWE'
    report "$((! $?))" "no segment is writable and executable" "there is one"
    expect_ok "a fixed address with -no-pie" "$cc" -no-pie main.c -o fixed
    [ "$(program_type fixed)" = EXEC ]
    report $? "which gives an ET_EXEC" "$(program_type fixed)"
    expect_ok "separate compilation" "$cc" -O2 -c helper.c -o helper.o
    expect_ok "objects and sources together" "$cc" main.c helper.o -o both
    expect_ok "a relocatable object with -r" "$cc" -r helper.o -o partial.o
    expect_ok "assembly output" "$cc" -S -O1 helper.c -o helper.s
    expect_ok "dependencies" "$cc" -MD -MF main.d -c main.c -o main.o
    grep -q "capos/clock.h" main.d
    report $? "which name the sysroot's headers" "main.d does not"
    expect_ok "C++" "$cxx" -std=c++17 -Wall -Werror other.cc -o other
    expect_ok "C++ by its suffix" "$cc" other.cc -o other2
    expect_ok "a program on standard input" sh -c "echo 'int main(void){return 0;}' | '$cc' -x c - -o stdin"
    expect_ok "--version with nothing to compile" "$cc" --version
    expect_ok "asking for the target" "$cc" -dumpmachine
    echo | "$cc" -dM -E - >macros
    grep -qE 'define (__linux__|__unix__|linux|unix|__gnu_linux__) ' macros
    report "$((! $?))" "no other system's macros" "$(grep -E 'linux|unix' macros | head -1)"
    grep -q 'define __capos__ 1' macros
    report $? "__capos__ is defined" "it is not"
    expect_refusal "-shared is refused" "capOS programs are static" "$cc" -shared helper.c -o x.so
    echo '#include <stdio.h>' >host.c
    expect_refusal "the build machine's headers are out of reach" "stdio.h" "$cc" -c host.c -o x.o
    expect_refusal "the build machine's libraries are out of reach" "-lm" "$cc" main.c -lm -o x
    echo 'int f(void); int main(void){return f();}' >undefined.c
    expect_refusal "an undefined function is reported" "undefined symbol: f" "$cc" undefined.c -o x
    printf '#include <capos/lookup.h>\nint main(void){cap_timer t = {0}; return cap_console_write_line(t, capnp_text_of("x"));}\n' >wrong.c
    expect_refusal "a timer where a console is wanted does not compile" "incompatible type" "$cc" wrong.c -o x
    expect_refusal "a missing sysroot is explained" "run: make -C" env CAPOS_SYSROOT="$work/none" "$cc" main.c -o x
    expect_refusal "a missing compiler is explained" "apt-get install clang lld" env CAPOS_CLANG=no-such-clang "$cc" main.c -o x
    # Its first indented block, as far as it is C.
    awk '/^    / {print substr($0, 5); n = 1; if (/^    }$/) exit; next} n {print}' "$top/docs/c-programs.md" >example.c
    expect_ok "the example in docs/c-programs.md" "$cc" -Wall -Wextra -Werror example.c -o example
    ln -s "$cc" linked
    expect_ok "through a symbolic link" ./linked main.c -o linked.elf
    mkdir -p "dir with spaces" && cp helper.c "dir with spaces/"
    expect_ok "paths with spaces" "$cc" -c "dir with spaces/helper.c" -o "dir with spaces/helper.o"
}

case ${1:-} in
headers) headers ;;
cc) compiler ;;
*) echo "usage: $0 headers|cc" >&2 && exit 2 ;;
esac
exit "$failed"
