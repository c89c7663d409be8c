# The WebAssembly engine: build/libwasm.a for the host, its tests, and the targets that fuzz it.

WASM_SOURCES := $(addprefix lib/wasm/,reader.c opcode.c module.c decode.c validate.c validate_code.c link.c call.c \
                memory.c table.c exec.c simd.c)
WASM_OBJECTS := $(WASM_SOURCES:%.c=$(B)/%.o)

# Freestanding, bit-exact floating point, and vectors as far as SSE2 goes: the same for every target.
WASM_CFLAGS  := -ffreestanding -ffp-contract=off -fno-math-errno
ALL += $(B)/libwasm.a

$(B)/lib/wasm/%.o: lib/wasm/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(WASM_CFLAGS) $(DEPS) -c $< -o $@

$(B)/libwasm.a: $(WASM_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

-include $(WASM_OBJECTS:.o=.d)

# ---- the specification's own tests --------------------------------------------------------------------------

WASM_SPEC ?= ../shared/wasm-spec
CHECKS += wasm-spec
.PHONY: check-wasm-spec
check-wasm-spec: $(B)/capos-wasm
	@lib/wasm/spec-check $(B)/capos-wasm $(WASM_SPEC) $(B)/wasm-spec

# The same with the tool and the engine under the sanitizers: no undefined behaviour in what the tests reach.
WASM_SAN := $(B)/wasm-san/capos-wasm
CHECKS += wasm-spec-san
$(WASM_SAN): $(WASM_SOURCES) $(wildcard lib/wasm/*.h lib/wasm/*.def tool/capos-wasm/*)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(SAN_CFLAGS) $(filter-out -ffreestanding,$(WASM_CFLAGS)) -Ilib/wasm \
		$(WASM_SOURCES) $(wildcard tool/capos-wasm/*.c) -o $@
.PHONY: check-wasm-spec-san
check-wasm-spec-san: $(WASM_SAN)
	@lib/wasm/spec-check $(WASM_SAN) $(WASM_SPEC) $(B)/wasm-spec-san

# ---- unit tests ----------------------------------------------------------------------------------------------

$(eval $(call unit_test,wasm,lib/wasm/wasm_test.c $(WASM_SOURCES),-Ilib/wasm $(filter-out -ffreestanding,$(WASM_CFLAGS)),))

# ---- fuzzing -------------------------------------------------------------------------------------------------
# build/fuzz/wasm-TARGET. The suite fuzz-wasm runs each WASM_FUZZ_RUNS times from the saved corpus with a fixed seed;
# `make fuzz-wasm` runs each for WASM_FUZZ_SECONDS and keeps what it finds under build/.

WASM_FUZZERS := decode validate exec
WASM_FUZZ_RUNS ?= 40000
WASM_FUZZ_SECONDS ?= 600
WASM_CORPUS := lib/wasm/fuzz/corpus
WASM_FUZZ_FLAGS := -max_len=4096 -rss_limit_mb=1024 -timeout=10
FUZZ_CFLAGS := $(STD) -O1 -g -D_GNU_SOURCE -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
               -fno-sanitize-recover=all $(WARN)

$(B)/fuzz/wasm-%: lib/wasm/fuzz/fuzz_%.c lib/wasm/fuzz/platform.c $(WASM_SOURCES) $(wildcard lib/wasm/*.h lib/wasm/fuzz/*.h)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(filter-out -ffreestanding,$(WASM_CFLAGS)) -Ilib/wasm -Ilib/wasm/fuzz \
		$(filter %.c,$^) -o $@

CHECKS += fuzz-wasm
.PHONY: check-fuzz-wasm fuzz-wasm
check-fuzz-wasm: $(WASM_FUZZERS:%=$(B)/fuzz/wasm-%)
	@for target in $(WASM_FUZZERS); do \
		log=$(B)/fuzz/wasm-$$target.log; \
		rm -rf $(B)/fuzz/new-$$target; mkdir -p $(B)/fuzz/new-$$target; \
		if $(B)/fuzz/wasm-$$target $(WASM_FUZZ_FLAGS) -runs=$(WASM_FUZZ_RUNS) -seed=1 \
			-artifact_prefix=$(B)/fuzz/ $(B)/fuzz/new-$$target $(WASM_CORPUS) >$$log 2>&1 </dev/null; then \
			echo "ok fuzz-wasm-$$target - $$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' $$log) executions"; \
		else \
			echo "not ok fuzz-wasm-$$target - see $$log"; tail -n 30 $$log; \
		fi; \
	done

fuzz-wasm: $(WASM_FUZZERS:%=$(B)/fuzz/wasm-%) ## fuzz decoder, validator and interpreter for WASM_FUZZ_SECONDS each
	@for target in $(WASM_FUZZERS); do \
		mkdir -p $(B)/fuzz/corpus-$$target; \
		$(B)/fuzz/wasm-$$target $(WASM_FUZZ_FLAGS) -max_total_time=$(WASM_FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus-$$target $(WASM_CORPUS) || exit 1; \
	done

# ---- freestanding --------------------------------------------------------------------------------------------
# The engine for a bare x86-64: compiles with clang, and with gcc under the same warnings; needs four memory functions
# and nothing else.

WASM_BARE := $(B)/wasm-bare
WASM_BARE_FLAGS := $(STD) -O2 -nostdlib -mno-red-zone $(WARN) $(WASM_CFLAGS)
CHECKS += wasm-freestanding
.PHONY: check-wasm-freestanding
check-wasm-freestanding: $(WASM_SOURCES) $(wildcard lib/wasm/*.h lib/wasm/*.def)
	@rm -rf $(WASM_BARE); mkdir -p $(WASM_BARE)
	@for source in $(WASM_SOURCES); do \
		name=$$(basename $$source .c); \
		$(CLANG) --target=x86_64-unknown-none-elf $(WASM_BARE_FLAGS) -c $$source -o $(WASM_BARE)/$$name.o || \
			{ echo "not ok wasm-freestanding-$$name - clang"; exit 1; }; \
		$(GCC) $(WASM_BARE_FLAGS) -c $$source -o $(WASM_BARE)/$$name.gcc.o || \
			{ echo "not ok wasm-freestanding-$$name - gcc"; exit 1; }; \
	done
	@$(LD_LLD) -r $(patsubst lib/wasm/%.c,$(WASM_BARE)/%.o,$(WASM_SOURCES)) -o $(WASM_BARE)/wasm.o
	@missing=$$(nm -u $(WASM_BARE)/wasm.o | awk '{ print $$2 }' | grep -vxE 'mem(cpy|move|set|cmp)' || true); \
	if [ -z "$$missing" ]; then echo "ok wasm-freestanding"; \
	else echo "not ok wasm-freestanding - needs" $$missing; fi
	@writable=$$(nm $(WASM_BARE)/wasm.o | grep -iE ' [bd] ' || true); \
	if [ -z "$$writable" ]; then echo "ok wasm-no-global-state"; else echo "not ok wasm-no-global-state - $$writable"; fi
