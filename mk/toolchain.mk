# Compilers and flags. Our own code is clean under these warnings with clang and with gcc.

CLANG   ?= clang
GCC     ?= gcc
HOST_CC ?= $(CLANG)
AR      := llvm-ar
LD_LLD  := ld.lld
Q       := $(if $(V),,@)

# Debian keeps some LLVM tools only under their versioned names.
ifeq ($(shell command -v llvm-ar),)
AR := $(firstword $(shell command -v llvm-ar-14 llvm-ar-15 llvm-ar-16 ar))
endif

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wconversion -Werror
STD  := -std=c17
DEPS  = -MMD -MP

# Code that runs on the build machine (tools, tests).
HOST_CFLAGS := $(STD) -O2 -g -D_GNU_SOURCE $(WARN)
# The same under the sanitizers, for unit tests.
SAN_CFLAGS  := $(STD) -O1 -g -D_GNU_SOURCE -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all $(WARN)
