# The wire codec (freestanding): its tests and its fuzz target. schema/rules.mk names its sources (CAPNP_SRC).

# Code generated from the test schemas, by the same generator.
TESTGEN      := $(B)/capnp-test
TEST_SCHEMA  := $(sort $(wildcard lib/capnp/test/*.capnp))
TEST_NAMES   := $(patsubst lib/capnp/test/%.capnp,%,$(TEST_SCHEMA))
TESTGEN_SRC  := $(foreach n,$(TEST_NAMES),$(TESTGEN)/$(n)_types.c $(TESTGEN)/$(n)_server.c $(TESTGEN)/$(n)_client.c) \
                $(TESTGEN)/interfaces.c
TESTGEN_TYPES := $(TEST_NAMES:%=$(TESTGEN)/%_types.c)
CAPNP_TEST_CFLAGS := -Iabi -I$(TESTGEN) -I$(GEN) -Ilib/capnp -Ilib/capos/include
CAPNP_HDR    := $(wildcard lib/capnp/*.h lib/capnp/test/*.h)

$(TESTGEN_SRC) &: $(TEST_SCHEMA) $(CAPNPC)
	$(Q)rm -rf $(TESTGEN)
	@mkdir -p $(TESTGEN)
	$(Q)capnp compile -o$(CURDIR)/$(CAPNPC):$(TESTGEN) $(TEST_SCHEMA)

$(eval $(call unit_test,capnp-wire,lib/capnp/wire_test.c $(CAPNP_SRC),$(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-tool,lib/capnp/tool_test.c lib/capnp/test/support.c $(TESTGEN_TYPES) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-stubs,lib/capnp/stub_test.c lib/capnp/test/support.c $(TESTGEN_SRC) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))

# The property tests and the fuzz target also read messages of the real schema.
EXERCISE_SRC := lib/capnp/test/exercise.c lib/capnp/test/support.c $(TESTGEN_TYPES) $(TESTGEN)/all_types_server.c \
                $(GEN)/manifest_types.c $(GEN)/log_types.c $(GEN)/process_types.c $(CAPNP_SRC)
$(eval $(call unit_test,capnp-property,lib/capnp/property_test.c $(EXERCISE_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))

# Fuzzing: a stated number of executions in CI, FUZZ_SECONDS of them by `make fuzz-capnp`, which also adds what it found
# to build/fuzz/capnp (keep what is worth it: `make fuzz-capnp-keep`).
FUZZ_RUNS    := 300000
FUZZ_SECONDS ?= 300
FUZZ_MAX_LEN := 4096
FUZZ_CORPUS  := lib/capnp/fuzz/corpus

$(B)/fuzz/fuzz-capnp: lib/capnp/fuzz/fuzz_capnp.c $(EXERCISE_SRC) $(CAPNP_HDR) | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -fno-sanitize-recover=all,$(SAN_CFLAGS)) -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -Ilib/capnp/test $(CAPNP_TEST_CFLAGS) $(filter %.c,$^) -o $@

CHECKS += fuzz-capnp
.PHONY: check-fuzz-capnp fuzz-capnp fuzz-capnp-keep
check-fuzz-capnp: $(B)/fuzz/fuzz-capnp
	@rm -rf $(B)/fuzz/capnp-check && mkdir -p $(B)/fuzz/capnp-check
	@if $< -runs=$(FUZZ_RUNS) -seed=1 -max_len=$(FUZZ_MAX_LEN) -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/capnp-check \
	    $(FUZZ_CORPUS) >$(B)/fuzz/check.log 2>&1; \
	then echo "ok fuzz-capnp: $(FUZZ_RUNS) executions from $$(ls $(FUZZ_CORPUS) | wc -l) saved inputs"; \
	else tail -n 40 $(B)/fuzz/check.log; echo "not ok fuzz-capnp - the input is in $(B)/fuzz/"; exit 1; fi

fuzz-capnp: $(B)/fuzz/fuzz-capnp ## fuzz the wire codec for FUZZ_SECONDS (300)
	@mkdir -p $(B)/fuzz/capnp
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_MAX_LEN) -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/capnp $(FUZZ_CORPUS)

fuzz-capnp-keep: $(B)/fuzz/fuzz-capnp ## merge what `make fuzz-capnp` found into the saved corpus
	$< -set_cover_merge=1 -max_len=$(FUZZ_MAX_LEN) $(FUZZ_CORPUS) $(B)/fuzz/capnp
