# The wire codec (freestanding): its tests and its fuzz target. schema/rules.mk names its sources (CAPNP_SRC).

# Code generated from the test schemas, by the same generator.
TESTGEN      := $(B)/capnp-test
TEST_SCHEMA  := $(sort $(wildcard lib/capnp/test/*.capnp))
TEST_NAMES   := $(patsubst lib/capnp/test/%.capnp,%,$(TEST_SCHEMA))
TESTGEN_SRC  := $(foreach n,$(TEST_NAMES),$(TESTGEN)/$(n)_types.c $(TESTGEN)/$(n)_server.c $(TESTGEN)/$(n)_client.c) \
                $(TESTGEN)/interfaces.c
TESTGEN_TYPES := $(TEST_NAMES:%=$(TESTGEN)/%_types.c)
CAPNP_TEST_CFLAGS := -DCAPNP_INLINE_SHAPES -Iabi -I$(TESTGEN) -I$(GEN) -Ilib -Ilib/capnp -Ilib/capos/include

$(TESTGEN_SRC) &: $(TEST_SCHEMA) $(CAPNPC)
	$(Q)rm -rf $(TESTGEN)
	@mkdir -p $(TESTGEN)
	$(Q)capnp compile -o$(CURDIR)/$(CAPNPC):$(TESTGEN) $(TEST_SCHEMA)

$(eval $(call unit_test,capnp-wire,lib/capnp/wire_test.c $(CAPNP_SRC),$(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-tool,lib/capnp/tool_test.c lib/capnp/test/support.c $(TESTGEN_TYPES) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-stubs,lib/capnp/stub_test.c lib/capnp/test/support.c $(TESTGEN_SRC) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))

$(eval $(call unit_test,capnp-show,lib/capnp/show_test.c lib/capnp/show.c lib/capnp/schema.c $(GEN_REFLECTION_SRC) \
    $(GEN)/fs_types.c $(GEN)/process_types.c $(GEN)/timer_types.c $(CAPNP_SRC),$(CAPNP_TEST_CFLAGS),))

$(eval $(call unit_test,capnp-build,lib/capnp/build_test.c lib/capnp/build.c lib/capnp/show.c lib/capnp/schema.c \
    $(GEN_REFLECTION_SRC) $(GEN)/fs_types.c $(GEN)/process_types.c $(CAPNP_SRC),$(CAPNP_TEST_CFLAGS),))

# The property tests and the fuzz target also read messages of the real schema.
EXERCISE_SRC := lib/capnp/test/exercise.c lib/capnp/test/support.c $(TESTGEN_TYPES) $(TESTGEN)/all_types_server.c \
                $(GEN)/manifest_types.c $(GEN)/log_types.c $(GEN)/process_types.c $(CAPNP_SRC)
$(eval $(call unit_test,capnp-property,lib/capnp/property_test.c $(EXERCISE_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))

# 150000 executions take about 6 s of processor time under the sanitizers. `make fuzz-capnp` collects what it finds in
# build/fuzz/capnp.corpus; `make fuzz-capnp-keep` adds those of it that are worth keeping to the tree.
FUZZ_CAPNP_RUNS   := 150000
FUZZ_CAPNP_CORPUS := lib/capnp/fuzz/corpus
$(eval $(call fuzz_target,capnp,lib/capnp/fuzz/fuzz_capnp.c $(EXERCISE_SRC),-Ilib/capnp/test $(CAPNP_TEST_CFLAGS),\
    $(FUZZ_CAPNP_CORPUS),$(FUZZ_CAPNP_RUNS)))

.PHONY: fuzz-capnp-keep
fuzz-capnp-keep: $(B)/fuzz/capnp
	$< -set_cover_merge=1 $(FUZZ_CAPNP_CORPUS) $(B)/fuzz/capnp.corpus
