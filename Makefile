# capOS: the top of the build. Every component describes itself in its own rules.mk; nothing is listed here.
#
#   B            the build directory
#   ALL          what `make` builds                          (components append)
#   CHECKS       suites that `make check` runs: NAME stands for the target check-NAME, which prints
#                `ok NAME` / `not ok NAME - why` lines       (components append)
#   CHECK_SHARED files that more than one suite uses           (components append)
#   LINTS        targets that `make lint` runs               (components append)
#   BENCHES      targets that `make bench` runs              (components append)

MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

B := build
ALL :=
CHECKS :=
CHECK_SHARED :=
LINTS :=
BENCHES :=

.DEFAULT_GOAL := all

include mk/toolchain.mk
include mk/unit.mk
include mk/fuzz.mk
# First: it names the generated files, which other components' rules have among their prerequisites.
include schema/rules.mk
include $(filter-out schema/rules.mk,$(sort $(wildcard */rules.mk */*/rules.mk)))
include mk/targets.mk
