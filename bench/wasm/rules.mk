# Benchmarks of the WebAssembly engine: programs of ours compiled natively and to wasm32-wasi. docs/wasm-testing.md.

WASM_BENCH          := $(B)/bench/wasm
WASM_BENCH_PROGRAMS := $(filter-out hello,$(basename $(notdir $(wildcard bench/wasm/programs/*.c))))
# The same optimisation for both; no fused multiply-add, so that the results are the same bits.
WASM_BENCH_CFLAGS   := $(STD) -O2 -D_GNU_SOURCE $(WARN) -ffp-contract=off -fno-math-errno

$(WASM_BENCH)/%: bench/wasm/programs/%.c bench/wasm/programs/bench.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(WASM_BENCH_CFLAGS) $< -o $@
$(WASM_BENCH)/%.wasm: bench/wasm/programs/%.c bench/wasm/programs/bench.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) --target=wasm32-wasi $(WASM_BENCH_CFLAGS) $< -o $@
$(B)/wasm-measure: bench/wasm/measure.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $< -o $@
# Random functions until the module is about 5 MB.
$(WASM_BENCH)/big/1.wasm: $(B)/wasm-gen
	@mkdir -p $(@D)
	$(Q)$(B)/wasm-gen 1 1 $(@D) 4000

WASM_BENCH_BINARIES := $(foreach p,$(WASM_BENCH_PROGRAMS) hello,$(WASM_BENCH)/$(p) $(WASM_BENCH)/$(p).wasm)

CHECKS += wasm-bench-programs
.PHONY: check-wasm-bench-programs bench-wasm
check-wasm-bench-programs: $(B)/capos-wasm $(WASM_BENCH_BINARIES)
	@bench/wasm/check-programs $(WASM_BENCH) $(WASM_BENCH_PROGRAMS)
bench-wasm: $(B)/capos-wasm $(B)/wasm-measure $(WASM_BENCH_BINARIES) $(WASM_BENCH)/big/1.wasm ## WebAssembly engine against native code
	@bench/wasm/run $(WASM_BENCH) $(WASM_BENCH_PROGRAMS)
