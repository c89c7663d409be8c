# Tests of the WebAssembly engine by what it does: our own scripts for WebAssembly 2.0, the scalar model that writes
# the instruction tests, and differential testing. docs/wasm-testing.md is the overview.

WASM_TEST := $(B)/test/wasm


$(B)/wasm-model: $(wildcard test/wasm/model/*.c) $(wildcard test/wasm/model/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(filter %.c,$^) -o $@ -lm

# Named one by one, so that a script that was not written is missed. The stamp appears only when all are complete.
WASM_MODEL := $(patsubst %,$(WASM_TEST)/model/%.wast,scalar simd_int simd_float simd_convert simd_move simd_memory \
                simd_unassigned)
$(WASM_TEST)/model.stamp: $(B)/wasm-model
	@mkdir -p $(WASM_TEST)/model
	$(Q)$(B)/wasm-model $(WASM_TEST)/model >$@.tmp && mv $@.tmp $@

CHECK_SHARED += $(B)/wasm-model $(WASM_TEST)/model.stamp

# The engine against the tests; and wabt's interpreter and V8 against the tests, so that they are right. What only one
# of the two gets right is in wast-v8 and wast-wabt.
WASM_WAST = test/wasm/wast/*.wast
CHECKS += wasm-2.0 wasm-2.0-wabt wasm-2.0-v8 wasm-diff wasm-verdicts wasm-programs wasm-cli
.PHONY: check-wasm-2.0 check-wasm-2.0-wabt check-wasm-2.0-v8
check-wasm-2.0: $(B)/capos-wasm $(WASM_TEST)/model.stamp
	@test/wasm/run-wast $(WASM_TEST)/capos capos $(WASM_WAST) $(WASM_MODEL)
	@test/wasm/run-wast $(WASM_TEST)/capos-v8 capos test/wasm/wast-v8/*.wast
	@test/wasm/run-wast $(WASM_TEST)/capos-wabt capos test/wasm/wast-wabt/*.wast
check-wasm-2.0-wabt: $(WASM_TEST)/model.stamp
	@test/wasm/run-wast $(WASM_TEST)/wabt wabt $(WASM_WAST) $(WASM_MODEL)
	@test/wasm/run-wast $(WASM_TEST)/wabt-only wabt test/wasm/wast-wabt/*.wast
check-wasm-2.0-v8:
	@test/wasm/run-wast $(WASM_TEST)/v8 v8 $(WASM_WAST)
	@test/wasm/run-wast $(WASM_TEST)/v8-only v8 test/wasm/wast-v8/*.wast

# Differential testing: random valid modules, with V8 as the witness, in our engine and in wabt's.
$(B)/wasm-gen: $(wildcard test/wasm/gen/*.c) $(wildcard test/wasm/gen/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(filter %.c,$^) -o $@

ALL += $(B)/wasm-gen

FUZZ_SEED ?= 1000000
N ?= 20000
.PHONY: check-wasm-diff fuzz-wasm-diff
check-wasm-diff: $(B)/capos-wasm $(B)/wasm-gen
	@test/wasm/run-diff $(WASM_TEST)/diff 1 2000
fuzz-wasm-diff: $(B)/capos-wasm $(B)/wasm-gen ## compare N random modules from FUZZ_SEED on with V8 and wabt
	@test/wasm/run-diff $(WASM_TEST)/fuzz $(FUZZ_SEED) $(N)

# Real modules: small C, C++ and Rust programs, under node's WASI and in our engine.
.PHONY: check-wasm-programs
check-wasm-programs: $(B)/capos-wasm
	@test/wasm/run-programs $(WASM_TEST)/programs

# Verdicts on modules with changed bytes: valid or not, as V8 and wabt say where they agree.
$(B)/wasm-mutate: test/wasm/mutate/wasm_mutate.c $(filter-out %/wasm_gen.c,$(wildcard test/wasm/gen/*.c)) $(wildcard test/wasm/gen/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(filter %.c,$^) -o $@

ALL += $(B)/wasm-mutate

.PHONY: check-wasm-verdicts fuzz-wasm-verdicts
check-wasm-verdicts: $(B)/capos-wasm $(B)/wasm-mutate
	@test/wasm/run-verdicts $(WASM_TEST)/verdicts 1 2000
fuzz-wasm-verdicts: $(B)/capos-wasm $(B)/wasm-mutate ## compare the verdicts on N modules with changed bytes
	@test/wasm/run-verdicts $(WASM_TEST)/fuzz-verdicts $(FUZZ_SEED) $(N)

# The command line's promises: exit statuses, forms, fuel.
.PHONY: check-wasm-cli
check-wasm-cli: $(B)/capos-wasm
	@test/wasm/run-cli $(WASM_TEST)/cli
